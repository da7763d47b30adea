//! Attention head by head: no more of the scores exists at a time than some rows of one head per thread.
//!
//! `S = scale·Q·Kᵀ + mask`, `P = softmax(S)` along the rows, `O = (P∘D)·V`, where D is what [`Dropped`] says, or one. The
//! forward pass keeps `ln Σ eˢ` of each row, from which the backward pass computes P once more. Sources: A. Vaswani et
//! al., arXiv:1706.03762; T. Dao et al., arXiv:2205.14135.

use crate::gemm::{Matrix, gemm};
use crate::map::fused;
use crate::real::{AsLane, Float};
use crate::threads::{Pieces, pieces, share};
use pulp::{Arch, Simd, WithSimd};

/// The sizes that all heads have in common.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Queries.
    pub rows: usize,
    /// Keys and values.
    pub columns: usize,
    /// The width of queries and keys.
    pub width: usize,
    /// The width of values.
    pub values: usize,
    /// Whether query `i` sees keys 0 to `i` only.
    pub causal: bool,
    /// What the products are multiplied by.
    pub scale: f64,
}

/// One head's operands, and what is added to its scores.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a, T> {
    /// `(rows, width)`
    pub query: Matrix<'a, T>,
    /// `(columns, width)`
    pub key: Matrix<'a, T>,
    /// `(columns, values)`
    pub value: Matrix<'a, T>,
    /// `(rows, columns)`
    pub mask: Option<Matrix<'a, T>>,
}

/// Weights that are set to zero, as dropout does: one bit for each score `(heads, rows, columns)`, the first in the
/// lowest place of the first word, and what the weights are multiplied by whose bit is one.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    /// `⌈heads·rows·columns / 64⌉` words.
    pub kept: &'a [u64],
    /// One over the probability of a one.
    pub factor: f64,
}

impl Dropped<'_> {
    /// Multiplies weights of a block, or their gradients: row `row` of all heads' is the first.
    fn apply<T: Float>(self, shape: Shape, row: usize, seen: usize, weights: &mut [T]) {
        let factors = [T::default(), T::from_f64(self.factor)];
        for (i, weights) in weights.chunks_exact_mut(seen).enumerate() {
            let first = (row + i) * shape.columns;
            for (bit, w) in (first..).zip(weights) {
                *w = *w * factors[(self.kept[bit / 64] >> (bit % 64) & 1) as usize];
            }
        }
    }
}

/// Queries that are looked at together.
const BLOCK: usize = 64;

/// Partial results that a vector unit keeps apart.
const LANES: usize = 16;

impl Shape {
    /// The blocks of rows: where each begins, how many rows it has and how many columns it sees.
    fn blocks(self) -> impl Iterator<Item = [usize; 3]> {
        (0..self.rows).step_by(BLOCK).map(move |first| {
            let rows = BLOCK.min(self.rows - first);
            let seen = if self.causal { self.columns.min(first + rows) } else { self.columns };
            [first, rows, seen]
        })
    }

    /// Heads that a piece of work has.
    fn together(self, heads: usize) -> usize {
        let work = self.rows * self.columns * (self.width + self.values);
        heads.div_ceil(pieces(heads, 250_000 / work.max(1)))
    }

    fn check(self, heads: usize, dropped: Option<Dropped<'_>>) {
        let scores = heads * self.rows * self.columns;
        assert!(dropped.is_none_or(|d| d.kept.len() * 64 >= scores), "attention: too few bits");
    }
}

fn from_row<T>(m: Matrix<'_, T>, row: usize) -> Matrix<'_, T> {
    Matrix { data: &m.data[row * m.row_stride..], ..m }
}

/// `scores = Q·Kᵀ` of a block, scaled and masked.
fn scores<T: Float>(shape: Shape, head: &Head<'_, T>, [first, rows, seen]: [usize; 3], scores: &mut [T]) {
    let query = from_row(head.query, first);
    gemm([rows, shape.width, seen], query, head.key.transposed(), scores, false);
    let (scale, hidden) = (T::from_f64(shape.scale), T::from_f64(f64::NEG_INFINITY));
    for (i, row) in scores.chunks_exact_mut(seen).enumerate() {
        row.iter_mut().for_each(|s| *s = *s * scale);
        if let Some(mask) = head.mask {
            let mask = &mask.data[(first + i) * mask.row_stride..];
            let step = head.mask.map_or(1, |m| m.column_stride);
            if step == 0 {
                row.iter_mut().for_each(|s| *s += mask[0]);
            } else {
                row.iter_mut().zip(mask.iter().step_by(step)).for_each(|(s, &m)| *s += m);
            }
        }
        if shape.causal && first + i + 1 < seen {
            row[first + i + 1..].fill(hidden);
        }
    }
}

/// `e^(s − largest)` of each row in place, and `[Σ, ln Σ eˢ]`; a row that sees nothing gets zeros.
struct Softmax<'a, T> {
    scores: &'a mut [T],
    seen: usize,
    sums: &'a mut [T],
    logs: &'a mut [T],
}

impl<T: Float> WithSimd for Softmax<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if fused::<S>() { self.run::<T::Fused>() } else { self.run::<T::Plain>() }
    }
}

impl<T: Float> Softmax<'_, T> {
    #[inline(always)]
    fn run<R: AsLane<T>>(self) {
        let rows = self.scores.chunks_exact_mut(self.seen);
        for ((row, sum), log) in rows.zip(self.sums).zip(self.logs) {
            let largest = largest(row);
            if largest == T::from_f64(f64::NEG_INFINITY) {
                row.fill(T::default());
                (*sum, *log) = (T::from_f64(1.0), T::default());
                continue;
            }
            for s in row.iter_mut() {
                *s = (R::wrap(*s) - R::wrap(largest)).exp().unwrap();
            }
            *sum = total(row);
            *log = largest + R::wrap(*sum).ln().unwrap();
        }
    }
}

#[inline(always)]
fn largest<T: Float>(row: &[T]) -> T {
    let mut lanes = [T::from_f64(f64::NEG_INFINITY); LANES];
    let (body, rest) = row.as_chunks::<LANES>();
    for chunk in body {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(T::from_f64(f64::NEG_INFINITY), |m, &x| if x > m { x } else { m })
}

#[inline(always)]
fn total<T: Float>(row: &[T]) -> T {
    let mut lanes = [T::default(); LANES];
    let (body, rest) = row.as_chunks::<LANES>();
    for chunk in body {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x);
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// `Σ w·x / Σ w`, 0 for weights that are all 0.
#[inline(always)]
fn mean<T: Float>(weights: &[T], values: &[T]) -> T {
    let mut lanes = [[T::default(); LANES]; 2];
    let [above, below] = &mut lanes;
    let ((weights, w), (values, v)) = (weights.as_chunks::<LANES>(), values.as_chunks::<LANES>());
    for (weights, values) in weights.iter().zip(values) {
        for i in 0..LANES {
            above[i] += weights[i] * values[i];
            below[i] += weights[i];
        }
    }
    for (i, (&w, &v)) in w.iter().zip(v).enumerate() {
        above[i] += w * v;
        below[i] += w;
    }
    let sum = total(below);
    if sum == T::default() { sum } else { total(above) / sum }
}

/// The outputs `(heads, rows, values)`, and `ln Σ eˢ` of each row `(heads, rows)`.
///
/// # Panics
/// If a slice has another size than the shape says.
pub fn attention<T: Float>(
    shape: Shape,
    heads: &[Head<'_, T>],
    dropped: Option<Dropped<'_>>,
    out: &mut [T],
    logs: &mut [T],
) {
    let Shape { rows, columns, values, .. } = shape;
    let size = rows * values;
    assert!(out.len() == heads.len() * size && logs.len() == heads.len() * rows, "attention: outputs");
    shape.check(heads.len(), dropped);
    if out.is_empty() || columns == 0 {
        return;
    }
    let together = shape.together(heads.len());
    let (out, logs) = (Pieces::new(out, together * size), Pieces::new(logs, together * rows));
    share(out.len(), &|piece| {
        let mut room = vec![T::default(); BLOCK.min(rows) * columns];
        let mut sums = [T::default(); BLOCK];
        let outs = out.take(piece).chunks_exact_mut(size);
        let logs = logs.take(piece).chunks_exact_mut(rows);
        for (i, (out, logs)) in outs.zip(logs).enumerate() {
            let number = piece * together + i;
            let head = &heads[number];
            for [first, rows, seen] in shape.blocks() {
                let room = &mut room[..rows * seen];
                scores(shape, head, [first, rows, seen], room);
                let logs = &mut logs[first..first + rows];
                Arch::new().dispatch(Softmax { scores: room, seen, sums: &mut sums[..rows], logs });
                if let Some(dropped) = dropped {
                    dropped.apply(shape, number * shape.rows + first, seen, room);
                }
                let out = &mut out[first * values..(first + rows) * values];
                gemm([rows, seen, values], Matrix::dense(room, seen), head.value, out, false);
                for (row, &sum) in out.chunks_exact_mut(values).zip(&sums) {
                    row.iter_mut().for_each(|x| *x = *x / sum);
                }
            }
        }
    });
}

/// `P = e^(s − log)` in place of the scores, and `∂S = P∘(∂P − Σ P∘∂P)·scale` in place of `∂P = D∘(∂O·Vᵀ)`.
///
/// The sum is a mean, so that all `∂P` may be taken from that of the likeliest key first. `Σ O∘∂O` is the same number for
/// fewer operations; but where one key has nearly all the weight, what is left would be the rounding of large numbers.
struct Slopes<'a, T> {
    scores: &'a mut [T],
    grad: &'a mut [T],
    seen: usize,
    logs: &'a [T],
    scale: T,
}

impl<T: Float> WithSimd for Slopes<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if fused::<S>() { self.run::<T::Fused>() } else { self.run::<T::Plain>() }
    }
}

impl<T: Float> Slopes<'_, T> {
    #[inline(always)]
    fn run<R: AsLane<T>>(self) {
        let rows = self.scores.chunks_exact_mut(self.seen).zip(self.grad.chunks_exact_mut(self.seen));
        for ((scores, grad), &log) in rows.zip(self.logs) {
            for s in scores.iter_mut() {
                *s = (R::wrap(*s) - R::wrap(log)).exp().unwrap();
            }
            let likeliest = largest(scores);
            let reference = scores.iter().position(|&p| p == likeliest).map_or(T::default(), |at| grad[at]);
            grad.iter_mut().for_each(|g| *g = *g - reference);
            let mean = mean(scores, grad);
            for (p, g) in scores.iter().zip(grad) {
                *g = *p * (*g - mean) * self.scale;
            }
        }
    }
}

/// What the backward pass reads besides the operands: `(heads, rows)` and `(heads, rows, values)`.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a, T> {
    /// What the forward pass dropped.
    pub dropped: Option<Dropped<'a>>,
    /// `ln Σ eˢ` of each row.
    pub logs: &'a [T],
    /// The gradient of the outputs.
    pub grad: &'a [T],
}

/// The gradients of queries `(heads, rows, width)`, keys `(heads, columns, width)` and values `(heads, columns, values)`,
/// which must be zeros to begin with.
///
/// # Panics
/// If a slice has another size than the shape says.
pub fn backward<T: Float>(
    shape: Shape,
    heads: &[Head<'_, T>],
    passed: Passed<'_, T>,
    [queries, keys, values]: [&mut [T]; 3],
) {
    let Shape { rows, columns, width, values: of_value, .. } = shape;
    if rows * columns * width * of_value * heads.len() == 0 {
        return;
    }
    shape.check(heads.len(), passed.dropped);
    let together = shape.together(heads.len());
    let sizes = [rows * width, columns * width, columns * of_value];
    let [queries, keys, values] =
        [(queries, sizes[0]), (keys, sizes[1]), (values, sizes[2])].map(|(all, size)| {
            assert_eq!(all.len(), heads.len() * size, "attention: gradients");
            Pieces::new(all, together * size)
        });
    share(queries.len(), &|piece| {
        let mut room = [(); 2].map(|()| vec![T::default(); BLOCK.min(rows) * columns]);
        let [room, slopes] = &mut room;
        let grads = queries
            .take(piece)
            .chunks_exact_mut(sizes[0])
            .zip(keys.take(piece).chunks_exact_mut(sizes[1]))
            .zip(values.take(piece).chunks_exact_mut(sizes[2]));
        for (i, ((query, key), value)) in grads.enumerate() {
            let number = piece * together + i;
            let head = &heads[number];
            let size = rows * of_value;
            let grad = &passed.grad[number * size..];
            for [first, rows, seen] in shape.blocks() {
                let (room, slopes) = (&mut room[..rows * seen], &mut slopes[..rows * seen]);
                let grad = &grad[first * of_value..(first + rows) * of_value];
                scores(shape, head, [first, rows, seen], room);
                gemm(
                    [rows, of_value, seen],
                    Matrix::dense(grad, of_value),
                    head.value.transposed(),
                    slopes,
                    false,
                );
                let row = number * shape.rows + first;
                if let Some(dropped) = passed.dropped {
                    dropped.apply(shape, row, seen, slopes);
                }
                Arch::new().dispatch(Slopes {
                    scores: room,
                    grad: slopes,
                    seen,
                    logs: &passed.logs[row..][..rows],
                    scale: T::from_f64(shape.scale),
                });
                if let Some(dropped) = passed.dropped {
                    dropped.apply(shape, row, seen, room);
                }
                let part = &mut query[first * width..(first + rows) * width];
                gemm([rows, seen, width], Matrix::dense(slopes, seen), head.key, part, false);
                let block = from_row(head.query, first);
                let turned = |values| Matrix::dense(values, seen).transposed();
                gemm([seen, rows, width], turned(slopes), block, &mut key[..seen * width], true);
                let part = &mut value[..seen * of_value];
                gemm([seen, rows, of_value], turned(room), Matrix::dense(grad, of_value), part, true);
            }
        }
    });
}
