//! Who carries the messages: MPI, or nobody where there is one rank.
//!
//! Calls are collective: all ranks make the same ones in the same order. [`World::agree`](crate::World) finds out before
//! anything is sent where they do not.

use crate::bucket::Buffers;
use tensor::{Element, Result, Tensor};

#[cfg(feature = "mpi")]
use crate::messages::Messages;
#[cfg(test)]
use crate::threads::Threads;

/// A number that travels.
#[cfg(feature = "mpi")]
pub(crate) trait Wire: Copy + Default + Send + Sync + 'static + mpi::traits::Equivalence {}
/// A number that travels.
#[cfg(not(feature = "mpi"))]
pub(crate) trait Wire: Copy + Default + Send + Sync + 'static {}

impl Wire for u8 {}
impl Wire for u64 {}
impl Wire for i64 {}
impl Wire for f32 {}
impl Wire for f64 {}

/// A number that is summed.
pub(crate) trait Summed:
    Wire + Element + std::ops::AddAssign + std::ops::Mul<Output = Self> + PartialOrd
{
    /// Writes `tensor · weight`, or adds it to what is there.
    fn scaled(tensor: &Tensor, weight: f64, add: bool, into: &mut [Self]) -> Result<()>;
}

macro_rules! summed {
    ($($own:ty, $other:ty;)*) => {$(
        impl Summed for $own {
            fn scaled(tensor: &Tensor, weight: f64, add: bool, into: &mut [Self]) -> Result<()> {
                if tensor.dtype() != <$own>::DTYPE {
                    let other = tensor.elements::<$other>()?;
                    let pairs = into.iter_mut().zip(other.iter());
                    pairs.for_each(|(to, &x)| {
                        let before = if add { *to } else { 0.0 };
                        *to = before + (x.to_f64() * weight) as $own;
                    });
                    return Ok(());
                }
                let (own, weight) = (tensor.elements::<$own>()?, weight as $own);
                let pairs = into.iter_mut().zip(own.iter());
                if add {
                    pairs.for_each(|(to, &x)| *to += x * weight);
                } else {
                    pairs.for_each(|(to, &x)| *to = x * weight);
                }
                Ok(())
            }
        }
    )*};
}

summed! {
    f32, f64;
    f64, f32;
}

/// Sums buffers over the ranks while something else is computed. They are started one after the other, in order.
pub(crate) trait Lane<T> {
    /// What this rank sends, as long as it has not been started.
    fn outgoing(&mut self, buffer: usize) -> &mut [T];
    /// Starts the next one.
    fn start(&mut self);
    /// Lets the messages of those under way go on.
    fn progress(&mut self);
}

/// What is done while buffers are summed.
pub(crate) type Meanwhile<'a, T> = &'a mut dyn FnMut(&mut dyn Lane<T>) -> Result<()>;

/// The ways to reach the other ranks.
pub(crate) enum Transport {
    /// There are none.
    Alone,
    #[cfg(feature = "mpi")]
    Mpi(Messages),
    /// Threads of this process.
    #[cfg(test)]
    Threads(Threads),
}

macro_rules! forward {
    ($self:ident, $t:ident => $call:expr, $alone:expr) => {
        match $self {
            Transport::Alone => $alone,
            #[cfg(feature = "mpi")]
            Transport::Mpi($t) => $call,
            #[cfg(test)]
            Transport::Threads($t) => $call,
        }
    };
}

impl Transport {
    pub(crate) fn rank(&self) -> usize {
        forward!(self, t => t.rank(), 0)
    }

    pub(crate) fn size(&self) -> usize {
        forward!(self, t => t.size(), 1)
    }

    /// What all ranks send, one after the other: `recv` is `size` times as long as `send`.
    pub(crate) fn all_gather<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        forward!(self, t => t.all_gather(send, recv), recv.copy_from_slice(send));
    }

    /// Part `i` of `send` goes to rank `i`, and that of rank `i` comes to part `i` of `recv`.
    pub(crate) fn all_to_all<T: Wire>(&self, send: &[T], recv: &mut [T]) {
        forward!(self, t => t.all_to_all(send, recv), recv.copy_from_slice(send));
    }

    /// Everybody has what `root` has.
    pub(crate) fn broadcast<T: Wire>(&self, root: usize, values: &mut [T]) {
        let _ = (root, &values);
        forward!(self, t => t.broadcast(root, values), ());
    }

    /// Sums the buffers over the ranks while `meanwhile` fills and starts them, all of them, in order.
    pub(crate) fn reduce_meanwhile<T: Summed>(
        &self,
        buffers: &mut [&mut Buffers<T>],
        meanwhile: Meanwhile<'_, T>,
    ) -> Result<()> {
        let _ = &buffers;
        forward!(self, t => t.reduce_meanwhile(buffers, meanwhile), {
            let _ = meanwhile;
            Ok(())
        })
    }

    /// Ends all ranks, after saying why.
    pub(crate) fn abort(&self, cause: &dyn std::fmt::Display) -> ! {
        // In one piece, and with time to be passed on: `mpirun` may drop what it has not read when the job ends.
        let message = format!("rank {} of {}: {cause}\n", self.rank(), self.size());
        eprint!("{message}");
        std::thread::sleep(std::time::Duration::from_millis(300));
        forward!(self, t => t.abort(), std::process::exit(1))
    }
}
