//! Which classes are taken for which: as a table and as a picture.

use super::Labels;
use crate::file;
use std::fmt::{self, Write as _};
use std::path::Path;
use tensor::{Error, Result, Tensor};

/// How many members of each class (rows) were predicted as which class (columns).
///
/// Its `Display` is a table, [`to_svg`](ConfusionMatrix::to_svg) a picture.
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    counts: Vec<Vec<usize>>,
    names: Vec<String>,
}

/// Counts which classes are taken for which.
///
/// # Errors
/// If the shapes differ, there is no row, or the truth is a matrix of labels.
///
/// ```
/// use data::metrics::confusion_matrix;
/// use tensor::tensor;
/// let matrix = confusion_matrix(&tensor([2, 0, 2, 2, 0, 1]), &tensor([0, 0, 2, 2, 0, 2]))?;
/// assert_eq!(matrix.counts(), [[2, 0, 0], [0, 0, 1], [1, 0, 2]]);
/// assert_eq!(matrix.target_names(&["ant", "bird", "cat"])?.to_string(), "\
/// true \\ predicted  ant  bird  cat
///              ant    2     0    0
///             bird    0     0    1
///              cat    1     0    2
/// ");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.confusion_matrix")]
#[track_caller]
pub fn confusion_matrix(truth: &Tensor, guess: &Tensor) -> Result<ConfusionMatrix> {
    const OP: &str = "confusion_matrix";
    let labels = Labels::new(OP, truth, guess)?;
    if labels.columns.is_some() {
        return Err(Error::shape(
            OP,
            format!("expected classes (N), found a matrix of shape {:?}", truth.shape()),
        ));
    }
    let names = labels.names();
    let mut counts = vec![vec![0; names.len()]; names.len()];
    for (truth, guess) in labels.truth.iter().zip(&labels.guess) {
        if let (Ok(row), Ok(column)) = (names.binary_search(truth), names.binary_search(guess)) {
            counts[row][column] += 1;
        }
    }
    Ok(ConfusionMatrix { counts, names: names.iter().map(i64::to_string).collect() })
}

impl ConfusionMatrix {
    /// Names the classes that occur, in ascending order.
    ///
    /// # Errors
    /// If there are more or fewer of them.
    #[track_caller]
    pub fn target_names(mut self, names: &[impl AsRef<str>]) -> Result<Self> {
        self.names = super::named("confusion_matrix", &self.names, names)?;
        Ok(self)
    }

    /// One row for each true class, with one number for each predicted class.
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// The counts as an int64 tensor of shape `(C, C)`.
    ///
    /// # Errors
    /// None in practice: there is a row.
    #[track_caller]
    pub fn to_tensor(&self) -> Result<Tensor> {
        let counts = self.counts.iter().flatten().map(|&n| n as i64).collect();
        Tensor::from_vec(counts, [self.counts.len(), self.counts.len()])
    }

    /// A picture: the darker a field, the larger the part of its row.
    pub fn to_svg(&self) -> String {
        const CELL: usize = 64;
        let longest = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        // Room for the names at 14 px, and for the two titles. Names that are wider than a field stand upright.
        let upright = 9 * longest > CELL;
        let left = 9 * longest + 48;
        let top = if upright { left } else { 56 };
        let side = CELL * self.counts.len();
        let (width, height) = (left + side + 16, top + side + 16);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\" text-anchor=\"middle\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let mut text = |x: usize, y: usize, attributes: &str, text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            // Writing to a string cannot fail.
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\"{attributes}>{text}</text>");
        };
        text(left + side / 2, 20, " font-weight=\"bold\"", "predicted");
        let (x, y) = (20, top + side / 2);
        text(x, y, &format!(" font-weight=\"bold\" transform=\"rotate(-90 {x} {y})\""), "true");
        for (i, name) in self.names.iter().enumerate() {
            let middle = CELL * i + CELL / 2;
            let (x, y) = (left + middle, top - 10);
            if upright {
                let turned = format!(" text-anchor=\"start\" transform=\"rotate(-90 {} {y})\"", x + 5);
                text(x + 5, y, &turned, name);
            } else {
                text(x, y, "", name);
            }
            text(left - 10, top + middle + 5, " text-anchor=\"end\"", name);
        }
        for (i, row) in self.counts.iter().enumerate() {
            let all = row.iter().sum::<usize>().max(1);
            for (j, &n) in row.iter().enumerate() {
                let part = n as f64 / all as f64;
                // From white to a dark blue, (8, 69, 148).
                let mix = |dark: f64| (255.0 + (dark - 255.0) * part).round() as u8;
                let (x, y) = (left + CELL * j, top + CELL * i);
                let ink = if part > 0.5 { "white" } else { "black" };
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"#{:02x}{:02x}{:02x}\" \
                     stroke=\"#888\"/>\n<text x=\"{}\" y=\"{}\" fill=\"{ink}\">{n}</text>",
                    mix(8.0),
                    mix(69.0),
                    mix(148.0),
                    x + CELL / 2,
                    y + CELL / 2 + 5,
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Writes [`to_svg`](ConfusionMatrix::to_svg) to a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    #[track_caller]
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write("confusion_matrix", path.as_ref(), self.to_svg().as_bytes())
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corner = "true \\ predicted";
        let first = self.names.iter().map(|name| name.chars().count()).fold(corner.len(), usize::max);
        let widths: Vec<usize> = (0..self.names.len())
            .map(|j| {
                let numbers = self.counts.iter().map(|row| row[j].to_string().len()).max().unwrap_or(0);
                self.names[j].chars().count().max(numbers)
            })
            .collect();
        write!(f, "{corner:>first$}")?;
        for (name, &width) in self.names.iter().zip(&widths) {
            write!(f, "  {name:>width$}")?;
        }
        writeln!(f)?;
        for (name, row) in self.names.iter().zip(&self.counts) {
            write!(f, "{name:>first$}")?;
            for (n, &width) in row.iter().zip(&widths) {
                write!(f, "  {n:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
