//! Data sets made of random numbers, with scikit-learn's names and options where it has them.
//!
//! Each `make_…` function returns its options; `generate` draws from this thread's default generator, so
//! [`manual_seed`](tensor::manual_seed) makes it repeatable. The numbers are not scikit-learn's: its generator is
//! another one.
//!
//! ```
//! use data::make_moons;
//! tensor::manual_seed(0);
//! let (x, y) = make_moons(200).noise(0.1).generate()?;
//! assert_eq!((x.shape(), y.shape()), (&[200, 2][..], &[200][..]));
//! # Ok::<(), tensor::Error>(())
//! ```

mod blobs;
mod multilabel;
mod regression;
mod scenes;
mod shapes;

pub use blobs::{MakeBlobs, make_blobs};
pub use multilabel::{MakeMultilabelClassification, make_multilabel_classification};
pub use regression::{MakeRegression, Regression, make_regression};
pub use scenes::{DigitScenes, MakeDigitScenes, make_digit_scenes};
pub use shapes::{MakeCircles, MakeMoons, make_circles, make_moons};

use tensor::random::Generator;
use tensor::{DType, Error, Result, Tensor};

/// Features `(N, F)`, float32, and int64 classes `(N)`; the rows in random order if so wished.
#[track_caller]
fn classes(
    generator: &mut Generator,
    shuffle: bool,
    x: Vec<f64>,
    features: usize,
    y: Vec<i64>,
) -> Result<(Tensor, Tensor)> {
    let n = y.len();
    let x = Tensor::from_vec(x, [n, features])?.to(DType::F32);
    let y = Tensor::from_vec(y, n)?;
    if !shuffle {
        return Ok((x, y));
    }
    let order = generator.randperm(n)?;
    Ok((x.index_select(0, &order)?, y.index_select(0, &order)?))
}

/// An option that has to be a number of at least `low`.
#[track_caller]
fn at_least(op: &'static str, option: &str, low: f64, value: f64) -> Result<()> {
    if value >= low && value.is_finite() {
        return Ok(());
    }
    Err(Error::value(op, format!("{option} is at least {low}, found {value}")))
}

/// The two ways to run a maker.
macro_rules! generate {
    ($maker:ty => $output:ty) => {
        impl $maker {
            /// Draws the data set from this thread's default generator.
            ///
            /// # Errors
            /// If an option makes no sense.
            #[track_caller]
            pub fn generate(&self) -> tensor::Result<$output> {
                // No `with_default`: its closure would stand in an error as the caller.
                let mut generator = tensor::random::generator();
                let made = self.generate_with(&mut generator);
                tensor::random::set_generator(generator);
                made
            }
        }
    };
}
use generate;
