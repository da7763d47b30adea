//! Products of matrices and vectors, and the affine map of a linear layer.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
//! assert_eq!(x.matmul(&tensor([1.0, 1.0]))?.to_string(), "tensor([3., 7.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::DType;
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Layout, Shape, SharedLayout, broadcast};
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::gemm::{Matrix, gemm, gemm_with_bias};
use kernel::reduce::{Itself, add_rows, dot, sum_f64};
use smallvec::SmallVec;

impl Tensor {
    /// Matrix product. Vectors count as a row on the left and as a column on the right; dimensions before the last two
    /// are broadcast: `(…, n, k) · (…, k, m) → (…, n, m)`.
    ///
    /// # Errors
    /// If the inner sizes or the types differ, one of the two is a scalar, or they hold bools.
    #[doc(alias = "torch.matmul")]
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Result<Tensor> {
        self.product("matmul", other)
    }

    /// [`matmul`](Tensor::matmul), of whose operands `op` has already said what is special.
    #[track_caller]
    pub(crate) fn product(&self, op: &'static str, other: &Tensor) -> Result<Tensor> {
        if self.dtype() != other.dtype() {
            return Err(Error::dtype(
                op,
                format!("both must have the same type, found {} and {}", self.dtype(), other.dtype()),
            ));
        }
        let mismatch = || {
            Error::shape(
                op,
                format!("shapes {:?} and {:?} cannot be multiplied", self.shape(), other.shape()),
            )
        };
        if self.dim() == 0 || other.dim() == 0 {
            return Err(mismatch().at_caller());
        }
        let (x, y) = (row(&self.detach())?, column(&other.detach())?);
        let (a, b) = (x.shape(), y.shape());
        let [n, k] = [a[a.len() - 2], a[a.len() - 1]];
        let m = b[b.len() - 1];
        if k != b[b.len() - 2] {
            return Err(mismatch().at_caller());
        }
        let mut shape = broadcast(&a[..a.len() - 2], &b[..b.len() - 2]).ok_or_else(mismatch).at_caller()?;
        let batch = shape.clone();
        shape.extend((self.dim() > 1).then_some(n).into_iter().chain((other.dim() > 1).then_some(m)));
        let layout = if shape.is_empty() { Layout::scalar() } else { Layout::contiguous(op, &shape)?.into() };
        let out = match self.dtype() {
            DType::Bool => {
                return Err(Error::dtype(op, "bools cannot be multiplied; convert with .to(DType::I64)"));
            }
            DType::I64 => Tensor::new(integers(&x, &y, &batch), layout),
            dtype => with_float!(dtype, T => {
                if shape.is_empty() {
                    Tensor::one(dot(&self.values::<T>(), &other.values::<T>()), layout)
                } else {
                    Tensor::new(products::<T>(&x, &y, &batch), layout)
                }
            }),
        };
        let name = match (op, self.dim(), other.dim()) {
            ("bmm", ..) => "Bmm",
            (_, 1, 1) => "Dot",
            (_, 2, 1) => "Mv",
            (_, 1, 2) => "SqueezeBackward4",
            (_, 2, 2) => "Mm",
            _ => "UnsafeView",
        };
        let (left, right) = (self.layout.clone(), other.layout.clone());
        Ok(out.record(MatMul { name, left, right }, &[self, other]))
    }

    /// `x · Wᵀ + b`, the map of a linear layer, as one node: `self` is `(…, in)`, `weight` `(out, in)`, `bias` `(out)`,
    /// the result `(…, out)`.
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.nn.functional.linear")]
    #[track_caller]
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let in_steps = |weight: &Tensor| match bias {
            Some(bias) => self.matmul(weight)?.add(bias),
            None => self.matmul(weight),
        };
        if weight.dim() == 1 && bias.is_none_or(|b| b.dim() == 0) {
            return in_steps(weight).at_caller();
        }
        let fits = weight.dim() == 2
            && self.shape().last() == Some(&weight.shape()[1])
            && bias.is_none_or(|b| b.shape() == [weight.shape()[0]]);
        if !fits {
            return Err(Error::shape(
                "linear",
                format!(
                    "input (…, in), weight (out, in) and bias (out) do not fit: found {:?}, {:?} and {:?}",
                    self.shape(),
                    weight.shape(),
                    bias.map(Tensor::shape)
                ),
            ));
        }
        let dtype = self.dtype();
        if dtype == DType::Bool {
            return Err(Error::not_float("linear", dtype));
        }
        if let Some(other) = [Some(weight), bias].into_iter().flatten().find(|t| t.dtype() != dtype) {
            return Err(Error::dtype("linear", format!("the input is {dtype}, a weight {}", other.dtype())));
        }
        if dtype == DType::I64 {
            return in_steps(&weight.t()?).at_caller();
        }
        let (outs, ins) = (weight.shape()[0], weight.shape()[1]);
        let mut shape = Shape::from_slice(self.shape());
        if let Some(last) = shape.last_mut() {
            *last = outs;
        }
        let rows: usize = shape[..shape.len() - 1].iter().product();
        let out = with_float!(dtype, T => {
            let mut out = Buffer::<T>::unwritten(rows * outs);
            let x = self.values::<T>();
            let (x, w) = (Matrix::dense(&x, ins), weight.matrix::<T>(true));
            match bias {
                Some(bias) => gemm_with_bias([rows, ins, outs], x, w, &bias.values::<T>(), &mut out),
                None => gemm([rows, ins, outs], x, w, &mut out, false),
            }
            Tensor::new(out, dense(&shape))
        });
        Ok(match bias {
            Some(bias) => out.record(Linear, &[self, weight, bias]),
            None => out.record(Linear, &[self, weight]),
        })
    }

    /// This matrix as the kernels see it.
    pub(crate) fn matrix<T: crate::Element>(&self, transposed: bool) -> Matrix<'_, T> {
        let strides = self.layout.strides();
        let (row, column) = (strides[strides.len() - 2], strides[strides.len() - 1]);
        let (row_stride, column_stride) = if transposed { (column, row) } else { (row, column) };
        let first = if self.numel() == 0 { 0 } else { self.layout.offset() };
        Matrix { data: &self.raw::<T>()[first..], row_stride, column_stride }
    }
}

/// A vector on the left is a row.
fn row(x: &Tensor) -> Result<Tensor> {
    if x.dim() == 1 { x.unsqueeze(0) } else { Ok(x.clone()) }
}

/// A vector on the right is a column.
fn column(y: &Tensor) -> Result<Tensor> {
    if y.dim() == 1 { y.unsqueeze(1) } else { Ok(y.clone()) }
}

/// Where the matrices of a batch begin.
pub(crate) fn starts(x: &Tensor, batch: &[usize]) -> Vec<usize> {
    let r = x.dim() - 2;
    let outer = x.layout.with(x.shape()[..r].into(), x.layout.strides()[..r].into());
    let mut starts = Vec::new();
    if let Some(outer) = outer.expand(batch) {
        outer.rows(|first, stride, len| starts.extend((0..len).map(|i| first + i * stride)));
    }
    starts
}

/// The sizes `n`, `k` and `m` of a product of matrices.
fn sizes(x: &Tensor, y: &Tensor) -> [usize; 3] {
    let (a, b) = (x.shape(), y.shape());
    [a[a.len() - 2], a[a.len() - 1], b[b.len() - 1]]
}

fn products<T: kernel::Float + crate::Element>(x: &Tensor, y: &Tensor, batch: &[usize]) -> Buffer<T> {
    let [n, k, m] = sizes(x, y);
    // One matrix on the right for all: the rows on the left are one tall matrix, if they lie evenly.
    if y.dim() == 2
        && x.dim() > 2
        // Of sums over nothing the number of elements does not say how many rows there are.
        && k > 0
        && let Some(tall) = x.layout.reshape(&[x.numel() / k, k])
    {
        return products(&x.with_layout(tall), y, &[]);
    }
    let len = batch.iter().product::<usize>() * n * m;
    if k == 0 {
        return Buffer::zeros(len);
    }
    let mut out = Buffer::<T>::unwritten(len);
    if !out.is_empty() {
        let (a, b) = (x.matrix::<T>(false), y.matrix::<T>(false));
        if batch.is_empty() {
            gemm([n, k, m], a, b, &mut out, false);
            return out;
        }
        let (all_x, all_y) = (x.raw::<T>(), y.raw::<T>());
        for ((out, i), j) in out.chunks_exact_mut(n * m).zip(starts(x, batch)).zip(starts(y, batch)) {
            gemm([n, k, m], Matrix { data: &all_x[i..], ..a }, Matrix { data: &all_y[j..], ..b }, out, false);
        }
    }
    out
}

/// Whole numbers are rare here: plain loops.
fn integers(x: &Tensor, y: &Tensor, batch: &[usize]) -> Buffer<i64> {
    let [n, k, m] = sizes(x, y);
    let len = batch.iter().product::<usize>() * n * m;
    if k == 0 || len == 0 {
        return Buffer::zeros(len);
    }
    let (a, b) = (x.matrix::<i64>(false), y.matrix::<i64>(false));
    let mut out = Vec::with_capacity(len);
    for (i, j) in starts(x, batch).into_iter().zip(starts(y, batch)) {
        let (p, q) = (&x.raw::<i64>()[i..], &y.raw::<i64>()[j..]);
        for (row, column) in (0..n).flat_map(|row| (0..m).map(move |column| (row, column))) {
            let term = |l| {
                let a: i64 = p[row * a.row_stride + l * a.column_stride];
                a.wrapping_mul(q[l * b.row_stride + column * b.column_stride])
            };
            out.push((0..k).fold(0i64, |sum, l| sum.wrapping_add(term(l))));
        }
    }
    Buffer::from(out)
}

/// `C = A·B`: `∂A = ∂C·Bᵀ`, `∂B = Aᵀ·∂C`.
struct MatMul {
    name: &'static str,
    left: SharedLayout,
    right: SharedLayout,
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let (left, right) = (self.left.shape(), self.right.shape());
        if left.len() == 1 && right.len() == 1 {
            return ctx.grads(|i| ctx.input(1 - i)?.mul(grad));
        }
        // The dimensions that a vector did without.
        let mut shape: Shape = grad.shape().into();
        if right.len() == 1 {
            shape.push(1);
        }
        if left.len() == 1 {
            shape.insert(shape.len() - 1, 1);
        }
        let grad = grad.reshape(&shape)?;
        ctx.grads(|i| {
            if i == 0 {
                let y = column(&ctx.input(1)?)?;
                let matrix: &[usize] = if left.len() == 1 { &[1, left[0]] } else { left };
                return grad.matmul(&y.mt()?)?.sum_to_size(matrix)?.reshape(left);
            }
            let x = row(&ctx.input(0)?)?;
            let matrix: &[usize] = if right.len() == 1 { &[right[0], 1] } else { right };
            if matrix.len() == 2 && x.dim() > 2 {
                // Σ over the batch is one product of tall matrices.
                let (x, grad) = (x.flatten(0, -2)?, grad.flatten(0, -2)?);
                return x.t()?.matmul(&grad)?.reshape(right);
            }
            x.mt()?.matmul(&grad)?.sum_to_size(matrix)?.reshape(right)
        })
    }
}

/// `y = x·Wᵀ + b`: `∂x = ∂y·W`, `∂W = ∂yᵀ·x`, `∂b = Σ ∂y`.
struct Linear;

impl Op for Linear {
    fn name(&self) -> &'static str {
        "Addmm"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        // Not by division: there may be no outputs.
        let rows = |grad: &Tensor| grad.shape().iter().rev().skip(1).product::<usize>();
        let outs = grad.size(-1)?;
        if !is_grad_enabled() {
            return with_float!(grad.dtype(), T => linear_grads::<T>(ctx, grad, [rows(grad), outs]));
        }
        ctx.grads(|i| match i {
            0 => grad.matmul(&ctx.input(1)?),
            1 => {
                let x = ctx.input(0)?;
                let ins = x.size(-1)?;
                let rows = rows(grad);
                grad.reshape([rows, outs])?.t()?.matmul(&x.reshape([rows, ins])?)
            }
            _ => {
                grad.reshape([rows(grad), outs])?.sum_dim(0, false)
            }
        })
    }
}

/// The gradients of [`Linear`], written where they belong: nobody will differentiate them, so no view needs a layout.
fn linear_grads<T: kernel::Float + crate::Element>(
    ctx: &Ctx<'_>,
    grad: &Tensor,
    [rows, outs]: [usize; 2],
) -> Result<Grads> {
    let grad = grad.values::<T>();
    let (x, weight) = (ctx.input_value(0)?, ctx.input_value(1)?);
    let ins = weight.size(1)?;
    ctx.grads(|i| {
        Ok(match i {
            0 => {
                let mut out = Buffer::unwritten(rows * ins);
                gemm([rows, outs, ins], Matrix::dense(&grad, outs), weight.matrix::<T>(false), &mut out, false);
                Tensor::new(out, x.dense_layout())
            }
            1 => {
                let mut out = Buffer::unwritten(outs * ins);
                let columns = Matrix::dense(&grad, outs).transposed();
                gemm([outs, rows, ins], columns, Matrix::dense(&x.values::<T>(), ins), &mut out, false);
                Tensor::new(out, weight.dense_layout())
            }
            _ if outs == 1 => {
                Tensor::one(<T as kernel::Float>::from_f64(sum_f64(&grad)), ctx.input_value(2)?.dense_layout())
            }
            _ => {
                let mut sums: SmallVec<[f64; 16]> = SmallVec::from_elem(0.0, outs);
                add_rows(Itself, &grad, None, &mut sums);
                let sums = sums.iter().map(|&sum| kernel::Float::from_f64(sum)).collect::<Buffer<T>>();
                Tensor::new(sums, ctx.input_value(2)?.dense_layout())
            }
        })
    })
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let a = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let b = || float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]);
    let v = || float64([0.5, -0.2, 1.1]);
    vec![
        case("matmul", |x| x[0].matmul(&x[1]), vec![a(), b()]),
        case("matmul of a view", |x| x[0].t()?.matmul(&x[0]), vec![a()]),
        case("matrix and vector", |x| x[0].matmul(&x[1]), vec![a(), v()]),
        case("vector and matrix", |x| x[0].matmul(&x[1]), vec![v(), b()]),
        case("vector and vector", |x| x[0].matmul(&x[1]), vec![v(), v()]),
        case("batched, broadcast", |x| x[0].unsqueeze(0)?.expand([3, 2, 3])?.matmul(&x[1]), vec![a(), b()]),
        case("linear", |x| x[0].linear(&x[1], Some(&x[2])), vec![a(), a(), float64([0.3, -0.1])]),
        case("linear without bias", |x| x[0].linear(&x[1], None), vec![a(), a()]),
        case("linear of a vector", |x| x[0].linear(&x[1], Some(&x[2])), vec![v(), a(), float64([0.3, -0.1])]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn nothing_times_nothing() {
        let out = zeros([2, 0]).unwrap().matmul(&zeros([0, 3]).unwrap()).unwrap();
        assert_eq!(out.to_vec::<f32>().unwrap(), [0.0; 6]);
        let out = zeros([2, 1, 0]).unwrap().matmul(&zeros([0, 3]).unwrap()).unwrap();
        assert_eq!(out.to_vec::<f32>().unwrap(), [0.0; 6]);
    }

    #[test]
    fn misfits_name_both_shapes() {
        let error = tensor([[1.0, 2.0]]).matmul(&tensor([[1.0, 2.0]])).unwrap_err();
        assert!(error.to_string().contains("[1, 2] and [1, 2] cannot be multiplied"), "{error}");
    }
}
