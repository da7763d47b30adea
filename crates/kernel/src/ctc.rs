//! Connectionist temporal classification of one sequence: the probability of all alignments of a labelling (Graves et
//! al. 2006), by the forward and backward recursions over the labels with blanks between them, in logarithms.

use crate::real::Float;

/// Log-probabilities of the classes over time, and the labelling that is looked for in them.
#[derive(Clone, Copy, Debug)]
pub struct Alignment<'a, T> {
    /// Log-probabilities; that of class `c` at time `t` is at `t·step + c`.
    pub log_probs: &'a [T],
    /// How far the times are apart.
    pub step: usize,
    /// The number of times.
    pub times: usize,
    /// The labels, without blanks.
    pub labels: &'a [usize],
    /// The class that stands for no label.
    pub blank: usize,
}

impl<T: Float> Alignment<'_, T> {
    /// The number of states: the labels, and a blank before, between and behind them.
    fn states(&self) -> usize {
        2 * self.labels.len() + 1
    }

    fn class(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.blank } else { self.labels[state / 2] }
    }

    fn emit(&self, time: usize, state: usize) -> f64 {
        self.log_probs[time * self.step + self.class(state)].to_f64()
    }

    /// Whether the blank before a label may be left out: not between equal labels.
    fn skips(&self, state: usize) -> bool {
        state >= 2 && state % 2 == 1 && self.class(state) != self.class(state - 2)
    }

    /// `ln` of the probability of all paths that are in `state` at time 0.
    fn first(&self, row: &mut [f64]) {
        row.fill(f64::NEG_INFINITY);
        for (s, x) in row.iter_mut().enumerate().take(2) {
            *x = self.emit(0, s);
        }
    }

    fn next(&self, time: usize, last: &[f64], row: &mut [f64]) {
        for (s, x) in row.iter_mut().enumerate() {
            let one = if s > 0 { last[s - 1] } else { f64::NEG_INFINITY };
            let two = if self.skips(s) { last[s - 2] } else { f64::NEG_INFINITY };
            *x = log_sum([last[s], one, two]) + self.emit(time, s);
        }
    }

    /// A path ends in the last label or in the blank behind it.
    fn total(&self, last: &[f64]) -> f64 {
        match last {
            [.., label, blank] => log_sum([*label, *blank, f64::NEG_INFINITY]),
            [blank] => *blank,
            [] => f64::NEG_INFINITY,
        }
    }

    /// `−ln p`; infinite if there are too few times for the labels.
    pub fn loss(&self) -> f64 {
        if self.times == 0 {
            return if self.labels.is_empty() { 0.0 } else { f64::INFINITY };
        }
        let mut last = vec![0.0; self.states()];
        let mut row = last.clone();
        self.first(&mut last);
        for time in 1..self.times {
            self.next(time, &last, &mut row);
            std::mem::swap(&mut last, &mut row);
        }
        -self.total(&last)
    }

    /// Adds to `out`, which is laid out as the log-probabilities, the gradient of `grad` times the loss: minus the
    /// probability that a path is in that class at that time. An impossible labelling has no gradient.
    pub fn gradient(&self, grad: f64, out: &mut [T]) {
        let states = self.states();
        if self.times == 0 {
            return;
        }
        let mut alpha = vec![0.0; self.times * states];
        self.first(&mut alpha[..states]);
        for time in 1..self.times {
            let (before, row) = alpha.split_at_mut(time * states);
            self.next(time, &before[(time - 1) * states..], &mut row[..states]);
        }
        let total = self.total(&alpha[(self.times - 1) * states..]);
        if total == f64::NEG_INFINITY {
            return;
        }
        // `beta` holds the paths behind a time, without what is emitted at it.
        let mut beta = vec![f64::NEG_INFINITY; states];
        beta[states.saturating_sub(2)..].fill(0.0);
        let mut ahead = beta.clone();
        let mut paths = beta.clone();
        for time in (0..self.times).rev() {
            // All paths are somewhere: the states of a time share `grad`, however large the logarithms' rounding is.
            let both = || alpha[time * states..].iter().zip(&beta).map(|(alpha, beta)| alpha + beta);
            let largest = both().fold(f64::NEG_INFINITY, f64::max);
            paths.iter_mut().zip(both()).for_each(|(path, x)| *path = (x - largest).exp());
            let share = grad / paths.iter().sum::<f64>();
            for (s, path) in paths.iter().enumerate() {
                let place = &mut out[time * self.step + self.class(s)];
                *place = T::from_f64(place.to_f64() - share * path);
            }
            for (s, x) in ahead.iter_mut().enumerate() {
                *x = beta[s] + self.emit(time, s);
            }
            for (s, x) in beta.iter_mut().enumerate() {
                let one = if s + 1 < states { ahead[s + 1] } else { f64::NEG_INFINITY };
                let two = if s + 2 < states && self.skips(s + 2) { ahead[s + 2] } else { f64::NEG_INFINITY };
                *x = log_sum([ahead[s], one, two]);
            }
        }
    }
}

/// `ln Σ eˣ`
fn log_sum(x: [f64; 3]) -> f64 {
    let largest = x.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY || x.iter().any(|x| x.is_nan()) {
        return x.iter().sum();
    }
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All alignments of "a" over two times: a·, ·a, aa.
    #[test]
    fn few_alignments_by_hand() {
        let p: [f64; 4] = [0.6, 0.4, 0.7, 0.3];
        let log_probs = p.map(f64::ln);
        let alignment = Alignment { log_probs: &log_probs, step: 2, times: 2, labels: &[1], blank: 0 };
        let total: f64 = 0.4 * 0.7 + 0.6 * 0.3 + 0.4 * 0.3;
        assert!((alignment.loss() + total.ln()).abs() < 1e-15);
        let mut gradient = [0.0; 4];
        alignment.gradient(1.0, &mut gradient);
        let expected = [0.6 * 0.3 / total, 0.4 / total, 0.4 * 0.7 / total, 0.3 / total];
        assert!(gradient.iter().zip(expected).all(|(g, e)| (g + e).abs() < 1e-15), "{gradient:?}");
    }

    /// Logarithms that are rounded to 2⁻¹⁹.
    #[test]
    fn unlikely_paths_share_the_gradient() {
        let log_probs = [-1e10, -0.3, -1.25, -0.2, -3.0e9, -1.7];
        let alignment = Alignment { log_probs: &log_probs, step: 2, times: 3, labels: &[], blank: 0 };
        let mut gradient = [0.0; 6];
        alignment.gradient(0.9, &mut gradient);
        assert_eq!(gradient, [-0.9, 0.0, -0.9, 0.0, -0.9, 0.0]);
    }

    #[test]
    fn equal_labels_need_a_blank_between_them() {
        let log_probs = [-1.0; 4];
        let alignment = Alignment { log_probs: &log_probs, step: 2, times: 2, labels: &[1, 1], blank: 0 };
        assert_eq!(alignment.loss(), f64::INFINITY);
        let mut gradient = [0.0; 4];
        alignment.gradient(1.0, &mut gradient);
        assert_eq!(gradient, [0.0; 4]);
    }
}
