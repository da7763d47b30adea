//! The inputs: the same bits as in every other library's program, from splitmix64.
//!
//! <https://prng.di.unimi.it/splitmix64.c>

/// `n` numbers in \[0, 1), 24 bits each.
pub(crate) fn unit(seed: u64, n: usize) -> Vec<f32> {
    let number = |i: u64| {
        let mut z = (seed << 32).wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f32 / (1 << 24) as f32
    };
    (1..=n as u64).map(number).collect()
}

/// `n` numbers in \[low, high).
pub(crate) fn between(seed: u64, n: usize, low: f32, high: f32) -> Vec<f32> {
    unit(seed, n).into_iter().map(|u| low + (high - low) * u).collect()
}

/// `n` numbers of variance 1 around 0.
pub(crate) fn standard(seed: u64, n: usize) -> Vec<f32> {
    let end = 3f64.sqrt() as f32;
    between(seed, n, -end, end)
}

/// `n` labels of `classes` classes.
pub(crate) fn labels(seed: u64, n: usize, classes: usize) -> Vec<i64> {
    let label = |u: f32| ((u * classes as f32) as i64).min(classes as i64 - 1);
    unit(seed, n).into_iter().map(label).collect()
}

/// `n` zeros and ones.
pub(crate) fn bits(seed: u64, n: usize) -> Vec<f32> {
    unit(seed, n).into_iter().map(|u| if u < 0.5 { 1.0 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    /// The first output of the reference implementation for seed 0 is e220a8397b1dcdaf; 24 bits of it are left.
    #[test]
    fn the_generator_is_splitmix64() {
        assert_eq!(super::unit(0, 1), [0xe220a8 as f32 / (1 << 24) as f32]);
    }
}
