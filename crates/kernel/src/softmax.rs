//! softmax and its relatives along one axis, with the largest element of a lane taken out first.
//!
//! The data are blocks of shape `(n, inner)`, and a lane is a column of a block; with `inner` 1 it is a row of `n`
//! neighbours.

use crate::map::{Arg, Map1, Map2, Map3, map, zip, zip3};
use crate::pointwise::{self, Formula, Spread};
use crate::real::{Float, Real};
use crate::reduce::{self, Itself};

/// `e^(x − shift)`
#[derive(Clone, Copy)]
pub(crate) struct ExpShifted;
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
/// `∞ − ∞` would make the lane NaN.
#[inline(always)]
pub fn below<R: Real>(x: R, shift: R) -> R {
    R::select(x.clone().equal(shift.clone()), x.constant(0.0), x - shift)
}

/// `(x − shift) − log`, in two steps: the difference of close numbers is exact, where `x − (shift + log)` would round.
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

/// The largest element of a lane, or 0 if that is −∞: the shift that keeps every exponential finite.
pub(crate) fn shift<T: Float>(largest: T) -> T {
    if largest.to_f64() == f64::NEG_INFINITY { T::default() } else { largest }
}

/// The shifts of all lanes of a block.
fn shifts<T: Float>(block: &[T], inner: usize) -> Vec<T> {
    let mut largest = vec![T::from_f64(f64::NEG_INFINITY); inner];
    reduce::extreme_rows(true, block, &mut largest);
    largest.iter_mut().for_each(|x| *x = shift(*x));
    largest
}

/// The sums over the lanes of a block, rounded.
fn sums<T: Float>(block: &[T], inner: usize) -> Vec<T> {
    let mut sums = vec![0.0; inner];
    reduce::add_rows(Itself, block, None, &mut sums);
    sums.into_iter().map(T::from_f64).collect()
}

/// Runs `f` over the rows of blocks of `(n, inner)` elements side by side.
fn rows<'a, T>(x: &'a [T], out: &'a mut [T], inner: usize) -> impl Iterator<Item = (&'a [T], &'a mut [T])> {
    x.chunks_exact(inner).zip(out.chunks_exact_mut(inner))
}

/// `softmax` of each lane of blocks `(n, inner)`.
///
/// # Panics
/// If `x` and `out` differ in length.
pub fn softmax<T: Float>(x: &[T], n: usize, inner: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: operands of unequal length");
    if x.is_empty() {
        return;
    }
    for (x, out) in rows(x, out, n * inner) {
        if inner == 1 {
            zip(ExpShifted, Arg::Slice(x), Arg::Scalar(shift(reduce::max(x))), out);
            let sum = reduce::sum(out);
            out.iter_mut().for_each(|y| *y = *y / sum);
        } else {
            let shifts = shifts(x, inner);
            rows(x, out, inner).for_each(|(x, out)| zip(ExpShifted, Arg::Slice(x), Arg::Slice(&shifts), out));
            let sums = sums(out, inner);
            for out in out.chunks_exact_mut(inner) {
                out.iter_mut().zip(&sums).for_each(|(y, &sum)| *y = *y / sum);
            }
        }
    }
}

/// `log_softmax` of each lane of blocks `(n, inner)`.
///
/// # Panics
/// If `x` and `out` differ in length.
pub fn log_softmax<T: Float>(x: &[T], n: usize, inner: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: operands of unequal length");
    if x.is_empty() {
        return;
    }
    for (x, out) in rows(x, out, n * inner) {
        if inner == 1 {
            let shift = shift(reduce::max(x));
            let log = ln(reduce::zip_sum(ExpShifted, n, Arg::Slice(x), Arg::Scalar(shift)));
            zip3(Below, Arg::Slice(x), Arg::Scalar(shift), Arg::Scalar(log), out);
        } else {
            let shifts = shifts(x, inner);
            rows(x, out, inner).for_each(|(x, out)| zip(ExpShifted, Arg::Slice(x), Arg::Slice(&shifts), out));
            let mut logs = vec![T::default(); inner];
            map(Ln, &sums(out, inner), &mut logs);
            for (x, out) in rows(x, out, inner) {
                zip3(Below, Arg::Slice(x), Arg::Slice(&shifts), Arg::Slice(&logs), out);
            }
        }
    }
}

/// `ln Σ eˣ` of each row of `columns` elements.
pub fn logsumexp<T: Float>(x: &[T], columns: usize, out: &mut [T]) {
    for (i, y) in out.iter_mut().enumerate() {
        let row = &x[i * columns..(i + 1) * columns];
        let shift = shift(reduce::max(row));
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
        let shift = shift(reduce::max(row));
        let sum = pointwise::sum(ExpShifted, row.len(), [Spread::whole(row), Spread::scalar(&shift)]);
        Normalizer { shift: shift.to_f64(), log: sum.ln() }
    }

    /// Of one row, with its `e^(x − shift)` written to `out`; and their sum.
    pub fn with_exponentials<T: Float>(row: &[T], out: &mut [T]) -> (Self, f64) {
        let shift = shift(reduce::max(row));
        let sum = reduce::terms_with(out, &|start, terms, out| {
            let len = terms.len();
            zip(ExpShifted, Arg::Slice(&row[start..start + len]), Arg::Scalar(shift), terms);
            out.copy_from_slice(terms);
        });
        (Normalizer { shift: shift.to_f64(), log: sum.ln() }, sum)
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

/// `∂x = y·(∂y − Σ ∂y·y)` for each lane.
///
/// # Panics
/// If the slices differ in length.
pub fn softmax_backward<T: Float>(y: &[T], grad: &[T], n: usize, inner: usize, out: &mut [T]) {
    assert!(y.len() == out.len() && grad.len() == out.len(), "softmax: operands of unequal length");
    if out.is_empty() {
        return;
    }
    let blocks = y.chunks_exact(n * inner).zip(grad.chunks_exact(n * inner));
    for ((y, grad), out) in blocks.zip(out.chunks_exact_mut(n * inner)) {
        if inner == 1 {
            let sum = reduce::dot(y, grad);
            out.iter_mut().zip(y).zip(grad).for_each(|((out, &y), &grad)| *out = y * (grad - sum));
        } else {
            out.iter_mut().zip(y).zip(grad).for_each(|((out, &y), &grad)| *out = y * grad);
            let sums = sums(out, inner);
            let rows = y.chunks_exact(inner).zip(grad.chunks_exact(inner));
            for ((y, grad), out) in rows.zip(out.chunks_exact_mut(inner)) {
                let row = y.iter().zip(grad).zip(&sums);
                out.iter_mut().zip(row).for_each(|(out, ((&y, &grad), &sum))| *out = y * (grad - sum));
            }
        }
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

/// `∂x = ∂y − eʸ·Σ ∂y` for each lane.
///
/// # Panics
/// If the slices differ in length.
pub fn log_softmax_backward<T: Float>(y: &[T], grad: &[T], n: usize, inner: usize, out: &mut [T]) {
    assert!(y.len() == out.len() && grad.len() == out.len(), "log_softmax: operands of unequal length");
    if out.is_empty() {
        return;
    }
    let blocks = y.chunks_exact(n * inner).zip(grad.chunks_exact(n * inner));
    for ((y, grad), out) in blocks.zip(out.chunks_exact_mut(n * inner)) {
        if inner == 1 {
            zip3(LogSoftmaxPull, Arg::Slice(y), Arg::Slice(grad), Arg::Scalar(reduce::sum(grad)), out);
        } else {
            let sums = sums(grad, inner);
            let rows = y.chunks_exact(inner).zip(grad.chunks_exact(inner));
            for ((y, grad), out) in rows.zip(out.chunks_exact_mut(inner)) {
                zip3(LogSoftmaxPull, Arg::Slice(y), Arg::Slice(grad), Arg::Slice(&sums), out);
            }
        }
    }
}
