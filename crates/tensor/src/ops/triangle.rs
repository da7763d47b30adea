//! The triangles of a matrix: what is above or below a diagonal.
//!
//! ```
//! use tensor::{DType, ones, tril_indices};
//! let mask = ones([3, 3])?.tril(0)?.to(DType::Bool); // what attention may look at
//! assert_eq!(mask.select(0, 0)?.to_string(), "tensor([ True, False, False])");
//! assert_eq!(tril_indices(2, 2, 0)?.to_string(), "tensor([[0, 1, 1],\n        [0, 0, 1]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};

/// One side of a diagonal.
#[derive(Clone, Copy)]
struct Triangle {
    upper: bool,
    /// The diagonal that is kept: 0 is the main one, positive ones lie above it.
    diagonal: i64,
}

impl Triangle {
    /// The columns that belong to it in a row.
    fn columns(self, row: usize, columns: usize) -> std::ops::Range<usize> {
        let on_diagonal = (row as i64).saturating_add(self.diagonal);
        let at = |column: i64| usize::try_from(column.max(0)).unwrap_or(usize::MAX).min(columns);
        if self.upper { at(on_diagonal)..columns } else { 0..at(on_diagonal.saturating_add(1)) }
    }

    /// The rows and the columns of all its elements, in row-major order: `(2, n)`.
    #[track_caller]
    fn indices(self, op: &'static str, rows: usize, columns: usize) -> Result<Tensor> {
        let all = Layout::contiguous(op, &[2, rows, columns])?.numel();
        // Up to and without the diagonal, row r of the lower triangle has r + diagonal elements, as far as there are
        // columns: what is summed up to n elements is n(n+1)/2, and beyond the last column, the full width.
        let (n, width) = (rows as i128, columns as i128);
        let up_to = |k: i128| {
            let inside = k.clamp(0, width);
            inside * (inside + 1) / 2 + (k - inside).max(0) * width
        };
        let first = i128::from(self.diagonal) + i128::from(!self.upper);
        let lower = (up_to(first + n - 1) - up_to(first - 1)) as usize;
        let count = if self.upper { all / 2 - lower } else { lower };
        Buffer::<i64>::check(op, 2 * count)?;
        let all = || (0..rows).flat_map(|row| self.columns(row, columns).map(move |column| (row, column)));
        let indices = all().map(|(row, _)| row as i64).chain(all().map(|(_, column)| column as i64)).collect();
        Ok(Tensor::new::<i64>(indices, dense(&[2, count])))
    }
}

impl Op for Triangle {
    fn name(&self) -> &'static str {
        if self.upper { "Triu" } else { "Tril" }
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.triangle(*self)))
    }
}

impl Tensor {
    /// The lower triangle of each matrix `(…, n, m)`, zeros above diagonal number `diagonal`: 0 is the main one, positive
    /// ones lie above it.
    ///
    /// # Errors
    /// With fewer than two dimensions.
    #[doc(alias = "torch.tril")]
    #[track_caller]
    pub fn tril(&self, diagonal: i64) -> Result<Tensor> {
        self.at_least_a_matrix("tril")?;
        Ok(self.triangle(Triangle { upper: false, diagonal }))
    }

    /// The upper triangle of each matrix `(…, n, m)`, zeros below diagonal number `diagonal`: 0 is the main one, positive
    /// ones lie above it.
    ///
    /// # Errors
    /// With fewer than two dimensions.
    #[doc(alias = "torch.triu")]
    #[track_caller]
    pub fn triu(&self, diagonal: i64) -> Result<Tensor> {
        self.at_least_a_matrix("triu")?;
        Ok(self.triangle(Triangle { upper: true, diagonal }))
    }

    #[track_caller]
    fn at_least_a_matrix(&self, op: &'static str) -> Result<()> {
        if self.dim() >= 2 {
            return Ok(());
        }
        Err(Error::shape(op, format!("expected at least 2 dimensions, found shape {:?}", self.shape())))
    }

    #[track_caller]
    fn triangle(&self, triangle: Triangle) -> Tensor {
        let &[.., rows, columns] = self.shape() else { return self.clone() };
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(self.numel());
            let x = self.values::<T>();
            for i in 0..if self.numel() == 0 { 0 } else { self.numel() / columns } {
                let kept = triangle.columns(i % rows, columns);
                let row = i * columns;
                out[row + kept.start..row + kept.end].copy_from_slice(&x[row + kept.start..row + kept.end]);
            }
            Tensor::new(out, self.dense_layout())
        });
        out.record(triangle, &[self])
    }
}

/// Where the elements of the lower triangle of a matrix `(rows, columns)` are: `(2, n)`, int64, rows and columns.
///
/// # Errors
/// If the machine cannot hold that many.
#[doc(alias = "torch.tril_indices")]
#[track_caller]
pub fn tril_indices(rows: usize, columns: usize, offset: i64) -> Result<Tensor> {
    Triangle { upper: false, diagonal: offset }.indices("tril_indices", rows, columns)
}

/// Where the elements of the upper triangle of a matrix `(rows, columns)` are: `(2, n)`, int64, rows and columns.
///
/// # Errors
/// If the machine cannot hold that many.
#[doc(alias = "torch.triu_indices")]
#[track_caller]
pub fn triu_indices(rows: usize, columns: usize, offset: i64) -> Result<Tensor> {
    Triangle { upper: true, diagonal: offset }.indices("triu_indices", rows, columns)
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]])];
    vec![
        case("tril", |x| Ok(x[0].tril(0)?.sin()), x()),
        case("triu", |x| Ok(x[0].mt()?.triu(-1)?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use super::{tril_indices, triu_indices};
    use crate::{arange, tensor, zeros};

    #[test]
    fn both_sides_of_every_diagonal() {
        let x = arange(1, 13, 1).unwrap().reshape([2, 2, 3]).unwrap();
        for diagonal in [-9, -2, -1, 0, 1, 2, 9, i64::MIN, i64::MAX] {
            let lower = x.tril(diagonal).unwrap();
            let upper = x.triu(diagonal.saturating_add(1)).unwrap();
            if diagonal < i64::MAX {
                assert!((&lower + &upper).equal(&x), "{diagonal}");
            }
            let picked = lower.select(0, 0).unwrap().nonzero();
            assert!(picked.equal(&tril_indices(2, 3, diagonal).unwrap().t().unwrap().contiguous()));
        }
        assert_eq!(triu_indices(3, 2, 0).unwrap().to_vec::<i64>().unwrap(), [0, 0, 1, 0, 1, 1]);
        assert_eq!(zeros([2, 0]).unwrap().tril(0).unwrap().shape(), [2, 0]);
        assert!(tensor([1.0]).tril(0).is_err());
    }
}
