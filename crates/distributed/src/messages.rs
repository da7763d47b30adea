//! MPI, through the binding `mpi`.
//!
//! All calls go through the world communicator, one at a time. Sums that run while something else is computed are
//! non-blocking collectives; an MPI without a thread of its own moves them on whenever it is called, which
//! [`Lane::progress`] does.

use crate::bucket::Buffers;
use crate::reduce::sum_parts;
use crate::transport::{Lane, Meanwhile, Summed, Wire};
use mpi::environment::Universe;
use mpi::request::{LocalScope, Request, scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tensor::{Error, Result};

/// The ranks that `mpirun` has started; one, if this process was started without it.
pub(crate) struct Messages {
    rank: usize,
    size: usize,
}

/// Starts MPI. It ends when the universe is dropped, and cannot start again.
pub(crate) fn start() -> Result<(Universe, Messages)> {
    let Some((universe, threading)) = mpi::initialize_with_threading(mpi::Threading::Serialized) else {
        return Err(Error::value("World::run", "MPI has been started before: one run for each process"));
    };
    if threading < mpi::Threading::Serialized {
        let message = format!("this MPI supports {threading:?} threading only, Serialized is needed");
        return Err(Error::value("World::run", message));
    }
    let world = universe.world();
    Ok((universe, Messages { rank: world.rank() as usize, size: world.size() as usize }))
}

/// Calls are made one at a time: what MPI names serialised.
fn world() -> (MutexGuard<'static, ()>, SimpleCommunicator) {
    static CALLS: Mutex<()> = Mutex::new(());
    (CALLS.lock().unwrap_or_else(PoisonError::into_inner), SimpleCommunicator::world())
}

impl Messages {
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn all_gather<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        world().1.all_gather_into(send, recv);
    }

    pub(crate) fn all_to_all<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        world().1.all_to_all_into(send, recv);
    }

    pub(crate) fn broadcast<T: Wire>(&self, root: usize, values: &mut [T]) {
        world().1.process_at_rank(root as i32).broadcast_into(values);
    }

    pub(crate) fn abort(&self) -> ! {
        SimpleCommunicator::world().abort(1)
    }

    pub(crate) fn reduce_meanwhile<T: Summed>(
        &self,
        buffers: &mut [&mut Buffers<T>],
        meanwhile: Meanwhile<'_, T>,
    ) -> Result<()> {
        scope(|scope| {
            let waiting = buffers.iter_mut().map(|b| Some(&mut **b)).collect();
            let mut lane = Overlapped { scope, waiting, next: 0, arriving: None, leaving: Vec::new() };
            let result = meanwhile(&mut lane);
            if let Err(error) = result {
                if lane.arriving.is_none() && lane.leaving.is_empty() {
                    return Err(error);
                }
                // The others will wait for sums that this rank cannot give them any more.
                crate::transport::Transport::Mpi(Messages { ..*self }).abort(&error);
            }
            lane.second_half();
            lane.leaving.into_iter().for_each(|request| {
                let _calls = world();
                request.wait_without_status();
            });
            Ok(())
        })
    }
}

/// A sum of which the first half is under way: the parts of all ranks on their way to the one that adds them.
struct Arriving<'a, 'b, T: Wire> {
    request: Request<'a, [T], &'b LocalScope<'a>>,
    sum: &'a mut [T],
    total: &'a mut [T],
}

struct Overlapped<'a, 'b, T: Wire> {
    scope: &'b LocalScope<'a>,
    waiting: Vec<Option<&'a mut Buffers<T>>>,
    next: usize,
    arriving: Option<Result<Arriving<'a, 'b, T>, Arrived<'a, T>>>,
    leaving: Vec<Request<'a, [T], &'b LocalScope<'a>>>,
}

/// The parts of all ranks, and where their sum goes.
type Arrived<'a, T> = (&'a [T], &'a mut [T], &'a mut [T]);

impl<T: Summed> Overlapped<'_, '_, T> {
    /// Adds what has arrived, and sends the sum to all. When this happens must not depend on who is faster: all ranks make
    /// their calls in the same order.
    fn second_half(&mut self) {
        let (parts, sum, total) = match self.arriving.take() {
            None => return,
            Some(Ok(Arriving { request, sum, total })) => {
                let _calls = world();
                (request.wait_for_data(), sum, total)
            }
            Some(Err(arrived)) => arrived,
        };
        sum_parts(parts, sum);
        let (_calls, world) = world();
        self.leaving.push(world.immediate_all_gather_into(self.scope, &*sum, total));
    }
}

impl<T: Summed> Lane<T> for Overlapped<'_, '_, T> {
    fn outgoing(&mut self, buffer: usize) -> &mut [T] {
        self.waiting[buffer].as_mut().map_or(&mut [], |buffers| &mut buffers.send)
    }

    fn start(&mut self) {
        self.second_half();
        let Some(Buffers { send, parts, sum, total }) =
            self.waiting.get_mut(self.next).and_then(Option::take)
        else {
            return;
        };
        self.next += 1;
        let (_calls, world) = world();
        let request = world.immediate_all_to_all_into(self.scope, &send[..], &mut parts[..]);
        self.arriving = Some(Ok(Arriving { request, sum, total }));
    }

    fn progress(&mut self) {
        if let Some(Ok(Arriving { request, sum, total })) = self.arriving.take_if(|arriving| arriving.is_ok())
        {
            let _calls = world();
            self.arriving = Some(match request.test_with_data() {
                Ok((_, parts)) => Err((parts, sum, total)),
                Err(request) => Ok(Arriving { request, sum, total }),
            });
        }
    }
}
