//! Several tensors to one: one behind the other, on top of each other, or in every combination.
//!
//! ```
//! use tensor::{stack, tensor, vstack};
//! let (x, y) = (tensor([1, 2]), tensor([3, 4]));
//! assert_eq!(stack(&[&x, &y], 1)?.to_string(), "tensor([[1, 3],\n        [2, 4]])");
//! assert_eq!(vstack(&[&x, &y])?.to_string(), "tensor([[1, 2],\n        [3, 4]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::expand::{Indexing, meshgrid};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// The tensors one behind the other along `dim`; their other sizes are equal. Types are promoted.
///
/// # Errors
/// If there is no tensor, or sizes differ elsewhere.
///
/// ```
/// use tensor::{cat, tensor};
/// let x = cat(&[&tensor([1.0]), &tensor([2.0, 3.0])], 0)?;
/// assert_eq!(x.to_string(), "tensor([1., 2., 3.])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.cat")]
#[doc(alias = "concat")]
#[track_caller]
pub fn cat(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
    joined("Cat", tensors, dim)
}

#[track_caller]
fn joined(name: &'static str, tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
    let dtype = tensors.iter().map(|t| t.dtype()).reduce(DType::promote);
    let Some(dtype) = dtype else { return Err(Error::value("cat", "there is no tensor in the list")) };
    // PyTorch lets an empty vector stand for nothing, whatever the others look like.
    let nothing = |t: &Tensor| t.shape() == [0];
    let Some(first) = tensors.iter().find(|t| !nothing(t)) else { return Ok(tensors[0].to(dtype)) };
    if first.dim() == 0 {
        return Err(Error::shape("cat", "scalars cannot be put one behind the other; use stack"));
    }
    let d = first.layout.dim("cat", dim)?;
    let mut shape: Shape = first.shape().into();
    shape[d] = 0;
    let mut parts = Vec::with_capacity(tensors.len());
    for (i, t) in tensors.iter().enumerate() {
        if nothing(t) {
            parts.push((t.to(dtype), 0));
            continue;
        }
        let fits = t.dim() == shape.len() && (0..shape.len()).all(|e| e == d || t.shape()[e] == shape[e]);
        if !fits {
            return Err(Error::shape(
                "cat",
                format!(
                    "tensor {i} of shape {:?} does not fit the first one, {:?}: sizes may differ only in dimension {d}",
                    t.shape(),
                    first.shape()
                ),
            ));
        }
        shape[d] += t.shape()[d];
        parts.push((t.to(dtype), t.shape()[d]));
    }
    let layout = Layout::contiguous("cat", &shape)?;
    let outer: usize = shape[..d].iter().product();
    let inner: usize = shape[d + 1..].iter().product();
    let out = with_element!(dtype, T => {
        let values: Vec<_> = parts.iter().map(|(t, size)| (t.values::<T>(), size * inner)).collect();
        let mut out = Vec::with_capacity(layout.numel());
        for o in 0..outer {
            for (values, len) in &values {
                out.extend_from_slice(&values[o * len..(o + 1) * len]);
            }
        }
        Tensor::new(Buffer::<T>::from(out), layout.into())
    });
    let op = Cat {
        name,
        dim: d as isize,
        sizes: tensors.iter().zip(&parts).map(|(t, part)| (!nothing(t)).then_some(part.1)).collect(),
    };
    Ok(out.record(op, &parts.iter().map(|p| &p.0).collect::<Vec<_>>()))
}

/// The tensors, all of one shape, along a new dimension.
///
/// # Errors
/// If there is no tensor, or shapes differ.
#[doc(alias = "torch.stack")]
#[track_caller]
pub fn stack(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Err(Error::value("stack", "there is no tensor in the list"));
    };
    if let Some(other) = tensors.iter().find(|t| t.shape() != first.shape()) {
        return Err(Error::shape(
            "stack",
            format!("all shapes must be equal, found {:?} and {:?}", first.shape(), other.shape()),
        ));
    }
    let mut parts = Vec::with_capacity(tensors.len());
    for t in tensors {
        parts.push(t.unsqueeze(dim)?);
    }
    joined("Stack", &parts.iter().collect::<Vec<_>>(), dim)
}

/// The tensors after `shaped` along `dim`.
#[track_caller]
fn shaped(tensors: &[&Tensor], shaped: impl Fn(&Tensor) -> Tensor, dim: isize) -> Result<Tensor> {
    let parts: Vec<Tensor> = tensors.iter().map(|t| shaped(t)).collect();
    cat(&parts.iter().collect::<Vec<_>>(), dim)
}

/// Side by side: along the columns, vectors end to end.
///
/// # Errors
/// As [`cat`].
#[doc(alias = "torch.hstack")]
#[track_caller]
pub fn hstack(tensors: &[&Tensor]) -> Result<Tensor> {
    let vectors = tensors.first().is_none_or(|t| t.dim() <= 1);
    shaped(tensors, Tensor::atleast_1d, if vectors { 0 } else { 1 })
}

/// On top of each other: along the rows, vectors as rows.
///
/// # Errors
/// As [`cat`].
#[doc(alias = "torch.vstack")]
#[doc(alias = "row_stack")]
#[track_caller]
pub fn vstack(tensors: &[&Tensor]) -> Result<Tensor> {
    shaped(tensors, Tensor::atleast_2d, 0)
}

/// Behind each other: along the third dimension.
///
/// # Errors
/// As [`cat`].
#[doc(alias = "torch.dstack")]
#[track_caller]
pub fn dstack(tensors: &[&Tensor]) -> Result<Tensor> {
    shaped(tensors, Tensor::atleast_3d, 2)
}

/// Side by side, vectors as columns.
///
/// # Errors
/// As [`cat`].
#[doc(alias = "torch.column_stack")]
#[track_caller]
pub fn column_stack(tensors: &[&Tensor]) -> Result<Tensor> {
    let column = |t: &Tensor| match t.dim() {
        0 | 1 => t.atleast_1d().strided("Unsqueeze", |layout| layout.unsqueeze(1)),
        _ => t.clone(),
    };
    shaped(tensors, column, 1)
}

/// Every choice of one element from each vector, one a row: `(n·m·…, number of tensors)`.
///
/// # Errors
/// If there is no tensor, one is not a vector, or types differ.
///
/// ```
/// use tensor::{cartesian_prod, tensor};
/// let x = cartesian_prod(&[&tensor([1, 2]), &tensor([4, 5])])?;
/// assert_eq!(x.to_string(), "tensor([[1, 4],\n        [1, 5],\n        [2, 4],\n        [2, 5]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.cartesian_prod")]
#[track_caller]
pub fn cartesian_prod(tensors: &[&Tensor]) -> Result<Tensor> {
    if let Some(t) = tensors.iter().find(|t| t.dim() != 1) {
        return Err(Error::shape("cartesian_prod", format!("expected vectors, found shape {:?}", t.shape())));
    }
    if let [one] = tensors {
        return Ok((*one).clone());
    }
    let columns: Vec<Tensor> = meshgrid(tensors, Indexing::Ij)?.iter().map(Tensor::ravel).collect();
    stack(&columns.iter().collect::<Vec<_>>(), 1)
}

impl Tensor {
    /// Every choice of `r` elements of this vector, in order, one a row: `(n over r, r)`. With replacement, an element
    /// may be chosen several times.
    ///
    /// # Errors
    /// If this is not a vector, or there are more choices than the machine can hold.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([1, 2, 3]).combinations(2, false)?;
    /// assert_eq!(x.to_string(), "tensor([[1, 2],\n        [1, 3],\n        [2, 3]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.combinations")]
    #[track_caller]
    pub fn combinations(&self, r: usize, with_replacement: bool) -> Result<Tensor> {
        if self.dim() != 1 {
            return Err(Error::shape("combinations", format!("expected a vector, found shape {:?}", self.shape())));
        }
        if r == 0 {
            return self.narrow(0, 0, 0);
        }
        let n = self.numel();
        // n over r, or n + r − 1 over r; a product of k fractions is whole at every step.
        let last = if with_replacement { n.saturating_add(r - 1) } else { n };
        let mut count = usize::from(n > 0 && (with_replacement || r <= n));
        for k in 1..=if count > 0 { r.min(last - r) } else { 0 } {
            let Some(product) = count.checked_mul(last - (k - 1)) else {
                return Err(Error::size("combinations", format!("{n} over {r} choices cannot be held")));
            };
            count = product / k;
        }
        let layout = Layout::contiguous("combinations", &[count, r])?;
        Buffer::<i64>::check("combinations", layout.numel())?;
        let mut choice: Vec<usize> = (0..r).map(|i| if with_replacement { 0 } else { i }).collect();
        let mut places = Vec::with_capacity(layout.numel());
        for _ in 0..count {
            places.extend_from_slice(&choice);
            // The last element that can still move on; those behind it follow.
            let highest = |i: usize| if with_replacement { n - 1 } else { n + i - r };
            if let Some(i) = (0..r).rev().find(|&i| choice[i] < highest(i)) {
                let next = choice[i] + 1;
                choice[i..].iter_mut().enumerate().for_each(|(k, c)| {
                    *c = if with_replacement { next } else { next + k };
                });
            }
        }
        Ok(self.read("Stack", &places.into(), layout.into()))
    }
}

struct Cat {
    name: &'static str,
    dim: isize,
    /// How long each part is; `None` for an empty vector that stands for nothing.
    sizes: SmallVec<[Option<usize>; 4]>,
}

impl Op for Cat {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let mut starts: Shape = Shape::new();
        let mut end = 0;
        for size in &self.sizes {
            starts.push(end);
            end += size.unwrap_or(0);
        }
        ctx.grads(|i| match self.sizes[i] {
            None => Tensor::full(0, 0.0, grad.dtype()),
            Some(len) => grad.narrow(self.dim, starts[i], len),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || float64([[0.4, -1.3], [2.0, 0.1]]);
    vec![
        case("cat", |x| Ok(cat(&[&x[0], &x[1]], 0)?.sin()), vec![x(), float64([[0.7, -0.9]])]),
        case("cat along columns", |x| Ok(cat(&[&x[0], &x[1], &x[0]], -1)?.sin()), vec![x(), float64([[0.7], [-0.9]])]),
        case("stack", |x| Ok(stack(&[&x[0], &x[1]], 1)?.sin()), vec![x(), x()]),
        case("column_stack", |x| Ok(column_stack(&[&x[0].ravel(), &x[1].ravel()])?.sin()), vec![x(), x()]),
        case("dstack", |x| Ok(dstack(&[&x[0], &x[1]])?.sin()), vec![x(), x()]),
        case(
            "cartesian_prod",
            |x| Ok(cartesian_prod(&[&x[0], &x[1]])?.sin()),
            vec![float64([0.4, -1.3]), float64([2.0, 0.1, 0.7])],
        ),
        case("combinations", |x| Ok(x[0].combinations(2, true)?.sin()), vec![float64([2.0, 0.1, 0.7])]),
    ]
}

#[cfg(test)]
mod tests {
    use super::{cartesian_prod, cat, column_stack, dstack, hstack, stack, vstack};
    use crate::{arange, tensor, zeros};

    #[test]
    fn vectors_side_by_side_and_on_top() {
        let (x, y) = (tensor([1, 2]), tensor([3, 4]));
        assert_eq!(hstack(&[&x, &y]).unwrap().shape(), [4]);
        assert_eq!(hstack(&[&tensor(1), &tensor(2)]).unwrap().shape(), [2]);
        assert_eq!(vstack(&[&x, &y]).unwrap().shape(), [2, 2]);
        assert_eq!(dstack(&[&x, &y]).unwrap().shape(), [1, 2, 2]);
        assert_eq!(column_stack(&[&x, &y]).unwrap().to_vec::<i64>().unwrap(), [1, 3, 2, 4]);
        assert_eq!(hstack(&[&zeros([2, 1]).unwrap(), &zeros([2, 3]).unwrap()]).unwrap().shape(), [2, 4]);
    }

    #[test]
    fn choices_are_counted() {
        let x = arange(0, 4, 1).unwrap();
        let shape = |r, again| x.combinations(r, again).unwrap().shape().to_vec();
        assert_eq!(shape(0, false), [0]);
        assert_eq!(shape(3, false), [4, 3]);
        assert_eq!(shape(4, false), [1, 4]);
        assert_eq!(shape(5, false), [0, 5]);
        assert_eq!(shape(2, true), [10, 2]);
        assert_eq!(shape(5, true), [56, 5]);
        let triples = x.combinations(3, false).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(triples, [0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3]);
        assert!(arange(0, 1000, 1).unwrap().combinations(100, false).is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            cat(&[], 0).unwrap_err(),
            stack(&[], 0).unwrap_err(),
            cat(&[&x, &tensor([1.0])], 0).unwrap_err(),
            cat(&[&tensor(1.0), &tensor(2.0)], 0).unwrap_err(),
            stack(&[&x, &tensor([1.0])], 0).unwrap_err(),
            cartesian_prod(&[&x]).unwrap_err(),
            x.combinations(2, false).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}
