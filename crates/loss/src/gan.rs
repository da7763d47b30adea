//! The losses of generative adversarial networks: what the critic learns, what the generator learns, and the penalties on
//! the critic's slope.

use crate::functional::binary_cross_entropy_with_logits as bce;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Error, Result, Tensor, enable_grad, grad, rand};

/// The game that a generator and a critic play. The critic's numbers are logits: no sigmoid comes before.
///
/// Shapes: the critic's numbers for real and for generated samples, each `(*)`, as many as there are; output scalar.
///
/// ```
/// use loss::GanLoss;
/// use tensor::tensor;
/// let (real, fake) = (tensor([2.0, 0.5]), tensor([-1.0, 0.0]));
/// assert_eq!(GanLoss::Hinge.critic(&real, &fake)?.to_string(), "tensor(0.7500)");
/// assert_eq!(GanLoss::Hinge.generator(&fake)?.to_string(), "tensor(0.5000)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GanLoss {
    /// Binary cross-entropy: `−ln σ(r) − ln(1 − σ(f))`, and for the generator `−ln σ(f)`, which does not fade where the
    /// critic is sure (Goodfellow et al. 2014, "non-saturating").
    Bce,
    /// `½(r − 1)² + ½f²`, and `½(f − 1)²` (Mao et al. 2017).
    LeastSquares,
    /// `max(0, 1 − r) + max(0, 1 + f)`, and `−f` (Lim & Ye 2017).
    Hinge,
    /// `f − r`, and `−f` (Arjovsky et al. 2017). The critic's slope must be bounded: by a [`gradient_penalty`], or by
    /// weights clipped after each step.
    Wasserstein,
}

impl GanLoss {
    /// The critic's loss, from its numbers for real and for generated samples, both `(*)`: the mean of each, summed.
    ///
    /// # Errors
    /// If the numbers are not floating point.
    #[track_caller]
    pub fn critic(self, real: &Tensor, fake: &Tensor) -> Result<Tensor> {
        floats(&[real, fake])?;
        match self {
            GanLoss::Bce => bce(real, &real.ones_like())?.add(&bce(fake, &fake.zeros_like())?),
            GanLoss::LeastSquares => real.sub(1.0)?.square().mean().add(&fake.square().mean())?.mul(0.5),
            GanLoss::Hinge => real.rsub(1.0)?.relu().mean().add(&fake.add(1.0)?.relu().mean()),
            GanLoss::Wasserstein => fake.mean().sub(&real.mean()),
        }
    }

    /// The generator's loss, from the critic's numbers for its samples.
    ///
    /// # Errors
    /// If the numbers are not floating point.
    #[track_caller]
    pub fn generator(self, fake: &Tensor) -> Result<Tensor> {
        floats(&[fake])?;
        match self {
            GanLoss::Bce => bce(fake, &fake.ones_like()),
            GanLoss::LeastSquares => fake.sub(1.0)?.square().mean().mul(0.5),
            GanLoss::Hinge | GanLoss::Wasserstein => Ok(fake.mean().neg()),
        }
    }
}

#[track_caller]
fn floats(all: &[&Tensor]) -> Result<()> {
    match all.iter().find(|x| !x.dtype().is_float()) {
        Some(x) => Err(Error::not_float("GanLoss", x.dtype())),
        None => Ok(()),
    }
}

/// `mean (‖∇D(x̂)‖₂ − 1)²` at points `x̂ = εx + (1 − ε)x̃`, each between a real and a generated sample (Gulrajani et al.
/// 2017, WGAN-GP): the critic's slope should be 1 there. Multiply by λ, 10 in the paper. `ε` is drawn by the default
/// generator, one for each sample.
///
/// A gradient of a gradient flows from here into the critic's weights; `real` and `fake`, both `(N, …)`, get none.
///
/// # Errors
/// If the shapes differ, or the critic fails.
#[track_caller]
pub fn gradient_penalty(
    critic: impl Fn(&Tensor) -> Result<Tensor>,
    real: &Tensor,
    fake: &Tensor,
) -> Result<Tensor> {
    if real.shape() != fake.shape() || real.dim() == 0 {
        let (r, f) = (real.shape(), fake.shape());
        return Err(Error::shape("gradient_penalty", format!("real {r:?} and generated {f:?} must be alike, (N, …)")));
    }
    let (real, fake) = (real.detach(), fake.detach());
    let mut each = vec![1; real.dim()];
    each[0] = real.shape()[0];
    let epsilon = rand(each)?.to(real.dtype());
    let between = fake.add(&real.sub(&fake)?.mul(&epsilon)?)?;
    slopes(critic, between).at_caller()?.vector_norm(2.0, 1, false)?.sub(1.0).map(|d| d.square().mean())
}

/// `½·mean ‖∇D(x)‖²` at real samples `(N, …)` (Mescheder et al. 2018, R1): multiply by γ, 10 in the paper.
///
/// # Errors
/// If the critic fails.
#[track_caller]
pub fn r1_penalty(critic: impl Fn(&Tensor) -> Result<Tensor>, real: &Tensor) -> Result<Tensor> {
    slopes(critic, real.detach()).at_caller()?.square().sum_dim(1, false)?.mean().mul(0.5)
}

/// The critic's gradient at each sample, as rows `(N, …)`, and as a part of a graph. Within `no_grad` as well: a slope is a
/// number that one may only want to know.
fn slopes(critic: impl Fn(&Tensor) -> Result<Tensor>, at: Tensor) -> Result<Tensor> {
    enable_grad(|| {
        let at = at.requires_grad();
        let slope = grad(&critic(&at)?.sum(), &[&at])?.swap_remove(0);
        if slope.dim() == 1 { slope.unsqueeze(1) } else { slope.flatten(1, -1) }
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let numbers = || vec![float64([0.3, -1.2, 2.0]), float64([0.5, -0.4, 1.5])];
    let critic = |x: &Tensor, w: &Tensor| x.matmul(w)?.tanh().sum_dim(1, false);
    let (samples, weights) = (|| float64([[0.3, -0.2], [0.9, 0.4]]), || float64([[0.5, -1.0], [0.7, 0.2]]));
    let mut cases = vec![
        case(
            "gradient_penalty",
            move |x| {
                // Both ends are one, and so is what is drawn between them.
                gradient_penalty(|at| critic(at, &x[0]), &samples(), &samples())
            },
            vec![weights()],
        ),
        case("r1_penalty", move |x| r1_penalty(|at| critic(at, &x[0]), &samples()), vec![weights()]),
    ];
    for game in [GanLoss::Bce, GanLoss::LeastSquares, GanLoss::Hinge, GanLoss::Wasserstein] {
        cases.push(case("GanLoss", move |x| game.critic(&x[0], &x[1])?.add(&game.generator(&x[1])?), numbers()));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn a_linear_critic_has_the_slope_of_its_weights() {
        let w = tensor([[3.0], [4.0]]).requires_grad();
        let x = rand([5, 2]).unwrap();
        let penalty = gradient_penalty(|x| x.matmul(&w), &x, &rand([5, 2]).unwrap()).unwrap();
        assert!((penalty.item().unwrap() - 16.0).abs() < 1e-5);
        penalty.backward().unwrap();
        // ∂(‖w‖ − 1)²/∂w = 2(‖w‖ − 1)·w/‖w‖
        let gradient = w.grad().unwrap().to_vec::<f32>().unwrap();
        assert!((gradient[0] - 4.8).abs() < 1e-5 && (gradient[1] - 6.4).abs() < 1e-5, "{gradient:?}");
        assert!((r1_penalty(|x| x.matmul(&w), &x).unwrap().item().unwrap() - 12.5).abs() < 1e-5);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (two, three) = (rand([2, 2]).unwrap(), rand([3, 2]).unwrap());
        let error = gradient_penalty(|x| Ok(x.clone()), &two, &three).unwrap_err().to_string();
        assert!(error.contains("[2, 2]") && error.contains("[3, 2]"), "{error}");
        assert!(GanLoss::Bce.generator(&tensor([1, 2])).unwrap_err().to_string().contains("int64"));
    }
}
