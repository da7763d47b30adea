//! Buffers that nobody holds any longer, kept for the next ones of about their size.
//!
//! From 32 KiB up all threads share them: memory that comes fresh from the system costs a page fault for every 4 KiB, several
//! times what a kernel needs to fill it. From 1 KiB up each thread keeps its last few: what an allocator does for such sizes,
//! and the zeros that nobody reads, cost 65 ns more than a look at them. Smaller ones the allocator has at hand itself.

use crate::dtype::Element;
use std::cell::RefCell;
use std::sync::{MutexGuard, PoisonError};

/// Bytes from which on a thread keeps a buffer. Below, the allocator is as fast.
const MEDIUM: usize = 1 << 10;

/// Bytes from which on all threads share what is kept.
const LARGE: usize = 32 << 10;

#[inline]
pub(crate) fn is_large<T>(len: usize) -> bool {
    len.saturating_mul(size_of::<T>()) >= LARGE
}

#[inline]
pub(crate) fn is_kept<T>(len: usize) -> bool {
    len.saturating_mul(size_of::<T>()) >= MEDIUM
}

/// Whether a buffer of this capacity serves for `len` elements: it is at most a quarter too large.
fn serves(capacity: usize, len: usize) -> bool {
    (len..=len + len / 4).contains(&capacity)
}

/// What a thread keeps of one element type, the oldest first: half a MiB at most.
pub(crate) type Nearby<T> = RefCell<Vec<Vec<T>>>;

const NEARBY: usize = 16;

/// A buffer of medium size that this thread has kept; its elements are of any value. (There is none once the thread ends.)
pub(crate) fn take_nearby<T: Element>(len: usize) -> Option<Vec<T>> {
    let take = |kept: &Nearby<T>| {
        let mut kept = kept.try_borrow_mut().ok()?;
        let at = kept.iter().rposition(|v| serves(v.capacity(), len))?;
        let mut values = kept.remove(at);
        values.resize(len, T::default());
        Some(values)
    };
    T::nearby().try_with(take).ok().flatten()
}

/// Keeps a buffer of medium size instead of the oldest.
pub(crate) fn put_nearby<T: Element>(values: Vec<T>) {
    let put = |kept: &Nearby<T>| {
        let Ok(mut kept) = kept.try_borrow_mut() else { return };
        if kept.len() == NEARBY {
            kept.remove(0);
        }
        kept.push(values);
    };
    let _ended = T::nearby().try_with(put);
}

/// The large buffers of one element type: how many elements are in use, and those that wait to be used again.
#[derive(Debug)]
pub struct Shelf<T> {
    /// The oldest first.
    kept: Vec<Vec<T>>,
    /// Elements of the buffers that are kept.
    idle: usize,
    /// Elements of the buffers in use.
    pub(crate) used: usize,
    /// The most that were in use at once.
    peak: usize,
}

impl<T: Element> Shelf<T> {
    /// Bytes that may be kept beyond what was ever in use at once: a small program may keep all of its sizes.
    const SLACK: usize = 64 << 20;

    pub(crate) const fn new() -> Self {
        Shelf { kept: Vec::new(), idle: 0, used: 0, peak: 0 }
    }

    /// A buffer that was kept and is at most a quarter too large; its elements are of any value.
    pub(crate) fn take(&mut self, len: usize) -> Option<Vec<T>> {
        // The latest is the likeliest to be in a cache.
        let at = self.kept.iter().rposition(|v| serves(v.capacity(), len))?;
        let mut values = self.kept.remove(at);
        self.idle -= values.capacity();
        self.enter(values.capacity());
        values.resize(len, T::default());
        Some(values)
    }

    /// Counts a buffer that comes into use, and lets go of the oldest where too much is kept.
    pub(crate) fn enter(&mut self, capacity: usize) {
        self.used += capacity;
        self.peak = self.peak.max(self.used);
        let most = self.peak + (self.peak / 4).max(Self::SLACK / size_of::<T>());
        let mut excess = (self.idle + self.used).saturating_sub(most);
        let old = self.kept.iter().take_while(|v| {
            let goes = excess > 0;
            excess = excess.saturating_sub(v.capacity());
            goes
        });
        let old = old.count();
        self.idle -= self.kept.drain(..old).map(|v| v.capacity()).sum::<usize>();
    }

    /// Keeps a buffer that nobody uses any longer.
    pub(crate) fn put(&mut self, values: Vec<T>) {
        self.used -= values.capacity();
        self.idle += values.capacity();
        self.kept.push(values);
    }
}

pub(crate) fn shelf<T: Element>() -> MutexGuard<'static, Shelf<T>> {
    T::shelf().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back the memory of large tensors that are no longer in use, which is otherwise kept for the next ones: at most a
/// quarter (or 64 MiB, if that is more) above what was in use at once; and the little that this thread keeps of smaller ones.
///
/// ```
/// use tensor::zeros;
/// drop(zeros([1000, 1000])?);
/// tensor::empty_cache();
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.cuda.empty_cache")]
pub fn empty_cache() {
    fn empty<T: Element>() {
        let mut shelf = shelf::<T>();
        *shelf = Shelf { used: shelf.used, peak: shelf.used, ..Shelf::new() };
        let _ended = T::nearby().try_with(RefCell::take);
    }
    empty::<f32>();
    empty::<f64>();
    empty::<i64>();
    empty::<bool>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_used_is_used_again() {
        let mut shelf = Shelf::<f32>::new();
        let first = vec![1.0; 10_000];
        let place = first.as_ptr();
        shelf.enter(first.capacity());
        shelf.put(first);
        assert!(shelf.take(5_000).is_none() && shelf.take(10_001).is_none());
        let again = shelf.take(9_000).unwrap();
        assert!(again.as_ptr() == place && again.len() == 9_000);
        assert_eq!((shelf.idle, shelf.used, shelf.peak), (0, 10_000, 10_000));
    }

    #[test]
    fn a_thread_keeps_its_last_few() {
        std::thread::spawn(|| {
            let first = vec![1.0f64; 1000];
            let place = first.as_ptr();
            put_nearby(first);
            assert!(take_nearby::<f64>(799).is_none() && take_nearby::<f64>(1001).is_none());
            let again = take_nearby::<f64>(900).unwrap();
            assert!(again.as_ptr() == place && again.len() == 900 && take_nearby::<f64>(900).is_none());
            put_nearby(again);
            (0..NEARBY).for_each(|i| put_nearby(vec![0.0f64; 300 + 100 * i]));
            f64::nearby().with_borrow(|kept| {
                assert!(kept.len() == NEARBY && kept.iter().all(|v| v.as_ptr() != place));
            });
        })
        .join()
        .unwrap();
    }

    #[test]
    fn no_more_is_kept_than_a_quarter_above_the_peak() {
        let mut shelf = Shelf::<f64>::new();
        let size = 4 << 20;
        for i in 0..20 {
            // Every one too small or too large for the next.
            let values = Vec::<f64>::with_capacity(if i % 2 == 0 { size } else { 3 * size });
            shelf.enter(values.capacity());
            assert!(shelf.idle + shelf.used <= shelf.peak + (8 << 20).max(shelf.peak / 4));
            shelf.put(values);
        }
        assert!(shelf.kept.len() < 3);
    }
}
