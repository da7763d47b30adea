use super::tree::BLOCK;
use super::*;
use crate::real::Real;

/// Knuth's MMIX generator: the same numbers on every run and machine.
fn random<T: Float>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64((state >> 33) as f64 / (1u64 << 30) as f64 - 1.0)
    };
    (0..n).map(|_| next()).collect()
}

const LENGTHS: [usize; 18] =
    [0, 1, 2, 7, 10, 31, 32, 33, 100, 1000, 4095, 4096, 4097, 8192, 12289, 20000, 65536, 100003];

#[derive(Clone, Copy)]
struct SquaredDifference;
impl Map2 for SquaredDifference {
    #[inline(always)]
    fn call<R: Real>(self, x: R, y: R) -> R {
        let d = x - y;
        d.clone() * d
    }
}

#[derive(Clone, Copy)]
struct Weighted;
impl Map3 for Weighted {
    #[inline(always)]
    fn call<R: Real>(self, x: R, y: R, z: R) -> R {
        z * (x - y)
    }
}

/// Neumaier's compensated sum.
fn exact(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for x in terms {
        let next = sum + x;
        lost += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
        sum = next;
    }
    sum + lost
}

fn near(found: f64, sum: f64, size: f64, epsilon: f64) {
    assert!((found - sum).abs() <= epsilon * (size + 1.0), "{found} is not {sum}");
}

fn against_f64<T: Float>(epsilon: f64) {
    for n in LENGTHS {
        let (x, y, z) = (random::<T>(n, 1), random::<T>(n, 2), random::<T>(n, 3));
        let reference = |f: &dyn Fn(usize) -> f64| exact((0..n).map(f));
        let size = n as f64;
        near(sum(&x).to_f64(), reference(&|i| x[i].to_f64()), size, epsilon);
        near(dot(&x, &y).to_f64(), reference(&|i| x[i].to_f64() * y[i].to_f64()), size, epsilon);
        let s = T::from_f64(0.3);
        for x_arg in [Arg::Slice(&x[..]), Arg::Scalar(s)] {
            for y_arg in [Arg::Slice(&y[..]), Arg::Scalar(s)] {
                let at = |arg: Arg<'_, T>, i: usize| match arg {
                    Arg::Slice(x) => x[i].to_f64(),
                    Arg::Scalar(x) => x.to_f64(),
                };
                let expected = reference(&|i| (at(x_arg, i) - at(y_arg, i)).powi(2));
                near(zip_sum(SquaredDifference, n, x_arg, y_arg).to_f64(), expected, 4.0 * size, epsilon);
                for z_arg in [Arg::Slice(&z[..]), Arg::Scalar(s)] {
                    let expected = reference(&|i| at(z_arg, i) * (at(x_arg, i) - at(y_arg, i)));
                    near(zip3_sum(Weighted, n, x_arg, y_arg, z_arg).to_f64(), expected, 2.0 * size, epsilon);
                }
            }
        }
    }
}

#[test]
fn sums_agree_with_f64() {
    against_f64::<f32>(1e-7);
    against_f64::<f64>(1e-15);
}

#[test]
fn sums_over_either_axis_agree_with_f64() {
    for rows in [0, 1, 2, 31, 32, 33, 100, 257] {
        for columns in [1, 2, 3, 7, 8, 10, 16, 20, 31, 32, 33, 64, 70, 100, 131, 300] {
            let x = random::<f32>(rows * columns, 4);
            let centers = random::<f64>(rows.max(columns), 5);
            let column = |j: usize| x.iter().skip(j).step_by(columns).map(|&x| f64::from(x));
            // What is there already stays in the sum.
            let (mut sums, mut squares) = (vec![1.0; columns], vec![0.0; columns]);
            add_rows(Itself, &x, None, &mut sums);
            add_rows(SquaredDifference, &x, Some(&centers[..columns]), &mut squares);
            let (mut maxima, mut minima) = (vec![0.0; columns], vec![0.0; columns]);
            extreme_rows(true, &x, &mut maxima);
            extreme_rows(false, &x, &mut minima);
            for j in 0..columns {
                near(sums[j], 1.0 + column(j).sum::<f64>(), rows as f64, 1e-15);
                near(squares[j], column(j).map(|x| (x - centers[j]).powi(2)).sum(), rows as f64, 1e-14);
                assert_eq!(f64::from(maxima[j]), column(j).fold(0.0, f64::max));
                assert_eq!(f64::from(minima[j]), column(j).fold(0.0, f64::min));
            }
            let (mut sums, mut squares) = (vec![0.0; rows], vec![0.0; rows]);
            add_columns(Itself, &x, None, &mut sums);
            add_columns(SquaredDifference, &x, Some(&centers[..rows]), &mut squares);
            let (mut maxima, mut minima) = (vec![0.0; rows], vec![0.0; rows]);
            extreme_columns(true, &x, &mut maxima);
            extreme_columns(false, &x, &mut minima);
            for i in 0..rows {
                let row = &x[i * columns..][..columns];
                assert_eq!(sums[i], sum_f64(row));
                let expected = row.iter().map(|&x| (f64::from(x) - centers[i]).powi(2)).sum();
                near(squares[i], expected, columns as f64, 1e-14);
                assert_eq!(maxima[i], row.iter().copied().fold(0.0, f32::max));
                assert_eq!(minima[i], row.iter().copied().fold(0.0, f32::min));
            }
        }
    }
    add_rows::<f32, _>(Itself, &[], None, &mut []);
    let mut sums = [1.0; 2];
    add_columns::<f32, _>(Itself, &[], None, &mut sums);
    assert_eq!(sums, [1.0; 2]);
}

/// A chain of f32 additions gives 0.067 here.
#[test]
fn the_mean_of_sixteen_million_tenths_is_a_tenth() {
    let n = 16_000_000;
    let x = vec![0.1f32; n];
    assert_eq!(sum(&x) / n as f32, 0.1);
    for columns in [16, 40] {
        let mut sums = vec![0.0; columns];
        add_rows(Itself, &x, None, &mut sums);
        assert_eq!((sums[3] / (n / columns) as f64) as f32, 0.1);
    }
}

#[test]
fn special_values_propagate() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for n in LENGTHS {
        for at in [0, n / 2, n.saturating_sub(1)] {
            if n == 0 {
                continue;
            }
            let mut x = random::<f32>(n, 5);
            x[at] = inf;
            assert_eq!((sum(&x), max(&x)), (inf, inf));
            assert_eq!(zip_sum(SquaredDifference, n, Arg::Slice(&x), Arg::Scalar(0.0)), inf);
            x[at] = -inf;
            assert_eq!((sum(&x), min(&x)), (-inf, -inf));
            if n > 1 {
                x[(at + 1) % n] = inf;
                assert!(sum(&x).is_nan());
            }
            x[at] = nan;
            assert!(sum(&x).is_nan() && max(&x).is_nan() && min(&x).is_nan() && dot(&x, &x).is_nan());
        }
    }
    let mut sums = [0.0; 3];
    add_rows(Itself, &[1.0, inf, 1.0, 2.0, -inf, nan], None, &mut sums);
    assert!(sums[0] == 3.0 && sums[1].is_nan() && sums[2].is_nan());
    let mut maxima = [0.0; 2];
    extreme_rows(true, &[nan, 1.0, 3.0, 2.0], &mut maxima);
    assert!(maxima[0].is_nan() && maxima[1] == 2.0);
}

#[test]
fn extremes_agree_with_a_loop() {
    for n in LENGTHS {
        let x = random::<f64>(n, 6);
        assert_eq!(max(&x), x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        assert_eq!(min(&x), x.iter().copied().fold(f64::INFINITY, f64::min));
    }
}

/// Whatever place of a vector, of a group of vectors or behind them it stands in.
fn one_among_others_is_seen<T: Float>() {
    for n in [1, 7, 8, 95, 96, 97, 127, 128, 129, 255, 300] {
        for at in 0..n {
            let mut x = random::<T>(n, 9);
            x[at] = T::from_f64(2.0);
            assert_eq!(max(&x).to_f64(), 2.0);
            x[at] = T::from_f64(-2.0);
            assert_eq!(min(&x).to_f64(), -2.0);
            x[at] = T::from_f64(f64::NAN);
            assert!(max(&x).to_f64().is_nan() && min(&x).to_f64().is_nan());
        }
    }
}

#[test]
fn one_extreme_among_others_is_seen() {
    one_among_others_is_seen::<f32>();
    one_among_others_is_seen::<f64>();
}

/// The bits do not depend on where the slice begins in memory, nor on the run.
#[test]
fn bits_do_not_depend_on_the_alignment() {
    for n in LENGTHS {
        let x = random::<f32>(n, 7);
        let expected = (sum(&x).to_bits(), dot(&x, &x).to_bits(), max(&x).to_bits());
        let mut shifted = vec![0.0; n + 17];
        for offset in 0..17 {
            shifted[offset..offset + n].copy_from_slice(&x);
            let y = &shifted[offset..offset + n];
            assert_eq!((sum(y).to_bits(), dot(y, y).to_bits(), max(y).to_bits()), expected);
        }
    }
}

/// What two threads would add up: a power of two of blocks each is a subtree of the whole.
#[test]
fn parts_are_subtrees() {
    let x = random::<f64>(2 * 8 * BLOCK, 8);
    let (left, right) = x.split_at(8 * BLOCK);
    assert_eq!(sum(&x), sum(left) + sum(right));
}

#[test]
#[should_panic(expected = "operands of unequal length")]
fn unequal_lengths_are_refused() {
    zip_sum(SquaredDifference, 3, Arg::Slice(&[1.0f32; 3]), Arg::Slice(&[1.0; 4]));
}

#[test]
fn both_extremes_in_one_pass() {
    for n in [1, 7, 32, 33, 1000, 100_000] {
        let mut x: Vec<f32> = (0..n).map(|i| ((i * 7919) % 10_007) as f32 - 5000.0).collect();
        assert_eq!(extremes(&x), [min(&x), max(&x)]);
        x[n / 2] = f32::NAN;
        assert!(extremes(&x).iter().all(|x| x.is_nan()));
    }
    assert_eq!(extremes::<f32>(&[]), [f32::INFINITY, f32::NEG_INFINITY]);
}
