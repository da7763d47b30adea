//! Elements written to where integer tensors say: the reverse of [`gather`](Tensor::gather).
//!
//! For `dim` 0, `self[index[i][j]][j]` becomes `src[i][j]`, or the sum, product, mean or extreme of what arrives there.
//!
//! ```
//! use tensor::{tensor, zeros};
//! let index = tensor([[2], [0]]);
//! let x = zeros([2, 3])?.scatter(1, &index, 1.0)?;
//! assert_eq!(x.to_string(), "tensor([[0., 0., 1.],\n        [1., 0., 0.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::Operand;
use super::gather::{places_along, used_part};
use super::places::same_type;
use crate::autograd::check::{Case, case, float64};
use crate::error::Result;
use crate::tensor::Tensor;

impl Tensor {
    /// This tensor with each element of `src`, a tensor or one number, at the place that `index` names, as
    /// [`gather`](Tensor::gather) would read it. Where several go to one place, the last one stays.
    ///
    /// # Errors
    /// As `gather`; and if `src` is smaller than `index` or of another type than `self`.
    #[doc(alias = "torch.scatter")]
    #[track_caller]
    pub fn scatter<'a>(
        &self,
        dim: isize,
        index: &Tensor,
        src: impl Into<Operand<'a>>,
    ) -> Result<Tensor> {
        let dim = self.layout.dim("scatter", dim)?;
        let places = places_along("scatter", self, dim, index)?;
        let (name, src) = match src.into() {
            Operand::Tensor(src) => {
                same_type("scatter", self, src)?;
                ("Scatter", used_part("scatter", index, src)?)
            }
            Operand::Number(number) => {
                ("ScatterBackward1", Tensor::scalar(number, self.dtype()).expand(places.len())?)
            }
        };
        self.write_at(name, &places, &src)
    }

    /// Adds each element of `src` to the place in `self` that `index` names, as [`gather`](Tensor::gather) would
    /// read it.
    ///
    /// # Errors
    /// As [`scatter`](Tensor::scatter).
    #[doc(alias = "torch.scatter_add")]
    #[track_caller]
    pub fn scatter_add(&self, dim: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("scatter_add", dim)?;
        let places = places_along("scatter_add", self, dim, index)?;
        same_type("scatter_add", self, src)?;
        self.add_at("ScatterAdd", &places, &used_part("scatter_add", index, src)?)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let two = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]), float64([[0.3, 0.5], [1.0, -0.7]])];
    vec![
        case("scatter", |x| Ok(x[0].scatter(1, &tensor([[0, 1], [2, 1]]), &x[1])?.sin()), two()),
        case("scatter of a part", |x| Ok(x[0].scatter(1, &tensor([[0], [2]]), &x[1])?.sin()), two()),
        case("scatter of a number", |x| Ok(x[0].scatter(0, &tensor([[1, 0]]), 3.0)?.sin()), two()),
        case("scatter_add", |x| Ok(x[0].scatter_add(1, &tensor([[0, 0], [2, 1]]), &x[1])?.sin()), two()),
        case("scatter_add of a part", |x| Ok(x[0].scatter_add(1, &tensor([[0], [2]]), &x[1])?.sin()), two()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, tensor, zeros};

    #[test]
    fn what_does_not_fit_is_named() {
        let x = tensor([[1.0, 2.0, 3.0]]);
        for error in [
            x.scatter(1, &tensor([[3]]), 0.0).unwrap_err(),
            x.scatter(1, &tensor([[0, 1]]), &tensor([[1.0]])).unwrap_err(),
            x.scatter(1, &tensor([[0]]), &tensor([[1]])).unwrap_err(),
            x.scatter_add(1, &tensor([0]), &tensor([[1.0]])).unwrap_err(),
            x.scatter_add(1, &tensor([[0], [0]]), &tensor([[1.0], [1.0]])).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }

    #[test]
    fn an_empty_index_changes_nothing() {
        let x = tensor([[1.0, 2.0, 3.0]]);
        let none = zeros([0, 0]).unwrap().to(DType::I64);
        assert!(x.scatter(1, &none, &tensor([[9.0]])).unwrap().equal(&x));
        assert!(x.scatter_add(1, &none, &tensor([[9.0]])).unwrap().equal(&x));
    }
}
