//! What recording does on this thread: a few switches that one read answers.

use std::cell::Cell;

/// Operations are recorded.
const RECORDING: u8 = 1;
/// Recorded operations are looked at by anomaly mode.
pub(crate) const ANOMALY: u8 = 2;
/// Recorded operations are listed for a checkpoint.
pub(crate) const CHECKPOINT: u8 = 4;

/// The switches as they stand.
#[derive(Clone, Copy)]
pub(crate) struct Mode(u8);

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode(RECORDING)) };
}

impl Mode {
    #[inline]
    pub(crate) fn now() -> Self {
        MODE.get()
    }

    #[inline]
    pub(crate) fn has(self, switch: u8) -> bool {
        self.0 & switch != 0
    }

    #[inline]
    pub(crate) fn is_recording(self) -> bool {
        self.has(RECORDING)
    }

    /// Whether somebody wants to see what is recorded.
    #[inline]
    pub(crate) fn is_watched(self) -> bool {
        self.has(ANOMALY | CHECKPOINT)
    }
}

/// Sets the switches and puts them back when dropped, also by a panic or an early return.
struct Guard(Mode);

impl Guard {
    fn set(mode: u8) -> Self {
        Guard(MODE.replace(Mode(mode)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        MODE.set(self.0);
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
    Mode::now().is_recording()
}

pub(crate) fn recording<R>(on: bool, f: impl FnOnce() -> R) -> R {
    let others = Mode::now().0 & !RECORDING;
    let _guard = Guard::set(if on { others | RECORDING } else { others });
    f()
}

/// Runs `f` with another switch on.
pub(crate) fn with<R>(switch: u8, f: impl FnOnce() -> R) -> R {
    let _guard = Guard::set(Mode::now().0 | switch);
    f()
}

/// Whether a switch is on.
#[inline]
pub(crate) fn is_on(switch: u8) -> bool {
    Mode::now().has(switch)
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

    #[test]
    fn switches_do_not_disturb_each_other() {
        with(ANOMALY, || {
            no_grad(|| assert!(is_on(ANOMALY) && !is_grad_enabled()));
            assert!(is_on(ANOMALY) && is_grad_enabled());
            with(CHECKPOINT, || assert!(is_on(ANOMALY) && is_on(CHECKPOINT)));
            assert!(!is_on(CHECKPOINT));
        });
        assert!(!is_on(ANOMALY));
    }
}
