//! The loss of variational autoencoders: reconstruction and divergence (Kingma & Welling 2014).

use crate::refuse::unequal_shapes;
use crate::{BCEWithLogitsLoss, Criterion, MSELoss, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Error, Result, Tensor};

/// What a pixel is, given its reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconstruction {
    /// A bit, or a grey value in \[0, 1\] read as its probability; reconstructed as a logit. `BCEWithLogitsLoss`, summed.
    Bce,
    /// A number with a normal error of variance ½: `(x − x̂)²`, summed.
    Mse,
}

/// `reconstruction + β·KL(N(μ, σ²) ‖ N(0, 1))` of each sample, averaged over the batch: with β = 1 and [`Reconstruction::Bce`]
/// the negative evidence lower bound, in nats.
///
/// Shapes: reconstruction and target alike, `(N, *)`; means and logarithms of variances alike, `(N, *)`; output three scalars.
///
/// ```
/// use loss::{Reconstruction, VaeLoss};
/// use tensor::{tensor, zeros};
/// let criterion = VaeLoss::new(Reconstruction::Mse).beta(0.5);
/// let (image, recovered) = (tensor([[1.0, 0.0]]), tensor([[0.5, 0.0]]));
/// let parts = criterion.forward(&recovered, &image, &tensor([[2.0]]), &zeros([1, 1])?)?;
/// assert_eq!(parts.loss.to_string(), "tensor(1.2500)"); // 0.25 + 0.5 · 2
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VaeLoss {
    reconstruction: Reconstruction,
    beta: f64,
    free_bits: f64,
}

/// The loss of a [`VaeLoss`] and what it is made of, three scalars of one graph.
#[derive(Clone, Debug)]
pub struct VaeParts {
    /// The whole.
    pub loss: Tensor,
    /// How wrong the reconstruction is.
    pub reconstruction: Tensor,
    /// The divergence, before β and free bits.
    pub divergence: Tensor,
}

impl VaeLoss {
    /// With β = 1 and no free bits.
    #[must_use]
    pub fn new(reconstruction: Reconstruction) -> Self {
        VaeLoss { reconstruction, beta: 1.0, free_bits: 0.0 }
    }

    /// What the divergence counts (Higgins et al. 2017, β-VAE): above 1 for independent latent numbers, below for sharp
    /// pictures.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// The divergence that each latent number may have for nothing, in nats, as its mean over the batch (Kingma et al. 2016):
    /// so that numbers are not given up early.
    #[must_use]
    pub fn free_bits(mut self, nats: f64) -> Self {
        self.free_bits = nats;
        self
    }

    /// The loss of reconstructions of the `target`, both `(N, *)`, from latent normal distributions with means `mu` and
    /// logarithms of variances `log_var`, both `(N, L)`.
    ///
    /// # Errors
    /// If the shapes do not fit, or a target of [`Reconstruction::Bce`] is no probability.
    #[track_caller]
    pub fn forward(&self, recovered: &Tensor, target: &Tensor, mu: &Tensor, log_var: &Tensor) -> Result<VaeParts> {
        unequal_shapes("VaeLoss", ("reconstruction", recovered), ("target", target))?;
        unequal_shapes("VaeLoss", ("mu", mu), ("log_var", log_var))?;
        if mu.dim() != 2 || target.dim() == 0 || mu.shape()[0] != target.shape()[0] {
            let (x, m) = (target.shape(), mu.shape());
            return Err(Error::shape("VaeLoss", format!("expected a target (N, …) and mu (N, L), found {x:?} and {m:?}")));
        }
        let n = mu.shape()[0] as f64;
        let summed = match self.reconstruction {
            Reconstruction::Bce => BCEWithLogitsLoss::new().reduction(Reduction::Sum).forward(recovered, target),
            Reconstruction::Mse => MSELoss::new().reduction(Reduction::Sum).forward(recovered, target),
        };
        let reconstruction = summed.at_caller()?.div(n)?;
        // ½(μ² + σ² − 1 − ln σ²), exact where σ is near 1.
        let each = mu.square().add(&log_var.expm1())?.sub(log_var)?.mul(0.5)?.mean_dim(0, false)?;
        let divergence = each.sum();
        let paid = if self.free_bits > 0.0 { each.clamp(self.free_bits, None)?.sum() } else { divergence.clone() };
        let loss = reconstruction.add(&paid.mul(self.beta)?)?;
        Ok(VaeParts { loss, reconstruction, divergence })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || {
        vec![
            float64([[0.3, -1.2], [0.7, 0.4]]),
            float64([[0.5, 0.25], [0.875, 0.125]]),
            float64([[0.9], [-0.4]]),
            float64([[0.2], [-0.7]]),
        ]
    };
    vec![
        case(
            "VaeLoss, logits",
            |x| Ok(VaeLoss::new(Reconstruction::Bce).forward(&x[0], &x[1], &x[2], &x[3])?.loss),
            inputs(),
        ),
        case(
            "VaeLoss, beta and free bits",
            |x| {
                let criterion = VaeLoss::new(Reconstruction::Mse).beta(4.0).free_bits(0.05);
                Ok(criterion.forward(&x[0], &x[1], &x[2], &x[3])?.loss)
            },
            inputs(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functional::binary_cross_entropy_with_logits;
    use tensor::{tensor, zeros};

    #[test]
    fn the_prior_diverges_from_nothing_and_free_bits_are_free() {
        let x = tensor([[0.5, 0.5]]);
        let nothing = zeros([1, 3]).unwrap();
        let criterion = VaeLoss::new(Reconstruction::Bce);
        let parts = criterion.forward(&zeros([1, 2]).unwrap(), &x, &nothing, &nothing).unwrap();
        let bce = binary_cross_entropy_with_logits(&zeros([1, 2]).unwrap(), &x).unwrap().item().unwrap();
        assert_eq!(parts.divergence.item().unwrap(), 0.0);
        assert!((parts.loss.item().unwrap() - 2.0 * bce).abs() < 1e-6);
        let free = criterion.free_bits(0.5).forward(&zeros([1, 2]).unwrap(), &x, &nothing, &nothing).unwrap();
        assert!((free.loss.item().unwrap() - parts.loss.item().unwrap() - 1.5).abs() < 1e-6);
    }

    #[test]
    fn misfits_are_named() {
        let (x, mu) = (zeros([2, 3]).unwrap(), zeros([3, 1]).unwrap());
        let error = VaeLoss::new(Reconstruction::Mse).forward(&x, &x, &mu, &mu).unwrap_err().to_string();
        assert!(error.contains("[2, 3]") && error.contains("[3, 1]"), "{error}");
    }
}
