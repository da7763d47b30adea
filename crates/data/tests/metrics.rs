//! Metrics against scikit-learn's: `metrics.json`, which `metrics.py` has written.

use data::metrics::*;
use serde_json::Value;
use tensor::{DType, Result, Tensor};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn tensor(value: &Value) -> Tensor {
    let shape: Vec<i64> = numbers(&value["shape"]).iter().map(|&n| n as i64).collect();
    Tensor::from_vec(numbers(&value["data"]), shape).unwrap()
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    let same = (found - expected).abs() <= 1e-14 + 1e-13 * expected.abs();
    assert!(same, "{what}: found {found}, expected {expected}");
}

fn check(what: &str, found: f64, expected: &Value) {
    close(what, found, expected.as_f64().unwrap());
}

fn scores(what: &str, found: &ClassScores, expected: &[f64]) {
    for (found, expected) in [found.precision, found.recall, found.fscore].iter().zip(expected) {
        close(what, *found, *expected);
    }
}

fn classes(truth: &Tensor, guess: &Tensor, expected: &Value) -> Result<()> {
    let (truth, guess) = (truth.to(DType::I64), guess.to(DType::F32));
    check("accuracy", accuracy_score(&truth, &guess)?, &expected["accuracy"]);
    let report = classification_report(&truth, &guess)?;
    assert_eq!(report.to_string(), expected["report"]);
    if expected.get("report4").is_some() {
        assert_eq!(report.digits(4).to_string(), expected["report4"]);
        let confusion = confusion_matrix(&truth, &guess)?;
        let counts: Vec<Vec<f64>> = expected["confusion"].as_array().unwrap().iter().map(numbers).collect();
        let found: Vec<Vec<f64>> =
            confusion.counts().iter().map(|row| row.iter().map(|&n| n as f64).collect()).collect();
        assert_eq!(found, counts);
        assert_eq!(confusion.to_tensor()?.sum().item()?, truth.numel() as f64);
    }
    for (name, expected) in expected["averages"].as_object().unwrap() {
        let average = match name.as_str() {
            "binary" => Average::Binary,
            "micro" => Average::Micro,
            "macro" => Average::Macro,
            "weighted" => Average::Weighted,
            _ => Average::Samples,
        };
        let expected = numbers(expected);
        close(name, precision_score(&truth, &guess, average)?, expected[0]);
        close(name, recall_score(&truth, &guess, average)?, expected[1]);
        close(name, f1_score(&truth, &guess, average)?, expected[2]);
        close(name, fbeta_score(&truth, &guess, 2.0, average)?, expected[3]);
    }
    let by_class = precision_recall_fscore_support(&truth, &guess)?;
    for (found, expected) in by_class.iter().zip(expected["classes"].as_array().unwrap()) {
        scores("class", found, &numbers(expected));
        assert_eq!(found.support as f64, numbers(expected)[3]);
    }
    Ok(())
}

fn ranking(truth: &Tensor, guess: &Tensor, expected: &Value) -> Result<()> {
    check("auc", roc_auc_score(truth, guess)?, &expected["auc"]);
    if let Some(loss) = expected.get("log_loss") {
        check("log_loss", log_loss(truth, guess)?, loss);
    }
    if let Some(fpr) = expected.get("fpr") {
        let curve = roc_curve(truth, guess)?;
        assert_eq!(curve.fpr, numbers(fpr));
        assert_eq!(curve.tpr, numbers(&expected["tpr"]));
        let thresholds: Vec<f64> = expected["thresholds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t.as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(curve.thresholds, thresholds);
        assert_eq!(auc(&curve.fpr, &curve.tpr)?, roc_auc_score(truth, guess)?);
    }
    for (k, expected) in expected.get("top_k").and_then(Value::as_object).into_iter().flatten() {
        check(k, top_k_accuracy_score(truth, guess, k.parse().unwrap())?, expected);
    }
    Ok(())
}

#[test]
fn scikit_learns_numbers_and_reports() -> Result<()> {
    let file: Value = serde_json::from_str(include_str!("metrics.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 25);
    for case in cases {
        let (truth, guess) = (tensor(&case["truth"]), tensor(&case["guess"]));
        let expected = &case["expected"];
        match case["kind"].as_str().unwrap() {
            "classes" | "labels" => classes(&truth, &guess, expected)?,
            "numbers" => {
                for (name, expected) in expected.as_object().unwrap() {
                    let metric = match name.as_str() {
                        "r2_score" => r2_score,
                        "mean_absolute_error" => mean_absolute_error,
                        "mean_squared_error" => mean_squared_error,
                        "root_mean_squared_error" => root_mean_squared_error,
                        "median_absolute_error" => median_absolute_error,
                        "mean_absolute_percentage_error" => mean_absolute_percentage_error,
                        "explained_variance_score" => explained_variance_score,
                        _ => max_error,
                    };
                    check(name, metric(&truth, &guess)?, expected);
                }
            }
            _ => ranking(&truth, &guess, expected)?,
        }
    }
    Ok(())
}

#[test]
fn what_has_no_answer_is_an_error() {
    use tensor::tensor;
    let (y, p) = (tensor([0, 1, 1]), tensor([0.2, 0.7, 0.4]));
    let texts = [
        (accuracy_score(&y, &tensor([[0], [1], [1]])), "reshape one of them"),
        (accuracy_score(&y, &p), "which is no class"),
        (accuracy_score(&tensor([f32::NAN]), &tensor([0])), "NaN"),
        (accuracy_score(&tensor(0), &tensor(0)), "expected classes (N)"),
        (accuracy_score(&tensor([[0, 2]]), &tensor([[0, 1]])), "found 2"),
        (f1_score(&tensor([0, 1, 2]), &tensor([0, 1, 2]), Average::Binary), "[0, 1, 2]"),
        (f1_score(&tensor([0, 2]), &tensor([0, 2]), Average::Binary), "[0, 2]"),
        (f1_score(&y, &y, Average::Samples), "Samples"),
        (fbeta_score(&y, &y, -1.0, Average::Macro), "beta"),
        (roc_auc_score(&tensor([1, 1, 1]), &p), "all 3 rows are positives"),
        (roc_auc_score(&tensor([0, 0, 0]), &p), "all 3 rows are negatives"),
        (roc_auc_score(&tensor([0, 1, 2]), &p), "found 2"),
        (roc_auc_score(&tensor([0, 3]), &tensor([[0.5, 0.5], [0.5, 0.5]])), "class 3 of row 1"),
        (log_loss(&y, &tensor([0.0, 1.5, 0.0])), "found 1.5"),
        (log_loss(&y, &tensor([0.0, 1.0])), "expected classes (N)"),
        (top_k_accuracy_score(&y, &p, 1), "(N, C)"),
        (r2_score(&tensor([1.0]), &tensor([1.0])), "one row"),
        (max_error(&tensor([[1.0, 2.0]]), &tensor([[1.0, 2.0]])), "one output"),
        (mean_absolute_error(&tensor::zeros(0).unwrap(), &tensor::zeros(0).unwrap()), "empty"),
        (auc(&[0.0, 1.0, 0.5], &[0.0; 3]), "neither rises nor falls"),
    ];
    for (result, text) in texts {
        let error = result.expect_err(text).to_string();
        assert!(error.contains(text), "{error}");
    }
    assert!(confusion_matrix(&tensor([[0, 1]]), &tensor([[0, 1]])).is_err());
    assert!(classification_report(&y, &y).unwrap().target_names(&["one"]).is_err());
}

#[test]
fn a_picture_is_well_formed_and_escaped() {
    use tensor::tensor;
    let matrix = confusion_matrix(&tensor([0, 1, 1, 1]), &tensor([0, 1, 1, 0])).unwrap();
    let svg = matrix.target_names(&["a < b & c", "a rather long name"]).unwrap().to_svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<rect").count(), 1 + 4);
    assert_eq!(svg.matches("a &lt; b &amp; c").count(), 2);
    assert_eq!((svg.matches("<text").count(), svg.matches("</text>").count()), (2 + 4 + 4, 2 + 4 + 4));
}
