//! Square matrices and chains of them: trace, powers, inverse, products of many.

use super::solve::solve;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::Element;
use crate::error::{AtCaller, Error, Result};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;

/// The order of a square matrix, or of a batch of them.
#[track_caller]
pub(super) fn order(op: &'static str, x: &Tensor) -> Result<usize> {
    match x.shape() {
        [.., n, m] if n == m => Ok(*n),
        shape => Err(Error::shape(op, format!("expected square matrices (…, n, n), found shape {shape:?}"))),
    }
}

/// `Y = A⁻¹`: `∂A = −Yᵀ·∂Y·Yᵀ`.
struct Inverse;

impl Op for Inverse {
    fn name(&self) -> &'static str {
        "LinalgInvEx"
    }
    fn keep(&self) -> Keep {
        Keep::Output
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let turned = ctx.output()?.mt()?;
            Ok(-turned.matmul(grad)?.matmul(&turned)?)
        })
    }
}

impl Tensor {
    /// The sum of the diagonal of a matrix.
    ///
    /// # Errors
    /// If this is no matrix.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([[1.0, 2.0], [3.0, 4.0]]).trace()?.to_string(), "tensor(5.)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.trace")]
    #[track_caller]
    pub fn trace(&self) -> Result<Tensor> {
        if self.dim() != 2 {
            return Err(Error::shape("trace", format!("expected a matrix, found shape {:?}", self.shape())));
        }
        Ok(self.strided("Diagonal", |layout| layout.diagonal(0, 0, 1)).sum())
    }

    /// The inverses of square matrices `(…, n, n)`, computed in `f64`.
    ///
    /// # Errors
    /// If they are not square, not floating point, or a matrix has no inverse.
    #[doc(alias = "torch.linalg.inv")]
    #[track_caller]
    pub fn inverse(&self) -> Result<Tensor> {
        let n = order("inverse", self)?;
        if !self.dtype().is_float() {
            return Err(Error::not_float("inverse", self.dtype()));
        }
        let out = with_float!(self.dtype(), T => {
            let x = self.values::<T>();
            let mut out = Buffer::<T>::zeros(x.len());
            for (i, (x, out)) in x.chunks((n * n).max(1)).zip(out.chunks_mut((n * n).max(1))).enumerate() {
                let mut a: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
                let mut inverse = vec![0.0; n * n];
                inverse.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
                if !solve(&mut a, n, &mut inverse, n) {
                    let message = format!("matrix {i} is singular: it has no inverse");
                    return Err(Error::value("inverse", message)).at_caller();
                }
                out.iter_mut().zip(inverse).for_each(|(out, x)| *out = x as T);
            }
            Tensor::new(out, self.dense_layout())
        });
        Ok(out.record(Inverse, &[self]))
    }

    /// The `n`-th power of square matrices; the identity for 0, powers of the inverse for negative numbers.
    ///
    /// # Errors
    /// If they are not square, or have no inverse where it is asked for.
    #[doc(alias = "torch.linalg.matrix_power")]
    #[track_caller]
    pub fn matrix_power(&self, n: i64) -> Result<Tensor> {
        let size = order("matrix_power", self)?;
        if n == 0 {
            return Tensor::eye(size, size, self.dtype())?.expand(self.shape());
        }
        // Squares, of which those are multiplied whose bit is set.
        let mut square = if n < 0 { self.inverse()? } else { self.clone() };
        let (mut left, mut power) = (n.unsigned_abs(), None::<Tensor>);
        loop {
            if left & 1 == 1 {
                power = Some(match power {
                    Some(power) => power.matmul(&square)?,
                    None => square.clone(),
                });
            }
            left >>= 1;
            match power {
                Some(power) if left == 0 => return Ok(power),
                _ => square = square.matmul(&square)?,
            }
        }
    }
}

/// The product of two or more matrices, in the order of multiplications that costs least. The first may be a row, the last
/// a column: vectors.
///
/// # Errors
/// If there are fewer than two, one is no matrix, or sizes or types do not fit.
///
/// ```
/// use tensor::{multi_dot, ones};
/// let (x, y) = (ones([2, 3])?, ones([3])?);
/// assert_eq!(multi_dot(&[&x, &x.t()?, &x, &y])?.to_string(), "tensor([18., 18.])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.linalg.multi_dot")]
#[doc(alias = "torch.chain_matmul")]
#[track_caller]
pub fn multi_dot(tensors: &[&Tensor]) -> Result<Tensor> {
    let n = tensors.len();
    let misfit = || {
        let shapes: Vec<_> = tensors.iter().map(|x| x.shape()).collect();
        Error::shape("multi_dot", format!("expected two or more matrices that fit, found shapes {shapes:?}"))
    };
    if n < 2 {
        return Err(misfit().at_caller());
    }
    // Factor i is (sizes[i], sizes[i + 1]).
    let mut sizes = Vec::with_capacity(n + 1);
    for (i, x) in tensors.iter().enumerate() {
        let (rows, columns) = match *x.shape() {
            [rows, columns] => (rows, columns),
            [size] if i == 0 => (1, size),
            [size] if i == n - 1 => (size, 1),
            _ => return Err(misfit().at_caller()),
        };
        if i == 0 {
            sizes.push(rows);
        } else if sizes[i] != rows {
            return Err(misfit().at_caller());
        }
        sizes.push(columns);
    }
    // cost[i][j]: the fewest multiplications for factors i to j, with the last of them between k and k + 1.
    let mut cost = vec![vec![(0.0, 0); n]; n];
    for length in 1..n {
        for i in 0..n - length {
            let j = i + length;
            let split = |k: usize| {
                let product = sizes[i] as f64 * sizes[k + 1] as f64 * sizes[j + 1] as f64;
                (cost[i][k].0 + cost[k + 1][j].0 + product, k)
            };
            cost[i][j] = (i..j).map(split).fold((f64::INFINITY, i), |a, b| if b.0 < a.0 { b } else { a });
        }
    }
    // Vectors in between would be rows or columns: they stay so until the end.
    let matrix = |i: usize| match tensors[i].dim() {
        1 if i == 0 => tensors[i].unsqueeze(0),
        1 => tensors[i].unsqueeze(1),
        _ => Ok(tensors[i].clone()),
    };
    // Without recursion: a stack of ranges, and a stack of what has been multiplied.
    let (mut todo, mut done) = (vec![(0, n - 1, false)], Vec::new());
    while let Some((i, j, ready)) = todo.pop() {
        if i == j {
            done.push(matrix(i)?);
        } else if ready {
            if let (Some(right), Some(left)) = (done.pop(), done.pop()) {
                done.push(left.matmul(&right)?);
            }
        } else {
            let k = cost[i][j].1;
            todo.extend([(i, j, true), (k + 1, j, false), (i, k, false)]);
        }
    }
    let mut shape = Vec::new();
    if tensors[0].dim() == 2 {
        shape.push(sizes[0]);
    }
    if tensors[n - 1].dim() == 2 {
        shape.push(sizes[n]);
    }
    done.pop().ok_or_else(misfit).at_caller()?.reshape(shape)
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let a = || float64([[0.4, -1.3], [2.0, 0.1]]);
    let b = || float64([[0.4, -1.3, 0.5], [2.0, 0.1, -0.7]]);
    vec![
        case("trace", |x| x[0].sin().trace(), vec![a()]),
        case("inverse", |x| x[0].inverse(), vec![a()]),
        case("matrix_power", |x| x[0].matrix_power(3), vec![a()]),
        case("matrix_power, negative", |x| x[0].matrix_power(-2), vec![a()]),
        case(
            "multi_dot",
            |x| multi_dot(&[&x[2], &x[0], &x[1], &x[2].unsqueeze(1)?.t()?.matmul(&x[1])?.reshape(3)?]),
            vec![a(), b(), float64([0.3, -0.2])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::multi_dot;
    use crate::{DType, Tensor, arange, eye, ones, tensor};

    #[test]
    fn an_inverse_needs_pivots_and_a_matrix_that_has_one() {
        let x = tensor([[0.0, 2.0], [4.0, 0.0]]);
        assert_eq!(x.inverse().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.25, 0.5, 0.0]);
        let error = ones([3, 3]).unwrap().inverse().unwrap_err().to_string();
        assert!(error.contains("singular"), "{error}");
        assert!(ones([2, 3]).unwrap().inverse().is_err());
    }

    #[test]
    fn powers() {
        let x = tensor([[1, 1], [1, 0]]);
        assert_eq!(x.matrix_power(10).unwrap().to_vec::<i64>().unwrap(), [89, 55, 55, 34]);
        assert!(x.matrix_power(0).unwrap().equal(&eye(2).unwrap().to(DType::I64)));
        assert!(tensor([[2.0]]).matrix_power(-3).unwrap().item().unwrap() == 0.125);
    }

    #[test]
    fn a_chain_in_any_order_is_the_same() {
        let make = |n: usize, m: usize| {
            arange(0, (n * m) as i64, 1).unwrap().reshape([n, m]).unwrap().rsub(3).unwrap()
        };
        let chain = [make(2, 7), make(7, 1), make(1, 5), make(5, 3), make(3, 4)];
        let straight: Tensor = chain[1..].iter().fold(chain[0].clone(), |x, y| x.matmul(y).unwrap());
        assert!(multi_dot(&chain.iter().collect::<Vec<_>>()).unwrap().equal(&straight));
        assert!(multi_dot(&[&chain[0], &chain[2]]).is_err());
    }
}
