//! Convolutions along one, two or three dimensions, and transposed ones.
//!
//! ```
//! use tensor::{Conv, tensor};
//! let x = tensor([[[1.0, 2.0, 4.0, 8.0]]]); // (N, C, L)
//! let w = tensor([[[1.0, -1.0]]]); // (out, in, kernel)
//! assert_eq!(x.conv1d(&w, None, &Conv::new())?.to_string(), "tensor([[[-1., -2., -4.]]])");
//! # Ok::<(), tensor::Error>(())
//! ```
//! `⟨g, conv(x, w)⟩` is linear in each of g, x and w, so the three derivatives of it are each other's: the gradients of
//! a convolution are a transposed convolution and a correlation, whose gradients are of the same three kinds again.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Layout, Shape};
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::conv::{self, Geometry};
use smallvec::SmallVec;

/// The options of a convolution. Each size is one number for all dimensions, or one for each.
///
/// ```
/// use tensor::{Conv, ones};
/// let (x, w) = (ones([1, 4, 8, 8])?, ones([6, 2, 3, 3])?);
/// assert_eq!(x.conv2d(&w, None, &Conv::new().stride(2).padding(1).groups(2))?.shape(), [1, 6, 4, 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    stride: SmallVec<[i64; 4]>,
    /// `None` keeps the size.
    padding: Option<SmallVec<[i64; 4]>>,
    output_padding: SmallVec<[i64; 4]>,
    dilation: SmallVec<[i64; 4]>,
    groups: usize,
}

impl Default for Conv {
    fn default() -> Self {
        Self::new()
    }
}

impl Conv {
    /// One step at a time, no padding, no gaps, one group.
    pub fn new() -> Self {
        Conv { stride: 1.ints(), padding: Some(0.ints()), output_padding: 0.ints(), dilation: 1.ints(), groups: 1 }
    }

    /// The distance between neighbouring windows.
    #[must_use]
    pub fn stride(self, stride: impl Ints) -> Self {
        Conv { stride: stride.ints(), ..self }
    }

    /// Zeros on both sides of the input; 0 is PyTorch's `valid`.
    #[must_use]
    pub fn padding(self, padding: impl Ints) -> Self {
        Conv { padding: Some(padding.ints()), ..self }
    }

    /// As many zeros as keep the size: PyTorch's `padding="same"`.
    #[must_use]
    pub fn padding_same(self) -> Self {
        Conv { padding: None, ..self }
    }

    /// By how much the result of a transposed convolution is larger, at its end.
    #[must_use]
    pub fn output_padding(self, output_padding: impl Ints) -> Self {
        Conv { output_padding: output_padding.ints(), ..self }
    }

    /// The distance between neighbours inside of a window.
    #[must_use]
    pub fn dilation(self, dilation: impl Ints) -> Self {
        Conv { dilation: dilation.ints(), ..self }
    }

    /// Into how many groups the channels are divided that do not meet.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Conv { groups, ..self }
    }
}

/// A bound of strides, paddings and windows that keeps sums of products of them in range.
pub(super) const FARTHEST: usize = 1 << 40;

/// A number for each of `rank` dimensions, from `least` on, behind ones that are not there.
#[track_caller]
pub(super) fn each(
    op: &'static str,
    what: &str,
    numbers: &[i64],
    rank: usize,
    least: i64,
    absent: usize,
) -> Result<[usize; 3]> {
    let good = |n: &i64| (least..FARTHEST as i64).contains(n);
    if !(numbers.len() == 1 || numbers.len() == rank) || !numbers.iter().all(good) {
        return Err(Error::value(
            op,
            format!("{what} is one number of at least {least}, or {rank} of them, found {numbers:?}"),
        ));
    }
    let first = 3 - rank;
    Ok(std::array::from_fn(|d| if d < first { absent } else { numbers[(d - first).min(numbers.len() - 1)] as usize }))
}

/// Sizes behind ones for the dimensions that are not there.
pub(super) fn three(sizes: &[usize]) -> [usize; 3] {
    let first = 3 - sizes.len();
    std::array::from_fn(|d| if d < first { 1 } else { sizes[d - first] })
}

/// A convolution with all its sizes.
#[derive(Clone)]
struct Plan {
    geometry: Geometry,
    x: Shape,
    w: Shape,
    y: Shape,
}

/// One of the three that meet in a convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    X,
    W,
    Y,
}

impl Part {
    /// The two others, from which it is made.
    fn from(self) -> [Part; 2] {
        match self {
            Part::X => [Part::Y, Part::W],
            Part::W => [Part::X, Part::Y],
            Part::Y => [Part::X, Part::W],
        }
    }
}

impl Plan {
    /// `part` from the two others, in the order of [`Part::from`], and a bias for each of its channels.
    #[track_caller]
    fn make(&self, part: Part, [a, b]: [&Tensor; 2], bias: Option<&Tensor>) -> Result<Tensor> {
        let shape = match part {
            Part::X => &self.x,
            Part::W => &self.w,
            Part::Y => &self.y,
        };
        let layout = Layout::contiguous("conv", shape)?;
        let out = with_float!(a.dtype(), T => {
            Buffer::<T>::check("conv", layout.numel())?;
            let mut out = Buffer::<T>::unwritten(layout.numel());
            let added = bias.map(|bias| bias.values::<T>());
            let (a, b, added) = (a.values::<T>(), b.values::<T>(), added.as_deref());
            match part {
                Part::X => conv::input(&self.geometry, &a, &b, added, &mut out),
                Part::W => conv::weight(&self.geometry, &a, &b, &mut out),
                Part::Y => conv::forward(&self.geometry, &a, &b, added, &mut out),
            }
            Tensor::new(out, dense(shape))
        });
        let op = Convolution { plan: self.clone(), part };
        Ok(match bias {
            Some(bias) => out.record(op, &[a, b, bias]),
            None => out.record(op, &[a, b]),
        })
    }
}

/// Over all but the channels.
fn sum_to_channels(grad: &Tensor) -> Result<Tensor> {
    let dims: Vec<i64> = (0..grad.dim() as i64).filter(|&d| d != 1).collect();
    grad.sum_dim(dims, false)
}

/// `y = W ∗ x + b`, or another part made from the two that are given.
struct Convolution {
    plan: Plan,
    part: Part,
}

impl Op for Convolution {
    fn name(&self) -> &'static str {
        match self.part {
            Part::W => "ConvolutionBackward",
            Part::X | Part::Y => "Convolution",
        }
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| {
            let Some(&wanted) = self.part.from().get(i) else {
                return sum_to_channels(grad);
            };
            // The gradient stands in for what was made.
            let other = ctx.input(1 - i)?;
            let given = wanted.from().map(|part| if part == self.part { grad } else { &other });
            self.plan.make(wanted, given, None)
        })
    }
}

macro_rules! convolutions {
    ($($name:ident $transposed:ident $rank:literal $shape:literal;)*) => {
        impl Tensor {$(
            #[doc = concat!("Convolution of `", $shape, "`, or a single one without N, with a weight `(out, in / groups, kernel…)`.")]
            ///
            /// Of two dimensions, windows of 3×3 beside each other in images with many channels are computed by Winograd's
            /// products, F(2×2, 3×3): where the elements of a tile of 4×4 differ by powers of ten, errors are relative to the
            /// largest of them.
            ///
            /// # Errors
            /// If sizes or types do not fit, or no window fits into the input.
            #[track_caller]
            pub fn $name(&self, weight: &Tensor, bias: Option<&Tensor>, options: &Conv) -> Result<Tensor> {
                self.convolve(stringify!($name), $rank, weight, bias, options, false)
            }

            #[doc = concat!("Transposed convolution of `", $shape, "`, the gradient of a convolution as a function of its own, with a weight `(in, out / groups, kernel…)`.")]
            ///
            /// # Errors
            /// If sizes or types do not fit.
            #[track_caller]
            pub fn $transposed(&self, weight: &Tensor, bias: Option<&Tensor>, options: &Conv) -> Result<Tensor> {
                self.convolve(stringify!($transposed), $rank, weight, bias, options, true)
            }
        )*}
    };
}

convolutions! {
    conv1d conv_transpose1d 1 "(N, C, L)";
    conv2d conv_transpose2d 2 "(N, C, H, W)";
    conv3d conv_transpose3d 3 "(N, C, D, H, W)";
}

impl Tensor {
    #[track_caller]
    fn convolve(
        &self,
        op: &'static str,
        rank: usize,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &Conv,
        transposed: bool,
    ) -> Result<Tensor> {
        if [Some(self), Some(weight), bias].into_iter().flatten().all(|x| x.dtype() == DType::I64) {
            // In doubles, which are exact up to 2⁵³.
            let bias = bias.map(|bias| bias.to(DType::F64));
            let (x, weight) = (self.to(DType::F64), weight.to(DType::F64));
            return Ok(x.convolve(op, rank, &weight, bias.as_ref(), options, transposed)?.to(DType::I64));
        }
        if self.dim() == rank + 1 {
            return self.unsqueeze(0)?.convolve(op, rank, weight, bias, options, transposed)?.squeeze_dim(0);
        }
        let plan = plan(op, rank, [self, weight], bias, options, transposed).at_caller()?;
        // What the windows see: the input and its padding, of one image.
        let Geometry { inputs, input, padding, .. } = plan.geometry;
        let seen: Shape = [inputs].into_iter().chain((0..3).map(|d| input[d] + 2 * padding[d])).collect();
        let seen = Layout::contiguous(op, &seen)?.numel();
        with_float!(self.dtype(), T => Buffer::<T>::check(op, seen))?;
        plan.make(if transposed { Part::X } else { Part::Y }, [self, weight], bias)
    }
}

/// Checks everything and finds the sizes.
#[track_caller]
fn plan(
    op: &'static str,
    rank: usize,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    options: &Conv,
    transposed: bool,
) -> Result<Plan> {
    let dtype = input.dtype();
    if !dtype.is_float() {
        return Err(Error::not_float(op, dtype));
    }
    if let Some(other) = [Some(weight), bias].into_iter().flatten().find(|t| t.dtype() != dtype) {
        return Err(Error::dtype(op, format!("the input is {dtype}, a weight {}", other.dtype())));
    }
    let groups = options.groups;
    let misfit = |why: String| {
        let (input, weight) = (input.shape(), weight.shape());
        Error::shape(op, format!("input {input:?} and weight {weight:?} with groups={groups} do not fit: {why}"))
    };
    if input.dim() != rank + 2 || weight.dim() != rank + 2 {
        return Err(misfit(format!("expected {} or {} dimensions, and a weight of {0}", rank + 2, rank + 1)));
    }
    let (channels, window) = (input.shape()[1], &weight.shape()[2..]);
    if groups == 0 || weight.shape()[0] % groups != 0 || weight.shape()[0] == 0 || window.contains(&0) {
        return Err(misfit("the first size of the weight should be a multiple of groups, and its window not empty".into()));
    }
    // Of a plain convolution: the channels of x and of y in a group.
    let (first, second) = (weight.shape()[0] / groups, weight.shape()[1]);
    let expected = if transposed { first } else { second };
    if channels != expected * groups {
        return Err(misfit(format!("the input should have {} channels, found {channels}", expected * groups)));
    }
    let outs = if transposed { second } else { first } * groups;
    if let Some(bias) = bias
        && bias.shape() != [outs]
    {
        return Err(misfit(format!("the bias should have shape [{outs}], found {:?}", bias.shape())));
    }
    let stride = each(op, "stride", &options.stride, rank, 1, 1)?;
    let dilation = each(op, "dilation", &options.dilation, rank, 1, 1)?;
    let extra = each(op, "output_padding", &options.output_padding, rank, 0, 0)?;
    let kernel = three(window);
    let span: [usize; 3] = std::array::from_fn(|d| dilation[d].saturating_mul(kernel[d] - 1));
    if let Some(span) = span.iter().find(|&&span| span >= FARTHEST) {
        return Err(misfit(format!("no window can reach over {span} elements")));
    }
    // In front and behind.
    let (front, both) = match &options.padding {
        Some(padding) => {
            let padding = each(op, "padding", padding, rank, 0, 0)?;
            (padding, padding.map(|n| 2 * n))
        }
        None if stride != [1; 3] || transposed => {
            return Err(Error::value(op, "padding that keeps the size needs a plain convolution with stride 1"));
        }
        None => (span.map(|n| n / 2), span),
    };
    let from = three(&input.shape()[2..]);
    let mut to = [1; 3];
    for d in 3 - rank..3 {
        let size = if transposed {
            if extra[d] >= stride[d] && extra[d] >= dilation[d] {
                return Err(Error::value(
                    op,
                    format!("output_padding {} should be smaller than stride or dilation", extra[d]),
                ));
            }
            let whole = from[d].checked_sub(1).and_then(|n| n.checked_mul(stride[d]));
            whole.and_then(|n| (n + span[d] + extra[d] + 1).checked_sub(both[d])).filter(|&n| n > 0)
        } else {
            (from[d] + both[d]).checked_sub(span[d] + 1).map(|room| room / stride[d] + 1)
        };
        to[d] = size.ok_or_else(|| {
            misfit(format!("a window of {} with padding {} has no place in size {}", span[d] + 1, front[d], from[d]))
        })?;
    }
    let mut result: Shape = [input.shape()[0], outs].into_iter().collect();
    result.extend_from_slice(&to[3 - rank..]);
    let given: Shape = input.shape().into();
    let (x, y, input, output) = if transposed { (result, given, to, from) } else { (given, result, from, to) };
    let geometry = Geometry {
        batch: x[0],
        groups,
        inputs: second,
        outputs: first,
        input,
        output,
        kernel,
        stride,
        padding: front,
        dilation,
    };
    Ok(Plan { geometry, x, w: weight.shape().into(), y })
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let numbers = |shape: &[usize], seed: f64| {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|i| (seed + 1.7 * i as f64).sin()).collect::<Vec<f64>>();
        Tensor::from_vec(values, shape).unwrap_or_else(|_| float64(0.0))
    };
    let three = move |x: &[usize], w: &[usize], b: usize| vec![numbers(x, 0.1), numbers(w, 0.5), numbers(&[b], 0.9)];
    vec![
        case("conv1d", |x| x[0].conv1d(&x[1], Some(&x[2]), &Conv::new().padding(1)), three(&[2, 1, 4], &[2, 1, 3], 2)),
        case("conv1d same", |x| x[0].conv1d(&x[1], None, &Conv::new().padding_same()), three(&[1, 1, 4], &[1, 1, 2], 1)),
        case(
            "conv2d",
            |x| x[0].conv2d(&x[1], Some(&x[2]), &Conv::new().stride([2, 1]).padding([1, 0]).groups(2)),
            three(&[2, 2, 3, 3], &[2, 1, 2, 2], 2),
        ),
        case(
            "conv2d with gaps",
            |x| x[0].conv2d(&x[1], None, &Conv::new().dilation([1, 2])),
            three(&[1, 2, 2, 4], &[1, 2, 2, 2], 1),
        ),
        case("conv3d", |x| x[0].conv3d(&x[1], None, &Conv::new()), three(&[1, 1, 2, 3, 2], &[1, 1, 2, 2, 1], 1)),
        case(
            "conv_transpose1d",
            |x| x[0].conv_transpose1d(&x[1], Some(&x[2]), &Conv::new().stride(2).output_padding(1)),
            three(&[1, 2, 3], &[2, 1, 2], 1),
        ),
        case(
            "the gradient of a convolution's weight",
            |x| {
                let weight = x[0].new_zeros([2, 1, 2, 2])?;
                let plan = plan("conv2d", 2, [&x[0], &weight], None, &Conv::new(), false)?;
                plan.make(Part::W, [&x[0], &x[1]], None)
            },
            three(&[2, 1, 3, 3], &[2, 2, 2, 2], 1),
        ),
        case(
            "conv_transpose2d",
            |x| x[0].conv_transpose2d(&x[1], Some(&x[2]), &Conv::new().stride(2).padding(1).groups(2)),
            three(&[1, 2, 2, 3], &[2, 1, 3, 3], 2),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Conv;
    use crate::{Tensor, Window, arange, full, ones, tensor, zeros};

    fn numbers(shape: impl crate::Ints) -> Tensor {
        let n = shape.ints().iter().product::<i64>();
        arange(0, n, 1).unwrap().to(crate::DType::F64).sin().reshape(shape).unwrap()
    }

    /// A convolution is the product of its weight with the columns of `unfold2d`.
    #[test]
    fn the_product_with_the_columns() {
        let (x, w) = (numbers([3, 2, 7, 6]), numbers([4, 2, 3, 2]));
        for (stride, padding, dilation) in [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 2, 1)] {
            let options = Conv::new().stride(stride).padding(padding).dilation(dilation);
            let y = x.conv2d(&w, None, &options).unwrap();
            let window = Window::new([3, 2]).stride(stride).padding(padding).dilation(dilation);
            let product = w.reshape([4, 12]).unwrap().matmul(&x.unfold2d(window).unwrap()).unwrap();
            assert!(y.allclose(&product.reshape(y.shape()).unwrap(), 1e-12, 1e-12).unwrap());
        }
    }

    /// The outer elements of the window see nothing but padding, wherever it stands.
    #[test]
    fn a_window_far_wider_than_the_image() {
        let (x, w) = (full([1, 1, 1, 1], 3.0).unwrap(), tensor([[[[5.0, 7.0, 11.0]]]]));
        let y = x.conv2d(&w, None, &Conv::new().padding([0, 2]).dilation(2)).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [21.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (x, w) = (zeros([1, 2, 4, 4]).unwrap(), ones([3, 2, 3, 3]).unwrap());
        for error in [
            x.conv2d(&zeros([3, 1, 3, 3]).unwrap(), None, &Conv::new()).unwrap_err(),
            x.conv2d(&w, Some(&zeros([2]).unwrap()), &Conv::new()).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().groups(2)).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().groups(0)).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().stride(0)).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().padding([1, 1, 1])).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().dilation(2)).unwrap_err(),
            x.conv2d(&w, None, &Conv::new().stride(2).padding_same()).unwrap_err(),
            x.conv1d(&w, None, &Conv::new()).unwrap_err(),
            ones([1, 3, 2, 2]).unwrap().conv_transpose2d(&w, None, &Conv::new().output_padding(1)).unwrap_err(),
        ] {
            assert!(error.to_string().contains("conv"), "{error}");
        }
        assert_eq!(zeros([0, 2, 4, 4]).unwrap().conv2d(&w, None, &Conv::new()).unwrap().shape(), [0, 3, 2, 2]);
    }
}
