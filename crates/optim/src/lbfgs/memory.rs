//! The last steps, and the direction in which they say that the minimum lies.
//!
//! The two-loop recursion, Nocedal and Wright, Numerical Optimization, algorithm 7.4:
//!
//! ```text
//! q ← −g      from the newest pair to the oldest: a = s·q / y·s, q ← q − a y
//! d ← q · y·s / y·y
//!             from the oldest to the newest:      b = y·d / y·s, d ← d + (a − b) s
//! ```

use kernel::reduce::dot;
use std::collections::VecDeque;

/// What is known of the function so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
    pub(super) direction: Vec<f64>,
    pub(super) t: f64,
    /// Oldest first.
    pub(super) pairs: VecDeque<Pair>,
    /// The guess of the Hessian's inverse before any pair.
    pub(super) scale: f64,
    pub(super) grad: Vec<f64>,
}

/// A step, the change of the gradient along it, and their product.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) step: Vec<f64>,
    pub(super) change: Vec<f64>,
    curvature: f64,
}

impl Pair {
    pub(super) fn new(step: Vec<f64>, change: Vec<f64>) -> Self {
        let curvature = dot(&change, &step);
        Pair { step, change, curvature }
    }
}

impl Memory {
    /// Takes in the step that led to `grad`, and sets the direction in which to go on.
    pub(super) fn turn(&mut self, grad: &[f64], history_size: usize) {
        if self.iterations == 1 {
            self.pairs.clear();
            self.scale = 1.0;
        } else {
            let change = grad.iter().zip(&self.grad).map(|(new, old)| new - old).collect();
            let pair = Pair::new(self.direction.iter().map(|d| d * self.t).collect(), change);
            // Only along a direction in which the function curves upwards does H stay positive.
            if pair.curvature > 1e-10 {
                self.scale = pair.curvature / dot(&pair.change, &pair.change);
                self.pairs.push_back(pair);
                while self.pairs.len() > history_size {
                    self.pairs.pop_front();
                }
            }
        }
        self.direction = grad.iter().map(|g| -g).collect();
        let d = &mut self.direction;
        let add = |d: &mut Vec<f64>, x: &[f64], by: f64| d.iter_mut().zip(x).for_each(|(d, x)| *d += by * x);
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, d) / pair.curvature;
            add(d, &pair.change, -share);
            shares.push(share);
        }
        d.iter_mut().for_each(|d| *d *= self.scale);
        for (pair, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let back = dot(&pair.change, d) / pair.curvature;
            add(d, &pair.step, share - back);
        }
    }
}
