//! The Mersenne Twister MT19937, the engine behind PyTorch's CPU generator.
//!
//! Source: M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random
//! number generator", 1998.

use rand::rand_core::{Infallible, TryRng};

const N: usize = 624;
const M: usize = 397;

/// MT19937 with the seeding of `init_genrand`.
#[derive(Clone)]
pub struct Mt19937 {
    state: [u32; N],
    /// How many words of the state have been handed out.
    used: usize,
    /// How many words have been handed out since the seed.
    drawn: u64,
}

impl Mt19937 {
    /// From the low 32 bits of a seed, as PyTorch does.
    pub fn new(seed: u64) -> Self {
        let mut state = [0; N];
        state[0] = seed as u32;
        for i in 1..N {
            let last: u32 = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Mt19937 { state, used: N, drawn: 0 }
    }

    /// How many 32-bit words have been drawn since the seed.
    pub fn drawn(&self) -> u64 {
        self.drawn
    }

    /// All that the next numbers depend on: how many words have been drawn since the seed, how many of the state have
    /// been handed out, and the state.
    pub(super) fn words(&self) -> [i64; 2 + N] {
        let mut words = [0; 2 + N];
        words[0] = self.drawn as i64;
        words[1] = self.used as i64;
        words[2..].iter_mut().zip(&self.state).for_each(|(word, &s)| *word = i64::from(s));
        words
    }

    /// The engine with these [`words`](Mt19937::words), if they are some.
    pub(super) fn from_words(words: &[i64; 2 + N]) -> Option<Self> {
        let used = usize::try_from(words[1]).ok().filter(|&used| used <= N)?;
        let mut state = [0; N];
        for (s, &word) in state.iter_mut().zip(&words[2..]) {
            *s = u32::try_from(word).ok()?;
        }
        Some(Mt19937 { state, used, drawn: u64::try_from(words[0]).ok()? })
    }

    fn refill(&mut self) {
        let twist = |high: u32, low: u32| {
            let joined = (high & 0x8000_0000) | (low & 0x7fff_ffff);
            (joined >> 1) ^ if low & 1 == 1 { 0x9908_b0df } else { 0 }
        };
        let s = &mut self.state;
        for i in 0..N - M {
            s[i] = s[i + M] ^ twist(s[i], s[i + 1]);
        }
        for i in N - M..N - 1 {
            s[i] = s[i + M - N] ^ twist(s[i], s[i + 1]);
        }
        s[N - 1] = s[M - 1] ^ twist(s[N - 1], s[0]);
        self.used = 0;
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == N {
            self.refill();
        }
        let mut y = self.state[self.used];
        self.used += 1;
        self.drawn += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

/// So that any distribution of the `rand` crates can draw from it.
impl TryRng for Mt19937 {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_u32())
    }

    /// The first word is the high half.
    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let high = u64::from(self.next_u32());
        Ok(high << 32 | u64::from(self.next_u32()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.next_u32().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Mt19937 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mt19937 {{ drawn: {} }}", self.drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authors_sequence() {
        // The first outputs of init_genrand(5489), as in C++'s std::mt19937, whose 10,000th is given by the standard.
        let mut g = Mt19937::new(5489);
        assert_eq!(g.next_u32(), 3_499_211_612);
        (2..10_000).for_each(|_| _ = g.next_u32());
        assert_eq!(g.next_u32(), 4_123_659_995);
    }
}
