//! Whether operations are recorded: a switch per thread.

use std::cell::Cell;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Sets the switch and puts it back when dropped, also by a panic or an early return.
struct Guard(bool);

impl Guard {
    fn set(recording: bool) -> Self {
        Guard(RECORDING.replace(recording))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        RECORDING.set(self.0);
    }
}

/// Runs `f` without recording: for evaluation, and wherever no gradient is wanted.
///
/// ```
/// use tensor::{no_grad, tensor};
/// let x = tensor([1.0]).requires_grad();
/// assert!((&x * 2.0).needs_grad());
/// assert!(!no_grad(|| &x * 2.0).needs_grad());
/// ```
#[doc(alias = "torch.no_grad")]
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    recording(false, f)
}

/// Runs `f` with recording on, inside of [`no_grad`] too.
#[doc(alias = "torch.enable_grad")]
pub fn enable_grad<R>(f: impl FnOnce() -> R) -> R {
    recording(true, f)
}

/// Whether this thread records operations. Every thread begins with `true`.
#[doc(alias = "torch.is_grad_enabled")]
#[inline]
pub fn is_grad_enabled() -> bool {
    RECORDING.get()
}

pub(crate) fn recording<R>(on: bool, f: impl FnOnce() -> R) -> R {
    let _guard = Guard::set(on);
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_puts_the_switch_back() {
        let caught = std::panic::catch_unwind(|| no_grad(|| panic!("on purpose")));
        assert!(caught.is_err());
        assert!(is_grad_enabled());
    }

    #[test]
    fn nested() {
        no_grad(|| {
            assert!(enable_grad(is_grad_enabled));
            assert!(!is_grad_enabled());
        });
    }
}
