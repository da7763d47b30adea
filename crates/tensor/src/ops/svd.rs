//! Singular values: `A = U·diag(S)·Vᵀ` with orthonormal columns in U and V, and S sorted from the largest on.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[3.0, 0.0], [4.0, 5.0]]);
//! assert_eq!(x.svdvals()?.to_string(), "tensor([6.7082, 2.2361])"); // √45, √5
//! # Ok::<(), tensor::Error>(())
//! ```
//! Hestenes' one-sided Jacobi method: turn pairs of columns of A until all are orthogonal; then they are U·S, and the turns V.
//! It finds small singular values to as many digits as large ones. Source: G. H. Golub, C. F. Van Loan, *Matrix
//! Computations*, 4th ed., §8.6.3. The gradient is that of J. Townsend, *Differentiating the Singular Value Decomposition*, 2016.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, no_grad};
use crate::dtype::Element;
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;

/// Turns until nothing is left to turn; four to ten are usual.
const SWEEPS: usize = 60;

/// Columns `(of A, of V)`, whose pairs are turned together.
type Columns = Vec<(Vec<f64>, Vec<f64>)>;

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// `(x, y)` turned by the angle of this cosine and sine.
fn turn(x: &mut [f64], y: &mut [f64], cos: f64, sin: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

/// Makes the columns of A orthogonal. They have no more than about 1 in them.
fn orthogonalise(columns: &mut Columns) {
    for _ in 0..SWEEPS {
        let mut turned = false;
        for q in 1..columns.len() {
            let (front, back) = columns.split_at_mut(q);
            let (y, v) = &mut back[0];
            for (x, u) in front {
                let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
                if xy.abs() <= f64::EPSILON * xx.sqrt() * yy.sqrt() {
                    continue;
                }
                turned = true;
                // The smaller of the two angles that make them orthogonal.
                let half = (yy - xx) / (2.0 * xy);
                let tan = half.signum() / (half.abs() + half.hypot(1.0));
                let cos = tan.hypot(1.0).recip();
                turn(x, y, cos, cos * tan);
                turn(u, v, cos, cos * tan);
            }
        }
        if !turned {
            return;
        }
    }
}

/// A vector of length 1 that is orthogonal to `others`, of which there are fewer than its elements: what is left of the unit
/// vector of which they explain least.
fn another(others: &[Vec<f64>], len: usize) -> Vec<f64> {
    let explained = |i: usize| others.iter().map(|x| x[i] * x[i]).sum::<f64>();
    let axis = (0..len).min_by(|&i, &j| explained(i).total_cmp(&explained(j))).unwrap_or(0);
    let mut x = vec![0.0; len];
    x[axis] = 1.0;
    // Twice is enough, as Kahan says.
    for _ in 0..2 {
        for other in others {
            let part = dot(&x, other);
            x.iter_mut().zip(other).for_each(|(x, other)| *x -= part * other);
        }
        let length = dot(&x, &x).sqrt();
        x.iter_mut().for_each(|x| *x /= length);
    }
    x
}

/// U by columns, S, and V by columns, of `m × n` numbers with `m ≥ n`, all finite.
fn decompose(a: impl Fn(usize, usize) -> f64, m: usize, n: usize) -> (Vec<Vec<f64>>, Vec<f64>, Vec<Vec<f64>>) {
    let size = (0..m * n).map(|i| a(i / n, i % n).abs()).fold(0.0, f64::max);
    // By a power of two, which does not round; squares then stay in range.
    let scale = if size == 0.0 { 1.0 } else { 2f64.powi(size.log2().clamp(-1022.0, 1023.0) as i32) };
    let unit = |i: usize, j: usize| f64::from(u8::from(i == j));
    let mut columns: Columns =
        (0..n).map(|j| ((0..m).map(|i| a(i, j) / scale).collect(), (0..n).map(|i| unit(i, j)).collect())).collect();
    orthogonalise(&mut columns);
    let mut found: Vec<(f64, Vec<f64>, Vec<f64>)> =
        columns.into_iter().map(|(x, v)| (dot(&x, &x).sqrt(), x, v)).collect();
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    let mut u: Vec<Vec<f64>> = Vec::with_capacity(n);
    let (mut s, mut v) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for (length, mut x, turns) in found {
        if length > 0.0 {
            x.iter_mut().for_each(|x| *x /= length);
        } else {
            x = another(&u, m);
        }
        u.push(x);
        s.push(length * scale);
        v.push(turns);
    }
    (u, s, v)
}

/// The sizes of matrices `(…, m, n)`: rows, columns, and singular values.
#[track_caller]
fn sizes(op: &'static str, x: &Tensor) -> Result<[usize; 3]> {
    let &[.., m, n] = x.shape() else {
        return Err(Error::shape(op, format!("expected matrices (…, m, n), found shape {:?}", x.shape())));
    };
    if !x.dtype().is_float() {
        return Err(Error::not_float(op, x.dtype()));
    }
    Ok([m, n, m.min(n)])
}

/// `U (m, k)`, `S (k)` and `Vᵀ (k, n)`, one behind the other: an operation has one result.
#[derive(Clone, Copy)]
struct Svd {
    m: usize,
    n: usize,
}

impl Svd {
    #[track_caller]
    fn of(op: &'static str, x: &Tensor) -> Result<(Svd, Tensor)> {
        let [m, n, k] = sizes(op, x)?;
        let mut shape: Shape = x.shape()[..x.dim() - 2].into();
        shape.push(k * (m + n + 1));
        let layout = Layout::contiguous(op, &shape)?;
        let out = with_float!(x.dtype(), T => {
            Buffer::<T>::check(op, layout.numel())?;
            let mut out = Buffer::<T>::zeros(layout.numel());
            let values = x.values::<T>();
            if let Some(bad) = values.iter().find(|x| !x.is_finite()) {
                return Err(Error::value(op, format!("a matrix with {bad} in it has no singular values")));
            }
            let both = values.chunks((m * n).max(1)).zip(out.chunks_mut((k * (m + n + 1)).max(1)));
            for (a, out) in both {
                let (u, s, v) = if m >= n {
                    decompose(|i, j| a[i * n + j].to_f64(), m, n)
                } else {
                    let (v, s, u) = decompose(|i, j| a[j * n + i].to_f64(), n, m);
                    (u, s, v)
                };
                let (left, rest) = out.split_at_mut(m * k);
                let (middle, right) = rest.split_at_mut(k);
                middle.iter_mut().zip(s).for_each(|(out, s)| *out = s as T);
                for (j, column) in u.iter().enumerate() {
                    column.iter().enumerate().for_each(|(i, &x)| left[i * k + j] = x as T);
                }
                right.iter_mut().zip(v.iter().flatten()).for_each(|(out, &x)| *out = x as T);
            }
            Tensor::new(out, layout.into())
        });
        let op = Svd { m, n };
        Ok((op, out.record(op, &[x])))
    }

    /// The three, as views.
    fn parts(self, all: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let Svd { m, n } = self;
        let k = m.min(n);
        let u = all.narrow(-1, 0, m * k)?.unflatten(-1, [m, k])?;
        let s = all.narrow(-1, m * k, k)?;
        let vh = all.narrow(-1, m * k + k, k * n)?.unflatten(-1, [k, n])?;
        Ok((u, s, vh))
    }
}

/// `1/x`, and 0 for 0.
fn inverse(x: &Tensor) -> Result<Tensor> {
    let none = x.eq(0.0)?;
    x.masked_fill(&none, 1.0)?.reciprocal().masked_fill(&none, 0.0)
}

/// `Xᵀ·Y − Yᵀ·X`
fn skew(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let product = x.mt()?.matmul(y)?;
    product.sub(&product.mt()?)
}

/// `∂A = U·((F∘(Uᵀ∂U − ∂UᵀU))·S + S·(F∘(Vᵀ∂V − ∂VᵀV)) + ∂S)·Vᵀ + (1 − UUᵀ)·∂U·S⁻¹·Vᵀ + U·S⁻¹·∂Vᵀ·(1 − VVᵀ)` with
/// `Fᵢⱼ = 1/(sⱼ² − sᵢ²)`
impl Op for Svd {
    fn name(&self) -> &'static str {
        "LinalgSvd"
    }
    fn keep(&self) -> Keep {
        Keep::Output
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let (u, s, vh) = self.parts(&ctx.output()?)?;
            let (gu, gs, gvh) = self.parts(grad)?;
            let (down, across) = (s.unsqueeze(-1)?, s.unsqueeze(-2)?);
            let f = inverse(&across.sub(&down)?.mul(&across.add(&down)?)?)?;
            let inverse = inverse(&across)?;
            let left = f.mul(&skew(&u, &gu)?)?.mul(&across)?;
            let right = f.mul(&skew(&vh.mt()?, &gvh.mt()?)?)?.mul(&down)?;
            let middle = left.add(&right)?.add(&gs.diag_embed(0, -2, -1)?)?;
            let mut sum = u.matmul(&middle)?.matmul(&vh)?;
            let k = self.m.min(self.n);
            if self.m > k {
                let outside = gu.sub(&u.matmul(&u.mt()?.matmul(&gu)?)?)?;
                sum = sum.add(&outside.mul(&inverse)?.matmul(&vh)?)?;
            }
            if self.n > k {
                let outside = gvh.sub(&gvh.matmul(&vh.mt()?)?.matmul(&vh)?)?;
                sum = sum.add(&u.mul(&inverse)?.matmul(&outside)?)?;
            }
            Ok(sum)
        })
    }
}

/// S alone: `∂A = U·diag(∂S)·Vᵀ`, which is also right where singular values are equal or zero.
struct SingularValues;

impl Op for SingularValues {
    fn name(&self) -> &'static str {
        "LinalgSvd"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let (op, all) = Svd::of("svdvals", &ctx.input(0)?)?;
            let (u, _, vh) = op.parts(&all)?;
            u.mul(&grad.unsqueeze(-2)?)?.matmul(&vh)
        })
    }
}

impl Tensor {
    /// The singular values of matrices `(…, m, n)`, from the largest on: `(…, min(m, n))`, computed in `f64`.
    ///
    /// The gradient of the gradient means nothing where two of them are equal, or zero in a matrix that is not square.
    ///
    /// # Errors
    /// If they are no matrices, not floating point, or an element is not finite.
    #[doc(alias = "torch.linalg.svdvals")]
    #[track_caller]
    pub fn svdvals(&self) -> Result<Tensor> {
        let s = no_grad(|| Svd::of("svdvals", self).and_then(|(op, all)| op.parts(&all))).at_caller()?.1;
        Ok(s.contiguous().record(SingularValues, &[self]))
    }

    /// Matrices `(…, m, n)` as `U·diag(S)·Vᵀ`: `U (…, m, k)`, `S (…, k)`, from the largest on, and `Vᵀ (…, k, n)`, with
    /// `k = min(m, n)`; computed in `f64`. PyTorch's is this one with `full_matrices=False`.
    ///
    /// The signs of a column of U and of a row of Vᵀ are free together, and PyTorch's may be others; so gradients mean
    /// something only for what does not depend on them, and where no two singular values are equal.
    ///
    /// # Errors
    /// As [`svdvals`](Tensor::svdvals).
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// let (u, s, vh) = x.svd()?;
    /// assert!((&u * &s).matmul(&vh)?.allclose(&x, 1e-5, 1e-6)?);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.linalg.svd")]
    #[track_caller]
    pub fn svd(&self) -> Result<(Tensor, Tensor, Tensor)> {
        let (op, all) = Svd::of("svd", self)?;
        op.parts(&all).at_caller()
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let wide = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    let square = || vec![float64([[0.4, -1.3], [2.0, 0.1]])];
    // A sum of U's and V's columns that the free signs leave alone.
    let all = |x: &Tensor| {
        let (u, s, vh) = x.svd()?;
        u.mul(&s.sin())?.matmul(&vh)?.add(&u.matmul(&u.mt()?)?.sum_dim((), false)?)
    };
    vec![
        case("svdvals", |x| Ok(x[0].svdvals()?.sin()), wide()),
        case("svdvals of a tall matrix", |x| x[0].mt()?.svdvals()?.square().add(1.0), wide()),
        case("svd of a wide matrix", move |x| all(&x[0]), wide()),
        case("svd of a tall matrix", move |x| all(&x[0].mt()?), wide()),
        case("svd of a square matrix", move |x| all(&x[0]), square()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, eye, manual_seed, ones, randn, tensor, zeros};

    fn largest(x: &Tensor) -> f64 {
        if x.numel() == 0 { 0.0 } else { x.abs().max().unwrap().item().unwrap() }
    }

    #[test]
    fn three_parts_make_the_whole() {
        manual_seed(0);
        for shape in [[1, 1], [5, 5], [7, 3], [3, 8], [40, 33], [0, 3], [4, 0]] {
            let x = randn(shape).unwrap().to(DType::F64);
            let scaled = [x.clone(), &x * 1e200, &x * 1e-200];
            for x in scaled {
                let (u, s, vh) = x.svd().unwrap();
                let k = s.numel();
                let back = (&u * &s).matmul(&vh).unwrap();
                assert!(largest(&(back - &x)) <= 1e-13 * largest(&x), "{shape:?}");
                let unit = Tensor::eye(k, k, DType::F64).unwrap();
                assert!(largest(&(u.mt().unwrap().matmul(&u).unwrap() - &unit)) < 1e-13, "{shape:?}");
                assert!(largest(&(vh.matmul(&vh.mt().unwrap()).unwrap() - &unit)) < 1e-13, "{shape:?}");
                assert!(s.to_vec::<f64>().unwrap().is_sorted_by(|a, b| a >= b));
                assert!(s.equal(&x.svdvals().unwrap()));
            }
        }
    }

    #[test]
    fn small_ones_have_all_their_digits() {
        // Columns of very different size; s₁·s₂ is the determinant.
        let x = tensor([[1.0, 1e-9], [1.0, -1e-9]]).to(DType::F64);
        let x = x.mul(&tensor([1.0, 1e-3]).to(DType::F64)).unwrap();
        let s = x.svdvals().unwrap().to_vec::<f64>().unwrap();
        let small = x.select(1, 1).unwrap().norm().item().unwrap();
        assert!((s[1] / small - 1.0).abs() < 1e-14);
    }

    #[test]
    fn equal_ones_and_zeros() {
        assert_eq!(eye(3).unwrap().svdvals().unwrap().to_vec::<f32>().unwrap(), [1.0; 3]);
        let x = zeros([3, 2]).unwrap();
        let (u, s, _) = x.svd().unwrap();
        assert_eq!(s.to_vec::<f32>().unwrap(), [0.0, 0.0]);
        assert!(u.mt().unwrap().matmul(&u).unwrap().equal(&eye(2).unwrap()));
        let x = ones([2, 2]).unwrap().requires_grad();
        x.svdvals().unwrap().sum().backward().unwrap();
        assert!(x.grad().unwrap().isfinite().all().item().unwrap() == 1.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for error in [
            tensor([1.0]).svdvals().unwrap_err(),
            tensor([[1]]).svd().unwrap_err(),
            tensor([[f64::NAN]]).svdvals().unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("svd"), "{error}");
        }
    }
}
