//! The processes that train together.

use crate::transport::Transport;
use crate::{agree, reduce};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tensor::{Ctx, DType, Error, Grads, Keep, Op, Result, Tensor};

/// The ranks of a job: this one's number, how many there are, and what they do together. Clones are the same world.
///
/// Whatever the ranks do together, all of them must call, in the same order. Where they do not, each gets an error that says
/// who called what.
#[doc(alias = "torch.distributed")]
#[doc(alias = "init_process_group")]
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    transport: Transport,
    ended: AtomicBool,
}

impl World {
    /// Does the work of one rank: `f`, with the world that `mpirun` has started; without `mpirun`, or without the feature
    /// `mpi`, a world of one.
    ///
    /// ```
    /// use distributed::World;
    /// World::run(|world| {
    ///     println!("rank {} of {}", world.rank(), world.size());
    ///     world.barrier()
    /// })?;
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of `f`, if there is one rank. Of several, one that fails or panics ends all: it prints its number and the cause,
    /// and does not return. A process that is killed is noticed by `mpirun`, which ends the others, and names its rank
    /// (OpenMPI) or its process (MPICH).
    #[track_caller]
    pub fn run<T, E>(f: impl FnOnce(&World) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error> + fmt::Display,
    {
        #[cfg(feature = "mpi")]
        let (_universe, transport) = {
            let (universe, messages) = tensor::AtCaller::at_caller(crate::messages::start())?;
            (universe, if messages.size() == 1 { Transport::Alone } else { Transport::Mpi(messages) })
        };
        #[cfg(not(feature = "mpi"))]
        let transport = Transport::Alone;
        let world = World::over(transport);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let value = f(&world)?;
            world.end()?;
            Ok(value)
        }));
        world.0.ended.store(true, Ordering::Relaxed);
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if world.size() == 1 => Err(error),
            Ok(Err(error)) => world.0.transport.abort(&error),
            Err(panic) if world.size() == 1 => resume_unwind(panic),
            Err(_) => world.0.transport.abort(&"panicked"),
        }
    }

    pub(crate) fn over(transport: Transport) -> World {
        World(Arc::new(Inner { transport, ended: AtomicBool::new(false) }))
    }

    /// No rank leaves while another one still waits for it.
    pub(crate) fn end(&self) -> Result<()> {
        self.agree("the end of World::run", "", [0.0; 3]).map(drop)
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// Tells all ranks what this one is about to do, with three numbers, and returns those of all.
    #[track_caller]
    pub(crate) fn agree(&self, op: &'static str, detail: &str, numbers: [f64; 3]) -> Result<Vec<[f64; 3]>> {
        if self.0.ended.load(Ordering::Relaxed) {
            return Err(Error::value(op, "World::run has ended, and with it what its ranks did together"));
        }
        if self.size() == 1 {
            return Ok(vec![numbers]);
        }
        agree::on_call(self.transport(), op, detail, numbers)
    }

    /// This process's number, from 0.
    #[doc(alias = "get_rank")]
    pub fn rank(&self) -> usize {
        self.transport().rank()
    }

    /// How many processes there are.
    #[doc(alias = "get_world_size")]
    pub fn size(&self) -> usize {
        self.transport().size()
    }

    /// Whether this is rank 0: the one that shows progress.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Waits until all ranks are here.
    ///
    /// # Errors
    /// If another rank does something else.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        self.agree("barrier", "", [0.0; 3]).map(drop)
    }

    /// Rank 0's values, on all ranks. Shape and type must be the same on all.
    ///
    /// # Errors
    /// If they are not.
    #[track_caller]
    pub fn broadcast(&self, tensor: &Tensor) -> Result<Tensor> {
        self.agree("broadcast", &described(tensor), [0.0; 3])?;
        self.of_first(tensor)
    }

    /// [`broadcast`](World::broadcast) of what all ranks are known to have.
    pub(crate) fn of_first(&self, tensor: &Tensor) -> Result<Tensor> {
        if self.size() == 1 {
            return Ok(tensor.detach());
        }
        macro_rules! of {
            ($t:ty) => {{
                let mut values = tensor.to_vec::<$t>()?;
                reduce::broadcast(self.transport(), 0, &mut values);
                Tensor::from_vec_like(values, tensor)
            }};
        }
        match tensor.dtype() {
            DType::F32 => of!(f32),
            DType::F64 => of!(f64),
            DType::I64 => of!(i64),
            DType::Bool => {
                let mut bytes: Vec<u8> = tensor.to_vec::<bool>()?.into_iter().map(u8::from).collect();
                reduce::broadcast(self.transport(), 0, &mut bytes);
                Tensor::from_vec_like(bytes.into_iter().map(|b| b != 0).collect::<Vec<bool>>(), tensor)
            }
        }
    }

    /// The sum of the ranks' tensors, the same bits on all: rank 0's numbers first, then rank 1's, and so on. Float32 or
    /// float64, of the same shape on all ranks.
    ///
    /// The gradient of a sum over ranks is the sum of the ranks' gradients, which `backward` computes on all of them.
    ///
    /// ```
    /// use distributed::World;
    /// use tensor::ones;
    /// World::run(|world| {
    ///     let sum = world.all_reduce(&ones([2])?)?;
    ///     assert_eq!(sum.to_vec::<f32>()?, [world.size() as f32; 2]);
    ///     Ok::<(), tensor::Error>(())
    /// })?;
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If shapes or types differ, or are not floating point.
    #[doc(alias = "torch.distributed.all_reduce")]
    #[track_caller]
    pub fn all_reduce(&self, tensor: &Tensor) -> Result<Tensor> {
        if !tensor.dtype().is_float() {
            return Err(Error::not_float("all_reduce", tensor.dtype()));
        }
        self.agree("all_reduce", &described(tensor), [0.0; 3])?;
        self.sum_of(tensor)
    }

    /// [`all_reduce`](World::all_reduce) of what all ranks are known to have.
    pub(crate) fn sum_of(&self, tensor: &Tensor) -> Result<Tensor> {
        let sum = match tensor.dtype() {
            DType::F64 => {
                let mut values = tensor.to_vec::<f64>()?;
                reduce::all_reduce(self.transport(), &mut values);
                Tensor::from_vec_like(values, tensor)?
            }
            _ => {
                let mut values = tensor.to_vec::<f32>()?;
                reduce::all_reduce(self.transport(), &mut values);
                Tensor::from_vec_like(values, tensor)?
            }
        };
        Ok(sum.record(AllReduce(self.clone()), &[tensor]))
    }

    /// Numbers summed over the ranks, for metrics: `let [right, seen] = world.sum([right, seen])?`.
    ///
    /// # Errors
    /// If another rank does something else.
    #[track_caller]
    pub fn sum<const N: usize>(&self, mut numbers: [f64; N]) -> Result<[f64; N]> {
        // Few of them travel with the question whether all ranks call this.
        let mut few = [0.0; 3];
        few.iter_mut().zip(&numbers).for_each(|(few, &x)| *few = x);
        let all = self.agree("sum", &format!("{N} numbers"), few)?;
        if N > few.len() {
            reduce::all_reduce(self.transport(), &mut numbers);
        } else {
            for (i, number) in numbers.iter_mut().enumerate() {
                *number = all.iter().fold(0.0, |sum, of_rank| sum + of_rank[i]);
            }
        }
        Ok(numbers)
    }
}

fn described(tensor: &Tensor) -> String {
    format!("{} {:?}", tensor.dtype(), tensor.shape())
}

/// `y = Σ x` over the ranks, `∂x = Σ ∂y` over the ranks.
struct AllReduce(World);

impl Op for AllReduce {
    fn name(&self) -> &'static str {
        "AllReduce"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| self.0.all_reduce(grad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::ranks;
    use tensor::{arange, gradcheck, ones, rand, tensor};

    #[test]
    fn sums_are_the_same_bits_on_all_ranks_in_the_order_of_ranks() {
        for len in [1, 7, 10_000, 300_001] {
            let part = |rank: usize| {
                let mut generator = tensor::random::Generator::new(rank as u64);
                (0..len).map(|_| generator.below(1 << 40) as f32 / 3e5).collect::<Vec<f32>>()
            };
            let mut expected = part(0);
            for rank in 1..3 {
                expected.iter_mut().zip(part(rank)).for_each(|(sum, x)| *sum += x);
            }
            for found in ranks(3, |world| world.all_reduce(&Tensor::from_vec(part(world.rank()), len)?)) {
                assert_eq!(found.unwrap().to_vec::<f32>().unwrap(), expected);
            }
        }
        for found in ranks(4, |world| world.all_reduce(&ones([3])?.to(DType::F64).mul(world.rank() as f64)?))
        {
            assert_eq!(found.unwrap().to_string(), "tensor([6., 6., 6.], dtype=float64)");
        }
    }

    #[test]
    fn the_gradient_of_a_sum_is_the_sum_of_gradients() {
        for grad in ranks(2, |world| {
            let x = tensor([1.0, 2.0]).requires_grad();
            let weight = 1.0 + world.rank() as f64;
            world.all_reduce(&x)?.mul(weight)?.sum().backward()?;
            Ok(x.grad().unwrap())
        }) {
            assert_eq!(grad.unwrap().to_string(), "tensor([3., 3.])");
        }
        let one = World::over(Transport::Alone);
        let x = rand([4]).unwrap().to(DType::F64);
        gradcheck(|x| Ok(one.all_reduce(&x[0])?.square()), &[x]).unwrap();
    }

    #[test]
    fn everybody_gets_what_rank_0_has() {
        for found in ranks(3, |world| {
            let from = 10 * world.rank() as i64;
            let flags = arange(from, from + 4, 1)?.ge(2)?;
            Ok((world.broadcast(&arange(from, from + 4, 1)?)?, world.broadcast(&flags)?))
        }) {
            let (numbers, flags) = found.unwrap();
            assert_eq!(numbers.to_string(), "tensor([0, 1, 2, 3])");
            assert_eq!(flags.to_string(), "tensor([False, False,  True,  True])");
        }
        for sum in ranks(3, |world| world.sum([world.rank() as f64, 1.0])) {
            assert_eq!(sum.unwrap(), [3.0, 3.0]);
        }
        for sum in ranks(3, |world| world.sum([1.0, 2.0, 3.0, world.rank() as f64])) {
            assert_eq!(sum.unwrap(), [3.0, 6.0, 9.0, 3.0]);
        }
    }

    #[test]
    fn ranks_that_do_not_do_the_same_get_an_error_each() {
        for error in ranks(3, |world| world.all_reduce(&ones([2 + world.rank() % 2])?)) {
            let error = error.unwrap_err().to_string();
            let expected = "rank 0, 2: all_reduce of float32 [2]; rank 1: all_reduce of float32 [3]";
            assert!(error.contains(expected), "{error}");
        }
        for error in
            ranks(2, |world| if world.is_first() { world.barrier() } else { world.sum([1.0]).map(drop) })
        {
            assert!(error.unwrap_err().to_string().contains("rank 0: barrier; rank 1: sum of 1 numbers"));
        }
        assert!(ranks(1, |world| world.all_reduce(&tensor([1])))[0].is_err());
    }

    /// The only test that may call it: MPI starts once in a process.
    #[test]
    fn a_world_that_has_ended_says_so() {
        let world = World::run(|world| Ok::<_, Error>(world.clone())).unwrap();
        assert!(world.barrier().unwrap_err().to_string().contains("has ended"));
    }
}
