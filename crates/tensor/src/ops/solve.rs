//! Systems of linear equations and determinants, by elimination with the largest pivot of each column, in `f64`.
//!
//! ```
//! use tensor::tensor;
//! let a = tensor([[2.0, 1.0], [1.0, 3.0]]);
//! assert_eq!(a.solve(&tensor([4.0, 7.0]))?.to_string(), "tensor([1., 2.])");
//! assert_eq!(a.det()?.to_string(), "tensor(5.)");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::linalg::order;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::Element;
use crate::error::{AtCaller, Error, Result};
use crate::layout::Shape;
use crate::ops::expand::broadcast_shapes;
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;

/// Makes `a` upper triangular and does the same to `b` `(n, k)`. The sign of the exchanges of rows; 0 if `a` is singular.
fn eliminate(a: &mut [f64], n: usize, b: &mut [f64], k: usize) -> f64 {
    let mut sign = 1.0;
    for column in 0..n {
        let size = |row: usize| a[row * n + column].abs();
        let pivot = (column..n).max_by(|&i, &j| size(i).total_cmp(&size(j))).unwrap_or(column);
        if size(pivot) == 0.0 {
            return 0.0;
        }
        if pivot != column {
            sign = -sign;
            (column..n).for_each(|j| a.swap(pivot * n + j, column * n + j));
            (0..k).for_each(|j| b.swap(pivot * k + j, column * k + j));
        }
        for row in column + 1..n {
            let factor = a[row * n + column] / a[column * n + column];
            if factor != 0.0 {
                (column..n).for_each(|j| a[row * n + j] -= factor * a[column * n + j]);
                (0..k).for_each(|j| b[row * k + j] -= factor * b[column * k + j]);
            }
        }
    }
    sign
}

/// `b` becomes the x of `a·x = b`, `a` upper triangular.
fn substitute(a: &[f64], n: usize, b: &mut [f64], k: usize) {
    for row in (0..n).rev() {
        for below in row + 1..n {
            let factor = a[row * n + below];
            if factor != 0.0 {
                (0..k).for_each(|j| b[row * k + j] -= factor * b[below * k + j]);
            }
        }
        (0..k).for_each(|j| b[row * k + j] /= a[row * n + row]);
    }
}

/// `b` `(n, k)` becomes the x of `a·x = b`; whether there is one. `a` is used up.
pub(crate) fn solve(a: &mut [f64], n: usize, b: &mut [f64], k: usize) -> bool {
    let solvable = eliminate(a, n, b, k) != 0.0;
    if solvable {
        substitute(a, n, b, k);
    }
    solvable
}

/// A matrix of a batch, in double precision.
fn matrix<T: Element>(values: &[T], size: usize, i: usize) -> Vec<f64> {
    values[i * size..(i + 1) * size].iter().map(|x| x.to_f64()).collect()
}

#[track_caller]
fn of_floats(op: &'static str, x: &Tensor) -> Result<(usize, Shape)> {
    let n = order(op, x)?;
    if !x.dtype().is_float() {
        return Err(Error::not_float(op, x.dtype()));
    }
    Ok((n, x.shape()[..x.dim() - 2].into()))
}

/// `∂A = det A·A⁻ᵀ·∂Y`, the cofactors; where there is no inverse, as determinants of the minors.
struct Det {
    /// Whether a matrix of the batch has no inverse.
    singular: bool,
}

impl Op for Det {
    fn name(&self) -> &'static str {
        "LinalgDet"
    }
    fn keep(&self) -> Keep {
        Keep::All
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let of_each = |x: &Tensor| x.unsqueeze(-1)?.unsqueeze(-1);
        ctx.grads(|_| {
            let a = ctx.input(0)?;
            let cofactors =
                if self.singular { cofactors(&a)? } else { a.inverse()?.mt()?.mul(&of_each(&ctx.output()?)?)? };
            cofactors.mul(&of_each(grad)?)
        })
    }
}

/// `(−1)^(i+j)` times the determinant without row i and column j, `(…, n, n)`.
fn cofactors(a: &Tensor) -> Result<Tensor> {
    let n = a.size(-1)?;
    let batch = &a.shape()[..a.dim() - 2];
    let others = (0..n).flat_map(|i| (0..n).filter(move |&j| j != i)).map(|j| j as i64).collect::<Vec<_>>();
    let others = Tensor::from_vec(others, n * n.saturating_sub(1))?;
    let rows = a.index_select(-2, &others)?.index_select(-1, &others)?;
    // (…, i, row, j, column)
    let shape: Shape = batch.iter().copied().chain([n, n - 1, n, n - 1]).collect();
    let minors = rows.reshape(shape)?.transpose(-3, -2)?;
    let signs: Vec<f64> = (0..n * n).map(|k| if (k / n + k % n) % 2 == 0 { 1.0 } else { -1.0 }).collect();
    minors.det()?.mul(&Tensor::from_vec(signs, [n, n])?.to(a.dtype()))
}

/// `∂A = A⁻ᵀ·∂Y`
struct LogAbsDet;

impl Op for LogAbsDet {
    fn name(&self) -> &'static str {
        "LinalgSlogdet"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| ctx.input(0)?.inverse()?.mt()?.mul(&grad.unsqueeze(-1)?.unsqueeze(-1)?))
    }
}

/// `∂B = A⁻ᵀ·∂X`, `∂A = −∂B·Xᵀ`
struct Solve;

impl Op for Solve {
    fn name(&self) -> &'static str {
        "LinalgSolveEx"
    }
    fn keep(&self) -> Keep {
        Keep::All
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let right = ctx.input(0)?.mt()?.solved(grad)?;
        ctx.grads(|i| if i == 1 { Ok(right.clone()) } else { Ok(-right.matmul(&ctx.output()?.mt()?)?) })
    }
}

impl Tensor {
    /// The determinants of square matrices `(…, n, n)`, of shape `(…)`, also with gradients where they are 0. What leaves
    /// the range of numbers is better asked of [`slogdet`](Tensor::slogdet).
    ///
    /// # Errors
    /// If they are not square, or not floating point.
    #[doc(alias = "torch.linalg.det")]
    #[track_caller]
    pub fn det(&self) -> Result<Tensor> {
        let (n, batch) = of_floats("det", self)?;
        let mut singular = false;
        let out = with_float!(self.dtype(), T => {
            let x = self.values::<T>();
            let values: Buffer<T> = (0..batch.iter().product())
                .map(|i| {
                    let mut a = matrix(&x, n * n, i);
                    let sign = eliminate(&mut a, n, &mut [], 0);
                    singular |= sign == 0.0;
                    let product = if sign == 0.0 { 0.0 } else { (0..n).map(|i| a[i * n + i]).product() };
                    (sign * product) as T
                })
                .collect();
            Tensor::from_buffer("det", values, &batch)?
        });
        Ok(out.record(Det { singular }, &[self]))
    }

    /// The signs of the determinants of square matrices `(…, n, n)`, and the logarithms of their sizes, both `(…)`: 0 and −∞
    /// for a matrix without an inverse. The sign has no gradient.
    ///
    /// # Errors
    /// If they are not square, or not floating point. The gradient of a matrix without an inverse is an error too.
    ///
    /// ```
    /// use tensor::tensor;
    /// let (sign, log) = tensor([[0.0, 1.0], [1.0, 0.0]]).slogdet()?;
    /// assert_eq!((sign.item()?, log.item()?), (-1.0, 0.0));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.linalg.slogdet")]
    #[track_caller]
    pub fn slogdet(&self) -> Result<(Tensor, Tensor)> {
        let (n, batch) = of_floats("slogdet", self)?;
        let (signs, logs) = with_float!(self.dtype(), T => {
            let x = self.values::<T>();
            let (signs, logs): (Vec<T>, Vec<T>) = (0..batch.iter().product::<usize>())
                .map(|i| {
                    let mut a = matrix(&x, n * n, i);
                    let sign = eliminate(&mut a, n, &mut [], 0);
                    if sign == 0.0 {
                        return (0.0, T::NEG_INFINITY);
                    }
                    let diagonal = || (0..n).map(|i| a[i * n + i]);
                    let sign = sign * diagonal().map(f64::signum).product::<f64>();
                    (sign as T, diagonal().map(|x| x.abs().ln()).sum::<f64>() as T)
                })
                .unzip();
            (Tensor::from_vec(signs, &batch).at_caller()?, Tensor::from_vec(logs, &batch).at_caller()?)
        });
        Ok((signs, logs.record(LogAbsDet, &[self])))
    }

    /// The logarithms of the determinants of square matrices `(…, n, n)`: −∞ for 0, NaN below.
    ///
    /// # Errors
    /// As [`slogdet`](Tensor::slogdet).
    #[doc(alias = "torch.logdet")]
    #[track_caller]
    pub fn logdet(&self) -> Result<Tensor> {
        let (sign, log) = self.slogdet()?;
        log.where_(&sign.ge(0.0)?, f64::NAN)
    }

    /// The X of `self·X = right` for square matrices `(…, n, n)` and right-hand sides `(…, n, k)`, or vectors: `(n)`, or
    /// `(…, n)` for a batch of exactly these sizes. Batches are broadcast.
    ///
    /// # Errors
    /// If the matrices are not square or have no inverse, or shapes or types do not fit.
    #[doc(alias = "torch.linalg.solve")]
    #[track_caller]
    pub fn solve(&self, right: &Tensor) -> Result<Tensor> {
        let (n, batch) = of_floats("solve", self)?;
        if self.dtype() != right.dtype() {
            let message = format!("expected two of the same type, found {} and {}", self.dtype(), right.dtype());
            return Err(Error::dtype("solve", message));
        }
        let vector = right.dim() == 1 || right.shape() == &self.shape()[..self.dim() - 1];
        let columns = if vector { right.unsqueeze(-1)? } else { right.clone() };
        let common = match columns.shape() {
            [others @ .., rows, _] if *rows == n => broadcast_shapes(&[&batch, others]).ok(),
            _ => None,
        };
        let Some(common) = common else {
            let message = format!(
                "expected (…, n, n) and (…, n, k) or (n), found shapes {:?} and {:?}",
                self.shape(),
                right.shape()
            );
            return Err(Error::shape("solve", message));
        };
        let whole = |x: &Tensor| {
            let shape: Shape = common.iter().chain(&x.shape()[x.dim() - 2..]).copied().collect();
            if x.shape() == &*shape { Ok(x.clone()) } else { x.expand(shape) }
        };
        let x = whole(self)?.solved(&whole(&columns)?)?;
        if vector { x.squeeze_dim(-1) } else { Ok(x) }
    }

    /// [`solve`](Tensor::solve) for the same batch on both sides.
    #[track_caller]
    fn solved(&self, right: &Tensor) -> Result<Tensor> {
        let (n, k) = (self.size(-1)?, right.size(-1)?);
        let out = with_float!(self.dtype(), T => {
            Buffer::<T>::check("solve", right.numel())?;
            let (a, b) = (self.values::<T>(), right.values::<T>());
            let mut out = Buffer::<T>::zeros(b.len());
            for i in 0..self.shape()[..self.dim() - 2].iter().product() {
                let (mut a, mut x) = (matrix(&a, n * n, i), matrix(&b, n * k, i));
                if !solve(&mut a, n, &mut x, k) {
                    let message = format!("matrix {i} is singular: there is no or more than one solution");
                    return Err(Error::value("solve", message));
                }
                out[i * n * k..(i + 1) * n * k].iter_mut().zip(x).for_each(|(out, x)| *out = x as T);
            }
            Tensor::from_buffer("solve", out, right.shape())?
        });
        Ok(out.record(Solve, &[self, right]))
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let a = || float64([[0.4, -1.3, 0.2], [2.0, 0.1, -0.5], [0.3, 0.9, 1.1]]);
    let batch = || float64([[[0.4, -1.3], [2.0, 0.1]], [[1.0, 0.7], [0.2, -0.8]]]);
    vec![
        case("det", |x| x[0].det(), vec![a()]),
        case("det of a batch", |x| x[0].det(), vec![batch()]),
        case("det of rank 1", |x| x[0].det(), vec![float64([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, 1.0, 1.5]])]),
        case("slogdet", |x| Ok(x[0].slogdet()?.1), vec![batch()]),
        case("logdet", |x| x[0].logdet(), vec![a()]),
        case("solve", |x| x[0].solve(&x[1]), vec![a(), float64([[0.3, 1.0], [-0.2, 0.4], [0.9, -1.5]])]),
        case("solve, broadcast", |x| x[0].solve(&x[1]), vec![batch(), float64([0.3, -0.2])]),
        case("solve, matrices of each", |x| x[0].solve(&x[1]), vec![batch(), float64([[0.3, -0.2], [1.0, 0.7]])]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, eye, ones, tensor, zeros};

    #[test]
    fn a_solution_needs_pivots_and_a_matrix_that_has_one() {
        let a = tensor([[0.0, 2.0], [4.0, 0.0]]);
        assert_eq!(a.solve(&tensor([2.0, 4.0])).unwrap().to_vec::<f32>().unwrap(), [1.0, 1.0]);
        let error = ones([2, 2]).unwrap().solve(&tensor([2.0, 4.0])).unwrap_err().to_string();
        assert!(error.contains("singular"), "{error}");
        assert!(a.solve(&tensor([1.0, 2.0, 3.0])).is_err() && a.solve(&tensor(1.0)).is_err());
        assert!(a.solve(&tensor([1, 2])).is_err() && tensor([[1]]).det().is_err() && ones(2).unwrap().det().is_err());
    }

    #[test]
    fn determinants_of_nothing_and_of_much() {
        assert_eq!(zeros([2, 0, 0]).unwrap().det().unwrap().to_vec::<f32>().unwrap(), [1.0, 1.0]);
        assert!(zeros([0, 2, 2]).unwrap().slogdet().unwrap().1.shape() == [0]);
        let large = eye(400).unwrap().mul(-10.0).unwrap();
        let (sign, log) = large.slogdet().unwrap();
        assert!(sign.item().unwrap() == 1.0 && (log.item().unwrap() - 400.0 * 10f64.ln()).abs() < 1e-4);
        let (sign, log) = ones([2, 2]).unwrap().slogdet().unwrap();
        assert_eq!((sign.item().unwrap(), log.item().unwrap()), (0.0, f64::NEG_INFINITY));
        assert!(tensor([[-1.0]]).logdet().unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn the_slope_of_a_determinant_of_zero() {
        // Of rank n − 1 it is not 0, of less it is.
        for (a, slope) in [([[1.0, 2.0], [2.0, 4.0]], [4.0, -2.0, -2.0, 1.0]), ([[0.0; 2]; 2], [0.0; 4])] {
            let a = tensor(a).to(DType::F64).requires_grad();
            a.det().unwrap().backward().unwrap();
            assert_eq!(a.grad().unwrap().to_vec::<f64>().unwrap(), slope);
        }
        let one: Tensor = tensor([[0.0]]).requires_grad();
        one.det().unwrap().backward().unwrap();
        assert_eq!(one.grad().unwrap().item().unwrap(), 1.0);
        let singular = ones([2, 2]).unwrap().requires_grad();
        assert!(singular.slogdet().unwrap().1.backward().is_err());
    }
}
