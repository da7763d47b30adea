//! A source of random bits, and PyTorch's rules that turn them into numbers.
//!
//! With `u32` the next word of the source, `u64 = first << 32 | second`, `f = (u32 & 0xFFFFFF)/2²⁴` and
//! `d = (u64 & (2⁵³ − 1))/2⁵³`: uniform float32 numbers are made from `f`, float64 and most decisions from `d`. The
//! rules were taken from ATen's `DistributionsHelper.h` and `DistributionTemplates.h`.

use super::Mt19937;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, sizes};
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;
use kernel::map::{Arg, vectorize, zip};
use kernel::{Map2, Real};
use rand::Rng;
use rand::rand_core::TryRng;
use std::f64::consts::TAU;

/// A stream of random numbers: PyTorch's own by default, or any generator of the `rand` crates.
///
/// ```
/// use tensor::{DType, random::Generator};
/// let mut generator = Generator::new(0);
/// let x = generator.rand([3], DType::F32)?;
/// assert_eq!(x.to_string(), "tensor([0.4963, 0.7682, 0.0885])"); // as torch.manual_seed(0); torch.rand(3)
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.Generator")]
#[derive(Clone, Debug)]
pub struct Generator<R = Mt19937> {
    source: R,
    /// Normal numbers come in pairs; the second one of a pair waits here.
    second: Option<f64>,
}

impl Generator {
    /// PyTorch's CPU generator. Only the low 32 bits of the seed count, as there.
    #[doc(alias = "manual_seed")]
    pub fn new(seed: u64) -> Self {
        Generator::from_rng(Mt19937::new(seed))
    }

    /// How many 32-bit words have been drawn since the seed.
    pub fn drawn(&self) -> u64 {
        self.source.drawn()
    }

    /// Where on its stream the generator is, as a vector of int64 that a file can hold.
    ///
    /// ```
    /// use tensor::{DType, random::Generator};
    /// let mut generator = Generator::new(0);
    /// generator.randn([3], DType::F32)?;
    /// let state = generator.get_state();
    /// let after = generator.rand([2], DType::F32)?;
    /// let mut other = Generator::new(1);
    /// other.set_state(&state)?;
    /// assert!(other.rand([2], DType::F32)?.equal(&after));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.Generator.get_state")]
    pub fn get_state(&self) -> Tensor {
        let mut state = self.source.words().to_vec();
        state.push(i64::from(self.second.is_some()));
        state.push(self.second.unwrap_or_default().to_bits() as i64);
        crate::tensor(state)
    }

    /// Goes to where [`get_state`](Generator::get_state) was.
    ///
    /// # Errors
    /// If the tensor is not such a state. PyTorch's own, a vector of bytes, is not.
    #[doc(alias = "torch.Generator.set_state")]
    #[track_caller]
    pub fn set_state(&mut self, state: &Tensor) -> Result<()> {
        let state = state.to_vec::<i64>()?;
        let read = |state: &[i64]| {
            let (words, [has_second @ (0 | 1), second]) = state.split_last_chunk::<2>()? else { return None };
            let source = Mt19937::from_words(words.try_into().ok()?)?;
            let second = (*has_second == 1).then(|| f64::from_bits(*second as u64));
            Some(Generator { source, second })
        };
        *self = read(&state).ok_or_else(|| {
            let found = state.len();
            Error::state("set_state", format!("expected what get_state gave, found {found} other numbers"))
        })?;
        Ok(())
    }
}

impl<R> Generator<R> {
    /// From another source of random bits.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// use tensor::{DType, random::Generator};
    /// let mut generator = Generator::from_rng(SmallRng::seed_from_u64(1));
    /// assert_eq!(generator.randn([2, 3], DType::F64)?.shape(), [2, 3]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn from_rng(source: R) -> Self {
        Generator { source, second: None }
    }
}

/// So that any distribution of the `rand` crates can draw from it.
impl<R: TryRng> TryRng for Generator<R> {
    type Error = R::Error;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, R::Error> {
        self.source.try_next_u32()
    }
    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, R::Error> {
        self.source.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), R::Error> {
        self.source.try_fill_bytes(bytes)
    }
}

const TWO_24: f32 = (1u32 << 24) as f32;
const TWO_53: f64 = (1u64 << 53) as f64;

/// Single numbers.
impl<R: Rng> Generator<R> {
    /// 24 random bits in [0, 1).
    #[inline]
    pub fn uniform_f32(&mut self) -> f32 {
        (self.source.next_u32() & 0xFF_FFFF) as f32 / TWO_24
    }

    /// 53 random bits in [0, 1).
    #[inline]
    pub fn uniform_f64(&mut self) -> f64 {
        (self.source.next_u64() & ((1 << 53) - 1)) as f64 / TWO_53
    }

    /// A number of the standard normal distribution.
    pub fn normal_f64(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let (u1, u2) = (self.uniform_f64(), self.uniform_f64());
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        self.second = Some(radius * (TAU * u1).sin());
        radius * (TAU * u1).cos()
    }

    /// A whole number below `range`, which is not 0. PyTorch takes 64 bits from a range of 2²⁸ on.
    #[inline]
    pub fn below(&mut self, range: u64) -> u64 {
        if range >= 1 << 28 {
            self.source.next_u64() % range
        } else {
            u64::from(self.source.next_u32()) % range
        }
    }

    /// The numbers `0..n` in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in 0..n.saturating_sub(1) {
            // PyTorch takes 64 bits where 32 would prefer some orders noticeably.
            let left = (n - i) as u64;
            let bits = if n as u64 >= u64::from(u32::MAX) / 20 {
                self.source.next_u64()
            } else {
                u64::from(self.source.next_u32())
            };
            order.swap(i, i + (bits % left) as usize);
        }
        order
    }
}

/// Tensors.
impl<R: Rng> Generator<R> {
    /// Evenly distributed in [0, 1).
    ///
    /// # Errors
    /// If the type is not floating point, or the machine cannot hold the shape.
    #[doc(alias = "torch.rand")]
    #[track_caller]
    pub fn rand(&mut self, shape: impl Ints, dtype: DType) -> Result<Tensor> {
        self.uniform(shape, 0.0, 1.0, dtype)
    }

    /// Evenly distributed in [low, high).
    ///
    /// # Errors
    /// As [`rand`](Self::rand), and if `low > high`.
    #[doc(alias = "uniform_")]
    #[track_caller]
    pub fn uniform(&mut self, shape: impl Ints, low: f64, high: f64, dtype: DType) -> Result<Tensor> {
        if !(low <= high && (high - low).is_finite()) {
            return Err(Error::value("uniform", format!("expected low ≤ high, found {low} and {high}")));
        }
        self.floats("uniform", shape, dtype, |generator, out| match out {
            Floats::F32(out) => {
                out.iter_mut().for_each(|x| *x = generator.uniform_f32());
                let (low, range) = (low as f32, high as f32 - low as f32);
                // Rounded once, as PyTorch's compiler does it.
                vectorize!(out.iter_mut().for_each(|x| *x = x.mul_add(range, low)));
            }
            Floats::F64(out) => {
                out.iter_mut().for_each(|x| *x = generator.uniform_f64());
                vectorize!(out.iter_mut().for_each(|x| *x = x.mul_add(high - low, low)));
            }
        })
    }

    /// Of the standard normal distribution.
    ///
    /// # Errors
    /// As [`rand`](Self::rand).
    #[doc(alias = "torch.randn")]
    #[track_caller]
    pub fn randn(&mut self, shape: impl Ints, dtype: DType) -> Result<Tensor> {
        self.normal(shape, 0.0, 1.0, dtype)
    }

    /// Of the normal distribution with this mean and standard deviation.
    ///
    /// # Errors
    /// As [`rand`](Self::rand), and if `std` is negative.
    #[doc(alias = "torch.normal")]
    #[track_caller]
    pub fn normal(&mut self, shape: impl Ints, mean: f64, std: f64, dtype: DType) -> Result<Tensor> {
        if std < 0.0 || std.is_nan() {
            return Err(Error::value("normal", format!("a standard deviation is not negative, found {std}")));
        }
        self.floats("normal", shape, dtype, |generator, out| match out {
            Floats::F32(out) => generator.fill_normal(out, mean, std, Self::uniform_f32),
            Floats::F64(out) => generator.fill_normal(out, mean, std, Self::uniform_f64),
        })
    }

    /// Fewer than 16 numbers come one by one. More are made in blocks of 16: eight uniform numbers for the radii, eight
    /// for the angles; an incomplete block is drawn again together with what stands before it.
    fn fill_normal<T: Element + kernel::Float>(
        &mut self,
        out: &mut [T],
        mean: f64,
        std: f64,
        uniform: impl Fn(&mut Self) -> T,
    ) {
        if out.len() < 16 {
            for x in out {
                *x = <T as Element>::from_f64(self.normal_f64() * std + mean);
            }
            return;
        }
        out.iter_mut().for_each(|x| *x = uniform(self));
        let whole = out.len() / 16 * 16;
        box_muller(&mut out[..whole], mean, std);
        if whole < out.len() {
            let first = out.len() - 16;
            let last = &mut out[first..];
            last.iter_mut().for_each(|x| *x = uniform(self));
            box_muller(last, mean, std);
        }
    }

    /// Whole numbers in `low..high`, int64.
    ///
    /// # Errors
    /// If there is no number between them, or the machine cannot hold the shape.
    #[doc(alias = "torch.randint")]
    #[track_caller]
    pub fn randint(&mut self, low: i64, high: i64, shape: impl Ints) -> Result<Tensor> {
        if low >= high {
            return Err(Error::value(
                "randint",
                format!("no whole number is at least {low} and below {high}"),
            ));
        }
        let range = high.wrapping_sub(low) as u64;
        let layout = Layout::contiguous("randint", &sizes("randint", shape)?)?;
        Buffer::<i64>::check("randint", layout.numel())?;
        let values = (0..layout.numel()).map(|_| low.wrapping_add(self.below(range) as i64)).collect();
        Ok(Tensor::new(values, layout.into()))
    }

    /// The numbers `0..n` in random order, int64.
    ///
    /// # Errors
    /// If the machine cannot hold them.
    #[doc(alias = "torch.randperm")]
    #[track_caller]
    pub fn randperm(&mut self, n: usize) -> Result<Tensor> {
        Buffer::<i64>::check("randperm", n)?;
        Tensor::from_vec(self.permutation(n).into_iter().map(|i| i as i64).collect(), n)
    }

    /// One with probability `p`, else zero: a tensor of the same shape and type as `p`.
    ///
    /// # Errors
    /// If `p` is not floating point, or leaves [0, 1].
    #[doc(alias = "torch.bernoulli")]
    #[track_caller]
    pub fn bernoulli(&mut self, p: &Tensor) -> Result<Tensor> {
        if !p.dtype().is_float() {
            return Err(Error::not_float("bernoulli", p.dtype()));
        }
        let p = p.detach();
        let probabilities = p.to(DType::F64);
        if let Some(bad) = probabilities.values::<f64>().iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(Error::value("bernoulli", format!("a probability is in [0, 1], found {bad}")));
        }
        Ok(match p.dtype() {
            DType::F64 => {
                let ones = p.values::<f64>().iter().map(|&p| f64::from(self.uniform_f64() < p)).collect();
                Tensor::new(ones, p.dense_layout())
            }
            _ => {
                let ones = p.values::<f32>().iter().map(|&p| f32::from(self.uniform_f32() < p)).collect();
                Tensor::new(ones, p.dense_layout())
            }
        })
    }

    /// One with the same probability `p` everywhere, else zero. Dropout keeps where this is one with `p = 1 − rate`.
    ///
    /// # Errors
    /// If `p` leaves [0, 1], or the machine cannot hold the shape.
    #[doc(alias = "bernoulli_")]
    #[track_caller]
    pub fn bernoulli_scalar(&mut self, shape: impl Ints, p: f64, dtype: DType) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::value("bernoulli", format!("a probability is in [0, 1], found {p}")));
        }
        let layout = Layout::contiguous("bernoulli", &sizes("bernoulli", shape)?)?;
        with_element!(dtype, T => {
            Buffer::<T>::check("bernoulli", layout.numel())?;
            let ones = (0..layout.numel()).map(|_| T::from_i64(i64::from(self.uniform_f64() < p))).collect();
            Ok(Tensor::new(ones, layout.into()))
        })
    }

    /// `n` indices drawn by their weights, for a vector `(C)` of weights or each row of `(N, C)`.
    ///
    /// # Errors
    /// If the weights are not floating point, have another rank, are negative, infinite or all zero; or if more indices
    /// are asked for without replacement than there are.
    #[doc(alias = "torch.multinomial")]
    #[track_caller]
    pub fn multinomial(&mut self, weights: &Tensor, n: usize, replacement: bool) -> Result<Tensor> {
        const OP: &str = "multinomial";
        if !weights.dtype().is_float() {
            return Err(Error::not_float(OP, weights.dtype()));
        }
        let &[.., classes] = weights.shape() else {
            return Err(Error::shape(OP, "weights are a vector or a matrix, found a scalar"));
        };
        if weights.dim() > 2 || classes == 0 || n == 0 {
            return Err(Error::shape(
                OP,
                format!(
                    "expected weights (C) or (N, C) and at least one draw, found {:?} and {n}",
                    weights.shape()
                ),
            ));
        }
        if !replacement && n > classes {
            return Err(Error::value(OP, format!("{n} draws without replacement from {classes} classes")));
        }
        let rows = weights.numel() / classes;
        Buffer::<i64>::check(OP, rows.saturating_mul(n))?;
        let wide = weights.detach().to(DType::F64);
        let wide = wide.values::<f64>();
        for row in wide.chunks_exact(classes) {
            if let Some(bad) = row.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(Error::value(OP, format!("a weight is finite and not negative, found {bad}")));
            }
            if row.iter().all(|&w| w == 0.0) {
                return Err(Error::value(OP, "all weights of a row are zero"));
            }
        }
        let mut drawn = Vec::with_capacity(rows * n);
        if replacement && n > 1 {
            for row in wide.chunks_exact(classes) {
                self.draw_with_replacement(row, n, &mut drawn);
            }
        } else {
            // All the races before the first result, as PyTorch does.
            let narrow = weights.dtype() == DType::F32;
            let arrival = |generator: &mut Self, w: &f64| {
                let time = -(-generator.uniform_f64()).ln_1p();
                // Weight over waiting time; zero weights never arrive.
                if narrow { f64::from(*w as f32 / time as f32) } else { w / time }
            };
            let races: Vec<f64> = wide.iter().map(|w| arrival(self, w)).collect();
            for race in races.chunks_exact(classes) {
                let mut order: Vec<usize> = (0..classes).collect();
                order.sort_by(|&a, &b| race[b].total_cmp(&race[a]));
                drawn.extend(order[..n].iter().map(|&i| i as i64));
            }
        }
        let shape: Vec<usize> = weights.shape()[..weights.dim() - 1].iter().copied().chain([n]).collect();
        Tensor::from_vec(drawn, shape)
    }

    fn draw_with_replacement(&mut self, weights: &[f64], n: usize, drawn: &mut Vec<i64>) {
        let mut sum = 0.0;
        let mut steps: Vec<f64> = weights
            .iter()
            .map(|w| {
                sum += w;
                sum
            })
            .collect();
        steps.iter_mut().for_each(|s| *s /= sum);
        for _ in 0..n {
            let u = self.uniform_f64();
            let mut at = steps.partition_point(|&s| s < u);
            // Rounding may leave the last step below u, and a draw of 0 would meet a class without weight.
            while at + 1 < weights.len() && weights[at] == 0.0 {
                at += 1;
            }
            at = at.min(weights.iter().rposition(|&w| w > 0.0).unwrap_or(0));
            drawn.push(at as i64);
        }
    }

    #[track_caller]
    fn floats(
        &mut self,
        op: &'static str,
        shape: impl Ints,
        dtype: DType,
        fill: impl FnOnce(&mut Self, Floats<'_>),
    ) -> Result<Tensor> {
        let layout = Layout::contiguous(op, &sizes(op, shape)?)?;
        match dtype {
            DType::F32 => {
                Buffer::<f32>::check(op, layout.numel())?;
                let mut out = Buffer::<f32>::zeros(layout.numel());
                fill(self, Floats::F32(&mut out));
                Ok(Tensor::new(out, layout.into()))
            }
            DType::F64 => {
                Buffer::<f64>::check(op, layout.numel())?;
                let mut out = Buffer::<f64>::zeros(layout.numel());
                fill(self, Floats::F64(&mut out));
                Ok(Tensor::new(out, layout.into()))
            }
            other => Err(Error::not_float(op, other)),
        }
    }
}

enum Floats<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

/// `√(−2 ln(1 − u))·cos 2πv`, or the sine.
#[derive(Clone, Copy)]
struct Polar {
    sine: bool,
}

impl Map2 for Polar {
    #[inline(always)]
    fn call<R: Real>(self, u: R, v: R) -> R {
        let radius = ((-u + 1.0).ln() * -2.0).sqrt();
        let angle = v * TAU;
        radius * if self.sine { angle.sin() } else { angle.cos() }
    }
}

/// Turns blocks of 16 uniform numbers into normal ones. Source: G. E. P. Box and M. E. Muller, 1958.
fn box_muller<T: Element + kernel::Float>(blocks: &mut [T], mean: f64, std: f64) {
    let half = blocks.len() / 2;
    let (mut u, mut v) = (Vec::with_capacity(half), Vec::with_capacity(half));
    for block in blocks.chunks_exact(16) {
        u.extend_from_slice(&block[..8]);
        v.extend_from_slice(&block[8..]);
    }
    let (mut cosines, mut sines) = (vec![T::default(); half], vec![T::default(); half]);
    zip(Polar { sine: false }, Arg::Slice(&u), Arg::Slice(&v), &mut cosines);
    zip(Polar { sine: true }, Arg::Slice(&u), Arg::Slice(&v), &mut sines);
    let (mean, std) = (<T as Element>::from_f64(mean), <T as Element>::from_f64(std));
    for (i, block) in blocks.chunks_exact_mut(16).enumerate() {
        for j in 0..8 {
            block[j] = cosines[8 * i + j] * std + mean;
            block[j + 8] = sines[8 * i + j] * std + mean;
        }
    }
}
