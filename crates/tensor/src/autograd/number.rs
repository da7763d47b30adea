//! The numbers of nodes, by which an input is older than what is computed from it.
//!
//! A counter that all threads share would cost an atomic operation for each node, so a thread takes a block of numbers at a
//! time. Within a thread they rise. Across threads nothing is lost: who meets an input that is ahead takes a new block,
//! which is ahead of every number that was ever given.

use crate::tensor::Tensor;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the next block begins.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How many numbers are in a block. Were each of them the only one that its thread uses, 2⁵⁴ threads could have one.
const BLOCK: u64 = 1 << 10;

thread_local! {
    /// The next number of this thread; none is left where a block begins.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// A number that no other node has, above those of the inputs.
#[inline]
pub(super) fn number(inputs: &[&Tensor]) -> u64 {
    let mut number = NUMBER.get();
    let is_behind = |t: &&Tensor| t.node.as_ref().is_some_and(|node| node.seq >= number);
    if number.is_multiple_of(BLOCK) || inputs.iter().any(is_behind) {
        number = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
    }
    NUMBER.set(number + 1);
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::tensor;

    #[test]
    fn an_input_is_older_in_whatever_thread_it_was_made() {
        let seq = |t: &Tensor| t.node.as_ref().unwrap().seq;
        let mut x = tensor([1.0]).requires_grad();
        for _ in 0..3 * BLOCK {
            let y = &x + 1.0;
            assert!(seq(&y) > seq(&x));
            x = y;
        }
        // Forth to threads with a block of their own, and back.
        for _ in 0..5 {
            let mine = &x * 2.0;
            let theirs = std::thread::scope(|scope| {
                scope.spawn(|| (0..10).fold(x.clone(), |y, _| &y + &x)).join().unwrap()
            });
            let both = &theirs + &mine;
            assert!(seq(&both) > seq(&theirs) && seq(&both) > seq(&mine) && seq(&mine) > seq(&x));
            x = both;
        }
        x.sum().backward().unwrap();
    }

    #[test]
    fn no_number_is_given_twice() {
        let take = || (0..5 * BLOCK / 2).map(|_| number(&[])).collect::<Vec<u64>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(take)).collect();
        let mut all = take();
        all.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
