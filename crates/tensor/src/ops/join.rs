//! Several tensors to one.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;
use std::sync::Arc;

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
    let dtype = tensors.iter().map(|t| t.dtype()).reduce(DType::promote);
    let dtype = dtype.ok_or_else(|| Error::value("cat", "there is no tensor in the list"))?;
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
        Tensor::new(Buffer::<T>::from(out), Arc::new(layout))
    });
    let op = Cat { dim: d as isize, sizes: parts.iter().map(|p| p.1).collect() };
    Ok(out.record(op, &parts.iter().map(|p| &p.0).collect::<Vec<_>>()))
}

/// The tensors, all of one shape, along a new dimension.
///
/// # Errors
/// If there is no tensor, or shapes differ.
#[doc(alias = "torch.stack")]
#[track_caller]
pub fn stack(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
    if let Some(other) = tensors.iter().find(|t| t.shape() != tensors[0].shape()) {
        return Err(Error::shape(
            "stack",
            format!("all shapes must be equal, found {:?} and {:?}", tensors[0].shape(), other.shape()),
        ));
    }
    let parts = tensors.iter().map(|t| t.unsqueeze(dim)).collect::<Result<Vec<_>>>()?;
    cat(&parts.iter().collect::<Vec<_>>(), dim)
}

struct Cat {
    dim: isize,
    sizes: Shape,
}

impl Op for Cat {
    fn name(&self) -> &'static str {
        "Cat"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let mut starts: Shape = Shape::new();
        let mut end = 0;
        for size in &self.sizes {
            starts.push(end);
            end += size;
        }
        ctx.grads(|i| match self.sizes[i] {
            0 if grad.dim() != 1 => Tensor::full(0, 0.0, grad.dtype()),
            len => grad.narrow(self.dim, starts[i], len),
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
    ]
}
