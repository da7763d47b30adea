//! Ranks that are threads of one process: for tests of what does not depend on MPI.

use crate::bucket::Buffers;
use crate::reduce::sum_parts;
use crate::transport::{Lane, Meanwhile, Summed, Transport, Wire};
use crate::world::World;
use std::any::Any;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tensor::Result;

type Message = Arc<dyn Any + Send + Sync>;

/// Where the threads meet.
#[derive(Default)]
struct Meeting {
    brought: Vec<Option<Message>>,
    present: usize,
    number: usize,
    all: Arc<Vec<Message>>,
}

#[derive(Clone)]
pub(crate) struct Threads {
    rank: usize,
    size: usize,
    meeting: Arc<(Mutex<Meeting>, Condvar)>,
}

/// What `f` returns on each of `size` ranks.
pub(crate) fn ranks<R: Send>(size: usize, f: impl Fn(&World) -> Result<R> + Sync) -> Vec<Result<R>> {
    let meeting =
        Arc::new((Mutex::new(Meeting { brought: vec![None; size], ..Default::default() }), Condvar::new()));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..size)
            .map(|rank| {
                let threads = Threads { rank, size, meeting: Arc::clone(&meeting) };
                let f = &f;
                scope.spawn(move || {
                    let world = World::over(Transport::Threads(threads));
                    let result = f(&world)?;
                    world.end()?;
                    Ok(result)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

impl Threads {
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// What all ranks have brought.
    fn exchange<T: Wire>(&self, values: &[T]) -> Vec<Arc<Vec<T>>> {
        let (meeting, arrival) = &*self.meeting;
        let mut meeting = meeting.lock().unwrap();
        meeting.brought[self.rank] = Some(Arc::new(values.to_vec()));
        meeting.present += 1;
        if meeting.present == self.size {
            meeting.present = 0;
            meeting.number += 1;
            meeting.all = Arc::new(meeting.brought.iter_mut().filter_map(Option::take).collect());
            arrival.notify_all();
        } else {
            let number = meeting.number;
            let wait = Duration::from_secs(60);
            let (woken, late) = arrival.wait_timeout_while(meeting, wait, |m| m.number == number).unwrap();
            assert!(!late.timed_out(), "rank {} waits for the others: a hang", self.rank);
            meeting = woken;
        }
        let all = Arc::clone(&meeting.all);
        all.iter().map(|message| Arc::clone(message).downcast().expect("all bring the same type")).collect()
    }

    pub(crate) fn all_gather<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        let all = self.exchange(send);
        recv.chunks_mut(send.len().max(1)).zip(all).for_each(|(to, from)| to.copy_from_slice(&from));
    }

    pub(crate) fn all_to_all<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        let part = send.len() / self.size;
        for (to, from) in recv.chunks_mut(part.max(1)).zip(self.exchange(send)) {
            to.copy_from_slice(&from[self.rank * part..][..part]);
        }
    }

    pub(crate) fn broadcast<T: Wire>(&self, root: usize, values: &mut [T]) {
        let all = self.exchange(values);
        values.copy_from_slice(&all[root]);
    }

    pub(crate) fn abort(&self) -> ! {
        panic!("rank {} ends the job", self.rank)
    }

    pub(crate) fn reduce_meanwhile<T: Summed>(
        &self,
        buffers: &mut [&mut Buffers<T>],
        meanwhile: Meanwhile<'_, T>,
    ) -> Result<()> {
        meanwhile(&mut AtOnce { threads: self, buffers, next: 0 })
    }
}

/// Sums each buffer when it is started.
struct AtOnce<'a, 'b, T> {
    threads: &'a Threads,
    buffers: &'a mut [&'b mut Buffers<T>],
    next: usize,
}

impl<T: Summed> Lane<T> for AtOnce<'_, '_, T> {
    fn outgoing(&mut self, buffer: usize) -> &mut [T] {
        assert!(buffer >= self.next, "a buffer that is under way is not written");
        &mut self.buffers[buffer].send
    }

    fn start(&mut self) {
        let buffers = &mut *self.buffers[self.next];
        self.next += 1;
        self.threads.all_to_all(&buffers.send, &mut buffers.parts);
        sum_parts(&buffers.parts, &mut buffers.sum);
        self.threads.all_gather(&buffers.sum, &mut buffers.total);
    }

    fn progress(&mut self) {}
}
