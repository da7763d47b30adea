//! Random numbers that follow PyTorch's CPU generator: the same seed, the same numbers.
//!
//! Each thread has a default generator, as if it were PyTorch's global one. [`manual_seed`] seeds that of the calling
//! thread; before, it begins somewhere else in each run.
//!
//! ```
//! use tensor::{manual_seed, rand, randperm};
//! manual_seed(0);
//! assert_eq!(rand([3])?.to_string(), "tensor([0.4963, 0.7682, 0.0885])");
//! assert_eq!(randperm(4)?.numel(), 4);
//! # Ok::<(), tensor::Error>(())
//! ```

mod generator;
mod mt19937;

pub use generator::Generator;
pub use mt19937::Mt19937;

use crate::dtype::DType;
use crate::error::{AtCaller, Result};
use crate::layout::Ints;
use crate::tensor::Tensor;
use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

struct Default {
    generator: Generator,
    /// The generator as it was before the newest [`Draft`], and that draft's number.
    before: Option<(u64, Generator)>,
    drafts: u64,
}

thread_local! {
    // RandomState is the standard library's source of differing seeds.
    static DEFAULT: RefCell<Default> = RefCell::new(Default {
        generator: Generator::new(RandomState::new().hash_one("baekmi")),
        before: None,
        drafts: 0,
    });
}

/// Runs `f` with this thread's default generator. `f` must not use the free functions of this module, which would
/// borrow it a second time.
pub fn with_default<T>(f: impl FnOnce(&mut Generator) -> T) -> T {
    DEFAULT.with_borrow_mut(|default| f(&mut default.generator))
}

/// Lets this thread's default generator begin at `seed`.
#[doc(alias = "torch.manual_seed")]
pub fn manual_seed(seed: u64) {
    set_generator(Generator::new(seed));
}

/// Where on its stream this thread's default generator is: what belongs into a checkpoint.
///
/// ```
/// use tensor::{get_rng_state, rand, set_rng_state};
/// let state = get_rng_state();
/// let first = rand([3])?;
/// set_rng_state(&state)?;
/// assert!(rand([3])?.equal(&first));
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.get_rng_state")]
pub fn get_rng_state() -> Tensor {
    with_default(|generator| generator.get_state())
}

/// Lets this thread's default generator go on where [`get_rng_state`] was.
///
/// # Errors
/// If the tensor is not such a state.
#[doc(alias = "torch.set_rng_state")]
#[track_caller]
pub fn set_rng_state(state: &Tensor) -> Result<()> {
    let mut generator = Generator::new(0);
    generator.set_state(state)?;
    set_generator(generator);
    Ok(())
}

/// A copy of this thread's default generator, to be put back by [`set_generator`].
pub fn generator() -> Generator {
    with_default(|generator| generator.clone())
}

/// Replaces this thread's default generator.
pub fn set_generator(generator: Generator) {
    with_default(|default| *default = generator);
}

/// Numbers that may have to be drawn again, because an option that comes later changes what should have been drawn.
///
/// `Linear::new(10, 1)` has drawn its weights when `.bias(false)` says that there is no bias. Drawing again from the
/// same place keeps the stream where PyTorch's would be.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    number: u64,
    end: u64,
}

impl Draft {
    /// Runs `draw` and remembers where on the default generator's stream it began and ended.
    pub fn new<T>(draw: impl FnOnce() -> T) -> (T, Draft) {
        let (number, before) = DEFAULT.with_borrow_mut(|default| {
            default.drafts += 1;
            (default.drafts, default.generator.clone())
        });
        let drawn = draw();
        // Only now: drafts that were made on the way are parts of this one.
        DEFAULT.with_borrow_mut(|default| default.before = Some((number, before)));
        (drawn, Draft { number, end: with_default(|generator| generator.drawn()) })
    }

    /// [`new`](Draft::new) from where this draft began, if nothing has been drawn since it ended; else from here.
    pub fn again<T>(self, draw: impl FnOnce() -> T) -> (T, Draft) {
        DEFAULT.with_borrow_mut(|default| {
            if let Some((number, before)) = &default.before
                && *number == self.number
                && default.generator.drawn() == self.end
            {
                default.generator = before.clone();
            }
        });
        Draft::new(draw)
    }
}

/// Evenly distributed in [0, 1), float32.
///
/// # Errors
/// If the machine cannot hold the shape.
#[doc(alias = "torch.rand")]
#[track_caller]
pub fn rand(shape: impl Ints) -> Result<Tensor> {
    with_default(|generator| generator.rand(shape, DType::F32)).at_caller()
}

/// Of the standard normal distribution, float32.
///
/// # Errors
/// If the machine cannot hold the shape.
#[doc(alias = "torch.randn")]
#[track_caller]
pub fn randn(shape: impl Ints) -> Result<Tensor> {
    with_default(|generator| generator.randn(shape, DType::F32)).at_caller()
}

/// Of the normal distribution with this mean and standard deviation, float32.
///
/// # Errors
/// If `std` is negative, or the machine cannot hold the shape.
#[doc(alias = "torch.normal")]
#[track_caller]
pub fn normal(mean: f64, std: f64, shape: impl Ints) -> Result<Tensor> {
    with_default(|generator| generator.normal(shape, mean, std, DType::F32)).at_caller()
}

/// Whole numbers in `low..high`, int64.
///
/// # Errors
/// If there is no number between them, or the machine cannot hold the shape.
#[doc(alias = "torch.randint")]
#[track_caller]
pub fn randint(low: i64, high: i64, shape: impl Ints) -> Result<Tensor> {
    with_default(|generator| generator.randint(low, high, shape)).at_caller()
}

/// The numbers `0..n` in random order, int64.
///
/// # Errors
/// If the machine cannot hold them.
#[doc(alias = "torch.randperm")]
#[track_caller]
pub fn randperm(n: usize) -> Result<Tensor> {
    with_default(|generator| generator.randperm(n)).at_caller()
}

impl Tensor {
    /// Evenly distributed in [0, 1), of the same shape and type.
    ///
    /// # Errors
    /// If the type is not floating point.
    #[doc(alias = "torch.rand_like")]
    #[track_caller]
    pub fn rand_like(&self) -> Result<Tensor> {
        with_default(|generator| generator.rand(self.shape(), self.dtype()))
    }

    /// Of the standard normal distribution, of the same shape and type.
    ///
    /// # Errors
    /// If the type is not floating point.
    #[doc(alias = "torch.randn_like")]
    #[track_caller]
    pub fn randn_like(&self) -> Result<Tensor> {
        with_default(|generator| generator.randn(self.shape(), self.dtype()))
    }

    /// One with the probability that stands in this tensor, else zero.
    ///
    /// # Errors
    /// As [`Generator::bernoulli`].
    #[doc(alias = "torch.bernoulli")]
    #[track_caller]
    pub fn bernoulli(&self) -> Result<Tensor> {
        with_default(|generator| generator.bernoulli(self)).at_caller()
    }

    /// `n` indices drawn by the weights in this vector, or in each row of this matrix.
    ///
    /// # Errors
    /// As [`Generator::multinomial`].
    #[doc(alias = "torch.multinomial")]
    #[track_caller]
    pub fn multinomial(&self, n: usize, replacement: bool) -> Result<Tensor> {
        with_default(|generator| generator.multinomial(self, n, replacement)).at_caller()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_drawn_again_from_its_beginning() {
        manual_seed(3);
        let (first, draft) = Draft::new(|| rand([5]).unwrap());
        let (again, draft) = draft.again(|| rand([2]).unwrap());
        assert_eq!(first.narrow(0, 0, 2).unwrap().to_vec::<f32>().unwrap(), again.to_vec::<f32>().unwrap());
        let third = rand([1]).unwrap();
        assert!(third.equal(&first.narrow(0, 2, 1).unwrap()));
        // Somebody has drawn since: what they got must not be drawn twice.
        let (fourth, _) = draft.again(|| rand([1]).unwrap());
        assert!(fourth.equal(&first.narrow(0, 3, 1).unwrap()));
    }

    #[test]
    fn a_state_that_is_none_is_refused_and_changes_nothing() {
        manual_seed(5);
        // An odd number of normal numbers: the second of a pair waits.
        normal(0.0, 1.0, [3]).unwrap();
        let state = get_rng_state();
        let mut words = state.to_vec::<i64>().unwrap();
        words[1] = 625;
        for wrong in
            [crate::tensor(words), crate::tensor([1, 2]), crate::tensor([0.5]), crate::zeros([0]).unwrap()]
        {
            assert!(set_rng_state(&wrong).unwrap_err().to_string().contains(": "));
        }
        let next = || randn([1]).unwrap().item().unwrap();
        let expected = [next(), next()];
        set_rng_state(&state).unwrap();
        assert_eq!([next(), next()], expected);
    }

    #[test]
    fn wrong_arguments_are_named() {
        for error in [
            randint(3, 3, [1]).unwrap_err(),
            normal(0.0, -1.0, [1]).unwrap_err(),
            crate::tensor([0.5, 1.5]).bernoulli().unwrap_err(),
            crate::tensor([0.0, 0.0]).multinomial(1, true).unwrap_err(),
            crate::tensor([0.0, 1.0]).multinomial(3, false).unwrap_err(),
            crate::tensor([0.0, -1.0]).multinomial(1, false).unwrap_err(),
            crate::tensor([1, 2]).rand_like().unwrap_err(),
            rand([1i64 << 40, 1 << 40]).unwrap_err(),
        ] {
            assert!(error.to_string().contains(": "), "{error}");
        }
    }
}
