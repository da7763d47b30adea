//! The most bytes that one tensor may take.
//!
//! Systems grant more memory than they have and kill the process that uses it. So what is larger than the machine is never
//! asked for: every shape and every buffer passes through [`room`], and the one that is too large is an `Error`.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Zero until somebody asks, who then finds out what the machine has.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// What is asked of the machine if nothing tells how much memory it has.
const UNKNOWN: usize = 1 << 46;

/// Less than this needs no question.
const SMALL: usize = 1 << 16;

/// The most bytes that one tensor may take: at first, the memory of the machine.
pub fn memory_limit() -> usize {
    match LIMIT.load(Relaxed) {
        0 => {
            let found = machine().unwrap_or(UNKNOWN).max(SMALL);
            LIMIT.store(found, Relaxed);
            found
        }
        limit => limit,
    }
}

/// Changes what [`memory_limit`] says, for all threads; nothing below 64 KiB. A view counts as one byte for each element,
/// whether it repeats elements or not.
///
/// A program that computes with sizes from outside thereby chooses what is too much, before its memory does:
///
/// ```
/// use tensor::{memory_limit, set_memory_limit, zeros};
/// let before = memory_limit();
/// set_memory_limit(1 << 20);
/// let error = zeros([1 << 19]).unwrap_err();
/// assert!(error.to_string().starts_with("zeros: 524288 elements of 4 bytes"), "{error}");
/// set_memory_limit(before);
/// assert!(zeros([1 << 19]).is_ok());
/// ```
#[doc(alias = "torch.cuda.set_per_process_memory_fraction")]
pub fn set_memory_limit(bytes: usize) {
    LIMIT.store(bytes.max(SMALL), Relaxed);
}

/// Whether `len` elements of `size` bytes are within the limit.
#[inline]
#[track_caller]
pub(crate) fn room(op: &'static str, len: usize, size: usize) -> Result<()> {
    let bytes = len.saturating_mul(size);
    if bytes > SMALL && bytes > memory_limit() {
        return Err(too_large(op, len, size));
    }
    Ok(())
}

#[cold]
#[track_caller]
fn too_large(op: &'static str, len: usize, size: usize) -> Error {
    let most = memory_limit();
    let bytes = if size == 1 { "a byte or more".into() } else { format!("{size} bytes") };
    Error::size(
        op,
        format!("{len} elements of {bytes} each are more than the {most} bytes that a tensor may take"),
    )
}

/// Memory and swap space of a Linux machine.
fn machine() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = |name: &str| -> Option<usize> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
    };
    line("MemTotal:")?.checked_add(line("SwapTotal:").unwrap_or(0))
}
