//! Cross-entropy of rows of logits, with class indices and with class probabilities: losses and gradients in one pass
//! over the rows.
//!
//! With smoothing ε the expected probabilities are `q = (1 − ε)·t + ε/C`; the loss of a row is `−Σ w·q·ln softmax(x)`,
//! its gradient `A·softmax(x) − w·q` with `A = Σ w·q`.

mod planes;

use crate::map::{Arg, Map2, Map3, PIECE, vectorize, zip, zip3};
use crate::real::{Float, Real};
use crate::reduce;
use crate::softmax::{Normalizer, SHORT, ShortRows, below, spread};
use crate::spread::{STRIP, room};
use crate::threads::{Pieces, pieces, share, share_out};

/// What is expected, from the target: `q = keep·t + share`.
#[derive(Clone, Copy, Debug)]
pub struct Smoothing {
    /// What the target keeps: `1 − ε`.
    pub keep: f64,
    /// What every class gets: `ε/C`.
    pub share: f64,
}

impl Smoothing {
    /// `ε` shared out among `classes`.
    pub fn new(epsilon: f64, classes: usize) -> Self {
        Smoothing { keep: 1.0 - epsilon, share: epsilon / classes as f64 }
    }

    /// `q`
    #[inline(always)]
    pub fn of<R: Real>(self, t: R) -> R {
        t * self.keep + self.share
    }
}

/// `w·v`, and 0 for no weight at all, where `v` may be infinite.
#[inline(always)]
fn weigh<R: Real>(w: R, v: R) -> R {
    R::select(w.clone().eq_scalar(0.0), w.constant(0.0), w * v)
}

/// `−w·share·ln p`: already shared out, since the sum over the classes may leave the range of the type.
#[derive(Clone, Copy)]
struct Surprise {
    normalizer: Normalizer,
    share: f64,
}
impl Map2 for Surprise {
    #[inline(always)]
    fn call<R: Real>(self, x: R, w: R) -> R {
        let shift = x.constant(self.normalizer.shift);
        weigh(w, -(below(x, shift) - self.normalizer.log) * self.share)
    }
}

/// `a·p − b·w`
#[derive(Clone, Copy)]
struct Pull {
    normalizer: Normalizer,
    a: f64,
    b: f64,
}
impl Map2 for Pull {
    #[inline(always)]
    fn call<R: Real>(self, x: R, w: R) -> R {
        let shift = x.constant(self.normalizer.shift);
        (below(x, shift) - self.normalizer.log).exp() * self.a - w * self.b
    }
}

/// The probability of a label, and what it lacks to one, as `p − 1` with all its digits where p is close to one.
#[derive(Clone, Copy)]
struct Share {
    p: f64,
    rest: f64,
}

impl Share {
    /// Of a logarithm.
    fn of_log(log: f64) -> Self {
        Share { p: log.exp(), rest: log.exp_m1() }
    }

    /// Of an exponential among others of which this is the sum.
    fn of_sum<T: Float>(e: T, sum: f64) -> Self {
        let e = e.to_f64();
        Share { p: e / sum, rest: (e - sum) / sum }
    }
}

/// The gradient of a row: `a·p − b·w`, and that of the label.
struct Pulled<T> {
    a: f64,
    b: f64,
    label: T,
}

/// Class indices: the label of each row, and how the classes are weighed.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a, T> {
    /// One per row, below `classes`, or `ignored`.
    pub labels: &'a [i64],
    /// The label of rows that count nothing.
    pub ignored: i64,
    /// The length of a row.
    pub classes: usize,
    /// From one logit of a distribution to the next: 1, or the size of a plane of logits `(N, C, d₁, …)`.
    pub inner: usize,
    /// One weight per class.
    pub weights: Option<&'a [T]>,
    /// How the label is smoothed.
    pub smoothing: Smoothing,
}

impl<T: Float> Labels<'_, T> {
    /// A label as the index of a class, if it counts.
    #[inline]
    fn class(&self, label: i64) -> Option<usize> {
        (label != self.ignored).then_some(label as usize)
    }

    fn weight(&self, y: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[y].to_f64())
    }

    fn total_weight(&self) -> f64 {
        self.weights.map_or(self.classes as f64, |w| reduce::sum(w).to_f64())
    }

    /// The sum of the labels' weights.
    pub fn denominator(&self) -> f64 {
        self.labels.iter().filter_map(|&y| self.class(y)).map(|y| self.weight(y)).sum()
    }

    /// Writes the loss and the normaliser of each row that counts.
    pub fn losses(&self, x: &[T], losses: &mut [f64], normalizers: &mut [Normalizer]) {
        if self.inner > 1 {
            return self.losses_of_planes(x, 1.0, losses, Some(normalizers), &mut []);
        }
        let (columns, rows) = (self.classes.max(1), self.labels.len());
        let size = rows.div_ceil(pieces(rows, PIECE / columns)).max(1);
        let (losses, normalizers) = (Pieces::new(losses, size), Pieces::new(normalizers, size));
        share(losses.len(), &|i| {
            let (losses, normalizers) = (losses.take(i), normalizers.take(i));
            let rows = x[i * size * columns..].chunks_exact(columns).zip(&self.labels[i * size..]);
            for ((row, y), (loss, normalizer)) in rows.zip(losses.iter_mut().zip(normalizers)) {
                if let Some(y) = self.class(*y) {
                    *normalizer = Normalizer::of(row);
                    *loss = self.loss(row, y, *normalizer);
                }
            }
        });
    }

    /// As [`losses`](Self::losses), and in the same pass the gradient of the logits where that of each loss is `grad`.
    pub fn losses_and_gradient(&self, x: &[T], grad: f64, losses: &mut [f64], out: &mut [T]) {
        if self.inner > 1 {
            return self.losses_of_planes(x, grad, losses, None, out);
        }
        let (columns, rows, total) = (self.classes.max(1), self.labels.len(), self.total_weight());
        let size = rows.div_ceil(pieces(rows, PIECE / columns)).max(1);
        let (losses, out) = (Pieces::new(losses, size), Pieces::new(out, size * columns));
        share(losses.len(), &|i| {
            let (losses, out) = (losses.take(i), out.take(i));
            let (x, labels) = (&x[i * size * columns..], &self.labels[i * size..]);
            if columns <= SHORT && (self.weights.is_none() || self.smoothing.share == 0.0) {
                return self.short_rows(x, labels, grad, total, losses, out);
            }
            let rows = x.chunks_exact(columns).zip(labels);
            let each = losses.iter_mut().zip(out.chunks_exact_mut(columns));
            for ((row, y), (loss, out)) in rows.zip(each) {
                let Some(y) = self.class(*y) else {
                    out.fill(T::default());
                    continue;
                };
                let (normalizer, sum) = Normalizer::with_exponentials(row, out);
                *loss = self.loss(row, y, normalizer);
                let Pulled { a, b, label } = self.pulled(grad, y, total, Share::of_sum(out[y], sum));
                let (a, b) = (T::from_f64(a / sum), T::from_f64(b));
                let row = &mut *out;
                match self.weights.filter(|_| b != T::default()) {
                    Some(w) => vectorize!({
                        row.iter_mut().zip(w).for_each(|(e, &w)| *e = *e * a - w * b);
                    }),
                    None => vectorize!(row.iter_mut().for_each(|e| *e = *e * a - b)),
                }
                out[y] = label;
            }
        });
    }

    /// As [`losses_and_gradient`](Self::losses_and_gradient), of rows of which several are taken at a time.
    fn short_rows(&self, x: &[T], labels: &[i64], grad: f64, total: f64, losses: &mut [f64], out: &mut [T]) {
        let columns = self.classes;
        let mut rows = ShortRows::new(columns);
        let (mut scales, mut pulls) = ([T::default(); STRIP], [T::default(); STRIP]);
        let count = rows.count();
        let each = losses.chunks_mut(count).zip(out.chunks_mut(count * columns));
        for ((x, labels), (losses, out)) in x.chunks(count * columns).zip(labels.chunks(count)).zip(each) {
            let x = &x[..out.len()];
            rows.exponentials(x, out);
            rows.take_logarithms(losses.len());
            for (row, (&label, loss)) in labels.iter().zip(&mut *losses).enumerate() {
                let Some(y) = self.class(label) else { continue };
                *loss = self.loss(&x[row * columns..][..columns], y, rows.normalizer(row));
                let sum = rows.sum(row);
                let share = Share::of_sum(out[row * columns + y], sum);
                let Pulled { a, label, .. } = self.pulled(grad, y, total, share);
                (scales[row], pulls[row]) = (T::from_f64(a / sum), label);
            }
            let b = T::from_f64(grad * self.smoothing.share);
            let mut room = room();
            let (each, scales) = (&mut *out, spread(&scales[..losses.len()], columns, &mut room));
            vectorize!(each.iter_mut().zip(scales).for_each(|(e, &a)| *e = *e * a - b));
            for (row, (label, out)) in labels.iter().zip(out.chunks_exact_mut(columns)).enumerate() {
                match self.class(*label) {
                    Some(y) => out[y] = pulls[row],
                    None => out.fill(T::default()),
                }
            }
        }
    }

    /// What the gradient of a row is made of, from that of its loss and the share of its label.
    fn pulled(&self, g: f64, y: usize, total: f64, label: Share) -> Pulled<T> {
        let Smoothing { keep, share } = self.smoothing;
        let w = self.weight(y);
        let smoothed = if share == 0.0 { 0.0 } else { share * (total * label.p - w) };
        let label = T::from_f64(g * (keep * w * label.rest + smoothed));
        Pulled { a: g * (keep * w + share * total), b: g * share, label }
    }

    fn loss(&self, row: &[T], y: usize, normalizer: Normalizer) -> f64 {
        let mut loss = self.of_label(row[y], y, normalizer);
        let share = self.smoothing.share;
        if share > 0.0 {
            let surprise = Surprise { normalizer, share };
            loss += reduce::zip_sum(surprise, row.len(), Arg::Slice(row), self.arg()).to_f64();
        }
        loss
    }

    /// The label's part of the loss.
    fn of_label(&self, label: T, y: usize, normalizer: Normalizer) -> f64 {
        let w = self.weight(y);
        if w == 0.0 { 0.0 } else { -self.smoothing.keep * w * normalizer.log_softmax(label) }
    }

    fn arg(&self) -> Arg<'_, T> {
        self.weights.map_or(Arg::Scalar(T::from_f64(1.0)), Arg::Slice)
    }

    /// Writes the gradient of the logits, from that of each row's loss, or of all alike if there is one number only.
    pub fn gradient(&self, x: &[T], normalizers: &[Normalizer], grads: &[T], out: &mut [T]) {
        if self.inner > 1 {
            return self.gradient_of_planes(x, normalizers, grads, out);
        }
        let (columns, total) = (self.classes.max(1), self.total_weight());
        share_out(out, columns, PIECE, &|start, out| {
            for (row, out) in (start / columns..).zip(out.chunks_exact_mut(columns)) {
                let Some(y) = self.class(self.labels[row]) else {
                    out.fill(T::default());
                    continue;
                };
                let (x, normalizer) = (&x[row * columns..][..columns], normalizers[row]);
                let share = Share::of_log(normalizer.log_softmax(x[y]));
                let Pulled { a, b, label } = self.pulled(of_row(grads, row), y, total, share);
                zip(Pull { normalizer, a, b }, Arg::Slice(x), self.arg(), out);
                out[y] = label;
            }
        });
    }

    /// Writes `scale·w·q` of each row, and its sum; zeros where nothing counts, whatever the scale.
    pub fn expected(&self, scale: f64, out: &mut [T], sums: &mut [T]) {
        let Smoothing { keep, share } =
            Smoothing { keep: scale * self.smoothing.keep, share: scale * self.smoothing.share };
        let total = self.total_weight();
        for (i, (&y, sum)) in self.labels.iter().zip(sums).enumerate() {
            let Some(y) = self.class(y) else { continue };
            let first = i / self.inner * self.classes * self.inner + i % self.inner;
            for (c, out) in out[first..].iter_mut().step_by(self.inner).take(self.classes).enumerate() {
                *out = T::from_f64(self.weight(c) * (if c == y { keep } else { 0.0 } + share));
            }
            *sum = T::from_f64(keep * self.weight(y) + share * total);
        }
    }
}

/// The number of row `i`, or the one that all share.
fn of_row<T: Float>(grads: &[T], i: usize) -> f64 {
    if let [all] = grads { *all } else { grads[i] }.to_f64()
}

/// `w·q`
#[derive(Clone, Copy)]
struct Weighed(Smoothing);
impl Map2 for Weighed {
    #[inline(always)]
    fn call<R: Real>(self, t: R, w: R) -> R {
        self.0.of(t) * w
    }
}

/// `−w·q·ln p`, and 0 where nothing is expected, whatever the logit.
#[derive(Clone, Copy)]
struct ExpectedSurprise {
    normalizer: Normalizer,
    smoothing: Smoothing,
}
impl Map3 for ExpectedSurprise {
    #[inline(always)]
    fn call<R: Real>(self, x: R, t: R, w: R) -> R {
        let shift = x.constant(self.normalizer.shift);
        weigh(self.smoothing.of(t) * w, -(below(x, shift) - self.normalizer.log))
    }
}

/// `∂l·(A·p − w·q)`
#[derive(Clone, Copy)]
struct ExpectedPull {
    normalizer: Normalizer,
    smoothing: Smoothing,
    sum: f64,
    grad: f64,
}
impl Map3 for ExpectedPull {
    #[inline(always)]
    fn call<R: Real>(self, x: R, t: R, w: R) -> R {
        let shift = x.constant(self.normalizer.shift);
        let p = (below(x, shift) - self.normalizer.log).exp();
        (p * self.sum - self.smoothing.of(t) * w) * self.grad
    }
}

/// The first sum that is not one within `slack`.
fn first_not_one(sums: impl Iterator<Item = f64>, slack: f64) -> Option<(usize, f64)> {
    sums.enumerate().find(|(_, sum)| (sum - 1.0).abs() > slack)
}

/// Class probabilities: as many as there are logits.
#[derive(Clone, Copy, Debug)]
pub struct Probabilities<'a, T> {
    /// The probabilities.
    pub targets: &'a [T],
    /// The length of a row.
    pub classes: usize,
    /// As that of [`Labels`], of the logits and of the probabilities.
    pub inner: usize,
    /// One weight per class.
    pub weights: Option<&'a [T]>,
    /// How the target is smoothed.
    pub smoothing: Smoothing,
}

impl<T: Float> Probabilities<'_, T> {
    fn arg(&self) -> Arg<'_, T> {
        self.weights.map_or(Arg::Scalar(T::from_f64(1.0)), Arg::Slice)
    }

    /// The first row whose probabilities do not sum to one within `slack`, and their sum.
    pub fn not_one(&self, slack: f64) -> Option<(usize, f64)> {
        if self.inner > 1 {
            return self.not_one_of_planes(slack);
        }
        let rows = self.targets.chunks_exact(self.classes.max(1));
        first_not_one(rows.map(|row| reduce::sum(row).to_f64()), slack)
    }

    /// Writes the loss of each row.
    pub fn losses(&self, x: &[T], losses: &mut [f64]) {
        if self.inner > 1 {
            return self.losses_of_planes(x, losses);
        }
        let columns = self.classes.max(1);
        share_out(losses, 1, PIECE / columns, &|start, losses| {
            for (row, loss) in (start..).zip(losses) {
                let [x, t] = [x, self.targets].map(|rows| &rows[row * columns..][..columns]);
                let surprise = ExpectedSurprise { normalizer: Normalizer::of(x), smoothing: self.smoothing };
                *loss =
                    reduce::zip3_sum(surprise, columns, Arg::Slice(x), Arg::Slice(t), self.arg()).to_f64();
            }
        });
    }

    /// Writes the gradient of the logits, from that of each row's loss, or of all alike if there is one number only.
    pub fn gradient(&self, x: &[T], grads: &[T], out: &mut [T]) {
        if self.inner > 1 {
            return self.gradient_of_planes(x, grads, out);
        }
        let (columns, smoothing) = (self.classes.max(1), self.smoothing);
        share_out(out, columns, PIECE, &|start, out| {
            for (row, out) in (start / columns..).zip(out.chunks_exact_mut(columns)) {
                let [x, t] = [x, self.targets].map(|rows| &rows[row * columns..][..columns]);
                let sum = reduce::zip_sum(Weighed(smoothing), columns, Arg::Slice(t), self.arg()).to_f64();
                let (normalizer, grad) = (Normalizer::of(x), of_row(grads, row));
                zip3(
                    ExpectedPull { normalizer, smoothing, sum, grad },
                    Arg::Slice(x),
                    Arg::Slice(t),
                    self.arg(),
                    out,
                );
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of rows of all lengths, with labels far in front and far behind, infinities and NaN: the losses of both passes are the
    /// same, and the gradient that is made of exponentials is that of the logarithms, `p − 1` to its last digits.
    #[test]
    fn one_pass_gives_what_two_give() {
        for (rows, classes) in [(1, 1), (9, 2), (31, 7), (64, 10), (5, 64), (3, 65), (7, 1001), (2, 33_000)] {
            let mut x: Vec<f32> =
                (0..rows * classes).map(|i| ((i * 37) % 101) as f32 * 0.25 - 12.0).collect();
            let labels: Vec<_> =
                (0..rows).map(|i| if i % 5 == 4 { -1 } else { (i * 3 % classes) as i64 }).collect();
            // A label that is nearly certain; one that takes everything; nothing at all; NaN.
            x[labels[0] as usize] = 60.0;
            if rows > 8 {
                x[classes + labels[1] as usize] = f32::INFINITY;
                x[2 * classes..3 * classes].fill(f32::NEG_INFINITY);
                x[3 * classes] = f32::NAN;
            }
            let weights: Vec<f32> = (0..classes).map(|c| (c % 3) as f32 * 0.5 + 0.5).collect();
            for (epsilon, weights) in [(0.0, None), (0.0, Some(&weights[..])), (0.125, Some(&weights[..]))] {
                let smoothing = Smoothing::new(epsilon, classes);
                let kernel = Labels { labels: &labels, ignored: -1, classes, inner: 1, weights, smoothing };
                let (mut one, mut two) = (vec![0.0; rows], vec![0.0; rows]);
                let (mut fused, mut plain) = (vec![9.0; x.len()], vec![9.0; x.len()]);
                let mut normalizers = vec![Normalizer::default(); rows];
                kernel.losses_and_gradient(&x, 0.5, &mut one, &mut fused);
                kernel.losses(&x, &mut two, &mut normalizers);
                kernel.gradient(&x, &normalizers, &[0.5], &mut plain);
                assert!(
                    one.iter().zip(&two).all(|(a, b)| a == b || a.is_nan() && b.is_nan()),
                    "{one:?} {two:?}"
                );
                for (i, (&a, &b)) in fused.iter().zip(&plain).enumerate() {
                    let same =
                        a.is_nan() && b.is_nan() || (a - b).abs() <= 8e-6 * b.abs() + 1e-7 * epsilon as f32;
                    assert!(same, "{a} is not {b}: element {i} of {rows}×{classes}, ε = {epsilon}");
                }
            }
        }
    }
}
