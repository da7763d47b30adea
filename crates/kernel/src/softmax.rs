//! softmax and its relatives over rows, with the largest element of a row taken out first.

use crate::map::{Arg, Map1, Map2, Map3, map, zip, zip3};
use crate::pointwise::{self, Formula, Spread};
use crate::real::{Float, Real};
use crate::reduce;

/// `e^(x − shift)`
#[derive(Clone, Copy)]
struct ExpShifted;
impl Map2 for ExpShifted {
    #[inline(always)]
    fn call<R: Real>(self, x: R, shift: R) -> R {
        below(x, shift).exp()
    }
}

impl Formula<2> for ExpShifted {
    #[inline(always)]
    fn value<R: Real>(self, [x, shift]: [R; 2]) -> R {
        self.call(x, shift)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, shift]: [R; 2]) -> [R; 2] {
        let slope = self.call(x, shift);
        [slope.clone(), -slope]
    }
}

/// `x − shift`, and 0 where both are +∞: a single infinite element takes everything, as it does in the limit, where
/// `∞ − ∞` would make the row NaN.
#[inline(always)]
pub fn below<R: Real>(x: R, shift: R) -> R {
    R::select(x.clone().equal(shift.clone()), x.constant(0.0), x - shift)
}

/// `(x − shift) − log`
#[derive(Clone, Copy)]
struct Below;
impl Map3 for Below {
    #[inline(always)]
    fn call<R: Real>(self, x: R, shift: R, log: R) -> R {
        below(x, shift) - log
    }
}

#[derive(Clone, Copy)]
struct Ln;
impl Map1 for Ln {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        x.ln()
    }
}

/// The largest element of a row, or 0 if that is −∞: the shift that keeps every exponential finite.
fn shift<T: Float>(row: &[T]) -> T {
    let largest = reduce::max(row);
    if largest.to_f64() == f64::NEG_INFINITY { T::default() } else { largest }
}

/// `softmax` of each row of `columns` elements.
pub fn softmax<T: Float>(x: &[T], columns: usize, out: &mut [T]) {
    for (row, out) in x.chunks_exact(columns.max(1)).zip(out.chunks_exact_mut(columns.max(1))) {
        zip(ExpShifted, Arg::Slice(row), Arg::Scalar(shift(row)), out);
        let sum = reduce::sum(out);
        out.iter_mut().for_each(|y| *y = *y / sum);
    }
}

/// `log_softmax` of each row of `columns` elements.
pub fn log_softmax<T: Float>(x: &[T], columns: usize, out: &mut [T]) {
    for (row, out) in x.chunks_exact(columns.max(1)).zip(out.chunks_exact_mut(columns.max(1))) {
        let shift = shift(row);
        // In two steps: `x − shift` is exact for close numbers, where `x − (shift + ln Σ)` would round.
        let log = ln(reduce::zip_sum(ExpShifted, columns, Arg::Slice(row), Arg::Scalar(shift)));
        zip3(Below, Arg::Slice(row), Arg::Scalar(shift), Arg::Scalar(log), out);
    }
}

/// `ln Σ eˣ` of each row of `columns` elements.
pub fn logsumexp<T: Float>(x: &[T], columns: usize, out: &mut [T]) {
    for (i, y) in out.iter_mut().enumerate() {
        let row = &x[i * columns..(i + 1) * columns];
        let shift = shift(row);
        *y = shift + ln(reduce::zip_sum(ExpShifted, columns, Arg::Slice(row), Arg::Scalar(shift)));
    }
}

/// What a row's softmax is made of, in two parts that do not round each other: `pᵢ = e^((xᵢ − shift) − log)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Normalizer {
    /// The largest element.
    pub shift: f64,
    /// `ln Σ e^(x − shift)`
    pub log: f64,
}

impl Normalizer {
    /// Of one row.
    pub fn of<T: Float>(row: &[T]) -> Self {
        let shift = shift(row);
        let sum = pointwise::sum(ExpShifted, row.len(), [Spread::whole(row), Spread::scalar(&shift)]);
        Normalizer { shift: shift.to_f64(), log: sum.ln() }
    }

    /// `ln p` of an element of the row.
    pub fn log_softmax<T: Float>(self, x: T) -> f64 {
        let x = x.to_f64();
        (if x == self.shift { 0.0 } else { x - self.shift }) - self.log
    }
}

fn ln<T: Float>(x: T) -> T {
    let mut y = [x];
    map(Ln, &[x], &mut y);
    y[0]
}

/// `∂x = y·(∂y − Σ ∂y·y)` for each row.
pub fn softmax_backward<T: Float>(y: &[T], grad: &[T], columns: usize, out: &mut [T]) {
    let columns = columns.max(1);
    for ((y, grad), out) in
        y.chunks_exact(columns).zip(grad.chunks_exact(columns)).zip(out.chunks_exact_mut(columns))
    {
        let sum = reduce::dot(y, grad);
        out.iter_mut().zip(y).zip(grad).for_each(|((out, &y), &grad)| *out = y * (grad - sum));
    }
}

/// `∂y − eʸ·s`
#[derive(Clone, Copy)]
struct LogSoftmaxPull;
impl Map3 for LogSoftmaxPull {
    #[inline(always)]
    fn call<R: Real>(self, y: R, grad: R, sum: R) -> R {
        grad - y.exp() * sum
    }
}

/// `∂x = ∂y − eʸ·Σ ∂y` for each row.
pub fn log_softmax_backward<T: Float>(y: &[T], grad: &[T], columns: usize, out: &mut [T]) {
    let columns = columns.max(1);
    for ((y, grad), out) in
        y.chunks_exact(columns).zip(grad.chunks_exact(columns)).zip(out.chunks_exact_mut(columns))
    {
        zip3(LogSoftmaxPull, Arg::Slice(y), Arg::Slice(grad), Arg::Scalar(reduce::sum(grad)), out);
    }
}
