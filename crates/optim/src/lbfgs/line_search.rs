//! How far to go along a direction: a step that lowers the function enough and leaves it flat enough.
//!
//! The strong Wolfe conditions, Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the constants of
//! minFunc (<https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html>), from which PyTorch has them too:
//!
//! ```text
//! f(t) ≤ f(0) + c₁ t f′(0)      |f′(t)| ≤ c₂ |f′(0)|
//! ```

use kernel::reduce::dot;
use tensor::Result;

const C1: f64 = 1e-4;
const C2: f64 = 0.9;
/// Function evaluations at most.
const MAX_TRIALS: usize = 25;

/// A place on the line.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// How far from the start.
    pub(crate) t: f64,
    pub(crate) loss: f64,
    pub(crate) grad: Vec<f64>,
    /// The derivative along the line.
    slope: f64,
}

impl Point {
    pub(crate) fn new(t: f64, loss: f64, grad: Vec<f64>, direction: &[f64]) -> Self {
        let slope = dot(&grad, direction);
        Point { t, loss, grad, slope }
    }
}

/// From `start` along `direction`, first by `t`. Returns the place, and how often `f` was called.
pub(crate) fn strong_wolfe(
    mut f: impl FnMut(f64) -> Result<Point>,
    start: Point,
    direction: &[f64],
    t: f64,
    tolerance_change: f64,
) -> Result<(Point, usize)> {
    let too_high = |p: &Point| p.loss > start.loss + C1 * p.t * start.slope;
    let flat_enough = |p: &Point| p.slope.abs() <= -C2 * start.slope;

    // Go on until an interval is known in which such a place lies.
    let (mut before, mut now) = (start.clone(), f(t)?);
    let mut calls = 1;
    let mut trials = 0;
    let (mut bracket, mut done) = loop {
        if trials == MAX_TRIALS {
            break ([start.clone(), now], true);
        }
        if too_high(&now) || (trials > 1 && now.loss >= before.loss) {
            break ([before, now], false);
        }
        if flat_enough(&now) {
            return Ok((now, calls));
        }
        if now.slope >= 0.0 {
            break ([before, now], false);
        }
        let bounds = (now.t + 0.01 * (now.t - before.t), now.t * 10.0);
        let next = f(cubic_minimum(&before, &now, bounds))?;
        before = std::mem::replace(&mut now, next);
        calls += 1;
        trials += 1;
    };

    // Make the interval smaller until a place is found.
    let size = direction.iter().fold(0.0f64, |max, d| max.max(d.abs()));
    let mut stuck = false;
    let (mut low, mut high) = order(&bracket);
    while !done && trials < MAX_TRIALS && (bracket[1].t - bracket[0].t).abs() * size >= tolerance_change {
        let (left, right) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
        let mut t = cubic_minimum(&bracket[0], &bracket[1], (left, right));
        // A trial near a bound shrinks the interval by little: the second time, step inwards.
        let margin = 0.1 * (right - left);
        let near = (right - t).min(t - left) < margin;
        if near && (stuck || t >= right || t <= left) {
            t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
            stuck = false;
        } else {
            stuck = near;
        }
        let new = f(t)?;
        calls += 1;
        trials += 1;
        if too_high(&new) || new.loss >= bracket[low].loss {
            bracket[high] = new;
            (low, high) = order(&bracket);
        } else {
            if flat_enough(&new) {
                done = true;
            } else if new.slope * (bracket[high].t - bracket[low].t) >= 0.0 {
                bracket[high] = bracket[low].clone();
            }
            bracket[low] = new;
        }
    }
    let [first, second] = bracket;
    Ok((if low == 0 { first } else { second }, calls))
}

/// Which of two points is lower, and which is higher.
fn order(bracket: &[Point; 2]) -> (usize, usize) {
    if bracket[0].loss <= bracket[1].loss { (0, 1) } else { (1, 0) }
}

/// The minimum of the cubic with the values and slopes of two points, within bounds; the middle of the bounds if it has
/// none. Nocedal and Wright, formula 3.59.
fn cubic_minimum(a: &Point, b: &Point, (least, most): (f64, f64)) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return (least + most) / 2.0;
    }
    let d2 = square.sqrt();
    let (left, right) = if a.t <= b.t { (a, b) } else { (b, a) };
    let part = (right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2);
    (right.t - (right.t - left.t) * part).max(least).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f(t) = (t − 3)⁴ + 0.1 t
    fn quartic(t: f64) -> Result<Point> {
        Ok(Point::new(t, (t - 3.0).powi(4) + 0.1 * t, vec![4.0 * (t - 3.0).powi(3) + 0.1], &[1.0]))
    }

    #[test]
    fn the_step_fulfils_both_conditions() {
        for t in [1e-3, 0.5, 3.0, 50.0] {
            let start = quartic(0.0).unwrap();
            let (found, calls) = strong_wolfe(quartic, start.clone(), &[1.0], t, 1e-9).unwrap();
            assert!(found.loss <= start.loss + C1 * found.t * start.slope, "from {t}: {found:?}");
            assert!(found.slope.abs() <= C2 * start.slope.abs(), "from {t}: {found:?}");
            assert!(calls <= 10, "{calls} calls from {t}");
        }
    }

    #[test]
    fn the_cubic_through_two_points_of_a_cubic_is_exact() {
        // t³ − 3t has its minimum at 1.
        let cubic = |t: f64| Point::new(t, t.powi(3) - 3.0 * t, vec![3.0 * t * t - 3.0], &[1.0]);
        assert!((cubic_minimum(&cubic(0.0), &cubic(3.0), (0.0, 3.0)) - 1.0).abs() < 1e-12);
        assert!((cubic_minimum(&cubic(3.0), &cubic(0.0), (0.0, 3.0)) - 1.0).abs() < 1e-12);
        assert_eq!(cubic_minimum(&cubic(2.0), &cubic(3.0), (2.0, 3.0)), 2.0);
    }

    #[test]
    fn a_function_that_is_never_low_enough_ends_all_the_same() {
        let mut calls = 0;
        let bad = |t: f64| {
            calls += 1;
            Ok(Point::new(t, f64::NAN, vec![f64::NAN], &[1.0]))
        };
        let start = Point::new(0.0, 1.0, vec![-1.0], &[1.0]);
        strong_wolfe(bad, start, &[1.0], 1.0, 1e-9).unwrap();
        assert!(calls <= MAX_TRIALS + 1);
    }
}
