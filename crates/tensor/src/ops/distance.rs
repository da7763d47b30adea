//! Distances and angles between vectors.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[0.0, 0.0], [3.0, 4.0]]);
//! assert_eq!(x.cdist(&x, 2.0)?.to_string(), "tensor([[0., 5.],\n        [5., 0.]])");
//! assert_eq!(x.pdist(2.0)?.to_string(), "tensor([5.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::norm::pull;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op, is_grad_enabled};
use crate::dtype::Element;
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Shape, broadcast};
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};

/// `‖x − y‖ₚ`
#[inline(always)]
fn distance<T: Element>(x: &[T], y: &[T], p: f64) -> f64 {
    let sizes = x.iter().zip(y).map(|(x, y)| (x.to_f64() - y.to_f64()).abs());
    match p {
        0.0 => sizes.filter(|d| *d != 0.0).count() as f64,
        1.0 => sum(x, y, f64::abs),
        2.0 => sum(x, y, |d| d * d).sqrt(),
        // A NaN wins.
        p if p.is_infinite() => sizes.fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most }),
        p => sizes.map(|d| d.powf(p)).sum::<f64>().powf(1.0 / p),
    }
}

/// `Σ f(x − y)`, in lanes that run side by side.
#[inline(always)]
fn sum<T: Element>(x: &[T], y: &[T], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    for (x, y) in x.chunks(8).zip(y.chunks(8)) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += f(x.to_f64() - y.to_f64());
        }
    }
    lanes.iter().sum()
}

/// The derivative of [`distance`] `far`, for a difference `d` of one pair of elements.
fn slope(d: f64, far: f64, p: f64) -> f64 {
    if d == 0.0 || far == 0.0 || p == 0.0 {
        return 0.0;
    }
    match p {
        1.0 => d.signum(),
        2.0 => d / far,
        p => d.signum() * (d.abs() / far).powf(p - 1.0),
    }
}

/// Distances of every row of `x` `(…, n, m)` from every row of `y` `(…, k, m)`.
struct Cdist {
    p: f64,
}

impl Op for Cdist {
    fn name(&self) -> &'static str {
        "Cdist"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let (x, y, far) = (ctx.input(0)?, ctx.input(1)?, ctx.output()?);
        if is_grad_enabled() || self.p.is_infinite() {
            let difference = x.unsqueeze(-2)?.sub(&y.unsqueeze(-3)?)?;
            let last = std::iter::once(difference.dim() - 1).collect();
            let pulled = pull(&difference, &far.unsqueeze(-1)?, &grad.unsqueeze(-1)?, self.p, &last)?;
            return ctx
                .grads(|i| if i == 0 { pulled.sum_dim(-2, false) } else { Ok(-pulled.sum_dim(-3, false)?) });
        }
        let (n, k, m) = (x.size(-2)?, y.size(-2)?, x.size(-1)?);
        with_float!(x.dtype(), T => {
            let (a, b, far, grad) = (x.values::<T>(), y.values::<T>(), far.values::<T>(), grad.values::<T>());
            let (mut da, mut db) = (vec![0.0; a.len()], vec![0.0; b.len()]);
            for (pair, (&far, &grad)) in far.iter().zip(grad.iter()).enumerate() {
                let (i, j) = (pair / k, pair / (n * k) * k + pair % k);
                let (i, j) = (i * m..(i + 1) * m, j * m..(j + 1) * m);
                let rows = da[i.clone()].iter_mut().zip(&mut db[j.clone()]);
                for ((da, db), (&x, &y)) in rows.zip(a[i].iter().zip(&b[j])) {
                    let pulled = grad.to_f64() * slope(x.to_f64() - y.to_f64(), far.to_f64(), self.p);
                    *da += pulled;
                    *db -= pulled;
                }
            }
            let rounded = |sums: Vec<f64>, like: &Tensor| {
                Tensor::new(sums.into_iter().map(|s| s as T).collect::<Buffer<T>>(), dense(like.shape()))
            };
            let (da, db) = (rounded(da, &x), rounded(db, &y));
            ctx.grads(|i| Ok(if i == 0 { da.clone() } else { db.clone() }))
        })
    }
}

impl Tensor {
    /// The p-distances of every row of this `(…, n, m)` from every row of `other` `(…, k, m)`: `(…, n, k)`. What stands
    /// before is broadcast.
    ///
    /// # Errors
    /// If these are no rows of equal length, shapes cannot be broadcast, the elements are not floating point of one
    /// type, or `p` is negative.
    #[doc(alias = "torch.cdist")]
    #[track_caller]
    pub fn cdist(&self, other: &Tensor, p: f64) -> Result<Tensor> {
        let (x, y) = (self, other);
        if !x.dtype().is_float() || x.dtype() != y.dtype() {
            let found = format!("found {} and {}", x.dtype(), y.dtype());
            return Err(Error::dtype("cdist", format!("both must be floating point of one type, {found}")));
        }
        not_negative("cdist", p)?;
        let misfit = || {
            let found = format!("found shapes {:?} and {:?}", x.shape(), y.shape());
            Error::shape("cdist", format!("expected (…, n, m) and (…, k, m), {found}"))
        };
        if x.dim() < 2 || y.dim() < 2 || x.size(-1)? != y.size(-1)? {
            return Err(misfit().at_caller());
        }
        let (n, k, m) = (x.size(-2)?, y.size(-2)?, x.size(-1)?);
        let batch = broadcast(&x.shape()[..x.dim() - 2], &y.shape()[..y.dim() - 2]).ok_or_else(misfit).at_caller()?;
        let shape = |last: [usize; 2]| batch.iter().copied().chain(last).collect::<Shape>();
        let (x, y) = (x.expand(shape([n, m]))?, y.expand(shape([k, m]))?);
        let out = with_float!(x.dtype(), T => {
            let mut out = Tensor::full(shape([n, k]), 0.0, x.dtype())?.to_vec::<T>()?;
            let (a, b) = (x.values::<T>(), y.values::<T>());
            let (a, b, rows) = (&a[..], &b[..], out.chunks_exact_mut(k.max(1)));
            kernel::vectorize!({
                for (i, row) in rows.enumerate() {
                    let x = &a[i * m..(i + 1) * m];
                    for (j, out) in row.iter_mut().enumerate() {
                        *out = distance(x, &b[(i / n * k + j) * m..][..m], p) as T;
                    }
                }
            });
            Tensor::new(Buffer::from(out), dense(&shape([n, k])))
        });
        Ok(out.record(Cdist { p }, &[&x, &y]))
    }

    /// The p-distances of every row of this `(n, m)` from every later row: `(n·(n−1)/2)`.
    ///
    /// # Errors
    /// If this is no matrix, the elements are not floating point, or `p` is negative.
    #[doc(alias = "torch.nn.functional.pdist")]
    #[track_caller]
    pub fn pdist(&self, p: f64) -> Result<Tensor> {
        not_negative("pdist", p)?;
        if self.dim() != 2 {
            return Err(Error::shape("pdist", format!("expected a matrix, found shape {:?}", self.shape())));
        }
        let n = self.shape()[0] as i64;
        let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let rows = |list: Vec<i64>| {
            let count = list.len();
            Tensor::from_vec(list, count).and_then(|rows| self.index_select(0, &rows))
        };
        let (first, second) = (rows(pairs().map(|p| p.0).collect())?, rows(pairs().map(|p| p.1).collect())?);
        first.sub(&second)?.vector_norm(p, 1, false)
    }

    /// The p-norm of the difference of two tensors.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or the elements are not floating point.
    #[doc(alias = "torch.dist")]
    #[track_caller]
    pub fn dist(&self, other: &Tensor, p: f64) -> Result<Tensor> {
        self.sub(other)?.vector_norm(p, (), false)
    }

    /// The p-distances of vectors along the last dimension, pair by pair: `‖x − y + eps‖ₚ`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or the elements are not floating point.
    #[doc(alias = "torch.nn.functional.pairwise_distance")]
    #[track_caller]
    pub fn pairwise_distance(&self, other: &Tensor, p: f64, eps: f64, keepdim: bool) -> Result<Tensor> {
        self.sub(other)?.add(eps)?.vector_norm(p, -1, keepdim)
    }

    /// The cosines of the angles between vectors along `dim`, pair by pair: `x·y / (‖x‖·‖y‖)`, with norms of at least
    /// `eps`. The gradient does not see that bound.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, there is no such dimension, or the elements are not floating point.
    #[doc(alias = "torch.nn.functional.cosine_similarity")]
    #[track_caller]
    pub fn cosine_similarity(&self, other: &Tensor, dim: isize, eps: f64) -> Result<Tensor> {
        let shape = super::broadcast::common_shape("cosine_similarity", self, other)?;
        let unit = |x: &Tensor| {
            let x = x.to(x.dtype().promote(other.dtype()).promote(self.dtype())).expand(&shape)?;
            let norm = x.vector_norm(2.0, dim, true)?;
            let missing = norm.detach().rsub(eps)?.clamp(0.0, None)?;
            x.div(&norm.add(&missing)?)
        };
        unit(self).at_caller()?.mul(&unit(other).at_caller()?)?.sum_dim(dim, false)
    }
}

#[track_caller]
fn not_negative(op: &'static str, p: f64) -> Result<()> {
    if p >= 0.0 { Ok(()) } else { Err(Error::value(op, format!("p must not be negative, found {p}"))) }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let y = || float64([[0.3, 0.2, -0.5], [1.1, -0.8, 0.65], [-0.7, 0.5, 1.4]]);
    let two = || vec![x(), y()];
    vec![
        case("cdist", |x| x[0].cdist(&x[1], 2.0), two()),
        case("cdist, p = 1", |x| x[0].cdist(&x[1], 1.0)?.mul(&x[0].sum()), two()),
        case("cdist, p = 3", |x| x[0].cdist(&x[1], 3.0), two()),
        case("cdist, p = 0.5", |x| x[0].cdist(&x[1], 0.5), two()),
        case("cdist, p = ∞", |x| x[0].cdist(&x[1], f64::INFINITY)?.mul(&x[0].sum()), two()),
        case("cdist, broadcast", |x| x[0].unsqueeze(1)?.cdist(&x[1], 2.0), two()),
        case("pdist", |x| x[0].pdist(2.0), vec![y()]),
        case("dist", |x| x[0].dist(&x[1], 3.0), vec![x(), x() * 0.7]),
        case("pairwise_distance", |x| x[0].pairwise_distance(&x[1], 2.0, 1e-6, true), vec![x(), x() * 0.7]),
        case("cosine_similarity", |x| x[0].cosine_similarity(&x[1], 1, 1e-8), vec![x(), x().sin()]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn a_distance_of_zero_has_gradient_zero() {
        for p in [1.0, 2.0, 3.0, f64::INFINITY] {
            let x = tensor([[1.0, 2.0]]).requires_grad();
            x.cdist(&x.detach(), p).unwrap().sum().backward().unwrap();
            assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0], "{p}");
        }
    }

    #[test]
    fn far_apart_and_nothing() {
        let x = tensor([[3e37, 0.0]]);
        assert_eq!(x.cdist(&-&x, 2.0).unwrap().item().unwrap(), f64::from(6e37f32));
        assert_eq!(zeros([0, 3]).unwrap().cdist(&zeros([2, 3]).unwrap(), 2.0).unwrap().shape(), [0, 2]);
        let no_columns = zeros([1, 0]).unwrap();
        assert_eq!(no_columns.cdist(&no_columns, 2.0).unwrap().item().unwrap(), 0.0);
        assert!(x.cdist(&tensor([[1.0]]), 2.0).is_err() && x.cdist(&x, -1.0).is_err());
    }

    #[test]
    fn a_vector_of_length_zero_has_no_angle() {
        let x = tensor([0.0, 0.0]);
        assert_eq!(x.cosine_similarity(&tensor([1.0, 2.0]), 0, 1e-8).unwrap().item().unwrap(), 0.0);
    }
}
