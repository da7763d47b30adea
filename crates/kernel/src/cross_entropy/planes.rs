//! Logits `(N, C, d₁, …)`: a distribution is a column of C planes, so the loops run along the planes, over
//! a strip of columns at a time, whose logits stay in the cache from one loop to the next. Nothing is laid out anew.

use super::{Labels, Probabilities, Pulled, Share, Smoothing, first_not_one, of_row, weigh};
use crate::map::{Arg, Map2, Map3, PIECE, map, vectorize, zip, zip3};
use crate::real::{Float, Real};
use crate::reduce::{self, Itself};
use crate::softmax::{Below, ExpShifted, Ln, Normalizer, below, shift};
use crate::threads::{Block, Blocks, Pieces, num_threads, pieces, share};

/// Logits of a strip.
const STRIP: usize = 8192;

/// `p = e^((x − shift) − log)`
#[derive(Clone, Copy)]
struct Probability;
impl Map3 for Probability {
    #[inline(always)]
    fn call<R: Real>(self, x: R, shift: R, log: R) -> R {
        (below(x, shift) - log).exp()
    }
}

/// Some columns of an image: where they begin, and what is written for them.
struct Part<'a, A, B, T> {
    /// The first one among all columns of all images.
    column: usize,
    a: &'a mut [A],
    b: &'a mut [B],
    /// Planes of the gradient, if it is wanted.
    out: Option<Block<'a, T>>,
}

/// Numbers for each column of a strip.
struct Room<T> {
    shifts: Vec<T>,
    logs: Vec<T>,
    /// By which the exponentials are multiplied, and what is subtracted for a weight of one.
    scales: Vec<T>,
    shares: Vec<T>,
    sums: Vec<f64>,
    /// The logarithms of the sums, before they are rounded.
    wide: Vec<f64>,
    normalizers: Vec<Normalizer>,
    /// A plane, where none is wanted.
    plane: Vec<T>,
}

impl<T: Float> Room<T> {
    fn new(columns: usize) -> Self {
        let zeros = || vec![T::default(); columns];
        Room {
            shifts: zeros(),
            logs: zeros(),
            scales: zeros(),
            shares: zeros(),
            sums: vec![0.0; columns],
            wide: vec![0.0; columns],
            normalizers: vec![Normalizer::default(); columns],
            plane: zeros(),
        }
    }
}

/// What is kept of a normaliser: all of it.
fn all(normalizer: &mut Normalizer) -> Option<&mut Normalizer> {
    Some(normalizer)
}

/// How logits `(N, C, d₁, …)` stand in memory.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub classes: usize,
    /// The size of a plane.
    pub inner: usize,
    /// How many distributions there are.
    pub columns: usize,
}

impl Grid {
    /// Runs `job` over all columns, some at a time; `a` and `b` have an element for each of them, `out` is empty or like the
    /// logits.
    fn parts<T: Send, A: Send, B: Send>(
        self,
        a: &mut [A],
        b: &mut [B],
        out: &mut [T],
        job: &(dyn Fn(Part<'_, A, B, T>) + Sync),
    ) {
        let (inner, image) = (self.inner, self.classes * self.inner);
        let images = self.columns / inner.max(1);
        let wanted = !out.is_empty();
        if images >= 2 * num_threads() {
            let size = images.div_ceil(pieces(images, PIECE / image.max(1))).max(1);
            let (a, b, out) =
                (Pieces::new(a, size * inner), Pieces::new(b, size * inner), Pieces::new(out, size * image));
            return share(a.len(), &|i| {
                let (a, b) = (a.take(i), b.take(i));
                let mut out = wanted.then(|| out.take(i).chunks_exact_mut(image));
                for (k, (a, b)) in a.chunks_exact_mut(inner).zip(b.chunks_exact_mut(inner)).enumerate() {
                    let out = out.as_mut().and_then(Iterator::next);
                    let out = out.map(|out| Block::whole(out, [self.classes, inner]));
                    job(Part { column: (i * size + k) * inner, a, b, out });
                }
            });
        }
        for i in 0..images {
            let size = inner.div_ceil(pieces(inner, PIECE / self.classes)).max(1);
            let a = Pieces::new(&mut a[i * inner..][..inner], size);
            let b = Pieces::new(&mut b[i * inner..][..inner], size);
            let out = wanted.then(|| {
                Blocks::new(&mut out[i * image..][..image], [self.classes, inner], [self.classes, size])
            });
            share(a.len(), &|part| {
                let out = out.as_ref().map(|out| out.take(part).1);
                job(Part { column: i * inner + part * size, a: a.take(part), b: b.take(part), out });
            });
        }
    }

    /// Runs `job` over strips of a part: its room, and where the strip begins in the part and among all columns, and how many
    /// columns it has.
    fn strips<T: Float>(
        self,
        len: usize,
        column: usize,
        mut job: impl FnMut(&mut Room<T>, usize, usize, usize),
    ) {
        let most = (STRIP / self.classes).next_multiple_of(16).clamp(16, 2048).min(len.max(1));
        let mut room = Room::new(most);
        for start in (0..len).step_by(most) {
            job(&mut room, start, column + start, most.min(len - start));
        }
    }

    /// Puts the shift of each column of a strip into the room, and the sum of its exponentials, which are written to planes of
    /// `out` from a column on, if they are wanted.
    fn exponentials<T: Float>(
        self,
        x: &[T],
        [column, len]: [usize; 2],
        room: &mut Room<T>,
        mut out: Option<(&mut Block<'_, T>, usize)>,
    ) {
        let (shifts, sums) = (&mut room.shifts[..len], &mut room.sums[..len]);
        shifts.fill(T::from_f64(f64::NEG_INFINITY));
        for c in 0..self.classes {
            reduce::extreme_rows(true, self.plane(x, c, column, len), shifts);
        }
        shifts.iter_mut().for_each(|x| *x = shift(*x));
        sums.fill(0.0);
        for c in 0..self.classes {
            let plane = match &mut out {
                Some((out, start)) => &mut out.row(c)[*start..][..len],
                None => &mut room.plane[..len],
            };
            zip(ExpShifted, Arg::Slice(self.plane(x, c, column, len)), Arg::Slice(shifts), plane);
            reduce::add_rows(Itself, plane, None, sums);
        }
    }

    /// What belongs to a class of columns side by side.
    fn plane<T>(self, x: &[T], class: usize, column: usize, len: usize) -> &[T] {
        let (image, place) = (column / self.inner, column % self.inner);
        &x[(image * self.classes + class) * self.inner + place..][..len]
    }
}

impl<T: Float> Labels<'_, T> {
    fn grid(&self) -> Grid {
        Grid { classes: self.classes, inner: self.inner, columns: self.labels.len() }
    }

    /// Writes losses; normalisers, if they are wanted; and the gradient of the logits where that of each loss is `grad`, unless
    /// `out` is empty.
    pub(super) fn losses_of_planes(
        &self,
        x: &[T],
        grad: f64,
        losses: &mut [f64],
        normalizers: Option<&mut [Normalizer]>,
        out: &mut [T],
    ) {
        match normalizers {
            Some(normalizers) => self.losses_of_parts(x, grad, losses, normalizers, out, all),
            // As many of nothing.
            None => self.losses_of_parts(x, grad, losses, &mut vec![(); self.labels.len()], out, |_| None),
        }
    }

    fn losses_of_parts<B: Send>(
        &self,
        x: &[T],
        grad: f64,
        losses: &mut [f64],
        kept: &mut [B],
        out: &mut [T],
        keep: impl Fn(&mut B) -> Option<&mut Normalizer> + Sync,
    ) {
        let total = self.total_weight();
        self.grid().parts(losses, kept, out, &|mut part| {
            self.grid().strips(part.a.len(), part.column, |room, start, column, len| {
                let labels = &self.labels[column..][..len];
                let (losses, kept) = (&mut part.a[start..][..len], &mut part.b[start..][..len]);
                let mut out = part.out.as_mut();
                let planes = out.as_deref_mut().map(|out| (out, start));
                self.grid().exponentials(x, [column, len], room, planes);
                let (shifts, sums) = (&room.shifts[..len], &room.sums[..len]);
                map(Ln, sums, &mut room.wide[..len]);
                let normalizers = &mut room.normalizers[..len];
                for (j, normalizer) in
                    normalizers.iter_mut().enumerate().filter(|(j, _)| labels[*j] != self.ignored)
                {
                    *normalizer = Normalizer { shift: shifts[j].to_f64(), log: room.wide[j] };
                    if let Some(kept) = keep(&mut kept[j]) {
                        *kept = *normalizer;
                    }
                }
                let normalizers = &*normalizers;
                let surprise = self.surprises(x, column, normalizers);
                for (j, loss) in losses.iter_mut().enumerate() {
                    let Some(y) = self.class(labels[j]) else { continue };
                    let label = self.grid().plane(x, y, column, len)[j];
                    *loss = self.of_label(label, y, normalizers[j])
                        + surprise.get(j).map_or(0.0, |s| s * self.smoothing.share);
                }
                if let Some(out) = out {
                    let pulled = |j: usize, y: usize, e: T| {
                        let Pulled { a, b, label } = self.pulled(grad, y, total, Share::of_sum(e, sums[j]));
                        Pulled { a: a / sums[j], b, label }
                    };
                    self.finish(out, labels, start, &mut room.scales[..len], &mut room.shares[..len], pulled);
                }
            });
        });
    }

    /// `−Σ w·ln p` of each column, or nothing without smoothing.
    fn surprises(&self, x: &[T], column: usize, normalizers: &[Normalizer]) -> Vec<f64> {
        if self.smoothing.share == 0.0 {
            return Vec::new();
        }
        let mut sums = vec![0.0; normalizers.len()];
        for c in (0..self.classes).filter(|&c| self.weight(c) != 0.0) {
            let plane = self.grid().plane(x, c, column, sums.len());
            for ((sum, &x), normalizer) in sums.iter_mut().zip(plane).zip(normalizers) {
                *sum -= self.weight(c) * normalizer.log_softmax(x);
            }
        }
        sums
    }

    /// Turns planes of exponentials into those of the gradient: `a·e − b·w`, that of the label, and zeros where nothing counts.
    fn finish(
        &self,
        out: &mut Block<'_, T>,
        labels: &[i64],
        start: usize,
        scales: &mut [T],
        shares: &mut [T],
        pulled: impl Fn(usize, usize, T) -> Pulled<T>,
    ) {
        let mut numbers: Vec<Option<(usize, T)>> = Vec::with_capacity(labels.len());
        for (j, &label) in labels.iter().enumerate() {
            let of_label = self.class(label).map(|y| (y, pulled(j, y, out.row(y)[start + j])));
            let (a, b) = of_label.as_ref().map_or((0.0, 0.0), |(_, pulled)| (pulled.a, pulled.b));
            (scales[j], shares[j]) = (T::from_f64(a), T::from_f64(b));
            numbers.push(of_label.map(|(y, pulled)| (y, pulled.label)));
        }
        let (scales, shares) = (&*scales, &*shares);
        for c in 0..self.classes {
            let plane = &mut out.row(c)[start..][..labels.len()];
            if self.smoothing.share == 0.0 {
                vectorize!(plane.iter_mut().zip(scales).for_each(|(e, &a)| *e = *e * a));
            } else {
                let w = T::from_f64(self.weight(c));
                vectorize!({
                    let each = plane.iter_mut().zip(scales).zip(shares);
                    each.for_each(|((e, &a), &b)| *e = *e * a - b * w);
                });
            }
        }
        for (j, number) in numbers.into_iter().enumerate() {
            match number {
                Some((y, label)) => out.row(y)[start + j] = label,
                None => (0..self.classes).for_each(|c| out.row(c)[start + j] = T::default()),
            }
        }
    }

    /// Writes the gradient of the logits, from that of each column's loss, or of all alike if there is one number only.
    pub(super) fn gradient_of_planes(&self, x: &[T], normalizers: &[Normalizer], grads: &[T], out: &mut [T]) {
        let total = self.total_weight();
        let (mut a, mut b) = (vec![(); self.labels.len()], vec![(); self.labels.len()]);
        self.grid().parts(&mut a, &mut b, out, &|mut part| {
            let Some(mut out) = part.out.take() else { return };
            self.grid().strips(part.a.len(), part.column, |room, start, column, len| {
                let (labels, normalizers) = (&self.labels[column..][..len], &normalizers[column..][..len]);
                for (j, normalizer) in normalizers.iter().enumerate() {
                    room.shifts[j] = T::from_f64(normalizer.shift);
                    room.logs[j] = T::from_f64(normalizer.log);
                }
                let (shifts, logs) = (Arg::Slice(&room.shifts[..len]), Arg::Slice(&room.logs[..len]));
                for c in 0..self.classes {
                    let plane = &mut out.row(c)[start..][..len];
                    zip3(Probability, Arg::Slice(self.grid().plane(x, c, column, len)), shifts, logs, plane);
                }
                let pulled = |j: usize, y: usize, _| {
                    let label = self.grid().plane(x, y, column, len)[j];
                    let share = Share::of_log(normalizers[j].log_softmax(label));
                    self.pulled(of_row(grads, column + j), y, total, share)
                };
                self.finish(
                    &mut out,
                    labels,
                    start,
                    &mut room.scales[..len],
                    &mut room.shares[..len],
                    pulled,
                );
            });
        });
    }
}

/// `w·q` for the weight of one class.
#[derive(Clone, Copy)]
struct Expected {
    smoothing: Smoothing,
    weight: f64,
}
impl Map2 for Expected {
    #[inline(always)]
    fn call<R: Real>(self, t: R, _: R) -> R {
        self.smoothing.of(t) * self.weight
    }
}

/// `−w·q·ln p`, and 0 where nothing is expected, whatever the logit.
#[derive(Clone, Copy)]
struct Surprised(Expected);
impl Map2 for Surprised {
    #[inline(always)]
    fn call<R: Real>(self, t: R, log: R) -> R {
        weigh(self.0.call(t.clone(), t), -log)
    }
}

impl<T: Float> Probabilities<'_, T> {
    fn grid(&self) -> Grid {
        let columns = self.targets.len() / self.classes.max(1);
        Grid { classes: self.classes, inner: self.inner, columns }
    }

    fn expected(&self, class: usize) -> Expected {
        Expected { smoothing: self.smoothing, weight: self.weights.map_or(1.0, |w| w[class].to_f64()) }
    }

    /// The shift and the logarithm of the sum of each column of a strip.
    fn normalize(&self, x: &[T], column: usize, len: usize, room: &mut Room<T>) {
        self.grid().exponentials(x, [column, len], room, None);
        map(Ln, &room.sums[..len], &mut room.wide[..len]);
        room.logs.iter_mut().zip(&room.wide[..len]).for_each(|(log, &wide)| *log = T::from_f64(wide));
    }

    /// Writes the loss of each column.
    pub(super) fn losses_of_planes(&self, x: &[T], losses: &mut [f64]) {
        let grid = self.grid();
        grid.parts(losses, &mut vec![(); grid.columns], &mut [], &|part: Part<'_, f64, (), T>| {
            grid.strips(part.a.len(), part.column, |room: &mut Room<T>, start, column, len| {
                self.normalize(x, column, len, room);
                let losses = &mut part.a[start..][..len];
                losses.fill(0.0);
                let (plane, other) = (&mut room.plane[..len], &mut room.scales[..len]);
                let (shifts, logs) = (Arg::Slice(&room.shifts[..len]), Arg::Slice(&room.logs[..len]));
                for c in 0..self.classes {
                    zip3(Below, Arg::Slice(grid.plane(x, c, column, len)), shifts, logs, plane);
                    let t = Arg::Slice(grid.plane(self.targets, c, column, len));
                    zip(Surprised(self.expected(c)), t, Arg::Slice(plane), other);
                    reduce::add_rows(Itself, other, None, losses);
                }
            });
        });
    }

    /// Writes the gradient of the logits, from that of each column's loss, or of all alike if there is one number only.
    pub(super) fn gradient_of_planes(&self, x: &[T], grads: &[T], out: &mut [T]) {
        let grid = self.grid();
        let (mut a, mut b) = (vec![(); grid.columns], vec![(); grid.columns]);
        grid.parts(&mut a, &mut b, out, &|mut part| {
            let Some(mut out) = part.out.take() else { return };
            grid.strips(part.a.len(), part.column, |room: &mut Room<T>, start, column, len| {
                self.normalize(x, column, len, room);
                let (plane, sums) = (&mut room.plane[..len], &mut room.sums[..len]);
                sums.fill(0.0);
                for c in 0..self.classes {
                    let t = Arg::Slice(grid.plane(self.targets, c, column, len));
                    zip(self.expected(c), t, t, plane);
                    reduce::add_rows(Itself, plane, None, sums);
                }
                for (j, sum) in sums.iter().enumerate() {
                    room.scales[j] = T::from_f64(*sum);
                    room.shares[j] = T::from_f64(of_row(grads, column + j));
                }
                let (shifts, logs) = (Arg::Slice(&room.shifts[..len]), Arg::Slice(&room.logs[..len]));
                let (scales, grads) = (&room.scales[..len], &room.shares[..len]);
                for c in 0..self.classes {
                    let row = &mut out.row(c)[start..][..len];
                    zip3(Probability, Arg::Slice(grid.plane(x, c, column, len)), shifts, logs, row);
                    let t = Arg::Slice(grid.plane(self.targets, c, column, len));
                    zip(self.expected(c), t, t, plane);
                    let expected = &*plane;
                    vectorize!({
                        let each = row.iter_mut().zip(expected).zip(scales).zip(grads);
                        each.for_each(|(((p, &q), &sum), &grad)| *p = (*p * sum - q) * grad);
                    });
                }
            });
        });
    }

    /// As [`not_one`](Self::not_one).
    pub(super) fn not_one_of_planes(&self, slack: f64) -> Option<(usize, f64)> {
        let grid = self.grid();
        let mut found = None;
        for column in (0..grid.columns).step_by(grid.inner.max(1)) {
            grid.strips(grid.inner, column, |room: &mut Room<T>, _, column, len| {
                if found.is_some() {
                    return;
                }
                let sums = &mut room.sums[..len];
                sums.fill(0.0);
                for c in 0..self.classes {
                    reduce::add_rows(Itself, grid.plane(self.targets, c, column, len), None, sums);
                }
                found = first_not_one(sums.iter().copied(), slack).map(|(j, sum)| (column + j, sum));
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::Smoothing;
    use super::*;

    /// Planes give what the same distributions give as rows.
    #[test]
    fn planes_are_rows() {
        let inf = f64::INFINITY;
        for (images, classes, inner) in
            [(1, 3, 5), (2, 21, 700), (9, 2, 4), (1, 1, 3), (3, 1000, 40), (1, 4, 6000)]
        {
            let n = images * classes * inner;
            let mut x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin() * 9.0).collect();
            if n > 40 {
                (x[3], x[17], x[n - 2]) = (inf, -inf, f64::NAN);
            }
            let mut rows = vec![0.0; n];
            for (i, &x) in x.iter().enumerate() {
                let (image, c, place) = (i / inner / classes, i / inner % classes, i % inner);
                rows[(image * inner + place) * classes + c] = x;
            }
            let labels: Vec<_> =
                (0..images * inner).map(|i| if i % 7 == 3 { -9 } else { (i * 5 % classes) as i64 }).collect();
            let weights: Vec<f64> = (0..classes).map(|c| c as f64 % 3.0).collect();
            for (epsilon, weights) in
                [(0.0, None), (0.25, None), (0.0, Some(&weights[..])), (0.25, Some(&weights[..]))]
            {
                let run = |inner: usize, x: &[f64]| {
                    let smoothing = Smoothing::new(epsilon, classes);
                    let kernel = Labels { labels: &labels, ignored: -9, classes, inner, weights, smoothing };
                    let mut losses = vec![0.0; labels.len()];
                    let mut again = losses.clone();
                    let mut normalizers = vec![Normalizer::default(); labels.len()];
                    let (mut out, mut other) = (vec![5.0; n], vec![5.0; n]);
                    kernel.losses(x, &mut again, &mut normalizers);
                    kernel.losses_and_gradient(x, 0.5, &mut losses, &mut out);
                    assert!(
                        losses.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()),
                        "{losses:?}, {again:?}"
                    );
                    let grads: Vec<f64> = (0..labels.len()).map(|i| i as f64 % 4.0).collect();
                    kernel.gradient(x, &normalizers, &grads, &mut other);
                    (losses, out, other)
                };
                let (expected, found) = (run(1, &rows), run(inner, &x));
                let place = |i: usize| {
                    let (image, c, place) = (i / inner / classes, i / inner % classes, i % inner);
                    (image * inner + place) * classes + c
                };
                let same = |a: f64, b: f64| {
                    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-13 * (1.0 + b.abs())
                };
                for (i, (&a, &b)) in found.0.iter().zip(&expected.0).enumerate() {
                    assert!(
                        same(a, b),
                        "loss {i}: {a}, as rows {b} ({images}, {classes}, {inner}, ε = {epsilon})"
                    );
                }
                for i in 0..n {
                    for (found, expected) in [(&found.1, &expected.1), (&found.2, &expected.2)] {
                        let (a, b) = (found[i], expected[place(i)]);
                        assert!(
                            same(a, b),
                            "gradient {i}: {a}, as rows {b} ({images}, {classes}, {inner}, ε = {epsilon})"
                        );
                    }
                }
            }
        }
    }

    /// As [`planes_are_rows`], of class probabilities.
    #[test]
    fn planes_of_probabilities_are_rows() {
        let inf = f64::INFINITY;
        for (images, classes, inner) in [(1, 3, 5), (2, 21, 700), (9, 2, 4), (3, 1, 3), (1, 4, 6000)] {
            let (n, columns) = (images * classes * inner, images * inner);
            let place = |i: usize| {
                let (image, c, place) = (i / inner / classes, i / inner % classes, i % inner);
                (image * inner + place) * classes + c
            };
            let as_rows = |x: &[f64]| {
                let mut rows = vec![0.0; n];
                x.iter().enumerate().for_each(|(i, &x)| rows[place(i)] = x);
                rows
            };
            let mut x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin() * 9.0).collect();
            // Two thirds for a class, and the rest for the next one: nothing under most infinities.
            let share =
                |i: usize| match (i / inner % classes + classes - place(i) / classes % classes) % classes {
                    0 if classes == 1 => 1.0,
                    0 => 0.625,
                    1 => 0.375,
                    _ => 0.0,
                };
            let t: Vec<f64> = (0..n).map(share).collect();
            if n > 40 {
                (x[3], x[17], x[n - 2]) = (inf, -inf, f64::NAN);
            }
            let weights: Vec<f64> = (0..classes).map(|c| c as f64 % 3.0).collect();
            for (epsilon, weights) in
                [(0.0, None), (0.25, None), (0.0, Some(&weights[..])), (0.25, Some(&weights[..]))]
            {
                let run = |inner: usize, x: &[f64], targets: &[f64]| {
                    let smoothing = Smoothing::new(epsilon, classes);
                    let kernel = Probabilities { targets, classes, inner, weights, smoothing };
                    assert_eq!(kernel.not_one(1e-3), None);
                    let (mut losses, mut one, mut each) = (vec![5.0; columns], vec![5.0; n], vec![5.0; n]);
                    kernel.losses(x, &mut losses);
                    kernel.gradient(x, &[0.5], &mut one);
                    let grads: Vec<f64> = (0..columns).map(|i| i as f64 % 4.0).collect();
                    kernel.gradient(x, &grads, &mut each);
                    [losses, one, each]
                };
                let [losses, one, each] = run(inner, &x, &t);
                let found = [losses, as_rows(&one), as_rows(&each)];
                let expected = run(1, &as_rows(&x), &as_rows(&t));
                for (i, (a, b)) in found.iter().flatten().zip(expected.iter().flatten()).enumerate() {
                    let same = a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-13 * (1.0 + b.abs());
                    assert!(same, "{i}: {a}, as rows {b} ({images}, {classes}, {inner}, ε = {epsilon})");
                }
            }
            let mut wrong = t;
            wrong[(images - 1) * classes * inner + inner - 1] += 0.5;
            let smoothing = Smoothing::new(0.0, classes);
            let kernel = Probabilities { targets: &wrong, classes, inner, weights: None, smoothing };
            assert_eq!(kernel.not_one(1e-3).map(|(row, _)| row), Some(columns - 1));
        }
    }
}
