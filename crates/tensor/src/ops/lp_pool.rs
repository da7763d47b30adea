//! The norm of windows that slide over the last dimensions, and the way back from the largest element of windows.
//!
//! `y = (Σ xᵖ)^(1/p)` over each window; with `p = ∞` the largest |x|.
//!
//! ```
//! use tensor::{Pool, tensor};
//! let x = tensor([[[3.0, 4.0, 0.0, 2.0]]]); // (N, C, L)
//! assert_eq!(x.lp_pool1d(2.0, 2, None, false)?.to_string(), "tensor([[[5., 2.]]])");
//! let (largest, places) = x.max_pool1d(&Pool::new(2))?;
//! assert_eq!(largest.max_unpool1d(&places, [4])?.to_string(), "tensor([[[0., 4., 0., 2.]]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::pool::Pool;
use crate::autograd::check::{Case, case, float64};
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Layout, Shape, sizes};
use crate::storage::Buffer;
use crate::tensor::Tensor;
use smallvec::SmallVec;

type Of<T> = fn(&Tensor, &Pool) -> Result<T>;

impl Tensor {
    #[track_caller]
    fn lp_pool(
        &self,
        op: &'static str,
        p: f64,
        kernel_size: SmallVec<[i64; 4]>,
        pool: &Pool,
        rank: usize,
        (mean, largest): (Of<Tensor>, Of<(Tensor, Tensor)>),
    ) -> Result<Tensor> {
        if p == 0.0 || p.is_nan() {
            return Err(Error::value(op, format!("norm_type is a number other than zero, found {p}")));
        }
        if p == f64::INFINITY {
            return Ok(largest(&self.abs(), pool).at_caller()?.0);
        }
        if p == f64::NEG_INFINITY {
            return Ok(largest(&self.abs().neg(), pool).at_caller()?.0.neg());
        }
        let mean = mean(&self.pow(p)?, pool).at_caller()?;
        let count = match *kernel_size {
            [one] => (one as f64).powi(rank as i32),
            _ => kernel_size.iter().map(|&n| n as f64).product(),
        };
        // A root has no derivative at zero: there, as in PyTorch, the gradient is zero.
        let none = mean.eq(0.0)?;
        mean.masked_fill(&none, 1.0)?.mul(count)?.pow(p.recip())?.masked_fill(&none, 0f64.powf(p.recip()))
    }

    /// Puts each element at its place, by which [`max_pool`](Tensor::max_pool2d) found it, of a plane of zeros.
    #[track_caller]
    fn max_unpool(
        &self,
        op: &'static str,
        rank: usize,
        places: &Tensor,
        output_size: impl Ints,
    ) -> Result<Tensor> {
        let size = sizes(op, output_size)?;
        if size.len() != rank || !(rank + 1..=rank + 2).contains(&self.dim()) || self.shape() != places.shape() {
            return Err(Error::shape(
                op,
                format!(
                    "expected elements and places of the same shape, of {} or {} dimensions, and {rank} sizes, found {:?}, \
                     {:?} and {size:?}",
                    rank + 1,
                    rank + 2,
                    self.shape(),
                    places.shape()
                ),
            ));
        }
        let batch = &self.shape()[..self.dim() - rank];
        let whole: Shape = batch.iter().chain(&size).copied().collect();
        Buffer::<f64>::check(op, Layout::contiguous(op, &whole)?.numel())?;
        let flat = |last: usize| -> Shape { batch.iter().copied().chain([last]).collect() };
        let inside = self.shape()[batch.len()..].iter().product();
        let zeros = Tensor::zeros(flat(size.iter().product()), self.dtype())?;
        let (places, elements) = (places.reshape(flat(inside))?, self.reshape(flat(inside))?);
        zeros.scatter(-1, &places, &elements)?.reshape(&whole)
    }
}

macro_rules! pools {
    ($($lp:ident $unpool:ident $avg:ident $max:ident $rank:literal $shape:literal;)*) => {
        impl Tensor {$(
            #[doc = concat!("The p-norm, `p = norm_type`, of each window of `", $shape, "`; without a stride, windows side by side.")]
            ///
            /// # Errors
            /// If `norm_type` is zero, or no window fits.
            #[track_caller]
            pub fn $lp(
                &self,
                norm_type: f64,
                kernel_size: impl Ints,
                stride: Option<&[i64]>,
                ceil_mode: bool,
            ) -> Result<Tensor> {
                let pool = Pool::new(&kernel_size).ceil_mode(ceil_mode);
                let pool = stride.into_iter().fold(pool, |pool, stride| pool.stride(stride));
                let of = (Tensor::$avg as Of<Tensor>, Tensor::$max as Of<(Tensor, Tensor)>);
                self.lp_pool(stringify!($lp), norm_type, kernel_size.ints(), &pool, $rank, of)
            }

            #[doc = concat!("Zeros of `", $shape, "` with each element at the place where `", stringify!($max), "` found it.")]
            ///
            /// # Errors
            /// If elements and places differ in shape, or a place is outside of an output of this size.
            #[track_caller]
            pub fn $unpool(&self, indices: &Tensor, output_size: impl Ints) -> Result<Tensor> {
                self.max_unpool(stringify!($unpool), $rank, indices, output_size)
            }
        )*}
    };
}

pools! {
    lp_pool1d max_unpool1d avg_pool1d max_pool1d 1 "(N, C, L)";
    lp_pool2d max_unpool2d avg_pool2d max_pool2d 2 "(N, C, H, W)";
    lp_pool3d max_unpool3d avg_pool3d max_pool3d 3 "(N, C, D, H, W)";
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[[[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]]])];
    vec![
        case("lp_pool2d", |x| x[0].abs().lp_pool2d(1.5, [2, 1], Some(&[1, 2]), false), x()),
        case("lp_pool1d of infinity", |x| x[0].squeeze_dim(0)?.lp_pool1d(f64::INFINITY, 2, Some(&[1]), true), x()),
        case(
            "max_unpool2d",
            |x| {
                let (largest, places) = x[0].max_pool2d(&Pool::new(2).stride(1))?;
                largest.sin().max_unpool2d(&places, [2, 3])
            },
            x(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn windows_of_zeros_have_no_gradient() {
        let x = zeros([1, 1, 4]).unwrap().requires_grad();
        x.lp_pool1d(2.0, 2, None, false).unwrap().sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0; 4]);
    }

    #[test]
    fn places_outside_are_named() {
        let (x, places) = (tensor([[[1.0, 2.0]]]), tensor([[[0, 5]]]));
        assert!(x.max_unpool1d(&places, [5]).is_err());
        assert!(x.max_unpool1d(&places, [6]).is_ok());
        assert!(x.max_unpool3d(&places, [6, 1, 1]).is_err());
        assert!(x.lp_pool1d(0.0, 1, None, false).is_err());
    }
}
