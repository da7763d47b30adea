//! Layers that only change a shape, or nothing at all.

use crate::module::{Layer, Module, no_parts, printed};
use crate::summary::seen;
use tensor::{Result, Tensor};

/// The input itself.
#[doc(alias = "torch.nn.Identity")]
#[derive(Clone, Copy, Default)]
pub struct Identity;

impl Layer for Identity {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, Ok(input.clone()))
    }
}

no_parts!(Identity);

/// Dimensions `start_dim` to `end_dim` as one: `(N, C, H, W)` → `(N, C·H·W)` by default.
///
/// ```
/// use nn::{Flatten, Layer};
/// use tensor::ones;
/// assert_eq!(Flatten::new().forward(&ones([8, 3, 4, 4])?)?.shape(), [8, 48]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.Flatten")]
#[derive(Clone, Copy)]
pub struct Flatten {
    start_dim: isize,
    end_dim: isize,
}

impl Flatten {
    /// All but the first dimension.
    pub fn new() -> Self {
        Flatten { start_dim: 1, end_dim: -1 }
    }

    /// The first dimension to be joined, 1 by default.
    #[must_use]
    pub fn start_dim(mut self, dim: isize) -> Self {
        self.start_dim = dim;
        self
    }

    /// The last dimension to be joined, −1 by default.
    #[must_use]
    pub fn end_dim(mut self, dim: isize) -> Self {
        self.end_dim = dim;
        self
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

impl Module for Flatten {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        format!("start_dim={}, end_dim={}", self.start_dim, self.end_dim)
    }
}

impl Layer for Flatten {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.flatten(self.start_dim, self.end_dim))
    }
}

/// One dimension as several: the reverse of [`Flatten`].
#[doc(alias = "torch.nn.Unflatten")]
#[derive(Clone)]
pub struct Unflatten {
    dim: isize,
    unflattened_size: Vec<i64>,
}

impl Unflatten {
    /// Dimension `dim` as these sizes, one of which may be −1.
    pub fn new(dim: isize, unflattened_size: impl tensor::Ints) -> Self {
        Unflatten { dim, unflattened_size: unflattened_size.ints().to_vec() }
    }
}

impl Module for Unflatten {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        let sizes: Vec<String> = self.unflattened_size.iter().map(i64::to_string).collect();
        let comma = if sizes.len() == 1 { "," } else { "" };
        format!("dim={}, unflattened_size=({}{comma})", self.dim, sizes.join(", "))
    }
}

impl Layer for Unflatten {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.unflatten(self.dim, &self.unflattened_size))
    }
}

printed!(Identity Flatten Unflatten);
