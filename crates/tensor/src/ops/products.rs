//! The products that PyTorch names one by one: `mm`, `bmm`, `mv`, `dot`, `outer`, …, and those with a sum: `addmm` and
//! its siblings, `β·x + α·(a·b)`.
//!
//! ```
//! use tensor::tensor;
//! let (x, a, b) = (tensor([1.0, 2.0]), tensor([[1.0], [2.0]]), tensor([[3.0, 4.0]]));
//! assert_eq!(x.addmm(&a, &b, 1, 1)?.to_string(), "tensor([[ 4.,  6.],\n        [ 7., 10.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{AtCaller, Error, Result};
use crate::layout::Shape;
use crate::literal::Scalar;
use crate::tensor::Tensor;

/// Refuses operands of other ranks.
#[track_caller]
fn ranks(op: &'static str, x: &Tensor, y: &Tensor, expected: [usize; 2]) -> Result<()> {
    if [x.dim(), y.dim()] == expected {
        return Ok(());
    }
    Err(Error::shape(
        op,
        format!(
            "expected operands of {} and {} dimensions, found shapes {:?} and {:?}",
            expected[0],
            expected[1],
            x.shape(),
            y.shape()
        ),
    ))
}

impl Tensor {
    /// The product of two matrices: `(n, k) · (k, m) → (n, m)`.
    ///
    /// # Errors
    /// If they are no matrices, or sizes or types do not fit.
    #[doc(alias = "torch.mm")]
    #[track_caller]
    pub fn mm(&self, other: &Tensor) -> Result<Tensor> {
        ranks("mm", self, other, [2, 2])?;
        self.product("mm", other)
    }

    /// The products of two batches of matrices: `(b, n, k) · (b, k, m) → (b, n, m)`.
    ///
    /// # Errors
    /// If they are no batches of equal length, or sizes or types do not fit.
    #[doc(alias = "torch.bmm")]
    #[track_caller]
    pub fn bmm(&self, other: &Tensor) -> Result<Tensor> {
        ranks("bmm", self, other, [3, 3])?;
        if self.shape()[0] != other.shape()[0] {
            return Err(Error::shape(
                "bmm",
                format!("batches differ in length: {:?} and {:?}", self.shape(), other.shape()),
            ));
        }
        self.product("bmm", other)
    }

    /// The product of a matrix and a vector: `(n, k) · (k) → (n)`.
    ///
    /// # Errors
    /// If they are none, or sizes or types do not fit.
    #[doc(alias = "torch.mv")]
    #[track_caller]
    pub fn mv(&self, vector: &Tensor) -> Result<Tensor> {
        ranks("mv", self, vector, [2, 1])?;
        self.product("mv", vector)
    }

    /// The sum of products of two vectors, a scalar.
    ///
    /// # Errors
    /// If they are no vectors, or sizes or types differ.
    #[doc(alias = "torch.dot")]
    #[doc(alias = "torch.vdot")]
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Result<Tensor> {
        ranks("dot", self, other, [1, 1])?;
        self.product("dot", other)
    }

    /// All products of two vectors: `(n) · (m) → (n, m)`.
    ///
    /// # Errors
    /// If they are no vectors.
    #[doc(alias = "torch.outer")]
    #[doc(alias = "torch.ger")]
    #[track_caller]
    pub fn outer(&self, other: &Tensor) -> Result<Tensor> {
        ranks("outer", self, other, [1, 1])?;
        self.unsqueeze(1)?.mul(other)
    }

    /// Sums of products over the last dimensions: `(…, k) · (⋯, k) → (…, ⋯)`. With a scalar: its multiple.
    ///
    /// # Errors
    /// If the last sizes or the types differ.
    #[doc(alias = "torch.inner")]
    #[track_caller]
    pub fn inner(&self, other: &Tensor) -> Result<Tensor> {
        if self.dim() == 0 || other.dim() == 0 {
            return self.mul(other);
        }
        self.tensordot(other, ([-1], [-1]))
    }

    /// The Kronecker product: each element of `self` times all of `other`, as blocks.
    ///
    /// # Errors
    /// If the result has more elements than the machine can hold.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([1.0, 10.0]).kron(&tensor([1.0, 2.0]))?;
    /// assert_eq!(x.to_string(), "tensor([ 1.,  2., 10., 20.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.kron")]
    #[track_caller]
    pub fn kron(&self, other: &Tensor) -> Result<Tensor> {
        let rank = self.dim().max(other.dim());
        let sizes = |x: &Tensor| {
            let ones = std::iter::repeat_n(1, rank - x.dim());
            ones.chain(x.shape().iter().copied()).collect::<Shape>()
        };
        let (a, b) = (sizes(self), sizes(other));
        let spread = |sizes: &Shape, first: bool| {
            sizes.iter().flat_map(|&n| if first { [n, 1] } else { [1, n] }).collect::<Shape>()
        };
        let product = self.reshape(spread(&a, true))?.mul(&other.reshape(spread(&b, false))?)?;
        product.reshape(a.iter().zip(&b).map(|(a, b)| a * b).collect::<Shape>())
    }

    /// The vector product along a dimension of size 3.
    ///
    /// # Errors
    /// If there is no such dimension, its size is not 3, or the shapes cannot be broadcast together.
    #[doc(alias = "torch.cross")]
    #[doc(alias = "torch.linalg.cross")]
    #[track_caller]
    pub fn cross(&self, other: &Tensor, dim: isize) -> Result<Tensor> {
        let shape = super::broadcast::common_shape("cross", self, other)?;
        let (x, y) = (self.expand(&shape)?, other.expand(&shape)?);
        let three = |x: &Tensor| x.size(dim).is_ok_and(|size| size == 3);
        if self.dim() != other.dim() || !three(self) || !three(other) {
            return Err(Error::shape(
                "cross",
                format!(
                    "expected two tensors of as many dimensions, with size 3 in dimension {dim}; found shapes {:?} and \
                     {:?}",
                    self.shape(),
                    other.shape()
                ),
            ));
        }
        let turned = |x: &Tensor, order: [i64; 3]| x.index_select(dim, &crate::tensor(order));
        let (next, last) = ([1, 2, 0], [2, 0, 1]);
        turned(&x, next)?.mul(&turned(&y, last)?)?.sub(&turned(&x, last)?.mul(&turned(&y, next)?)?)
    }

    /// `β·self + α·(a·b)` for matrices `a` and `b`; `self` is broadcast. With β = 0, `self` is not looked at.
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.addmm")]
    #[track_caller]
    pub fn addmm(
        &self,
        a: &Tensor,
        b: &Tensor,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Tensor> {
        ranks("addmm", a, b, [2, 2])?;
        self.plus("addmm", a.product("addmm", b)?, beta.into(), alpha.into())
    }

    /// `β·self + α·(a·b)` for a matrix `a` and a vector `b`, as [`addmm`](Tensor::addmm).
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.addmv")]
    #[track_caller]
    pub fn addmv(
        &self,
        a: &Tensor,
        b: &Tensor,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Tensor> {
        ranks("addmv", a, b, [2, 1])?;
        self.plus("addmv", a.product("addmv", b)?, beta.into(), alpha.into())
    }

    /// `β·self + α·(a ⊗ b)` for vectors `a` and `b`, of which [`outer`](Tensor::outer) is the product.
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.addr")]
    #[track_caller]
    pub fn addr(
        &self,
        a: &Tensor,
        b: &Tensor,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Tensor> {
        ranks("addr", a, b, [1, 1])?;
        if [self, a, b].iter().all(|x| x.dtype() == DType::Bool) {
            let (beta, alpha) = (beta.into().to_f64(), alpha.into().to_f64());
            return Ok(self.to(DType::I64).addr(&a.to(DType::I64), &b.to(DType::I64), i64::from(beta != 0.0), i64::from(alpha != 0.0))?.to(DType::Bool));
        }
        self.plus("addr", a.outer(b)?, beta.into(), alpha.into())
    }

    /// `β·self + α·(aᵢ·bᵢ)` for batches of matrices, as [`addmm`](Tensor::addmm).
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.baddbmm")]
    #[track_caller]
    pub fn baddbmm(
        &self,
        a: &Tensor,
        b: &Tensor,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Tensor> {
        self.plus("baddbmm", a.bmm(b)?, beta.into(), alpha.into())
    }

    /// `β·self + α·Σᵢ aᵢ·bᵢ` for batches of matrices, as [`addmm`](Tensor::addmm).
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.addbmm")]
    #[track_caller]
    pub fn addbmm(
        &self,
        a: &Tensor,
        b: &Tensor,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Tensor> {
        self.plus("addbmm", a.bmm(b)?.sum_dim(0, false)?, beta.into(), alpha.into())
    }

    #[track_caller]
    fn plus(&self, op: &'static str, product: Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
        let addend = self.expand(product.shape()).map_err(|_| {
            let found =
                format!("{:?} does not broadcast to the product's {:?}", self.shape(), product.shape());
            Error::shape(op, found)
        }).at_caller()?;
        let dtype = product.dtype();
        if [self.dtype(), crate::result_type(&product, beta), crate::result_type(&product, alpha)]
            != [dtype; 3]
        {
            return Err(Error::dtype(
                op,
                format!("{} added to a product of {dtype}, times {beta:?} and {alpha:?}", self.dtype()),
            ));
        }
        let product = if alpha.to_f64() == 1.0 { product } else { product.mul(alpha)? };
        match beta.to_f64() {
            0.0 => Ok(product),
            1.0 => addend.add(&product),
            _ => addend.mul(beta)?.add(&product),
        }
    }

    /// `xᵀ·Wᵢ·y + bᵢ` for each matrix `Wᵢ` of `weight` `(out, n, m)`: `self` is `(…, n)`, `other` `(…, m)`, the result
    /// `(…, out)`.
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.nn.functional.bilinear")]
    #[track_caller]
    pub fn bilinear(&self, other: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let fits = weight.dim() == 3
            && self.dim() == other.dim()
            && self.dim() > 0
            && self.shape()[..self.dim() - 1] == other.shape()[..self.dim() - 1]
            && [self.size(-1)?, other.size(-1)?] == weight.shape()[1..]
            && bias.is_none_or(|bias| bias.shape() == [weight.shape()[0]]);
        if !fits {
            return Err(Error::shape(
                "bilinear",
                format!(
                    "operands of shapes {:?} and {:?} do not fit a weight {:?} of (out, n, m)",
                    self.shape(),
                    other.shape(),
                    weight.shape()
                ),
            ));
        }
        let (n, m) = (weight.shape()[1], weight.shape()[2]);
        let outs = weight.shape()[0];
        // (…, m)·(m, out·n) and then (…, out, n)·(…, n, 1).
        let rows = other.matmul(&weight.reshape([outs * n, m])?.t()?)?;
        let mut shape: Shape = rows.shape().into();
        shape.truncate(rows.dim() - 1);
        shape.extend([outs, n]);
        let out = rows.reshape(shape)?.matmul(&self.unsqueeze(-1)?)?.squeeze_dim(-1)?;
        match bias {
            Some(bias) => out.add(bias),
            None => Ok(out),
        }
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let a = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let b = || float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]);
    let batch = || float64([[[0.4, -1.3], [2.0, 0.1]], [[0.7, -0.9], [0.3, 0.5]]]);
    let square = || float64([[0.4, -1.3], [2.0, 0.1]]);
    let cube = || float64([[[0.4, -1.3], [2.0, 0.1], [0.6, 0.2]], [[0.7, -0.9], [0.3, 0.5], [-0.4, 0.8]]]);
    let v = || float64([0.5, -0.2, 1.1]);
    let w = || float64([0.3, -0.8]);
    vec![
        case("mm", |x| x[0].mm(&x[1]), vec![a(), b()]),
        case("bmm", |x| x[0].bmm(&x[1]), vec![batch(), batch()]),
        case("mv", |x| x[0].mv(&x[1]), vec![a(), v()]),
        case("dot", |x| x[0].dot(&x[1]), vec![v(), v()]),
        case("outer", |x| x[0].outer(&x[1]), vec![v(), w()]),
        case("inner", |x| x[0].inner(&x[1]), vec![a(), v()]),
        case("kron", |x| x[0].kron(&x[1]), vec![a(), w()]),
        case("cross", |x| x[0].cross(&x[1], -1), vec![a(), float64([[0.5, -0.2, 1.1]])]),
        case("addmm", |x| x[0].addmm(&x[1], &x[2], 0.5, 2.0), vec![w(), a(), b()]),
        case("addmv", |x| x[0].addmv(&x[1], &x[2], 1, 2.0), vec![w(), a(), v()]),
        case("addr", |x| x[0].addr(&x[1], &x[2], 0.5, 1), vec![a(), w(), v()]),
        case("baddbmm", |x| x[0].baddbmm(&x[1], &x[2], 0.5, 2.0), vec![w(), batch(), batch()]),
        case("addbmm", |x| x[0].addbmm(&x[1], &x[2], 0.5, 2.0), vec![w(), batch(), batch()]),
        case("bilinear", |x| x[0].bilinear(&x[1], &x[2], Some(&x[3])), vec![a(), square(), cube(), w()]),
    ]
}
