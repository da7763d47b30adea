//! Two classes that no straight line separates: moons and circles.

use super::{at_least, classes, generate};
use std::f64::consts::{PI, TAU};
use tensor::random::Generator;
use tensor::{Error, Result, Tensor};

/// Two half circles that reach into each other: see [`make_moons`].
#[derive(Clone, Debug)]
pub struct MakeMoons {
    n_samples: usize,
    shuffle: bool,
    noise: f64,
}

/// `n_samples` points of two half circles that reach into each other: `(x, y)` with the classes 0 and 1.
#[doc(alias = "sklearn.datasets.make_moons")]
pub fn make_moons(n_samples: usize) -> MakeMoons {
    MakeMoons { n_samples, shuffle: true, noise: 0.0 }
}

impl MakeMoons {
    /// Whether the rows come in random order; yes by default.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The standard deviation of normal noise that is added to each coordinate; 0 by default.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If `noise` is negative.
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<(Tensor, Tensor)> {
        at_least("make_moons", "noise", 0.0, self.noise)?;
        let outer = self.n_samples / 2;
        let inner = self.n_samples - outer;
        // Both ends included.
        let angles = |n: usize| (0..n).map(move |i| PI * i as f64 / n.saturating_sub(1).max(1) as f64);
        let upper = angles(outer).map(|a| [a.cos(), a.sin()]);
        let lower = angles(inner).map(|a| [1.0 - a.cos(), 0.5 - a.sin()]);
        two(generator, self.shuffle, self.noise, upper.collect(), lower.collect())
    }
}

generate!(MakeMoons => (Tensor, Tensor));

/// A circle within a circle: see [`make_circles`].
#[derive(Clone, Debug)]
pub struct MakeCircles {
    n_samples: usize,
    shuffle: bool,
    noise: f64,
    factor: f64,
}

/// `n_samples` points of two circles: `(x, y)` with the class 0 outside and 1 inside.
///
/// ```
/// use data::make_circles;
/// let (x, y) = make_circles(4).factor(0.5).shuffle(false).generate()?;
/// assert_eq!(y.to_string(), "tensor([0, 0, 1, 1])");
/// assert_eq!(x.select(0, 2)?.to_string(), "tensor([0.5000, 0.0000])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.datasets.make_circles")]
pub fn make_circles(n_samples: usize) -> MakeCircles {
    MakeCircles { n_samples, shuffle: true, noise: 0.0, factor: 0.8 }
}

impl MakeCircles {
    /// Whether the rows come in random order; yes by default.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The standard deviation of normal noise that is added to each coordinate; 0 by default.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// The inner radius, where the outer one is 1; 0.8 by default.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If `noise` is negative, or `factor` not in [0, 1).
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<(Tensor, Tensor)> {
        at_least("make_circles", "noise", 0.0, self.noise)?;
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::value("make_circles", format!("factor is in [0, 1), found {}", self.factor)));
        }
        let outer = self.n_samples / 2;
        let inner = self.n_samples - outer;
        // Without the end, which is the beginning again.
        let circle = |n: usize, radius: f64| {
            let angles = (0..n).map(|i| TAU * i as f64 / n as f64);
            angles.map(|a| [radius * a.cos(), radius * a.sin()]).collect()
        };
        two(generator, self.shuffle, self.noise, circle(outer, 1.0), circle(inner, self.factor))
    }
}

generate!(MakeCircles => (Tensor, Tensor));

#[track_caller]
fn two(
    generator: &mut Generator,
    shuffle: bool,
    noise: f64,
    zero: Vec<[f64; 2]>,
    one: Vec<[f64; 2]>,
) -> Result<(Tensor, Tensor)> {
    let y = [vec![0; zero.len()], vec![1; one.len()]].concat();
    let mut x = [zero, one].concat().concat();
    if noise > 0.0 {
        x.iter_mut().for_each(|x| *x += noise * generator.normal_f64());
    }
    classes(generator, shuffle, x, 2, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make_moons;
    use tensor::manual_seed;

    /// Expected: scikit-learn 1.9, `make_moons(5, shuffle=False)` and `make_circles(5, shuffle=False)`.
    #[test]
    fn without_chance_the_points_are_those_of_scikit_learn() -> Result<()> {
        let (x, y) = make_moons(5).shuffle(false).generate()?;
        let expected = tensor::tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [1.0, -0.5], [2.0, 0.5]]);
        assert!(x.allclose(&expected, 0.0, 1e-6)?, "{x}");
        assert_eq!(y.to_vec::<i64>()?, [0, 0, 1, 1, 1]);
        let (x, y) = make_circles(5).shuffle(false).generate()?;
        let expected =
            tensor::tensor([[1.0, 0.0], [-1.0, 0.0], [0.8, 0.0], [-0.4, 0.6928203], [-0.4, -0.6928203]]);
        assert!(x.allclose(&expected, 0.0, 1e-6)?, "{x}");
        assert_eq!(y.to_vec::<i64>()?, [0, 0, 1, 1, 1]);
        Ok(())
    }

    #[test]
    fn noise_and_order_follow_the_seed() -> Result<()> {
        let draw = |noise| -> Result<Vec<f32>> {
            manual_seed(1);
            make_moons(1000).noise(noise).generate()?.0.to_vec()
        };
        assert_eq!(draw(0.3)?, draw(0.3)?);
        manual_seed(1);
        let (exact, _) = make_moons(1000).shuffle(false).generate()?;
        manual_seed(1);
        let (noisy, _) = make_moons(1000).shuffle(false).noise(0.3).generate()?;
        let spread = noisy.sub(&exact)?.flatten(0, -1)?.std_dim(0, 1.0, false)?.item()?;
        assert!((spread - 0.3).abs() < 0.02, "{spread}");
        assert!(make_moons(3).noise(-1.0).generate().is_err());
        assert!(make_circles(3).factor(1.0).generate().is_err());
        assert_eq!(make_circles(0).generate()?.0.shape(), [0, 2]);
        Ok(())
    }
}
