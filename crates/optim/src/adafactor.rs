//! Adafactor: the squared gradients of a matrix remembered as one row and one column of means.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule};
use crate::state::State;
use kernel::reduce::dot;
use tensor::{Parameter, Result, Shape};

/// Adafactor, Shazeer and Stern, <https://arxiv.org/abs/1804.04235>, in PyTorch's reading of it.
///
/// ```text
/// 1 − β = t^beta2_decay
/// α = max(eps₂, RMS(θ)) · min(lr, 1/√t)
/// θ ← θ − lr · weight_decay · θ
/// R ← β R + (1 − β) rows' means of G²         C ← β C + (1 − β) columns' means of G²
/// V = R C / max(mean(R), eps₁)                of a vector: V ← β V + (1 − β) G²
/// U = G / √max(V, eps₁²)
/// θ ← θ − α · U / max(1, RMS(U) / d)
/// ```
///
/// ```
/// use optim::{Adafactor, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([[1.0, -3.0]]));
/// let mut optimizer = Adafactor::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([[ 0.7764, -2.7764]], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Adafactor")]
pub type Adafactor = Optim<AdafactorOptions>;

/// The options of [`Adafactor`].
#[derive(Clone, Copy, Debug)]
pub struct AdafactorOptions {
    /// The largest step size, relative to the size of the values.
    pub lr: f64,
    /// The power by which the running means become slower.
    pub beta2_decay: f64,
    /// Keeps the denominator from 0 (`None`: the gap between 1 and the next number of the element type), and the
    /// step of small values from 0.
    pub eps: (Option<f64>, f64),
    /// The root mean square at which a step is clipped.
    pub d: f64,
    /// By how much `lr` times the values shrink in a step.
    pub weight_decay: f64,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Adafactor {
    /// With beta2_decay −0.8, eps (None, 1e-3) and d 1. PyTorch's default for `lr` is 0.01.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = AdafactorOptions {
            lr,
            beta2_decay: -0.8,
            eps: (None, 1e-3),
            d: 1.0,
            weight_decay: 0.0,
            maximize: false,
        };
        Optim::of(parameters, options)
    }

    /// The power by which the running means become slower; −0.8.
    #[must_use]
    pub fn beta2_decay(self, beta2_decay: f64) -> Self {
        self.with(|o| o.beta2_decay = beta2_decay)
    }

    /// Keeps the denominator from 0 (`None`: the gap between 1 and the next number of the element type), and the
    /// step of small values from 0; None and 1e-3.
    #[must_use]
    pub fn eps(self, of_denominator: impl Into<Option<f64>>, of_values: f64) -> Self {
        let eps = (of_denominator.into(), of_values);
        self.with(|o| o.eps = eps)
    }

    /// The root mean square at which a step is clipped; 1.
    #[must_use]
    pub fn d(self, d: f64) -> Self {
        self.with(|o| o.d = d)
    }

    /// By how much `lr` times the values shrink in a step; 0.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdafactorOptions {
    const NAME: &'static str = "Adafactor";
    const ARRAYS: &'static [&'static str] = &["variance", "row_var", "col_var"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn array_shape(slot: usize, shape: &[usize]) -> Shape {
        let mut shape: Shape = shape.into();
        match (slot, shape.as_mut_slice()) {
            (1, [.., _, columns]) => *columns = 1,
            (2, [.., rows, _]) => *rows = 1,
            _ => {}
        }
        shape
    }

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("beta2_decay", &mut self.beta2_decay);
        visit("eps.0", &mut self.eps.0);
        visit("eps.1", &mut self.eps.1);
        visit("d", &mut self.d);
        visit("weight_decay", &mut self.weight_decay);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "beta2_decay", self.beta2_decay, ..=0.0)?;
        within(Self::NAME, "eps.0", self.eps.0.unwrap_or(0.0), 0.0..)?;
        within(Self::NAME, "eps.1", self.eps.1, 0.0..)?;
        within(Self::NAME, "d", self.d, 1.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)
    }

    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        let n = values.len();
        if n == 0 {
            return;
        }
        let t = state.count();
        let new_share = t.powf(self.beta2_decay);
        let rms = |sum_of_squares: T| (sum_of_squares.wide() / n as f64).sqrt();
        let size = self.eps.1.max(rms(dot(values, values))) * self.lr.min(1.0 / t.sqrt());
        let gap = if size_of::<T>() == 4 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let eps = self.eps.0.unwrap_or(gap);

        let mut step: Vec<T> = match *state.shape {
            [.., rows, columns] => factored(state, grad, rows, columns, new_share, eps),
            _ => {
                state.fill(0, n, 0.0);
                state.arrays[0].iter_mut().zip(grad).for_each(|(v, &g)| *v = mixed(*v, g * g, new_share));
                state.arrays[0].clone()
            }
        };
        for (v, &g) in step.iter_mut().zip(grad) {
            *v = T::narrow(g.wide() / v.wide().max(eps * eps).sqrt());
        }
        let clip = (rms(dot(&step, &step)) / self.d).max(1.0);
        let rate = T::narrow(if self.maximize { size / clip } else { -size / clip });
        let shrink = T::narrow(1.0 - self.lr * self.weight_decay);
        for (x, &u) in values.iter_mut().zip(&step) {
            *x = *x * shrink + u * rate;
        }
    }
}

/// `old + share · (new − old)`
fn mixed<T: Number>(old: T, new: T, share: f64) -> T {
    old + (new - old) * T::narrow(share)
}

/// `V = R C / max(mean(R), eps)` for each of the matrices in the last two dimensions.
fn factored<T: Number>(
    state: &mut State<T>,
    grad: &[T],
    rows: usize,
    columns: usize,
    new_share: f64,
    eps: f64,
) -> Vec<T> {
    let matrices = grad.len() / (rows * columns);
    state.fill(1, matrices * rows, 0.0);
    state.fill(2, matrices * columns, 0.0);
    let mut v = Vec::with_capacity(grad.len());
    for (i, matrix) in grad.chunks_exact(rows * columns).enumerate() {
        let row_var = &mut state.arrays[1][i * rows..][..rows];
        for (mean, row) in row_var.iter_mut().zip(matrix.chunks_exact(columns)) {
            let new = dot(row, row).wide() / columns as f64;
            *mean = mixed(*mean, T::narrow(new), new_share);
        }
        let mut sums = vec![0.0; columns];
        for row in matrix.chunks_exact(columns) {
            sums.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g.wide() * g.wide());
        }
        let row_mean = kernel::reduce::sum(&state.arrays[1][i * rows..][..rows]).wide() / rows as f64;
        let scale = 1.0 / row_mean.max(eps);
        let col_var = &mut state.arrays[2][i * columns..][..columns];
        for (mean, sum) in col_var.iter_mut().zip(&sums) {
            *mean = mixed(*mean, T::narrow(sum / rows as f64), new_share);
        }
        for r in &state.arrays[1][i * rows..][..rows] {
            let r = r.wide() * scale;
            v.extend(state.arrays[2][i * columns..][..columns].iter().map(|c| T::narrow(r * c.wide())));
        }
    }
    v
}
