//! Criteria, by their modules and by their functions.

use crate::case::Args;
use loss::*;
use tensor::{Error, Operand, Result, Tensor};

/// The outputs of a criterion; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let result = match build(op, args) {
        Some(criterion) => {
            // The module of the Poisson loss calls its input so.
            let input = || args.find("log_input").unwrap_or_else(|| args.t("input"));
            criterion.and_then(|c| c.forward(input(), args.t("target")))
        }
        None => of_more(op, args)?,
    };
    Some(result.map(|y| vec![y]))
}

fn reduction(name: Option<&str>) -> Result<Reduction> {
    Ok(match name {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => return Err(Error::value("reduction", format!("no reduction is called {other}"))),
    })
}

/// Sets the options that a case gives.
macro_rules! options {
    ($criterion:expr, $args:ident, $($name:ident: $how:ident),*) => {{
        let mut criterion = $criterion;
        $(if let Some(value) = $args.$how(stringify!($name)) {
            criterion = criterion.$name(value);
        })*
        criterion
    }};
}

/// A criterion of an input and a target, by PyTorch's name of its function or its class.
pub fn build(op: &str, args: &Args<'_>) -> Option<Result<Box<dyn Criterion>>> {
    let batchmean = matches!(op, "kl_div" | "KLDivLoss") && args.text("reduction") == Some("batchmean");
    let reduction = match reduction(args.text("reduction").filter(|_| !batchmean)) {
        Ok(reduction) => reduction,
        Err(error) => return Some(Err(error)),
    };
    let criterion: Box<dyn Criterion> = match op {
        "binary_cross_entropy" | "BCELoss" => {
            Box::new(options!(BCELoss::new().reduction(reduction), args, weight: find))
        }
        "binary_cross_entropy_with_logits" | "BCEWithLogitsLoss" => {
            let criterion = BCEWithLogitsLoss::new().reduction(reduction);
            Box::new(options!(criterion, args, weight: find, pos_weight: find))
        }
        "cross_entropy" | "CrossEntropyLoss" => {
            let criterion = CrossEntropyLoss::new().reduction(reduction);
            Box::new(options!(criterion, args, weight: find, ignore_index: int, label_smoothing: float))
        }
        "mse_loss" | "MSELoss" => Box::new(options!(MSELoss::new().reduction(reduction), args, weight: find)),
        "l1_loss" | "L1Loss" => Box::new(options!(L1Loss::new().reduction(reduction), args, weight: find)),
        "huber_loss" | "HuberLoss" => {
            Box::new(options!(HuberLoss::new().reduction(reduction), args, weight: find, delta: float))
        }
        "smooth_l1_loss" | "SmoothL1Loss" => {
            Box::new(options!(SmoothL1Loss::new().reduction(reduction), args, beta: float))
        }
        "nll_loss" | "NLLLoss" => {
            Box::new(options!(NLLLoss::new().reduction(reduction), args, weight: find, ignore_index: int))
        }
        "poisson_nll_loss" | "PoissonNLLLoss" => {
            let criterion = PoissonNLLLoss::new().reduction(reduction);
            Box::new(options!(criterion, args, log_input: flag, full: flag, eps: float))
        }
        "kl_div" | "KLDivLoss" => {
            let criterion = options!(KLDivLoss::new().reduction(reduction), args, log_target: flag);
            if batchmean { Box::new(criterion.reduction(BatchMean)) } else { Box::new(criterion) }
        }
        "hinge_embedding_loss" | "HingeEmbeddingLoss" => {
            Box::new(options!(HingeEmbeddingLoss::new().reduction(reduction), args, margin: float))
        }
        "soft_margin_loss" | "SoftMarginLoss" => Box::new(SoftMarginLoss::new().reduction(reduction)),
        "multi_margin_loss" | "MultiMarginLoss" => {
            let criterion = MultiMarginLoss::new().reduction(reduction);
            Box::new(options!(criterion, args, weight: find, margin: float, p: int))
        }
        "multilabel_margin_loss" | "MultiLabelMarginLoss" => {
            Box::new(MultiLabelMarginLoss::new().reduction(reduction))
        }
        "multilabel_soft_margin_loss" | "MultiLabelSoftMarginLoss" => {
            Box::new(options!(MultiLabelSoftMarginLoss::new().reduction(reduction), args, weight: find))
        }
        _ => return None,
    };
    Some(Ok(criterion))
}

/// The criteria of three tensors and more.
fn of_more(op: &str, args: &Args<'_>) -> Option<Result<Tensor>> {
    let reduction = match reduction(args.text("reduction")) {
        Ok(reduction) => reduction,
        Err(error) => return Some(Err(error)),
    };
    // torchvision's functions do not reduce by themselves.
    let vision = if args.text("reduction").is_none() { Reduction::None } else { reduction };
    Some(match op {
        "gaussian_nll_loss" | "GaussianNLLLoss" => {
            let criterion =
                options!(GaussianNLLLoss::new().reduction(reduction), args, full: flag, eps: float);
            let var = match args.find("var") {
                Some(var) => Operand::from(var),
                None => Operand::from(args.float("var")?),
            };
            criterion.forward(args.t("input"), args.t("target"), var)
        }
        "margin_ranking_loss" | "MarginRankingLoss" => {
            let criterion = options!(MarginRankingLoss::new().reduction(reduction), args, margin: float);
            criterion.forward(args.t("input1"), args.t("input2"), args.t("target"))
        }
        "cosine_embedding_loss" | "CosineEmbeddingLoss" => {
            let criterion = options!(CosineEmbeddingLoss::new().reduction(reduction), args, margin: float);
            criterion.forward(args.t("input1"), args.t("input2"), args.t("target"))
        }
        "triplet_margin_loss" | "TripletMarginLoss" => {
            let criterion = TripletMarginLoss::new().reduction(reduction);
            let criterion = options!(criterion, args, margin: float, p: float, eps: float, swap: flag);
            criterion.forward(args.t("anchor"), args.t("positive"), args.t("negative"))
        }
        "triplet_margin_with_distance_loss" | "TripletMarginWithDistanceLoss" => {
            let criterion = TripletMarginWithDistanceLoss::new().reduction(reduction);
            let mut criterion = options!(criterion, args, margin: float, swap: flag);
            criterion = match args.text("distance_function") {
                None | Some("pairwise") => criterion,
                Some("l1") => criterion.distance_function(|x, y| x.pairwise_distance(y, 1.0, 1e-6, false)),
                Some("cosine") => {
                    criterion.distance_function(|x, y| x.cosine_similarity(y, 1, 1e-8)?.neg().add(1.0))
                }
                Some("sq") => criterion.distance_function(|x, y| x.sub(y)?.square().sum_dim(-1, false)),
                Some("linf") => criterion.distance_function(|x, y| Ok(x.sub(y)?.abs().max_dim(-1, false)?.0)),
                Some(_) => return None,
            };
            criterion.forward(args.t("anchor"), args.t("positive"), args.t("negative"))
        }
        "linear_cross_entropy" => {
            let criterion = CrossEntropyLoss::new().reduction(reduction);
            let criterion =
                options!(criterion, args, weight: find, ignore_index: int, label_smoothing: float);
            let (weight, bias) = (args.t("linear_weight"), args.find("linear_bias"));
            criterion.forward_linear(args.t("input"), weight, bias, args.t("target"))
        }
        "sigmoid_focal_loss" => {
            let criterion = SigmoidFocalLoss::new().reduction(vision);
            let criterion = options!(criterion, args, alpha: float, gamma: float);
            criterion.forward(args.t("inputs"), args.t("targets"))
        }
        "generalized_box_iou_loss" => {
            boxes(args, &options!(GIoULoss::new().reduction(vision), args, eps: float))
        }
        "distance_box_iou_loss" => {
            boxes(args, &options!(DIoULoss::new().reduction(vision), args, eps: float))
        }
        "complete_box_iou_loss" => {
            boxes(args, &options!(CIoULoss::new().reduction(vision), args, eps: float))
        }
        "box_area" => box_area(args.t("boxes")),
        "box_iou" => box_iou(args.t("boxes1"), args.t("boxes2")),
        "generalized_box_iou" => generalized_box_iou(args.t("boxes1"), args.t("boxes2")),
        "distance_box_iou" => {
            distance_box_iou(args.t("boxes1"), args.t("boxes2"), args.float("eps").unwrap_or(1e-7))
        }
        "complete_box_iou" => {
            complete_box_iou(args.t("boxes1"), args.t("boxes2"), args.float("eps").unwrap_or(1e-7))
        }
        "ctc_loss" | "ctc_loss_from_logits" | "CTCLoss" => {
            let mut criterion = options!(CTCLoss::new().reduction(reduction), args, zero_infinity: flag);
            if let Some(blank) = args.int("blank") {
                criterion = criterion.blank(usize::try_from(blank).unwrap_or(usize::MAX));
            }
            let log_probs = match args.find("logits") {
                Some(x) => x.log_softmax(-1).ok()?,
                None => args.t("log_probs").clone(),
            };
            let lengths = |name: &str| match args.find(name) {
                Some(lengths) => Some(Lengths::from(lengths)),
                None => Some(Lengths::from(&args.ints(name)?)),
            };
            criterion.forward(
                &log_probs,
                args.t("targets"),
                lengths("input_lengths")?,
                lengths("target_lengths")?,
            )
        }
        _ => return None,
    })
}

fn boxes(args: &Args<'_>, criterion: &dyn Criterion) -> Result<Tensor> {
    criterion.forward(args.t("boxes1"), args.t("boxes2"))
}
