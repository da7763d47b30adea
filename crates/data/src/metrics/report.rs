//! The table that ends an evaluation, laid out as scikit-learn's.

use super::{Average, ClassScores, Labels};
use std::fmt;
use tensor::{Result, Tensor};

/// Precision, recall, F1 and support of each class, and their averages. Its `Display` is scikit-learn's
/// `classification_report`, character by character.
#[derive(Clone, Debug)]
pub struct ClassificationReport {
    classes: Vec<ClassScores>,
    averages: Vec<(&'static str, ClassScores)>,
    names: Vec<String>,
    digits: usize,
}

/// Evaluates predicted classes.
///
/// # Errors
/// If the shapes differ, or there is no row.
///
/// ```
/// use data::metrics::classification_report;
/// use tensor::tensor;
/// let report = classification_report(&tensor([0, 1, 2, 2, 2]), &tensor([0, 0, 2, 2, 1]))?;
/// let report = report.target_names(&["class 0", "class 1", "class 2"])?;
/// assert_eq!(report.to_string(), "              precision    recall  f1-score   support
///
///      class 0       0.50      1.00      0.67         1
///      class 1       0.00      0.00      0.00         1
///      class 2       1.00      0.67      0.80         3
///
///     accuracy                           0.60         5
///    macro avg       0.50      0.56      0.49         5
/// weighted avg       0.70      0.60      0.61         5
/// ");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.classification_report")]
#[track_caller]
pub fn classification_report(truth: &Tensor, guess: &Tensor) -> Result<ClassificationReport> {
    const OP: &str = "classification_report";
    let labels = Labels::new(OP, truth, guess)?;
    let classes = labels.per_class(1.0);
    let multilabel = labels.columns.is_some();
    let mut averages = Vec::new();
    for (name, average) in [
        (if multilabel { "micro avg" } else { "accuracy" }, Average::Micro),
        ("macro avg", Average::Macro),
        ("weighted avg", Average::Weighted),
        ("samples avg", Average::Samples),
    ] {
        if multilabel || average != Average::Samples {
            averages.push((name, labels.average(OP, average, 1.0)?));
        }
    }
    let names = classes.iter().map(|c| c.label.unwrap_or_default().to_string()).collect();
    Ok(ClassificationReport { classes, averages, names, digits: 2 })
}

impl ClassificationReport {
    /// Names the classes that occur, in ascending order.
    ///
    /// # Errors
    /// If there are more or fewer of them.
    #[track_caller]
    pub fn target_names(mut self, names: &[impl AsRef<str>]) -> Result<Self> {
        self.names = super::named("classification_report", &self.names, names)?;
        Ok(self)
    }

    /// How many digits stand behind the point; 2 by default.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = digits;
        self
    }

    /// The numbers of each class.
    pub fn classes(&self) -> &[ClassScores] {
        &self.classes
    }

    /// The averages: `accuracy` (for a matrix of labels `micro avg`), `macro avg`, `weighted avg`, and for a matrix
    /// `samples avg`.
    pub fn averages(&self) -> &[(&'static str, ClassScores)] {
        &self.averages
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let width = longest.max("weighted avg".len()).max(self.digits);
        let digits = self.digits;
        writeln!(
            f,
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n",
            "", "precision", "recall", "f1-score", "support"
        )?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, s: &ClassScores| {
            let ClassScores { precision, recall, fscore, support, .. } = s;
            if name == "accuracy" {
                return writeln!(f, "{name:>width$}  {:>9} {:>9} {fscore:>9.digits$} {support:>9}", "", "");
            }
            writeln!(
                f,
                "{name:>width$}  {precision:>9.digits$} {recall:>9.digits$} {fscore:>9.digits$} {support:>9}"
            )
        };
        for (name, scores) in self.names.iter().zip(&self.classes) {
            row(f, name, scores)?;
        }
        writeln!(f)?;
        for (name, scores) in &self.averages {
            row(f, name, scores)?;
        }
        Ok(())
    }
}
