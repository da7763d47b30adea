//! softmax and its relatives along one axis, with the largest element of a lane taken out first.
//!
//! The data are blocks of shape `(n, inner)`, and a lane is a column of a block; with `inner` 1 it is a row of `n`
//! neighbours.

use crate::map::{Arg, Map1, Map2, Map3, PIECE, map, vectorize, zip, zip3};
use crate::real::{Float, Real};
use crate::reduce::{self, Itself};
use crate::spread::{Room, STRIP, Spread, room};
use crate::threads::share_out;

/// `e^(x − shift)`, where no x is above its shift.
#[derive(Clone, Copy)]
pub(crate) struct ExpShifted;
impl Map2 for ExpShifted {
    #[inline(always)]
    fn call<R: Real>(self, x: R, shift: R) -> R {
        below(x, shift).decay()
    }
}

/// The same for one shift, which need not be written out for each element.
#[derive(Clone, Copy)]
struct ExpBelow(f64);
impl Map1 for ExpBelow {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        let shift = x.constant(self.0);
        ExpShifted.call(x, shift)
    }
}

/// Writes `e^(x − shift)`, and returns the sum.
fn exponentials<T: Float>(x: &[T], shift: T, out: &mut [T]) -> f64 {
    map(ExpBelow(shift.to_f64()), x, out);
    reduce::sum_f64(out)
}

/// `Σ e^(x − shift)`, as [`exponentials`] has it.
fn sum_of_exponentials<T: Float>(x: &[T], shift: T) -> f64 {
    reduce::terms(x.len(), &|start, out: &mut [T]| {
        map(ExpBelow(shift.to_f64()), &x[start..start + out.len()], out);
    })
}

/// `x − shift`, and 0 where both are +∞: a single infinite element takes everything, as it does in the limit, where
/// `∞ − ∞` would make the lane NaN.
#[inline(always)]
pub fn below<R: Real>(x: R, shift: R) -> R {
    R::select(x.clone().equal(shift.clone()), x.constant(0.0), x - shift)
}

/// `(x − shift) − log`, in two steps: the difference of close numbers is exact, where `x − (shift + log)` would round.
#[derive(Clone, Copy)]
pub(crate) struct Below;
impl Map3 for Below {
    #[inline(always)]
    fn call<R: Real>(self, x: R, shift: R, log: R) -> R {
        below(x, shift) - log
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Ln;
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

/// Rows of up to this many elements are taken several at a time: a loop for each would take longer than its elements.
pub(crate) const SHORT: usize = 64;

/// Short rows side by side, as many as fit into a strip.
pub(crate) struct ShortRows<T> {
    columns: usize,
    shifts: [T; STRIP],
    sums: [f64; STRIP],
    logs: [f64; STRIP],
}

impl<T: Float> ShortRows<T> {
    /// For rows of `columns` elements, at least 1 and at most [`SHORT`].
    pub(crate) fn new(columns: usize) -> Self {
        ShortRows { columns, shifts: [T::default(); STRIP], sums: [0.0; STRIP], logs: [0.0; STRIP] }
    }

    /// How many rows a strip holds.
    pub(crate) fn count(&self) -> usize {
        STRIP / self.columns
    }

    /// Writes `e^(x − shift)` of at most [`count`](Self::count) rows.
    pub(crate) fn exponentials(&mut self, x: &[T], out: &mut [T]) {
        let rows = x.len() / self.columns;
        let (shifts, sums) = (&mut self.shifts[..rows], &mut self.sums[..rows]);
        shifts.fill(T::from_f64(f64::NEG_INFINITY));
        reduce::extreme_columns(true, x, shifts);
        shifts.iter_mut().for_each(|x| *x = shift(*x));
        let mut room = room();
        zip(ExpShifted, Arg::Slice(x), Arg::Slice(spread(shifts, self.columns, &mut room)), out);
        sums.fill(0.0);
        reduce::add_columns(Itself, out, None, sums);
    }

    /// `Σ e^(x − shift)` of a row.
    pub(crate) fn sum(&self, row: usize) -> f64 {
        self.sums[row]
    }

    /// Takes the logarithms of the sums of so many rows, which [`normalizer`](Self::normalizer) wants.
    pub(crate) fn take_logarithms(&mut self, rows: usize) {
        map(Ln, &self.sums[..rows], &mut self.logs[..rows]);
    }

    /// The normaliser of a row.
    pub(crate) fn normalizer(&self, row: usize) -> Normalizer {
        Normalizer { shift: self.shifts[row].to_f64(), log: self.logs[row] }
    }

    /// Runs `f` over a matrix of such rows and one like it, strip by strip: on the elements of both, and the sums of the rows,
    /// rounded.
    fn each(x: &[T], columns: usize, out: &mut [T], mut f: impl FnMut(&Self, &[T], &[T], &mut [T])) {
        let mut rows = ShortRows::new(columns);
        let size = rows.count() * columns;
        for (x, out) in x.chunks(size).zip(out.chunks_mut(size)) {
            rows.exponentials(x, out);
            let mut sums = [T::default(); STRIP];
            sums.iter_mut().zip(rows.sums).for_each(|(rounded, sum)| *rounded = T::from_f64(sum));
            f(&rows, x, &sums[..x.len() / columns], out);
        }
    }
}

/// A number for each row, written out for each of its elements, at most a strip.
pub(crate) fn spread<'a, T: Float>(values: &'a [T], columns: usize, room: &'a mut Room<T>) -> &'a [T] {
    let n = values.len() * columns;
    Spread::stretched(values, columns).part(0, n, n, room)
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
    blocks(out, n * inner, &|start, out| {
        let x = &x[start..start + out.len()];
        if inner == 1 && n <= SHORT {
            return ShortRows::each(x, n, out, |_, _, sums, out| {
                let mut room = room();
                let sums = spread(sums, n, &mut room);
                vectorize!(out.iter_mut().zip(sums).for_each(|(y, &sum)| *y = *y / sum));
            });
        }
        for (x, out) in rows(x, out, n * inner) {
            if inner == 1 {
                let sum = T::from_f64(exponentials(x, shift(reduce::max(x)), out));
                vectorize!(out.iter_mut().for_each(|y| *y = *y / sum));
            } else {
                let shifts = shifts(x, inner);
                rows(x, out, inner)
                    .for_each(|(x, out)| zip(ExpShifted, Arg::Slice(x), Arg::Slice(&shifts), out));
                let sums = sums(out, inner);
                for out in out.chunks_exact_mut(inner) {
                    out.iter_mut().zip(&sums).for_each(|(y, &sum)| *y = *y / sum);
                }
            }
        }
    });
}

/// `log_softmax` of each lane of blocks `(n, inner)`.
///
/// # Panics
/// If `x` and `out` differ in length.
pub fn log_softmax<T: Float>(x: &[T], n: usize, inner: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: operands of unequal length");
    blocks(out, n * inner, &|start, out| {
        let x = &x[start..start + out.len()];
        if inner == 1 && n <= SHORT {
            return ShortRows::each(x, n, out, |rows, x, sums, out| {
                let (mut logs, mut rooms) = ([T::default(); STRIP], [room(), room()]);
                let (logs, [a, b]) = (&mut logs[..sums.len()], &mut rooms);
                map(Ln, sums, logs);
                let shifts = spread(&rows.shifts[..sums.len()], n, a);
                zip3(Below, Arg::Slice(x), Arg::Slice(shifts), Arg::Slice(spread(logs, n, b)), out);
            });
        }
        for (x, out) in rows(x, out, n * inner) {
            if inner == 1 {
                let shift = shift(reduce::max(x));
                let log = ln(T::from_f64(sum_of_exponentials(x, shift)));
                zip3(Below, Arg::Slice(x), Arg::Scalar(shift), Arg::Scalar(log), out);
            } else {
                let shifts = shifts(x, inner);
                rows(x, out, inner)
                    .for_each(|(x, out)| zip(ExpShifted, Arg::Slice(x), Arg::Slice(&shifts), out));
                let mut logs = vec![T::default(); inner];
                map(Ln, &sums(out, inner), &mut logs);
                for (x, out) in rows(x, out, inner) {
                    zip3(Below, Arg::Slice(x), Arg::Slice(&shifts), Arg::Slice(&logs), out);
                }
            }
        }
    });
}

/// `ln Σ eˣ` of each row of `columns` elements.
pub fn logsumexp<T: Float>(x: &[T], columns: usize, out: &mut [T]) {
    share_out(out, 1, PIECE / columns.max(1), &|start, out| {
        for (i, y) in (start..).zip(out) {
            let row = &x[i * columns..(i + 1) * columns];
            let shift = shift(reduce::max(row));
            *y = shift + ln(T::from_f64(sum_of_exponentials(row, shift)));
        }
    });
}

/// Runs `f` over whole blocks of `size` elements, shared out: on where they begin and on what is written.
fn blocks<T: Float>(out: &mut [T], size: usize, f: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if !out.is_empty() {
        share_out(out, size, PIECE.max(size), f);
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
        Normalizer { shift: shift.to_f64(), log: ln(sum_of_exponentials(row, shift)) }
    }

    /// Of one row, with its `e^(x − shift)` written to `out`; and their sum.
    pub fn with_exponentials<T: Float>(row: &[T], out: &mut [T]) -> (Self, f64) {
        let shift = shift(reduce::max(row));
        let sum = exponentials(row, shift, out);
        (Normalizer { shift: shift.to_f64(), log: ln(sum) }, sum)
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
    blocks(out, n * inner, &|start, out| {
        let [y, grad] = [y, grad].map(|values| &values[start..start + out.len()]);
        let blocks = y.chunks_exact(n * inner).zip(grad.chunks_exact(n * inner));
        for ((y, grad), out) in blocks.zip(out.chunks_exact_mut(n * inner)) {
            if inner == 1 {
                let sum = reduce::dot(y, grad);
                let each = out.iter_mut().zip(y).zip(grad);
                vectorize!(each.for_each(|((out, &y), &grad)| *out = y * (grad - sum)));
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
    });
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
    blocks(out, n * inner, &|start, out| {
        let [y, grad] = [y, grad].map(|values| &values[start..start + out.len()]);
        let blocks = y.chunks_exact(n * inner).zip(grad.chunks_exact(n * inner));
        for ((y, grad), out) in blocks.zip(out.chunks_exact_mut(n * inner)) {
            if inner == 1 {
                let sum = Arg::Scalar(reduce::sum(grad));
                zip3(LogSoftmaxPull, Arg::Slice(y), Arg::Slice(grad), sum, out);
            } else {
                let sums = sums(grad, inner);
                let rows = y.chunks_exact(inner).zip(grad.chunks_exact(inner));
                for ((y, grad), out) in rows.zip(out.chunks_exact_mut(inner)) {
                    zip3(LogSoftmaxPull, Arg::Slice(y), Arg::Slice(grad), Arg::Slice(&sums), out);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of all lengths around the bound between short and long ones, more of them than fit into a strip, against the
    /// definition in float64; and each row has the bits that it has alone.
    #[test]
    fn short_and_long_rows_follow_the_definition() {
        for n in [1, 2, 10, 63, SHORT, SHORT + 1, 300] {
            let mut x: Vec<f32> = (0..40 * n).map(|i| ((i * 37) % 101) as f32 * 0.5 - 25.0).collect();
            x[0] = f32::INFINITY;
            x[(3 * n)..(4 * n)].fill(f32::NEG_INFINITY);
            x[5 * n] = f32::NAN;
            let (mut p, mut log_p) = (vec![9.0; x.len()], vec![9.0; x.len()]);
            softmax(&x, n, 1, &mut p);
            log_softmax(&x, n, 1, &mut log_p);
            for (i, row) in x.chunks(n).enumerate() {
                let (p, log_p) = (&p[i * n..][..n], &log_p[i * n..][..n]);
                let mut alone = vec![9.0; n];
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                softmax(row, n, 1, &mut alone);
                assert_eq!(bits(&alone), bits(p));
                log_softmax(row, n, 1, &mut alone);
                assert_eq!(bits(&alone), bits(log_p));
                if ![0, 3, 5].contains(&i) {
                    let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
                    let sum: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
                    for ((&x, &p), &log_p) in row.iter().zip(p).zip(log_p) {
                        let log = f64::from(x - largest) - sum.ln();
                        assert!((f64::from(p) - log.exp()).abs() <= 4e-7 * log.exp(), "{n}: {p}");
                        assert!((f64::from(log_p) - log).abs() <= 2e-7 * log.abs().max(1.0), "{n}: {log_p}");
                    }
                }
            }
            assert!(p[0] == 1.0 && log_p[0] == 0.0, "an infinite logit takes everything");
            assert!(p[5 * n..6 * n].iter().chain(&p[3 * n..4 * n]).all(|p| p.is_nan()));
        }
    }
}
