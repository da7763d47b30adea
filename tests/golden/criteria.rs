//! Criteria, by their modules and by their functions.

use crate::case::Args;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, HuberLoss, MSELoss, Reduction};
use tensor::{Error, Result, Tensor};

/// The outputs of a criterion; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let criterion = match build(op, args)? {
        Ok(criterion) => criterion,
        Err(error) => return Some(Err(error)),
    };
    Some(criterion.forward(args.t("input"), args.t("target")).map(|y| vec![y]))
}

/// A criterion by PyTorch's name of its function or its class.
pub fn build(op: &str, args: &Args<'_>) -> Option<Result<Box<dyn Criterion>>> {
    let reduction = match reduction(args) {
        Ok(reduction) => reduction,
        Err(error) => return Some(Err(error)),
    };
    let criterion: Box<dyn Criterion> = match op {
        "binary_cross_entropy" | "BCELoss" => {
            let mut criterion = BCELoss::new().reduction(reduction);
            if let Some(w) = args.find("weight") {
                criterion = criterion.weight(w);
            }
            Box::new(criterion)
        }
        "binary_cross_entropy_with_logits" | "BCEWithLogitsLoss" => {
            let mut criterion = BCEWithLogitsLoss::new().reduction(reduction);
            if let Some(w) = args.find("weight") {
                criterion = criterion.weight(w);
            }
            if let Some(w) = args.find("pos_weight") {
                criterion = criterion.pos_weight(w);
            }
            Box::new(criterion)
        }
        "cross_entropy" | "CrossEntropyLoss" => {
            let mut criterion = CrossEntropyLoss::new().reduction(reduction);
            if let Some(w) = args.find("weight") {
                criterion = criterion.weight(w);
            }
            if let Some(label) = args.int("ignore_index") {
                criterion = criterion.ignore_index(label);
            }
            if let Some(share) = args.float("label_smoothing") {
                criterion = criterion.label_smoothing(share);
            }
            Box::new(criterion)
        }
        "mse_loss" | "MSELoss" if args.find("weight").is_none() => {
            Box::new(MSELoss::new().reduction(reduction))
        }
        "huber_loss" | "HuberLoss" if args.find("weight").is_none() => {
            let mut criterion = HuberLoss::new().reduction(reduction);
            if let Some(delta) = args.float("delta") {
                criterion = criterion.delta(delta);
            }
            Box::new(criterion)
        }
        _ => return None,
    };
    Some(Ok(criterion))
}

fn reduction(args: &Args<'_>) -> Result<Reduction> {
    Ok(match args.text("reduction") {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => return Err(Error::value("reduction", format!("no reduction is called {other}"))),
    })
}
