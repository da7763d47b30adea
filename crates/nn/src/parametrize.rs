//! A layer whose weight is computed anew for each forward pass: spectral and weight normalisation.
//!
//! ```
//! use nn::{Layer, Linear, Module, spectral_norm};
//! use tensor::rand;
//! let layer = spectral_norm(Linear::new(20, 40))?;
//! assert_eq!(layer.forward(&rand([2, 20])?)?.shape(), [2, 40]);
//! assert_eq!(layer.named_parameters()[1].0, "parametrizations.weight.original");
//! // The largest factor by which the layer stretches a vector is about one.
//! let stretch = layer.weight()?.matmul(&rand([20, 1])?)?;
//! # assert_eq!(stretch.shape(), [40, 1]);
//! # Ok::<(), tensor::Error>(())
//! ```
//! Names and printed form are those of `torch.nn.utils.parametrizations`.

use crate::module::{Buffer, Layer, Module, TrainMode};
use crate::summary::seen;
use crate::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Embedding, Linear};
use std::borrow::Cow;
use std::fmt;
use tensor::random::{Draft, with_default};
use tensor::{AtCaller, Error, Parameter, Result, Tensor, no_grad};

/// A layer with a weight, in place of which another can be used.
pub trait WithWeight: Layer {
    /// The dimension of the weight that counts the outputs.
    const OUTPUTS: usize = 0;

    /// The weight that is replaced.
    fn own_weight(&self) -> &Parameter;

    /// The output with this weight instead.
    ///
    /// # Errors
    /// As [`forward`](Layer::forward).
    fn forward_with(&self, weight: &Tensor, input: &Tensor) -> Result<Tensor>;
}

macro_rules! weighted {
    ($($layer:ident $outputs:literal)*) => {$(
        impl WithWeight for $layer {
            const OUTPUTS: usize = $outputs;
            fn own_weight(&self) -> &Parameter {
                &self.weight
            }
            #[track_caller]
            fn forward_with(&self, weight: &Tensor, input: &Tensor) -> Result<Tensor> {
                self.by(weight, input)
            }
        }
    )*};
}

weighted!(Linear 0 Embedding 0 Conv1d 0 Conv2d 0 Conv3d 0);
weighted!(ConvTranspose1d 1 ConvTranspose2d 1 ConvTranspose3d 1);

/// How a weight comes from what is trained.
pub trait Parametrization: Module {
    /// The names and values of what is trained.
    fn originals(&self) -> Vec<(&'static str, &Parameter)>;

    /// Today's weight.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn weight(&self) -> Result<Tensor>;
}

/// A layer whose weight comes from a [`Parametrization`].
#[doc(alias = "torch.nn.utils.parametrize")]
pub struct Parametrized<L, P> {
    layer: L,
    parametrization: P,
}

impl<L: WithWeight, P: Parametrization> Parametrized<L, P> {
    /// Today's weight.
    ///
    /// # Errors
    /// If it cannot be computed.
    #[track_caller]
    pub fn weight(&self) -> Result<Tensor> {
        self.parametrization.weight()
    }

    /// The layer with today's weight as its own.
    ///
    /// # Errors
    /// If it cannot be computed.
    #[doc(alias = "remove_parametrizations")]
    #[track_caller]
    pub fn remove(self) -> Result<L> {
        let weight = no_grad(|| self.weight())?;
        self.layer.own_weight().set(&weight)?;
        Ok(self.layer)
    }
}

/// PyTorch's tree between a layer and its parametrization: `parametrizations.weight`.
struct ByName<'a, P>(&'a P);
struct List<'a, P>(&'a P);

impl<P: Parametrization> Module for ByName<'_, P> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &List(self.0));
    }
    fn name(&self) -> Cow<'static, str> {
        "ModuleDict".into()
    }
}

impl<P: Parametrization> Module for List<'_, P> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.0.originals().into_iter().for_each(|(name, p)| visit(name, p));
        visit("0", self.0);
    }
    fn name(&self) -> Cow<'static, str> {
        "ParametrizationList".into()
    }
}

impl<L: WithWeight, P: Parametrization> Module for Parametrized<L, P> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.layer.visit(&mut |name, part| {
            if name != "weight" {
                visit(name, part);
            }
        });
        visit("parametrizations", &ByName(&self.parametrization));
    }
    fn name(&self) -> Cow<'static, str> {
        format!("Parametrized{}", self.layer.name()).into()
    }
    fn extra_repr(&self) -> String {
        self.layer.extra_repr()
    }
}

impl<L: WithWeight, P: Parametrization> Layer for Parametrized<L, P> {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, self.layer.forward_with(&self.weight()?, input))
    }
}

impl<L: WithWeight, P: Parametrization> fmt::Display for Parametrized<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl<L: WithWeight, P: Parametrization> fmt::Debug for Parametrized<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// The weight, seen as a matrix, divided by its largest singular value σ.
///
/// σ = uᵀ·W·v, where u and v are kept as buffers and, in training, brought nearer to the singular vectors by each use of
/// the weight: `u ← W·v/‖W·v‖`, `v ← Wᵀ·u/‖Wᵀ·u‖`. Source: T. Miyato et al., arXiv:1802.05957.
pub struct SpectralNorm {
    original: Parameter,
    u: Buffer,
    v: Buffer,
    options: Options,
    draft: Draft,
    mode: TrainMode,
}

#[derive(Clone, Copy)]
struct Options {
    dim: usize,
    eps: f64,
    n_power_iterations: usize,
}

impl Options {
    /// The weight as a matrix whose rows are the outputs.
    #[track_caller]
    fn matrix(&self, weight: &Tensor) -> Result<Tensor> {
        weight.movedim(self.dim as i64, 0)?.flatten(1, -1)
    }

    /// First vectors: random, then fifteen steps, and those of the first use.
    #[track_caller]
    fn draw(&self, weight: &Parameter) -> Result<(Buffer, Buffer)> {
        no_grad(|| {
            let matrix = self.matrix(&weight.tensor())?;
            let &[h, w] = matrix.shape() else {
                return Err(Error::shape("spectral_norm", "the weight is empty"));
            };
            let random = |n: usize| -> Result<Buffer> {
                let x = with_default(|generator| generator.randn(n, matrix.dtype())).at_caller()?;
                Ok(Buffer::new(&x.normalize(2.0, 0, self.eps)?))
            };
            let (u, v) = (random(h)?, random(w)?);
            self.step(&matrix, &u, &v, 15 + self.n_power_iterations)?;
            Ok((u, v))
        })
    }

    /// The power method.
    fn step(&self, matrix: &Tensor, u: &Buffer, v: &Buffer, steps: usize) -> Result<()> {
        no_grad(|| {
            let transposed = matrix.t()?;
            for _ in 0..steps {
                u.set(&matrix.matmul(&v.tensor())?.normalize(2.0, 0, self.eps)?)?;
                v.set(&transposed.matmul(&u.tensor())?.normalize(2.0, 0, self.eps)?)?;
            }
            Ok(())
        })
    }
}

impl Parametrization for SpectralNorm {
    fn originals(&self) -> Vec<(&'static str, &Parameter)> {
        vec![("original", &self.original)]
    }
    #[track_caller]
    fn weight(&self) -> Result<Tensor> {
        let weight = self.original.tensor();
        let matrix = self.options.matrix(&weight)?;
        if self.mode.is_training() {
            self.options.step(&matrix, &self.u, &self.v, self.options.n_power_iterations)?;
        }
        let sigma = self.u.tensor().dot(&matrix.matmul(&self.v.tensor())?)?;
        weight.div(&sigma)
    }
}

impl Module for SpectralNorm {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("_u", &self.u);
        visit("_v", &self.v);
        visit("mode", &self.mode);
    }
    fn name(&self) -> Cow<'static, str> {
        "_SpectralNorm".into()
    }
}

/// The layer with its weight divided by its largest singular value: [`SpectralNorm`]. One step of the power method for
/// each forward pass in training, `eps = 1e-12`, and the outputs as the matrix' rows.
///
/// # Errors
/// If the weight has fewer than two dimensions or no elements.
#[doc(alias = "torch.nn.utils.parametrizations.spectral_norm")]
#[track_caller]
pub fn spectral_norm<L: WithWeight>(layer: L) -> Result<Parametrized<L, SpectralNorm>> {
    let original = layer.own_weight().clone();
    let options = Options { dim: L::OUTPUTS, eps: 1e-12, n_power_iterations: 1 };
    let (vectors, draft) = Draft::new(|| options.draw(&original));
    let (u, v) = vectors?;
    let parametrization = SpectralNorm { original, u, v, options, draft, mode: TrainMode::new() };
    Ok(Parametrized { layer, parametrization })
}

impl<L: WithWeight> Parametrized<L, SpectralNorm> {
    #[track_caller]
    fn with(mut self, options: Options) -> Result<Self> {
        let part = &mut self.parametrization;
        if options.n_power_iterations == 0 {
            return Err(Error::value("spectral_norm", "n_power_iterations should be positive, found 0"));
        }
        let (vectors, draft) = part.draft.again(|| options.draw(&part.original));
        (part.u, part.v) = vectors?;
        (part.options, part.draft) = (options, draft);
        Ok(self)
    }

    /// How many steps of the power method each forward pass takes in training.
    ///
    /// # Errors
    /// If there is none.
    #[track_caller]
    pub fn n_power_iterations(self, n_power_iterations: usize) -> Result<Self> {
        let options = Options { n_power_iterations, ..self.parametrization.options };
        self.with(options)
    }

    /// The smallest length by which a vector is divided.
    ///
    /// # Errors
    /// If vectors cannot be drawn again.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Result<Self> {
        let options = Options { eps, ..self.parametrization.options };
        self.with(options)
    }

    /// The dimension of the weight that becomes the matrix' rows.
    ///
    /// # Errors
    /// If the weight has no such dimension.
    #[track_caller]
    pub fn dim(self, dim: usize) -> Result<Self> {
        let options = Options { dim, ..self.parametrization.options };
        self.with(options)
    }
}

/// The weight as a length and a direction: `w = g·v/‖v‖`, with a g for each output.
/// Source: T. Salimans, D. P. Kingma, arXiv:1602.07868.
pub struct WeightNorm {
    g: Parameter,
    v: Parameter,
    dim: Option<usize>,
}

/// ‖v‖ over all dimensions but one, or over all.
#[track_caller]
fn norm_except(v: &Tensor, dim: Option<usize>) -> Result<Tensor> {
    let Some(dim) = dim else { return Ok(v.norm()) };
    let others: Vec<i64> = (0..v.dim() as i64).filter(|&d| d != dim as i64).collect();
    if others.len() == v.dim() {
        return Err(Error::value(
            "weight_norm",
            format!("a weight of shape {:?} has no dimension {dim}", v.shape()),
        ));
    }
    v.vector_norm(2.0, others, true)
}

impl Parametrization for WeightNorm {
    fn originals(&self) -> Vec<(&'static str, &Parameter)> {
        vec![("original0", &self.g), ("original1", &self.v)]
    }
    #[track_caller]
    fn weight(&self) -> Result<Tensor> {
        let v = self.v.tensor();
        v.mul(&self.g.tensor().div(&norm_except(&v, self.dim)?)?)
    }
}

impl Module for WeightNorm {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn name(&self) -> Cow<'static, str> {
        "_WeightNorm".into()
    }
}

/// The layer with its weight as length and direction: [`WeightNorm`]. With `dim = Some(0)`, PyTorch's default, a length
/// for each index of dimension 0; with `None` a single one.
///
/// ```
/// use nn::{Linear, Module, weight_norm};
/// let layer = weight_norm(Linear::new(3, 4), Some(0))?;
/// let names: Vec<String> = layer.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If the weight has no such dimension.
#[doc(alias = "torch.nn.utils.parametrizations.weight_norm")]
#[track_caller]
pub fn weight_norm<L: WithWeight>(layer: L, dim: Option<usize>) -> Result<Parametrized<L, WeightNorm>> {
    let v = layer.own_weight().clone();
    let g = Parameter::new(&no_grad(|| norm_except(&v.tensor(), dim))?);
    Ok(Parametrized { layer, parametrization: WeightNorm { g, v, dim } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, ones, rand};

    #[test]
    fn the_same_seed_gives_the_vectors_of_pytorch() {
        manual_seed(3);
        let layer = spectral_norm(Linear::new(3, 4)).unwrap();
        let names: Vec<String> = layer.state_dict().names().map(str::to_string).collect();
        let expected =
            ["weight.original", "weight.0._u", "weight.0._v"].map(|n| format!("parametrizations.{n}"));
        assert_eq!(names[0], "bias");
        assert_eq!(names[1..], expected);
        // PyTorch has taken a step more: its numbers were read after the weight was.
        let first = layer.weight().unwrap().detach().select(0, 0).unwrap().to_string();
        assert_eq!(first, "tensor([-0.4748, -0.3778, -0.2051])");
        assert_eq!(
            layer.named_buffers()[0].1.tensor().to_string(),
            "tensor([ 0.5987,  0.5906, -0.3246, -0.4329])"
        );
        assert_eq!(
            layer.to_string(),
            "ParametrizedLinear(
  in_features=3, out_features=4, bias=True
  (parametrizations): ModuleDict(
    (weight): ParametrizationList(
      (0): _SpectralNorm()
    )
  )
)"
        );

        manual_seed(3);
        let layer = spectral_norm(ConvTranspose2d::new(5, 4, 2)).unwrap().n_power_iterations(2).unwrap();
        let y = layer.forward(&ones([1, 5, 1, 1]).unwrap()).unwrap().detach();
        assert_eq!(
            layer.named_buffers()[0].1.tensor().to_string(),
            "tensor([0.9864, 0.1337, 0.0509, 0.0813])"
        );
        let first = y.ravel().narrow(0, 0, 3).unwrap().to_string();
        assert_eq!(first, "tensor([-1.2216, -0.4294, -0.2324])");
        assert!(layer.n_power_iterations(0).is_err());
    }

    #[test]
    fn evaluation_leaves_the_vectors_alone() {
        let layer = spectral_norm(Linear::new(6, 5)).unwrap();
        layer.eval();
        let first = layer.weight().unwrap();
        assert!(layer.weight().unwrap().equal(&first));
        layer.train();
        for _ in 0..100 {
            layer.weight().unwrap();
        }
        let x = rand([2, 6]).unwrap();
        layer.eval();
        let y = layer.forward(&x).unwrap();
        let plain = layer.remove().unwrap();
        assert!(plain.forward(&x).unwrap().allclose(&y, 1e-6, 1e-6).unwrap());
        assert_eq!(plain.named_parameters()[0].0, "weight");
    }

    #[test]
    fn a_direction_and_a_length() {
        manual_seed(3);
        let plain = Linear::new(3, 2);
        let weight = plain.weight.tensor().detach();
        let layer = weight_norm(plain, Some(0)).unwrap();
        assert!(layer.weight().unwrap().allclose(&weight, 1e-6, 1e-6).unwrap());
        assert_eq!(
            layer.parametrization.g.tensor().detach().to_string(),
            "tensor([[0.7722],\n        [0.7466]])"
        );
        assert!(weight_norm(Linear::new(3, 2), Some(2)).is_err());
        assert_eq!(weight_norm(Linear::new(3, 2), None).unwrap().parametrization.g.shape().len(), 0);
    }
}
