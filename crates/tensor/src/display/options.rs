//! How tensors are printed: PyTorch's `set_printoptions`.
//!
//! The options belong to the thread that sets them, so that a test or a worker that prints with two digits
//! changes nothing for the others.
//!
//! ```
//! use tensor::display::{PrintOptions, printoptions, set_printoptions, with_printoptions};
//!
//! set_printoptions(PrintOptions { precision: 2, ..printoptions() });
//! assert_eq!(printoptions().precision, 2);
//! with_printoptions(PrintOptions::full(), || assert_eq!(printoptions().threshold, usize::MAX));
//! set_printoptions(PrintOptions::default());
//! ```

use std::cell::Cell;

/// What `println!("{x}")` follows. The defaults are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintOptions {
    /// Digits behind the decimal point: 4.
    pub precision: usize,
    /// A tensor of more elements is printed in summary, its middle as `...`: 1000.
    pub threshold: usize,
    /// Elements at the beginning and at the end of each dimension of a summary: 3.
    pub edgeitems: usize,
    /// Characters in a line: 80.
    pub linewidth: usize,
    /// Scientific notation always (`Some(true)`), never (`Some(false)`) or where the range of the values asks
    /// for it (`None`).
    pub sci_mode: Option<bool>,
}

impl PrintOptions {
    /// PyTorch's `profile="default"`.
    pub const DEFAULT: Self =
        Self { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sci_mode: None };

    /// PyTorch's `profile="short"`: two digits, two elements at each edge.
    pub const fn short() -> Self {
        Self { precision: 2, edgeitems: 2, ..Self::DEFAULT }
    }

    /// PyTorch's `profile="full"`: never a summary.
    pub const fn full() -> Self {
        Self { threshold: usize::MAX, ..Self::DEFAULT }
    }
}

impl Default for PrintOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

thread_local! {
    static OPTIONS: Cell<PrintOptions> = const { Cell::new(PrintOptions::DEFAULT) };
}

/// Sets how this thread prints tensors. To change one option and keep the others, start from
/// [`printoptions`]: `PrintOptions { precision: 2, ..printoptions() }`.
#[doc(alias = "torch.set_printoptions")]
pub fn set_printoptions(options: PrintOptions) {
    OPTIONS.set(options);
}

/// How this thread prints tensors.
#[doc(alias = "torch.get_printoptions")]
pub fn printoptions() -> PrintOptions {
    OPTIONS.get()
}

/// Runs `f` with other options and puts the old ones back afterwards, also when `f` panics.
#[doc(alias = "torch.printoptions")]
pub fn with_printoptions<R>(options: PrintOptions, f: impl FnOnce() -> R) -> R {
    struct Restore(PrintOptions);
    impl Drop for Restore {
        fn drop(&mut self) {
            OPTIONS.set(self.0);
        }
    }
    let _restore = Restore(OPTIONS.replace(options));
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_after_a_panic() {
        let result =
            std::panic::catch_unwind(|| with_printoptions(PrintOptions::short(), || panic!("inside")));
        assert!(result.is_err());
        assert_eq!(printoptions(), PrintOptions::default());
    }

    #[test]
    fn options_belong_to_their_thread() {
        with_printoptions(PrintOptions::short(), || {
            let other = std::thread::spawn(printoptions).join();
            assert_eq!(other.ok(), Some(PrintOptions::DEFAULT));
            assert_eq!(printoptions(), PrintOptions::short());
        });
    }
}
