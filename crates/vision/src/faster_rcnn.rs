//! The two losses of Faster R-CNN (Ren et al. 2015): of its proposals, and of its regions.

use loss::{BCEWithLogitsLoss, Criterion, CrossEntropyLoss, Reduction, SmoothL1Loss};
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, DType, Error, Result, Tensor, arange, cat, tensor};

/// A loss in two parts.
fn box_loss(codes: &Tensor, targets: &Tensor, beta: f64, count: usize) -> Result<Tensor> {
    SmoothL1Loss::new().beta(beta).reduction(Reduction::Sum).forward(codes, targets)?.div(count as f64)
}

macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            beta: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $name {
            /// With torchvision's defaults.
            pub fn new() -> Self {
                $name { beta: 1.0 / 9.0 }
            }

            /// Where the loss of a difference turns from a square into a line (default 1/9).
            #[must_use]
            pub fn beta(mut self, beta: f64) -> Self {
                self.beta = beta;
                self
            }
        }
    )*};
}

losses! {
    /// The loss of a region proposal network: is there an object, and where.
    ///
    /// Binary cross-entropy of the sampled anchors, and a smooth L1 of the codes of the positive ones, divided by the number of
    /// sampled anchors.
    #[doc(alias = "torchvision.models.detection.rpn.RegionProposalNetwork.compute_loss")]
    RpnLoss

    /// The loss of the regions: which class, and where.
    ///
    /// Cross-entropy of all regions, and a smooth L1 of the codes that belong to the class of those that show an object, divided
    /// by the number of regions.
    #[doc(alias = "torchvision.models.detection.roi_heads.fastrcnn_loss")]
    RoiLoss
}

impl RpnLoss {
    /// The loss of the objectness and that of the boxes, two scalars.
    ///
    /// Shapes: objectness logits `(N)` or `(N, 1)` and codes `(N, 4)` of all anchors of all images, labels `(N)` (1 object,
    /// 0 background), the codes that are right `(N, 4)`, and the indices of the sampled positive and negative anchors,
    /// int64, as [`BalancedPositiveNegativeSampler`](crate::BalancedPositiveNegativeSampler) gives them.
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[track_caller]
    pub fn forward(
        &self,
        objectness: &Tensor,
        codes: &Tensor,
        labels: &Tensor,
        targets: &Tensor,
        [positive, negative]: [&Tensor; 2],
    ) -> Result<[Tensor; 2]> {
        let n = labels.numel();
        if objectness.numel() != n
            || labels.dim() != 1
            || codes.shape() != [n, 4]
            || targets.shape() != [n, 4]
        {
            let shapes = [objectness, codes, labels, targets].map(Tensor::shape);
            return Err(Error::shape(
                "RpnLoss",
                format!("expected (N), (N, 4), (N) and (N, 4), found {shapes:?}"),
            ));
        }
        let sampled = cat(&[positive, negative], 0)?;
        let logits = objectness.flatten(0, -1)?.index_select(0, &sampled)?;
        let labels = labels.to(logits.dtype()).index_select(0, &sampled)?;
        let objects = BCEWithLogitsLoss::new().forward(&logits, &labels).at_caller()?;
        let (codes, targets) = (codes.index_select(0, positive)?, targets.index_select(0, positive)?);
        Ok([objects, box_loss(&codes, &targets, self.beta, sampled.numel()).at_caller()?])
    }
}

impl RoiLoss {
    /// The loss of the classes and that of the boxes, two scalars.
    ///
    /// Shapes: logits `(N, C)` (class 0 is the background), codes for each class `(N, 4·C)`, labels `(N)` int64, and the
    /// codes that are right `(N, 4)`.
    ///
    /// # Errors
    /// If the shapes do not fit, or a label is no class.
    #[track_caller]
    pub fn forward(
        &self,
        logits: &Tensor,
        codes: &Tensor,
        labels: &Tensor,
        targets: &Tensor,
    ) -> Result<[Tensor; 2]> {
        let shapes = [logits, codes, labels, targets].map(Tensor::shape);
        let &[n, classes] = logits.shape() else {
            return Err(Error::shape(
                "RoiLoss",
                format!("the logits must be (N, C), found shape {:?}", shapes[0]),
            ));
        };
        if codes.shape() != [n, 4 * classes] || targets.shape() != [n, 4] {
            return Err(Error::shape(
                "RoiLoss",
                format!("expected (N, C), (N, 4·C), (N) and (N, 4), found {shapes:?}"),
            ));
        }
        let kind = CrossEntropyLoss::new().forward(logits, labels).at_caller()?;
        let shown = labels.gt(0)?.nonzero().select(1, 0)?;
        // The four numbers of the class, out of all.
        let first = labels.index_select(0, &shown)?.mul(4)?.unsqueeze(1)?;
        let at = first.add(&arange(0, 4, 1)?.to(DType::I64))?;
        let codes = codes.index_select(0, &shown)?.gather(1, &at)?;
        let boxes = box_loss(&codes, &targets.index_select(0, &shown)?, self.beta, n).at_caller()?;
        Ok([kind, boxes])
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let codes = || float64([[0.4, -0.3, 0.2, 0.6], [1.5, 2.0, -0.7, 0.1], [0.05, 0.03, -0.02, 0.01]]);
    let targets = || float64([[0.1, 0.2, 0.3, -0.4], [1.0, 1.5, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]]);
    vec![
        case(
            "RpnLoss",
            |x| {
                let (positive, negative) = (tensor([0, 2]), tensor([1]));
                let [objects, boxes] = RpnLoss::new().forward(
                    &x[0],
                    &x[1],
                    &tensor([1, 0, 1]),
                    &x[2],
                    [&positive, &negative],
                )?;
                objects.add(&boxes)
            },
            vec![float64([0.5, -1.0, 2.0]), codes(), targets()],
        ),
        case(
            "RoiLoss",
            |x| {
                let both = cat(&[&x[1], &x[1].mul(0.5)?], 1)?;
                let [classes, boxes] = RoiLoss::new().forward(&x[0], &both, &tensor([1, 0, 1]), &x[2])?;
                classes.add(&boxes)
            },
            vec![float64([[0.5, -1.0], [2.0, 0.3], [0.1, 0.2]]), codes(), targets()],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::zeros;

    #[test]
    fn without_objects_the_boxes_cost_nothing() {
        let logits = tensor([[1.0, 0.0], [2.0, 0.0]]);
        let (codes, targets) = (zeros([2, 8]).unwrap(), zeros([2, 4]).unwrap());
        let [classes, boxes] = RoiLoss::new().forward(&logits, &codes, &tensor([0, 0]), &targets).unwrap();
        assert!(classes.item().unwrap() > 0.0 && boxes.item().unwrap() == 0.0);
    }

    #[test]
    fn misfits_are_named() {
        let (codes, targets) = (zeros([2, 8]).unwrap(), zeros([2, 4]).unwrap());
        let error = RoiLoss::new().forward(&zeros([2, 3]).unwrap(), &codes, &tensor([0, 0]), &targets);
        assert!(error.unwrap_err().to_string().contains("[2, 8]"));
    }
}
