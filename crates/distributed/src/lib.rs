//! Data-parallel training: the same loop on several processes, on one machine or on many.
//!
//! Each process, a *rank*, has the whole model and a part of every batch. [`World::run`] starts the ranks' common work,
//! [`DistributedSampler`] gives each rank its part of the data, and [`DataParallel`] makes the gradients those of the whole
//! batch, so that every rank takes the same step.
//!
//! ```
//! use data::{DataLoader, TensorDataset};
//! use distributed::{DataParallel, DistributedSampler, World};
//! use loss::{Criterion, MSELoss};
//! use nn::{Layer, Linear, Module};
//! use optim::{Optimizer, SGD};
//! use tensor::{manual_seed, rand};
//!
//! World::run(|world| {
//!     manual_seed(0);
//!     let set = TensorDataset::new((rand([64, 10])?, rand([64, 1])?))?;
//!     let sampler = DistributedSampler::new(world);
//!     let loader = DataLoader::new(&set).batch_size(32 / world.size())?.sampler(sampler.clone())?;
//!
//!     let model = Linear::new(10, 1);
//!     let parallel = DataParallel::new(world, &model)?;
//!     let mut optimizer = SGD::new(model.parameters(), 0.1);
//!     for epoch in 0..2 {
//!         sampler.set_epoch(epoch);
//!         for (x, y) in &loader {
//!             let loss = MSELoss::new().forward(&model.forward(&x)?, &y)?;
//!             optimizer.zero_grad();
//!             let step = parallel.backward(&loss, x.size(0)?)?; // loss and samples of all ranks
//!             optimizer.step()?;
//!             if world.is_first() {
//!                 println!("{:.4}", step.loss);
//!             }
//!         }
//!     }
//!     Ok::<(), tensor::Error>(())
//! })?;
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! Messages are MPI's: with the feature `mpi` this crate uses whatever MPI is installed, and
//! `mpirun -n 4 target/release/my_program` starts four ranks. Without the feature, or started without `mpirun`, there is one
//! rank, and the same program works.
//!
//! Gradients that all ranks have are alike to the bit, so clipping them ([`clip_grad_norm_`]) needs no word among the ranks:
//! the norm that each of them finds is that of the whole batch's gradient.
//!
//! [`clip_grad_norm_`]: https://docs.rs/baekmi-optim
#![forbid(unsafe_code)]

mod agree;
mod bucket;
#[cfg(feature = "safetensors")]
mod checkpoint;
mod data_parallel;
#[cfg(feature = "mpi")]
mod messages;
mod reduce;
mod sampler;
mod sync_batch_norm;
#[cfg(test)]
mod threads;
mod transport;
mod world;

pub use data_parallel::{DataParallel, Step};
pub use sampler::DistributedSampler;
pub use sync_batch_norm::SyncBatchNorm;
pub use world::World;
