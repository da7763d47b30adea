//! `x[...]` of Python: reading and replacing parts by integers, ranges, new axes, and tensors of integers or bools.
//!
//! | Python | Rust | |
//! |---|---|---|
//! | `x[0]`, `x[-1]` | `x.i(0)?`, `x.i(-1)?` | one index; the dimension disappears |
//! | `x[1:3, ::2]` | `x.i((1..3, (..).by(2)))?` | ranges: views, cut off at the end; a step by `.by(n)` |
//! | `x[:-1, 1:]` | `x.i((..-1, 1..))?` | negative numbers count from the back |
//! | `x[..., None, 0]` | `x.i((Ellipsis, NewAxis, 0))?` | as many `..` as fit; a dimension of size 1 |
//! | `x[[2, 0]]` | `x.i([2, 0])?` | a list of rows |
//! | `x[rows, columns]` | `x.i((&rows, &columns))?` | tensors of int64 are broadcast together |
//! | `x[x > 0]` | `x.i(x.gt(0.0)?)?` | a mask of bools |
//! | `x[1:3] = v` | `x = x.set_i(1..3, &v)?` | tensors are values: a changed copy |
//!
//! Where the result of indexing by tensors stands among the other dimensions is PyTorch's rule: in place of the
//! indexed dimensions if they are neighbours, in front if not. (An integer is no tensor here, as in PyTorch and unlike
//! in NumPy.)
//!
//! ```
//! use tensor::{By, Ellipsis, NewAxis, arange, tensor};
//! let x = arange(0, 6, 1)?.reshape([2, 3])?;
//! assert_eq!(x.i((1, ..2))?.to_string(), "tensor([3, 4])");
//! assert_eq!(x.i((.., (..).by(2)))?.to_string(), "tensor([[0, 2],\n        [3, 5]])");
//! assert_eq!(x.i((Ellipsis, NewAxis, -1))?.shape(), [2, 1]);
//! assert_eq!(x.i((.., [2, 0]))?.to_string(), "tensor([[2, 0],\n        [5, 3]])");
//! assert_eq!(x.i(x.gt(3)?)?.to_string(), "tensor([4, 5])");
//! assert_eq!(x.set_i((.., 0), -1)?.to_string(), "tensor([[-1,  1,  2],\n        [-1,  4,  5]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::Operand;
use super::places::{Places, out_of_range, place, places_in, places_of};
use super::strided::within;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::index::{Index, Indices};
use crate::layout::{Layout, Shape, broadcast};
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};
use smallvec::SmallVec;

impl Tensor {
    /// The part that the indices name, as Python's `x[...]`: a view where numbers and ranges do, a copy where tensors
    /// are among them. See [the table](crate::ops::indexing).
    ///
    /// # Errors
    /// If there are more indices than dimensions, an index is out of range, a tensor is neither int64 nor bool, a mask
    /// has other sizes than what it covers, or tensors of indices cannot be broadcast together.
    #[doc(alias = "__getitem__")]
    #[doc(alias = "slice")]
    #[track_caller]
    pub fn i(&self, indices: impl Indices) -> Result<Tensor> {
        let plan = Plan::new("i", self, &indices.indices())?;
        let view = plan.steps.iter().fold(self.clone(), |view, step| step.of_tensor(view));
        if plan.tensors.iter().all(Option::is_none) {
            return Ok(view);
        }
        if let Some((dim, rows)) = plan.rows(view.shape())? {
            return view.select_rows("Index", dim, rows);
        }
        let (places, layout) = plan.places(view.shape())?;
        Ok(view.read("Index", &places, layout.into()))
    }

    /// This tensor with `value`, a tensor that is broadcast or a number, at these indices: what `x[...] = value` makes
    /// of `x`, as a new tensor. Where indices name a place twice, the last one stays.
    ///
    /// # Errors
    /// As [`i`](Tensor::i), and if `value` does not broadcast to the shape that `i` returns.
    #[doc(alias = "__setitem__")]
    #[track_caller]
    pub fn set_i<'a>(&self, indices: impl Indices, value: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.put_at("set_i", &indices.indices(), value.into(), false)
    }

    /// [`set_i`](Tensor::set_i), or, with `accumulate`, the same with `values` added to what stands there, as often as
    /// the indices name it.
    ///
    /// # Errors
    /// As [`set_i`](Tensor::set_i), and if `values` is a tensor of another type.
    ///
    /// ```
    /// use tensor::{tensor, zeros};
    /// let x = zeros(3)?.index_put(&tensor([0, 2, 2]), 1.0, true)?;
    /// assert_eq!(x.to_string(), "tensor([1., 0., 2.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.Tensor.index_put")]
    #[track_caller]
    pub fn index_put<'a>(
        &self,
        indices: impl Indices,
        values: impl Into<Operand<'a>>,
        accumulate: bool,
    ) -> Result<Tensor> {
        let values = values.into();
        if let Operand::Tensor(values) = values {
            super::places::same_type("index_put", self, values)?;
        }
        self.put_at("index_put", &indices.indices(), values, accumulate)
    }

    #[track_caller]
    fn put_at(
        &self,
        op: &'static str,
        indices: &[Index],
        value: Operand<'_>,
        accumulate: bool,
    ) -> Result<Tensor> {
        let plan = Plan::new(op, self, indices)?;
        let whole = (*dense(self.shape())).clone();
        let part = plan.steps.iter().fold(whole, |part, step| step.of_layout(&part));
        let (name, places, shape) = if plan.tensors.iter().all(Option::is_none) {
            ("CopySlices", places_of(&part), Shape::from(part.shape()))
        } else {
            let (places, layout) = plan.places(part.shape())?;
            let all = places_of(&part);
            ("IndexPut", places.iter().map(|&p| all[p]).collect(), Shape::from(layout.shape()))
        };
        let value = match value {
            Operand::Number(number) => Tensor::scalar(number, self.dtype()),
            Operand::Tensor(value) => value.to(self.dtype()),
        };
        // Leading dimensions of size 1 are nothing that would have to fit.
        let extra = value.shape().iter().take_while(|&&n| n == 1).count().min(value.dim().saturating_sub(shape.len()));
        let Ok(value) = value.reshape(&value.shape()[extra..])?.expand(&shape) else {
            return Err(Error::shape(
                op,
                format!(
                    "a value of shape {:?} does not broadcast to the part of shape {shape:?}",
                    value.shape()
                ),
            ));
        };
        if accumulate { self.add_at(name, &places, &value) } else { self.write_at(name, &places, &value) }
    }
}

/// What a number, a range or a new axis does to a tensor, or to its layout alone.
enum Step {
    Select { dim: usize, at: usize },
    Slice { dim: usize, start: usize, len: usize, step: usize },
    NewAxis { dim: usize },
}

impl Step {
    #[track_caller]
    fn of_tensor(&self, x: Tensor) -> Tensor {
        match *self {
            Step::Select { dim, at } => x.strided("Select", |layout| layout.select(dim, at)),
            Step::Slice { dim, start, len, step } => x.sliced("Slice", dim, start, len, step),
            Step::NewAxis { dim } => x.strided("Unsqueeze", |layout| layout.unsqueeze(dim)),
        }
    }

    fn of_layout(&self, layout: &Layout) -> Layout {
        match *self {
            Step::Select { dim, at } => layout.select(dim, at),
            Step::Slice { dim, start, len, step } => layout.slice(dim, start, len, step),
            Step::NewAxis { dim } => layout.unsqueeze(dim),
        }
    }
}

/// Indices in the order of work: first views by numbers and ranges, then, on dimensions of the view, tensors.
struct Plan {
    op: &'static str,
    steps: SmallVec<[Step; 4]>,
    /// For each dimension of the view.
    tensors: Vec<Option<Tensor>>,
}

impl Plan {
    #[track_caller]
    fn new(op: &'static str, x: &Tensor, indices: &[Index]) -> Result<Plan> {
        let named: usize = indices.iter().map(covered).sum();
        if named > x.dim() {
            return Err(Error::index(
                op,
                format!("{named} indices are too many for the {} dimensions of shape {:?}", x.dim(), x.shape()),
            ));
        }
        if indices.iter().filter(|i| matches!(i, Index::Ellipsis)).count() > 1 {
            return Err(Error::index(op, "an ellipsis may stand only once among the indices"));
        }
        let mut plan = Plan { op, steps: SmallVec::new(), tensors: vec![] };
        // Two counters: dimensions of `x` that are done, and dimensions of the view that exist by then.
        let mut source = 0;
        for index in indices {
            plan.add(index, x.shape(), source, x.dim() - named)?;
            source += if matches!(index, Index::Ellipsis) { x.dim() - named } else { covered(index) };
        }
        plan.tensors.extend((source..x.dim()).map(|_| None));
        Ok(plan)
    }

    #[track_caller]
    fn add(&mut self, index: &Index, shape: &[usize], source: usize, rest: usize) -> Result<()> {
        let dim = self.tensors.len();
        match index {
            Index::At(at) => {
                let size = shape[source];
                let Some(at) = place(*at, size) else {
                    return Err(out_of_range(self.op, *at, source, size));
                };
                self.steps.push(Step::Select { dim, at });
            }
            Index::Slice { start, end, step } => {
                let Some(step) = usize::try_from(*step).ok().filter(|&step| step > 0) else {
                    return Err(Error::value(
                        self.op,
                        format!("the step of a range must be at least 1, found {step}; use flip to go backwards"),
                    ));
                };
                let size = shape[source];
                let (first, len) =
                    within(size, start.unwrap_or(0) as isize, end.map_or(isize::MAX, |end| end as isize), step);
                if len != size {
                    self.steps.push(Step::Slice { dim, start: first, len, step });
                }
                self.tensors.push(None);
            }
            Index::NewAxis => {
                self.steps.push(Step::NewAxis { dim });
                self.tensors.push(None);
            }
            Index::Ellipsis => self.tensors.extend((0..rest).map(|_| None)),
            Index::Tensor(index) => return self.add_tensor(&index.detach(), shape, source),
        }
        Ok(())
    }

    #[track_caller]
    fn add_tensor(&mut self, index: &Tensor, shape: &[usize], source: usize) -> Result<()> {
        match (index.dtype(), index.dim()) {
            (DType::I64, 0) => {
                let at = index.values::<i64>()[0];
                self.add(&Index::At(at), shape, source, 0)?;
            }
            (DType::I64, _) => self.tensors.push(Some(index.clone())),
            (DType::Bool, 0) => {
                // A new dimension, of which all or nothing is taken.
                self.steps.push(Step::NewAxis { dim: self.tensors.len() });
                self.tensors.push(index.nonzero_tuple().pop());
            }
            (DType::Bool, rank) => {
                if index.shape() != &shape[source..source + rank] {
                    return Err(Error::shape(
                        self.op,
                        format!(
                            "a mask of shape {:?} does not fit dimensions {source} to {} of shape {shape:?}",
                            index.shape(),
                            source + rank - 1
                        ),
                    ));
                }
                self.tensors.extend(index.nonzero_tuple().into_iter().map(Some));
            }
            (found, _) => {
                return Err(Error::dtype(
                    self.op,
                    format!("tensors of indices must be int64 or bool, found {found}"),
                ));
            }
        }
        Ok(())
    }

    /// The rows, if one vector is all there is: slices are copied as wholes then.
    #[track_caller]
    fn rows(&self, shape: &[usize]) -> Result<Option<(usize, Places)>> {
        let mut found = self.tensors.iter().enumerate().filter_map(|(d, t)| Some((d, t.as_ref()?)));
        let (Some((dim, index)), None) = (found.next(), found.next()) else { return Ok(None) };
        if index.dim() != 1 {
            return Ok(None);
        }
        Ok(Some((dim, places_in(self.op, index, dim, shape[dim])?)))
    }

    /// The places in a dense tensor of this shape that the tensors name, and the layout of the result.
    #[track_caller]
    fn places(&self, shape: &[usize]) -> Result<(Places, Layout)> {
        let indexed: Vec<(usize, &Tensor)> =
            self.tensors.iter().enumerate().filter_map(|(d, t)| Some((d, t.as_ref()?))).collect();
        let common = indexed.iter().try_fold(Shape::new(), |common, (_, t)| broadcast(&common, t.shape()));
        let Some(common) = common else {
            let shapes: Vec<&[usize]> = indexed.iter().map(|(_, t)| t.shape()).collect();
            return Err(Error::shape(
                self.op,
                format!("tensors of indices of shapes {shapes:?} cannot be broadcast together"),
            ));
        };
        let neighbours = indexed.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0);
        let front = if neighbours { indexed.first().map_or(0, |first| first.0) } else { 0 };
        let rest = || (0..shape.len()).filter(|d| indexed.iter().all(|(i, _)| i != d));
        let whole = dense(shape);
        let part = |dims: &[usize]| {
            let pick = |values: &[usize]| dims.iter().map(|&d| values[d]).collect();
            Layout::from_parts(pick(shape), pick(whole.strides()), 0)
        };
        let before = part(&rest().filter(|&d| d < front).collect::<Shape>());
        let after = part(&rest().filter(|&d| d >= front).collect::<Shape>());
        let mut out: Shape = before.shape().into();
        out.extend_from_slice(&common);
        out.extend_from_slice(after.shape());
        let layout = Layout::contiguous(self.op, &out)?;
        Buffer::<i64>::check(self.op, layout.numel())?;

        let mut named = vec![0; common.iter().product()];
        for &(d, index) in &indexed {
            let at = places_in(self.op, &index.expand(&common)?, d, shape[d])?;
            named.iter_mut().zip(at.iter()).for_each(|(place, at)| *place += at * whole.strides()[d]);
        }
        let (before, after) = (places_of(&before), places_of(&after));
        let mut places = Vec::with_capacity(layout.numel());
        for b in before.iter() {
            for n in &named {
                places.extend(after.iter().map(|a| b + n + a));
            }
        }
        Ok((places.into(), layout))
    }
}

/// How many dimensions of the tensor an index speaks about.
fn covered(index: &Index) -> usize {
    match index {
        Index::At(_) | Index::Slice { .. } => 1,
        Index::NewAxis | Index::Ellipsis => 0,
        Index::Tensor(mask) if mask.dtype() == DType::Bool => mask.dim(),
        Index::Tensor(_) => 1,
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::{By, NewAxis};
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let row = || float64([0.3, -0.5]);
    vec![
        case("i of numbers and ranges", |x| Ok(x[0].i((NewAxis, 1, (..).by(2)))?.sin()), vec![x()]),
        case("i of rows", |x| Ok(x[0].i([1, 0, 1])?.sin()), vec![x()]),
        case("i of two tensors", |x| Ok(x[0].i(([[0, 1], [1, 1]], [2, 0]))?.sin()), vec![x()]),
        case("i of tensors apart", |x| Ok(x[0].unsqueeze(1)?.i(([0, 1], .., [2, 2]))?.sin()), vec![x()]),
        case("i of a mask", |x| Ok(x[0].i(x[0].gt(0.0)?)?.sin()), vec![x()]),
        case("set_i of a range", |x| Ok(x[0].set_i((.., 1..), &x[1].unsqueeze(1)?)?.sin()), vec![x(), row()]),
        case("set_i of a mask", |x| Ok(x[0].set_i((.., [true, false, true]), 0.5)?.sin()), vec![x()]),
        case("set_i of a column's rows", |x| Ok(x[0].set_i(([1, 0], 2), &x[1])?.sin()), vec![x(), row()]),
        case("index_put", |x| Ok(x[0].index_put(([0, 0], [1, 1]), &x[1], true)?.sin()), vec![x(), row()]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{By, Ellipsis, Index, NewAxis, Tensor, arange, tensor};

    fn cube() -> Tensor {
        arange(0, 24, 1).unwrap().reshape([2, 3, 4]).unwrap()
    }

    #[test]
    fn a_result_stands_where_pytorch_puts_it() {
        let x = cube();
        let shape = |y: crate::Result<Tensor>| y.unwrap().shape().to_vec();
        // Neighbours: in their place. Apart: in front.
        assert_eq!(shape(x.i((.., [0, 1, 2], [0, 1, 2]))), [2, 3]);
        assert_eq!(shape(x.i(([0, 1, 1], .., [0, 1, 2]))), [3, 3]);
        assert_eq!(shape(x.i((.., [[0, 1]], ..))), [2, 1, 2, 4]);
        assert_eq!(shape(x.i(([0, 1], NewAxis, [0, 1]))), [2, 1, 4]);
        // An integer is no tensor: it goes first, and the tensors that are left are neighbours.
        assert_eq!(shape(x.i((0, .., [0, 1]))), [3, 2]);
        // A scalar tensor is an integer.
        assert_eq!(shape(x.i((&tensor(1), [0, 1]))), [2, 4]);
    }

    #[test]
    fn entries_of_every_kind() {
        let x = cube();
        let list = |y: crate::Result<Tensor>| y.unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list(x.i((-1, 0, 1..=2))), [13, 14]);
        assert_eq!(list(x.i((0, 0, ..-1))), [0, 1, 2]);
        assert_eq!(list(x.i((0, 0, ..=-1))), [0, 1, 2, 3]);
        assert_eq!(list(x.i((0, 0, (1..).by(2)))), [1, 3]);
        assert_eq!(list(x.i((Ellipsis, 0, 0))), [0, 12]);
        assert_eq!(list(x.i(vec![Index::At(0), Index::At(1)].as_slice())), [4, 5, 6, 7]);
        assert_eq!(list(x.i((0, vec![2usize], 3))), [11]);
        assert_eq!(x.i(()).unwrap().shape(), [2, 3, 4]);
        assert_eq!(x.i(5..).unwrap().shape(), [0, 3, 4]);
        assert_eq!(x.i(true).unwrap().shape(), [1, 2, 3, 4]);
        assert_eq!(x.i(false).unwrap().shape(), [0, 2, 3, 4]);
        let none: [i64; 0] = [];
        assert_eq!(x.i(none).unwrap().shape(), [0, 3, 4]);
        // A mask covers as many dimensions as it has.
        let mask = tensor([[true, false, true], [false, false, true]]);
        assert_eq!(list(x.i((&mask, 0))), [0, 8, 20]);
    }

    #[test]
    fn a_changed_copy() {
        let x = tensor([[1, 2], [3, 4]]);
        let list = |y: crate::Result<Tensor>| y.unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list(x.set_i((.., 0), &tensor([[[7, 8]]]))), [7, 2, 8, 4]);
        assert_eq!(list(x.set_i(x.gt(2).unwrap(), 0)), [1, 2, 0, 0]);
        assert_eq!(list(x.set_i((0, [1, 0]), &tensor([5.0, 6.0]))), [6, 5, 3, 4]);
        assert_eq!(list(x.index_put((1, [0, 0]), 10, true)), [1, 2, 23, 4]);
        assert_eq!(x.to_vec::<i64>().unwrap(), [1, 2, 3, 4]);
        let y = x.t().unwrap();
        assert_eq!(list(y.set_i(0, 9)), [9, 9, 2, 4]);
    }

    #[test]
    fn mistakes_are_named_at_the_line_that_made_them() {
        const HERE: u32 = line!();
        let x = cube();
        for error in [
            x.i(2).unwrap_err(),
            x.i((0, 0, 0, 0)).unwrap_err(),
            x.i((Ellipsis, Ellipsis)).unwrap_err(),
            x.i((..).by(0)).unwrap_err(),
            x.i((..).by(-1)).unwrap_err(),
            x.i([5]).unwrap_err(),
            x.i(([0, 1], [5, 0])).unwrap_err(),
            x.i(([0, 1], [0, 1, 2])).unwrap_err(),
            x.i([0.5]).unwrap_err(),
            x.i([true, false, true]).unwrap_err(),
            x.set_i(0, &tensor([1, 2])).unwrap_err(),
            x.index_put(0, &tensor(1.5), false).unwrap_err(),
        ] {
            assert!(error.location().line() > HERE && error.location().file() == file!(), "{error}");
        }
    }
}
