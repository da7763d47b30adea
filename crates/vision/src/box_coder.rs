//! Boxes as differences from reference boxes: what a detector learns (Girshick et al. 2014, appendix C).
//!
//! `t = (wₓ·(x − xₐ)/wₐ, w_y·(y − yₐ)/hₐ, w_w·ln(w/wₐ), w_h·ln(h/hₐ))` of the centres, widths and heights.

use crate::boxes::{columns, from_columns};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Result, Tensor};

/// Turns boxes into differences from reference boxes, such as anchors, and back.
///
/// ```
/// use tensor::tensor;
/// use vision::BoxCoder;
/// let coder = BoxCoder::new([10.0, 10.0, 5.0, 5.0]);
/// let (boxes, anchors) = (tensor([[1.0, 1.0, 3.0, 5.0]]), tensor([[0.0, 0.0, 4.0, 4.0]]));
/// let codes = coder.encode(&boxes, &anchors)?;
/// assert_eq!(codes.to_string(), "tensor([[ 0.0000,  2.5000, -3.4657,  0.0000]])");
/// assert!(coder.decode(&codes, &anchors)?.allclose(&boxes, 1e-5, 1e-6)?);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.models.detection._utils.BoxCoder")]
#[derive(Clone, Copy, Debug)]
pub struct BoxCoder {
    weights: [f64; 4],
    bbox_xform_clip: f64,
}

impl BoxCoder {
    /// With a weight for each of the four differences: `[1, 1, 1, 1]` for proposals, `[10, 10, 5, 5]` for regions.
    pub fn new(weights: [f64; 4]) -> Self {
        BoxCoder { weights, bbox_xform_clip: (1000.0f64 / 16.0).ln() }
    }

    /// The largest logarithm of a ratio of sizes that is decoded, so that no exponential overflows (default ln 62.5).
    #[must_use]
    pub fn bbox_xform_clip(mut self, clip: f64) -> Self {
        self.bbox_xform_clip = clip;
        self
    }

    /// The differences of `boxes` from `references`, both `(N, 4)` as `(x1, y1, x2, y2)`.
    ///
    /// # Errors
    /// If the shapes are not alike and `(…, 4)`.
    #[track_caller]
    pub fn encode(&self, boxes: &Tensor, references: &Tensor) -> Result<Tensor> {
        if boxes.shape() != references.shape() {
            let (b, r) = (boxes.shape(), references.shape());
            return Err(Error::shape("BoxCoder", format!("boxes {b:?} and references {r:?} must be alike")));
        }
        let [w, h, x, y] = centred(&columns("BoxCoder", boxes)?)?;
        let [w0, h0, x0, y0] = centred(&columns("BoxCoder", references)?)?;
        let [wx, wy, ww, wh] = self.weights;
        from_columns([
            &x.sub(&x0)?.mul(wx)?.div(&w0)?,
            &y.sub(&y0)?.mul(wy)?.div(&h0)?,
            &w.div(&w0)?.log().mul(ww)?,
            &h.div(&h0)?.log().mul(wh)?,
        ])
    }

    /// The boxes that `codes` are the differences of: codes `(N, 4)` give `(N, 4)`; codes for each of `C` classes, `(N, 4·C)`
    /// or `(N, C, 4)`, give `(N, C, 4)`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[track_caller]
    pub fn decode(&self, codes: &Tensor, references: &Tensor) -> Result<Tensor> {
        let (c, r) = (codes.shape(), references.shape());
        let wrong = || {
            Error::shape(
                "BoxCoder",
                format!("codes {c:?} do not fit references {r:?}: expected (N, 4·C) and (N, 4)"),
            )
        };
        let [n, 4] = *r else { return Err(wrong()) };
        let codes = match *c {
            [rows, 4] if rows == n => codes.clone(),
            [rows, all] if rows == n && all % 4 == 0 => codes.reshape([n, all / 4, 4])?,
            [rows, _, 4] if rows == n => codes.clone(),
            _ => return Err(wrong()),
        };
        let references = if codes.dim() == 3 { references.unsqueeze(1)? } else { references.clone() };
        let [dx, dy, dw, dh] = columns("BoxCoder", &codes)?;
        let [w0, h0, x0, y0] = centred(&columns("BoxCoder", &references)?)?;
        let [wx, wy, ww, wh] = self.weights;
        let size = |d: Tensor, weight: f64, reference: &Tensor| {
            d.div(weight)?.clamp(None, self.bbox_xform_clip)?.exp().mul(reference)
        };
        let place = |d: Tensor, weight: f64, size: &Tensor, reference: &Tensor| {
            d.div(weight)?.mul(size)?.add(reference)
        };
        let (x, y) = (place(dx, wx, &w0, &x0)?, place(dy, wy, &h0, &y0)?);
        let (w, h) = (size(dw, ww, &w0)?.mul(0.5)?, size(dh, wh, &h0)?.mul(0.5)?);
        from_columns([&x.sub(&w)?, &y.sub(&h)?, &x.add(&w)?, &y.add(&h)?])
    }
}

/// Width, height and centre.
fn centred([x1, y1, x2, y2]: &[Tensor; 4]) -> Result<[Tensor; 4]> {
    let (w, h) = (x2.sub(x1)?, y2.sub(y1)?);
    let (x, y) = (x1.add(&w.mul(0.5)?)?, y1.add(&h.mul(0.5)?)?);
    Ok([w, h, x, y])
}

pub(crate) fn cases() -> Vec<Case> {
    let boxes = || float64([[0.5, 0.25, 3.0, 2.25], [-1.5, 0.5, 5.0, 8.5]]);
    let references = || float64([[0.0, 0.5, 2.0, 3.0], [-1.0, 1.0, 4.0, 6.0]]);
    let coder = BoxCoder::new([10.0, 10.0, 5.0, 5.0]);
    vec![
        case("BoxCoder, encode", move |x| coder.encode(&x[0], &x[1]), vec![boxes(), references()]),
        case(
            "BoxCoder, decode",
            move |x| coder.decode(&x[0], &x[1]),
            vec![float64([[0.4, -0.3, 0.2, 0.6], [1.5, 2.0, -0.7, 0.1]]), references()],
        ),
        case(
            "BoxCoder, decode for classes",
            move |x| coder.decode(&x[0], &x[1]),
            vec![
                float64([
                    [0.4, -0.3, 0.2, 0.6, 0.1, 0.2, 0.3, 0.4],
                    [1.5, 2.0, -0.7, 0.1, 0.0, 0.5, 0.2, 0.3],
                ]),
                references(),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn a_size_beyond_all_bounds_is_cut() {
        let boxes =
            BoxCoder::new([1.0; 4]).decode(&tensor([[0.0, 0.0, 1e30, 0.0]]), &tensor([[0.0, 0.0, 2.0, 2.0]]));
        let boxes = boxes.unwrap().to_vec::<f32>().unwrap();
        assert!((boxes[2] - boxes[0] - 125.0).abs() < 1e-3, "{boxes:?}");
    }

    #[test]
    fn misfits_are_named() {
        let coder = BoxCoder::new([1.0; 4]);
        let (two, three) = (zeros([2, 4]).unwrap(), zeros([3, 4]).unwrap());
        assert!(coder.encode(&two, &three).unwrap_err().to_string().contains("[2, 4]"));
        assert!(coder.decode(&zeros([2, 6]).unwrap(), &two).unwrap_err().to_string().contains("[2, 6]"));
    }
}
