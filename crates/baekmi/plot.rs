//! Pictures of training runs, as SVG files.
//!
//! ```
//! use baekmi::plot::Chart;
//!
//! let path = std::env::temp_dir().join("baekmi-doc-curve.svg");
//! Chart::new("learning curve")
//!     .x_label("epoch")
//!     .y_label("loss")
//!     .line("train", &[0.9, 0.5, 0.3, 0.2])
//!     .line("test", &[0.9, 0.6, 0.45, 0.4])
//!     .save(&path)?;
//! # std::fs::remove_file(&path).ok();
//! # Ok::<(), tensor::Error>(())
//! ```

use plotters::coord::Shift;
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;
use tensor::{AtCaller, Error, Result};

/// Lines and points in one frame.
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    series: Vec<Series>,
    log_y: bool,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    joined: bool,
}

/// Colours that people with colour blindness can tell apart. Source: M. Okabe and K. Ito, "Color Universal Design", 2002.
/// The last three are for ten classes in one picture.
const COLOURS: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(214, 200, 40),
    RGBColor(150, 150, 150),
    RGBColor(120, 60, 20),
];

impl Chart {
    /// An empty frame.
    pub fn new(title: impl Into<String>) -> Self {
        Chart {
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            series: vec![],
            log_y: false,
        }
    }

    /// What stands below the horizontal axis.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// What stands beside the vertical axis.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// A logarithmic vertical axis. What is not positive is left out.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// A line through values at 1, 2, 3, …: one per epoch.
    #[must_use]
    pub fn line(self, name: impl Into<String>, values: &[f64]) -> Self {
        let x: Vec<f64> = (1..=values.len()).map(|i| i as f64).collect();
        self.line_xy(name, &x, values)
    }

    /// A line through the points `(x, y)`.
    #[must_use]
    pub fn line_xy(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.add(name, x, y, true)
    }

    /// The points `(x, y)` alone.
    #[must_use]
    pub fn points(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.add(name, x, y, false)
    }

    fn add(mut self, name: impl Into<String>, x: &[f64], y: &[f64], joined: bool) -> Self {
        let points = x.iter().copied().zip(y.iter().copied()).collect();
        self.series.push(Series { name: name.into(), points, joined });
        self
    }

    /// The picture as SVG text, 800 × 500.
    ///
    /// # Errors
    /// If there is no finite point to be drawn.
    #[track_caller]
    pub fn to_svg(&self) -> Result<String> {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (800, 500)).into_drawing_area();
        self.draw(&area).at_caller()?;
        drop(area);
        Ok(svg)
    }

    /// Writes the picture to a file.
    ///
    /// # Errors
    /// If there is no finite point to be drawn, or the file cannot be written.
    #[track_caller]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let svg = self.to_svg()?;
        std::fs::write(path.as_ref(), svg).map_err(|e| Error::io("Chart::save", path.as_ref(), e)).at_caller()
    }

    #[track_caller]
    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
        let drawable = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && (!self.log_y || y > 0.0);
        let all: Vec<(f64, f64)> =
            self.series.iter().flat_map(|s| s.points.iter().filter(drawable).copied()).collect();
        if all.is_empty() {
            return Err(Error::value("Chart", "there is no finite point to draw"));
        }
        let height = |y: f64| if self.log_y { y.log10() } else { y };
        let loose = self.series.iter().any(|s| !s.joined);
        let x = span(all.iter().map(|p| p.0), if loose { 0.02 } else { 0.0 });
        let y = span(all.iter().map(|p| height(p.1)), 0.05);
        let emptiest = self.emptiest_corner(&x, &y, height);
        let failed = |e: DrawingAreaErrorKind<_>| Error::value("Chart", format!("cannot be drawn: {e}"));

        area.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 22))
            .margin(14)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)
            .map_err(failed)?;
        let tick = |y: &f64| short(if self.log_y { 10f64.powf(*y) } else { *y });
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 13))
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&tick)
            .draw()
            .map_err(failed)?;
        for (i, series) in self.series.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let points = series.points.iter().filter(drawable).map(|&(x, y)| (x, height(y)));
            let drawn = if series.joined {
                chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))
            } else {
                chart.draw_series(points.map(|p| Circle::new(p, 3, colour.mix(0.6).filled())))
            };
            let joined = series.joined;
            drawn.map_err(failed)?.label(&series.name).legend(move |(x, y)| {
                if joined {
                    Rectangle::new([(x, y - 1), (x + 18, y + 1)], colour.filled()).into_dyn()
                } else {
                    Circle::new((x + 9, y), 3, colour.filled()).into_dyn()
                }
            });
        }
        chart
            .configure_series_labels()
            .position(emptiest)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 14))
            .draw()
            .map_err(failed)?;
        area.present().map_err(failed)
    }
}

impl Chart {
    /// Where the legend hides the least.
    fn emptiest_corner(
        &self,
        x: &Range<f64>,
        y: &Range<f64>,
        height: impl Fn(f64) -> f64,
    ) -> SeriesLabelPosition {
        // What the legend covers, in shares of the frame.
        let (width, tall) = (0.35, 0.08 + 0.06 * self.series.len() as f64);
        let mut covered = [0; 4];
        let mut count = |px: f64, py: f64| {
            let (u, v) = ((px - x.start) / (x.end - x.start), (py - y.start) / (y.end - y.start));
            let (left, right, low, high) = (u < width, u > 1.0 - width, v < tall, v > 1.0 - tall);
            let corners = [right && high, left && high, right && low, left && low];
            covered.iter_mut().zip(corners).for_each(|(n, inside)| *n += usize::from(inside));
        };
        for series in &self.series {
            let steps = if series.joined { 50 / series.points.len().max(1) + 1 } else { 1 };
            for (i, &(ax, ay)) in series.points.iter().enumerate() {
                let (bx, by) = series.points[(i + 1).min(series.points.len() - 1)];
                for step in 0..steps {
                    let share = step as f64 / steps as f64;
                    count(ax + share * (bx - ax), height(ay) + share * (height(by) - height(ay)));
                }
            }
        }
        let best = (0..4).min_by_key(|&i| covered[i]).unwrap_or(0);
        [
            SeriesLabelPosition::UpperRight,
            SeriesLabelPosition::UpperLeft,
            SeriesLabelPosition::LowerRight,
            SeriesLabelPosition::LowerLeft,
        ][best]
            .clone()
    }
}

/// The smallest range that holds all values, widened by a share of itself; never empty.
fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let width = if high > low { high - low } else { low.abs().max(1.0) * 0.1 };
    let pad = if high > low { width * margin } else { width };
    low - pad..high + pad
}

/// A number with as few characters as tell it from its neighbours.
fn short(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_left_out_and_nothing_is_an_error() {
        let svg = Chart::new("a < b").line("one", &[1.0, f64::NAN, 3.0]).to_svg().unwrap();
        assert!(svg.contains("<svg") && svg.contains("a &lt; b"), "{svg}");
        assert!(!svg.contains("NaN"));
        assert!(Chart::new("nothing").line("none", &[f64::INFINITY]).to_svg().is_err());
        assert!(Chart::new("flat").log_y().line("flat", &[1.0, 1.0]).to_svg().is_ok());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.25, 10.0, 1e-5, 2e6].map(short), ["0", "0.25", "10", "1e-5", "2e6"]);
    }
}
