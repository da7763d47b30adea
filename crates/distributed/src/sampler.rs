//! Which part of the data a rank sees.

use crate::world::World;
use data::Sampler;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tensor::random::Generator;
use tensor::{Error, Result};

/// Gives each rank an equal share of a data set, in PyTorch's order: every rank draws the same permutation, from the seed and
/// the epoch, and takes each `size`-th element of it. Clones are the same sampler, so that the epoch can be set while a loader
/// has it.
///
/// ```
/// use data::{DataLoader, TensorDataset};
/// use distributed::DistributedSampler;
/// use tensor::arange;
/// // As rank 1 of 2 would have it.
/// let sampler = DistributedSampler::of_rank(1, 2)?;
/// let loader = DataLoader::new(TensorDataset::new(arange(0, 6, 1)?)?).sampler(sampler.clone())?;
/// let epoch = |n| {
///     sampler.set_epoch(n);
///     loader.iter().map(|x| x.item().unwrap()).collect::<Vec<_>>()
/// };
/// assert_eq!(epoch(0), [5.0, 0.0, 4.0]); // as PyTorch
/// assert_eq!(epoch(2), [3.0, 2.0, 5.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// Where the ranks do not divide the data, the last elements are left out ([`drop_last`](DistributedSampler::drop_last)), or
/// some of the first come twice.
#[doc(alias = "torch.utils.data.distributed.DistributedSampler")]
#[derive(Clone, Debug)]
pub struct DistributedSampler {
    rank: usize,
    ranks: usize,
    epoch: Arc<AtomicU64>,
    seed: u64,
    shuffle: bool,
    drop_last: bool,
}

impl DistributedSampler {
    /// This rank's part, shuffled, with seed 0.
    pub fn new(world: &World) -> Self {
        DistributedSampler {
            rank: world.rank(),
            ranks: world.size(),
            epoch: Arc::default(),
            seed: 0,
            shuffle: true,
            drop_last: false,
        }
    }

    /// The part of one of `ranks` ranks.
    ///
    /// # Errors
    /// If there is no such rank.
    #[doc(alias = "num_replicas")]
    #[track_caller]
    pub fn of_rank(rank: usize, ranks: usize) -> Result<Self> {
        if rank >= ranks {
            return Err(Error::value("DistributedSampler", format!("rank {rank} of {ranks} ranks")));
        }
        Ok(DistributedSampler {
            rank,
            ranks,
            epoch: Arc::default(),
            seed: 0,
            shuffle: true,
            drop_last: false,
        })
    }

    /// Whether each epoch has an order of its own.
    #[must_use]
    pub fn shuffle(self, shuffle: bool) -> Self {
        DistributedSampler { shuffle, ..self }
    }

    /// The seed of the orders: the same on all ranks.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        DistributedSampler { seed, ..self }
    }

    /// Whether the last elements are left out, where the ranks do not divide the data, instead of some coming twice.
    #[must_use]
    pub fn drop_last(self, drop_last: bool) -> Self {
        DistributedSampler { drop_last, ..self }
    }

    /// Chooses the order of the next epoch. Without it, all epochs have the same order.
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }
}

impl Sampler for DistributedSampler {
    fn len(&self, n: usize) -> usize {
        if self.drop_last { n / self.ranks } else { n.div_ceil(self.ranks) }
    }

    fn indices(&self, n: usize, _: Option<&mut Generator>) -> Vec<usize> {
        let order = if self.shuffle {
            let seed = self.seed.wrapping_add(self.epoch.load(Ordering::Relaxed));
            Generator::new(seed).permutation(n)
        } else {
            (0..n).collect()
        };
        // The first ones again, as often as it takes.
        let padded = order.iter().copied().cycle().skip(self.rank).step_by(self.ranks);
        padded.take(self.len(n)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Expected: `tests/sampler.py`.
    #[test]
    fn the_parts_are_those_of_pytorch() {
        let cases: Vec<Value> = serde_json::from_str(include_str!("../tests/sampler.json")).unwrap();
        assert!(cases.len() > 100);
        for case in cases {
            let number = |name: &str| case[name].as_u64().unwrap();
            let flag = |name: &str| case[name].as_bool().unwrap();
            for (rank, expected) in case["parts"].as_array().unwrap().iter().enumerate() {
                let sampler = DistributedSampler::of_rank(rank, number("size") as usize)
                    .unwrap()
                    .shuffle(flag("shuffle"))
                    .drop_last(flag("drop_last"))
                    .seed(number("seed"));
                sampler.set_epoch(number("epoch"));
                let n = number("n") as usize;
                let found = sampler.indices(n, None);
                assert_eq!(found.len(), sampler.len(n));
                let expected: Vec<usize> = serde_json::from_value(expected.clone()).unwrap();
                assert_eq!(found, expected, "rank {rank} of {case}");
            }
        }
        assert!(DistributedSampler::of_rank(2, 2).is_err());
    }
}
