//! One model on all ranks, trained as if one process saw the whole batch.

use crate::agree;
use crate::bucket::{Bucket, Layout};
use crate::transport::{Lane, Summed};
use crate::world::World;
use nn::Module;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use tensor::{DType, Error, Parameter, Result, Tensor};

/// How many bytes of gradients travel together. From 256 KiB on the size makes no difference that shows
/// (`docs/scaling.md`).
const BUCKET_BYTES: usize = 1 << 20;

/// Keeps the copies of a model on all ranks alike: they begin with rank 0's values, and
/// [`backward`](DataParallel::backward) gives them the gradient of the whole batch.
///
/// ```
/// use distributed::{DataParallel, World};
/// use nn::{Layer, Linear, Module};
/// use tensor::ones;
/// World::run(|world| {
///     let model = Linear::new(3, 1);
///     let parallel = DataParallel::new(world, &model)?;
///     let loss = model.forward(&ones([8, 3])?)?.mean();
///     let step = parallel.backward(&loss, 8)?;
///     assert_eq!(step.samples, 8.0 * world.size() as f64);
///     assert_eq!(model.bias.as_ref().unwrap().grad().unwrap().to_string(), "tensor([1.])");
///     Ok::<(), tensor::Error>(())
/// })?;
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.parallel.DistributedDataParallel")]
#[doc(alias = "DDP")]
pub struct DataParallel {
    world: World,
    parameters: Vec<Parameter>,
    /// The bucket of each parameter, and its place there, by the parameter's number.
    places: HashMap<u64, (usize, usize)>,
    buckets: RefCell<Buckets>,
    /// What has been seen since the ranks were last alike.
    waiting: Cell<f64>,
    /// About as many samples as the gradients were a mean of the last time: a power of two, by which nothing is rounded.
    about: Cell<f64>,
    syncs: Cell<bool>,
}

/// All in float32, or all in float64 as soon as one parameter is.
enum Buckets {
    F32(Vec<Bucket<f32>>),
    F64(Vec<Bucket<f64>>),
}

/// What a [`backward`](DataParallel::backward) has seen, on all ranks together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The mean of the ranks' losses, weighted by their samples.
    pub loss: f64,
    /// How many samples all ranks had.
    pub samples: f64,
}

impl DataParallel {
    /// Gives all ranks the values of rank 0's parameters and buffers.
    ///
    /// # Errors
    /// On all ranks, if names, shapes or types of their parameters or buffers differ.
    #[track_caller]
    pub fn new(world: &World, model: &(impl Module + ?Sized)) -> Result<Self> {
        let named = model.named_parameters();
        let buffers = model.named_buffers();
        if world.size() > 1 {
            world.agree("DataParallel::new", "", [0.0; 3])?;
            for (what, values) in [
                ("parameters", named.iter().map(|(name, p)| (name, p.tensor())).collect::<Vec<_>>()),
                ("buffers", buffers.iter().map(|(name, b)| (name, b.tensor())).collect()),
            ] {
                let line = |(name, t): (&String, Tensor)| format!("{name} is {} {:?}", t.dtype(), t.shape());
                let lines: Vec<String> = values.into_iter().map(line).collect();
                agree::on_lines(world.transport(), "DataParallel::new", what, &lines)?;
            }
            named.iter().try_for_each(|(_, p)| p.set(&world.of_first(&p.tensor().detach())?))?;
            buffers.iter().try_for_each(|(_, b)| b.set(&world.of_first(&b.tensor())?))?;
        }
        let mut parallel = DataParallel {
            world: world.clone(),
            parameters: named.into_iter().map(|(_, parameter)| parameter).collect(),
            places: HashMap::new(),
            buckets: RefCell::new(Buckets::F32(Vec::new())),
            waiting: Cell::new(0.0),
            about: Cell::new(1.0),
            syncs: Cell::new(true),
        };
        parallel.fill_buckets(BUCKET_BYTES)?;
        Ok(parallel)
    }

    /// How many bytes of gradients travel together, at most; a parameter that is larger travels alone. 1 MiB by default.
    ///
    /// # Errors
    /// If the ranks do not say the same, or a single parameter has more numbers than MPI can count.
    #[doc(alias = "bucket_cap_mb")]
    #[track_caller]
    pub fn bucket_bytes(mut self, bytes: usize) -> Result<Self> {
        self.world.agree("bucket_bytes", &bytes.to_string(), [0.0; 3])?;
        self.fill_buckets(bytes)?;
        Ok(self)
    }

    #[track_caller]
    fn fill_buckets(&mut self, bytes: usize) -> Result<()> {
        let ranks = self.world.size();
        if ranks == 1 {
            return Ok(());
        }
        let (members, longest): (Vec<_>, _);
        let buckets = if self.parameters.iter().any(|p| p.dtype() == DType::F64) {
            let buckets = Bucket::<f64>::of(&self.parameters, bytes, ranks);
            (members, longest) = described(&buckets);
            Buckets::F64(buckets)
        } else {
            let buckets = Bucket::<f32>::of(&self.parameters, bytes, ranks);
            (members, longest) = described(&buckets);
            Buckets::F32(buckets)
        };
        if i32::try_from(longest).is_err() {
            let message = format!("{longest} numbers in one message: MPI counts to 2³¹ − 1");
            return Err(Error::size("DataParallel", message));
        }
        let each = members.iter().enumerate();
        self.places = each
            .flat_map(|(b, members)| members.iter().enumerate().map(move |(k, &i)| (i, (b, k))))
            .map(|(i, place)| (self.parameters[i].id(), place))
            .collect();
        self.buckets = RefCell::new(buckets);
        Ok(())
    }

    /// [`Tensor::backward`] of every rank's loss, after which all ranks have the gradient of the whole batch: the mean of
    /// the ranks' gradients, weighted by how many samples each loss is the mean of. A rank that has run out of data gives
    /// any scalar and 0 samples.
    ///
    /// ```text
    /// g = Σᵣ nᵣ·gᵣ / Σᵣ nᵣ
    /// ```
    ///
    /// The gradients travel in [buckets](DataParallel::bucket_bytes), each as soon as it is complete. A parameter that no
    /// rank's loss depends on keeps no gradient.
    ///
    /// # Errors
    /// Those of `Tensor::backward`, a loss that is not a scalar, no sample on any rank, or a rank that does something else.
    /// An error after sums are under way, which the other ranks wait for, ends the job with that error.
    #[track_caller]
    pub fn backward(&self, loss: &Tensor, samples: usize) -> Result<Step> {
        self.backward_weighted(loss, samples as f64)
    }

    /// [`backward`](DataParallel::backward) with any weight in place of the number of samples, such as the number of words,
    /// or the sum of the weights of the classes, by which a criterion divides.
    ///
    /// # Errors
    /// Those of `backward`, and a weight that is negative or not finite.
    #[track_caller]
    pub fn backward_weighted(&self, loss: &Tensor, weight: f64) -> Result<Step> {
        if !weight.is_finite() || weight < 0.0 {
            return Err(Error::value(
                "backward",
                format!("a weight is at least 0 and finite, found {weight}"),
            ));
        }
        let value = loss.item()?;
        if self.world.size() == 1 || !self.syncs.get() {
            loss.backward()?;
            self.waiting.set(self.waiting.get() + weight);
            if self.world.size() == 1 {
                self.waiting.set(0.0);
            }
            return Ok(Step { loss: value, samples: weight });
        }
        let share = self.waiting.get() + weight;
        let own = if weight > 0.0 { value * weight } else { 0.0 };
        let loss = (weight > 0.0).then_some(loss);
        // Of what the loss is a mean, the loss, and of what the gradients are a mean. Asked as late as possible: ranks that
        // wait for each other twice in a step wait longer than for the slowest.
        let ask = || {
            let all = self.world.agree("DataParallel::backward", "", [weight, own, share])?;
            let sums = all.iter().fold([0.0; 3], |sum, x| [0, 1, 2].map(|i| sum[i] + x[i]));
            if sums[2] <= 0.0 {
                return Err(Error::value("backward", "no rank had a sample"));
            }
            Ok(sums)
        };
        let [samples, total, shares] = match &mut *self.buckets.borrow_mut() {
            Buckets::F32(buckets) => self.reduce(buckets, loss, share, &ask)?,
            Buckets::F64(buckets) => self.reduce(buckets, loss, share, &ask)?,
        };
        self.about.set(2f64.powi(shares.log2() as i32));
        self.waiting.set(0.0);
        Ok(Step { loss: total / samples, samples })
    }

    /// Sums the gradients of all ranks, after `ask` has said that all are about to do so; and what it said.
    #[track_caller]
    fn reduce<T: Summed>(
        &self,
        buckets: &mut [Bucket<T>],
        loss: Option<&Tensor>,
        share: f64,
        ask: &dyn Fn() -> Result<[f64; 3]>,
    ) -> Result<[f64; 3]> {
        // Not yet divided by all samples, but small enough not to overflow.
        let weight = share / self.about.get();
        let mut answer = None;
        let layouts: Vec<Layout> = buckets.iter().map(Bucket::layout).collect();
        let members: Vec<Vec<usize>> = buckets.iter().map(|b| b.members.clone()).collect();
        let before = |parameter: &Parameter| if share > 0.0 { parameter.grad() } else { None };
        let mut buffers: Vec<_> = buckets.iter_mut().map(|b| &mut b.buffers).collect();
        self.world.transport().reduce_meanwhile(&mut buffers, &mut |lane: &mut dyn Lane<T>| {
            let mut missing: Vec<Vec<bool>> = members.iter().map(|m| vec![true; m.len()]).collect();
            let mut left: Vec<usize> = members.iter().map(Vec::len).collect();
            let mut started = 0;
            let mut take = |id: u64, grad: &Tensor| {
                lane.progress();
                let Some(&(b, k)) = self.places.get(&id) else { return Ok(false) };
                let before = before(&self.parameters[members[b][k]]);
                layouts[b].put(k, Some(grad), before.as_ref(), weight, lane.outgoing(b))?;
                missing[b][k] = false;
                left[b] -= 1;
                // In order, so that all ranks send the same ones one after the other.
                while left.get(started) == Some(&0) {
                    if started == 0 {
                        answer = Some(ask()?);
                    }
                    lane.start();
                    started += 1;
                }
                Ok(true)
            };
            if let Some(loss) = loss {
                loss.backward_options().run_with(&mut take)?;
            }
            for b in started..members.len() {
                for k in (0..members[b].len()).filter(|&k| missing[b][k]) {
                    let before = before(&self.parameters[members[b][k]]);
                    layouts[b].put(k, None, before.as_ref(), weight, lane.outgoing(b))?;
                }
                if b == 0 {
                    answer = Some(ask()?);
                }
                lane.start();
            }
            Ok(())
        })?;
        let answer = match answer {
            Some(answer) => answer,
            None => ask()?, // a model without parameters
        };
        let scale = T::from_f64(self.about.get() / answer[2]);
        for bucket in buckets {
            for (k, &i) in bucket.members.iter().enumerate() {
                let parameter = &self.parameters[i];
                if let Some(total) = bucket.total(k) {
                    let value = parameter.tensor().detach();
                    let (grad, ()) = Tensor::write_like(&value, |grad: &mut [T]| {
                        grad.iter_mut().zip(total).for_each(|(grad, &total)| *grad = total * scale);
                    });
                    parameter.set_grad(Some(&grad.to(parameter.dtype())))?;
                }
            }
        }
        Ok(answer)
    }

    /// Inside of `f`, [`backward`](DataParallel::backward) only adds to this rank's gradients, and returns this rank's loss;
    /// the next one outside sends all. To accumulate the gradients of `k` batches, divide their losses by `k`:
    ///
    /// ```
    /// # use distributed::{DataParallel, World};
    /// # use nn::{Layer, Linear, Module};
    /// # use tensor::rand;
    /// # World::run(|world| {
    /// # let model = Linear::new(3, 1);
    /// # let parallel = DataParallel::new(world, &model)?;
    /// # let batches = [rand([4, 3])?, rand([4, 3])?];
    /// let loss = |x| model.forward(x)?.square().mean().div(2.0);
    /// parallel.no_sync(|| parallel.backward(&loss(&batches[0])?, 4))?;
    /// parallel.backward(&loss(&batches[1])?, 4)?;
    /// # Ok::<(), tensor::Error>(())
    /// # })?;
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// A rank counts by all samples that it has seen since the last sum, as if its gradient were the mean of theirs.
    pub fn no_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        /// Also after a panic.
        struct Back<'a>(&'a Cell<bool>, bool);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _back = Back(&self.syncs, self.syncs.replace(false));
        f()
    }
}

/// The members of the buckets, and the number of numbers of the longest.
fn described<T: Summed>(buckets: &[Bucket<T>]) -> (Vec<Vec<usize>>, usize) {
    let members = buckets.iter().map(|bucket| bucket.members.clone()).collect();
    (members, buckets.iter().map(Bucket::len).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::ranks;
    use nn::{Layer, Linear, ReLU, Sequential, sequential};
    use optim::{Adam, Optimizer, SGD, clip_grad_norm_};
    use tensor::{manual_seed, rand, tensor};

    fn model(seed: u64) -> Sequential {
        manual_seed(seed);
        sequential![Linear::new(6, 9), ReLU, Linear::new(9, 5), ReLU, Linear::new(5, 2)]
    }

    fn batch(dtype: DType) -> Result<(Tensor, Tensor)> {
        manual_seed(9);
        Ok((rand([12, 6])?.to(dtype), rand([12, 2])?.to(dtype)))
    }

    fn loss(model: &Sequential, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(model.forward(x)?.sub(y)?.square().mean())
    }

    fn bits(model: &Sequential) -> Result<Vec<f64>> {
        let all = model.parameters().into_iter().map(|p| p.tensor().to(DType::F64).to_vec::<f64>());
        Ok(all.collect::<Result<Vec<_>>>()?.concat())
    }

    /// Ten steps of Adam with clipping, the batch cut at `cuts` into as many ranks' parts.
    fn trained(cuts: &[usize], dtype: DType, bytes: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
        let parts = ranks(cuts.len() - 1, |world| {
            let model = model(world.rank() as u64); // of different seeds: rank 0's counts
            model.to(dtype)?;
            let parallel = DataParallel::new(world, &model)?.bucket_bytes(bytes)?;
            let (x, y) = batch(dtype)?;
            let [from, to] = [0, 1].map(|k| cuts[world.rank() + k]);
            let [x, y] = [x, y].map(|t| t.narrow(0, from, to - from));
            let (x, y) = (x?, y?);
            let mut optimizer = Adam::new(model.parameters(), 0.01);
            let mut losses = Vec::new();
            for _ in 0..10 {
                optimizer.zero_grad();
                let step = if to > from {
                    parallel.backward(&loss(&model, &x, &y)?, to - from)?
                } else {
                    parallel.backward(&tensor(0.0), 0)?
                };
                assert_eq!(step.samples, 12.0);
                losses.push(step.loss);
                clip_grad_norm_(model.parameters(), 0.1)?;
                optimizer.step()?;
            }
            Ok((losses, bits(&model)?))
        });
        parts.into_iter().collect::<Result<Vec<_>>>().unwrap()
    }

    #[test]
    fn ranks_train_as_one_does() {
        for (dtype, bound) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
            let alone = &trained(&[0, 12], dtype, 0)[0];
            assert!(alone.0[9] < alone.0[0]);
            // Equal parts, unequal ones, and a rank without data.
            for cuts in [&[0, 6, 12][..], &[0, 5, 12], &[0, 3, 6, 9, 12], &[0, 0, 7, 12]] {
                for bytes in [0, 100, usize::MAX] {
                    let all = trained(cuts, dtype, bytes);
                    for rank in &all {
                        assert_eq!(rank, &all[0], "every rank has the same bits");
                    }
                    for (a, b) in all[0].0.iter().chain(&all[0].1).zip(alone.0.iter().chain(&alone.1)) {
                        assert!((a - b).abs() < bound, "{cuts:?} {bytes}: {a} and {b}");
                    }
                    assert_eq!(all, trained(cuts, dtype, bytes), "and so in every run");
                }
            }
        }
    }

    #[test]
    fn accumulated_gradients_are_those_of_one_batch() {
        let (x, y) = batch(DType::F64).unwrap();
        let whole = model(0);
        whole.to(DType::F64).unwrap();
        loss(&whole, &x, &y).unwrap().backward().unwrap();
        let found = ranks(2, |world| {
            let model = model(0);
            model.to(DType::F64)?;
            let parallel = DataParallel::new(world, &model)?;
            let part = |t: &Tensor, k: usize| t.narrow(0, 6 * world.rank() + 3 * k, 3);
            for k in 0..2 {
                let loss = loss(&model, &part(&x, k)?, &part(&y, k)?)?.div(2.0)?;
                if k == 0 {
                    let step = parallel.no_sync(|| parallel.backward(&loss, 3))?;
                    assert_eq!(step, Step { loss: loss.item()?, samples: 3.0 });
                } else {
                    assert_eq!(parallel.backward(&loss, 3)?.samples, 6.0);
                }
            }
            model.parameters().iter().map(|p| p.grad().unwrap().to_vec::<f64>()).collect::<Result<Vec<_>>>()
        });
        for rank in found {
            for (found, p) in rank.unwrap().into_iter().zip(whole.parameters()) {
                let expected = p.grad().unwrap().to_vec::<f64>().unwrap();
                assert!(
                    found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14),
                    "{found:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn what_no_rank_used_has_no_gradient_and_what_one_used_has() {
        let grads = ranks(3, |world| {
            let layers = vec![Linear::new(1, 1), Linear::new(1, 1), Linear::new(1, 1)];
            let parallel = DataParallel::new(world, &layers)?;
            // The last layer is used by nobody, the second by rank 2.
            let mut y = layers[0].forward(&tensor([[2.0]]))?;
            if world.rank() == 2 {
                y = (y + layers[1].forward(&tensor([[3.0]]))?) * 1.0;
            }
            parallel.backward(&y.sum(), 1)?;
            Ok(layers.iter().map(|l| l.weight.grad().map(|g| g.item().unwrap())).collect::<Vec<_>>())
        });
        for grads in grads {
            let grads = grads.unwrap();
            assert_eq!(grads[2], None);
            assert!((grads[0].unwrap() - 2.0).abs() < 1e-6 && (grads[1].unwrap() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn ranks_that_disagree_get_an_error_each() {
        let errors = |result: Vec<Result<DataParallel>>| -> Vec<String> {
            result.into_iter().map(|r| r.err().expect("an error").to_string()).collect()
        };
        let widths = ranks(3, |world| DataParallel::new(world, &Linear::new(4, 2 + world.rank() / 2)));
        for error in errors(widths) {
            let expected = "rank 0, 1: weight is float32 [2, 4]; rank 2: weight is float32 [3, 4]";
            assert!(error.starts_with("DataParallel::new: ") && error.contains(expected), "{error}");
        }
        let counts = ranks(2, |world| DataParallel::new(world, &Linear::new(4, 2).bias(world.is_first())));
        for error in errors(counts) {
            assert!(error.contains("rank 0: 2 parameters; rank 1: 1 parameters"), "{error}");
        }
        // A rank whose data end before the others'.
        let early = ranks(2, |world| {
            let model = Linear::new(1, 1);
            let parallel = DataParallel::new(world, &model)?;
            let mut optimizer = SGD::new(model.parameters(), 0.1);
            for _ in 0..2 - world.rank() {
                parallel.backward(&model.forward(&tensor([[1.0]]))?.sum(), 1)?;
                optimizer.step()?;
            }
            Ok(())
        });
        for error in early {
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains("rank 0: DataParallel::backward; rank 1: the end of World::run"),
                "{error}"
            );
        }
    }

    #[test]
    fn mistakes_are_errors() {
        for result in ranks(2, |world| {
            let model = Linear::new(1, 2);
            let parallel = DataParallel::new(world, &model)?;
            let output = model.forward(&tensor([[1.0]]))?;
            assert!(parallel.backward(&output, 1).unwrap_err().to_string().contains("item"));
            assert!(parallel.backward_weighted(&output.sum(), f64::NAN).is_err());
            assert!(
                parallel.backward(&output.sum(), 0).unwrap_err().to_string().contains("no rank had a sample")
            );
            Ok(())
        }) {
            result.unwrap();
        }
    }
}
