//! Threads that prepare batches ahead, in order.
//!
//! Worker `w` of `n` makes the batches `w`, `w + n`, `w + 2n`, … and hands them over a channel of its own, so that the
//! reader finds batch `i` in channel `i mod n`: no sorting, and never more than a few batches waiting.

use crate::dataset::Dataset;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

/// The threads of one epoch. Dropping it ends them and waits for what they have in hand.
pub(crate) struct Workers<B>(Vec<Worker<B>>);

struct Worker<B> {
    batches: Option<Receiver<B>>,
    thread: Option<JoinHandle<()>>,
}

impl<B> Workers<B> {
    /// Each worker has at most `ahead` batches waiting. Worker `w` draws random numbers from the seed `seed + w`, as
    /// PyTorch's do.
    pub(crate) fn new<D>(
        dataset: &Arc<D>,
        batches: Vec<Vec<usize>>,
        num_workers: usize,
        ahead: usize,
        seed: u64,
    ) -> Self
    where
        D: Dataset<Batch = B> + Send + Sync + 'static,
        B: Send + 'static,
    {
        let batches = Arc::new(batches);
        let start = |w: usize| {
            let (sender, receiver) = sync_channel(ahead);
            let (dataset, batches) = (Arc::clone(dataset), Arc::clone(&batches));
            let work = move || {
                tensor::manual_seed(seed.wrapping_add(w as u64));
                for indices in batches.iter().skip(w).step_by(num_workers) {
                    if sender.send(dataset.batch(indices)).is_err() {
                        break; // The loop has ended early.
                    }
                }
            };
            let thread = Builder::new().name(format!("data-{w}")).spawn(work).ok();
            Worker { batches: Some(receiver), thread }
        };
        Workers((0..num_workers).map(start).collect())
    }

    /// The batch of this number, asked for in order. A panic of its worker goes on here. `None` if the system would not
    /// start the worker: the reader has to make the batch.
    pub(crate) fn batch(&mut self, i: usize) -> Option<B> {
        let n = self.0.len();
        let worker = self.0.get_mut(i % n)?;
        if let Some(Ok(batch)) = worker.batches.as_ref().map(Receiver::recv) {
            return Some(batch);
        }
        if let Some(Err(panic)) = worker.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
        None
    }
}

impl<B> Drop for Worker<B> {
    fn drop(&mut self) {
        // Without a receiver the next send fails, and the thread ends.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was in a batch that nobody asked for.
            let _ = thread.join();
        }
    }
}
