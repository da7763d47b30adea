//! Batches of a data set, once per epoch, in PyTorch's order.
//!
//! Each epoch draws from the default generator as PyTorch's `DataLoader` does: 64 bits that would seed its worker
//! processes, then, if it shuffles, 64 bits that seed a fresh generator whose permutation is the order.

use crate::dataset::Dataset;
use crate::sampler::{RandomSampler, Sampler, SequentialSampler, seed};
use crate::workers::Workers;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor::random::{Generator, with_default};
use tensor::{Error, Result, Tensor};

/// Goes through a data set in batches; each loop over it is one epoch.
///
/// ```
/// use data::{DataLoader, TensorDataset};
/// use tensor::{manual_seed, tensor};
/// let dataset = TensorDataset::new(tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))?;
/// let loader = DataLoader::new(&dataset).batch_size(4)?.shuffle(true);
/// manual_seed(0);
/// let epoch: Vec<String> = loader.iter().map(|x| x.to_string()).collect();
/// assert_eq!(epoch, ["tensor([6, 7, 1, 4])", "tensor([2, 0, 9, 8])", "tensor([3, 5])"]); // as in PyTorch
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// With [`num_workers`](DataLoader::num_workers), threads prepare batches ahead.
#[doc(alias = "torch.utils.data.DataLoader")]
pub struct DataLoader<D: Dataset> {
    dataset: Arc<D>,
    batch_size: usize,
    drop_last: bool,
    sampler: Box<dyn Sampler>,
    generator: Option<Mutex<Generator>>,
    prefetch_factor: usize,
    spawn: Option<Box<Spawn<D>>>,
}

/// Starts the workers for these batches, given how many each has ready at most, and 64 bits to seed them. Made where the
/// data set is known to be fit for threads.
type Spawn<D> = dyn Fn(&Arc<D>, Vec<Vec<usize>>, usize, u64) -> Workers<<D as Dataset>::Batch> + Send + Sync;

impl<D: Dataset> DataLoader<D> {
    /// One element at a time, in order.
    pub fn new(dataset: D) -> Self {
        DataLoader {
            dataset: Arc::new(dataset),
            batch_size: 1,
            drop_last: false,
            sampler: Box::new(SequentialSampler),
            generator: None,
            prefetch_factor: 2,
            spawn: None,
        }
    }

    /// How many elements a batch has; the last one may have fewer.
    ///
    /// # Errors
    /// If it is 0.
    #[track_caller]
    pub fn batch_size(mut self, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::value("DataLoader", "batch_size is at least 1, found 0"));
        }
        self.batch_size = batch_size;
        Ok(self)
    }

    /// Whether each epoch has an order of its own: a [`RandomSampler`], else a [`SequentialSampler`].
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.sampler = if shuffle { Box::new(RandomSampler::new()) } else { Box::new(SequentialSampler) };
        self
    }

    /// Whether a last batch that is not full is left out.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Another order; takes the place of [`shuffle`](DataLoader::shuffle).
    ///
    /// # Errors
    /// If the sampler does not suit the data set, as weights of another number.
    #[track_caller]
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Result<Self> {
        sampler.check(self.dataset.len())?;
        self.sampler = Box::new(sampler);
        Ok(self)
    }

    /// Draws from this generator instead of the thread's default one.
    pub fn generator(mut self, generator: Generator) -> Self {
        self.generator = Some(Mutex::new(generator));
        self
    }

    /// Where the generator of its own is: what belongs into a checkpoint. `None` if it draws from the default one, which
    /// [`get_rng_state`](tensor::get_rng_state) has.
    pub fn get_state(&self) -> Option<Tensor> {
        self.own_generator().map(|generator| generator.get_state())
    }

    /// Lets the generator of its own go on where [`get_state`](DataLoader::get_state) was.
    ///
    /// # Errors
    /// If the tensor is not such a state, or the loader has no generator of its own.
    #[track_caller]
    pub fn set_state(&self, state: &Tensor) -> Result<()> {
        match self.own_generator() {
            Some(mut generator) => generator.set_state(state),
            None => Err(Error::state(
                "DataLoader",
                "no generator of its own: it draws from the default one, which set_rng_state sets",
            )),
        }
    }

    /// How many batches each worker has ready at most; 2 by default.
    pub fn prefetch_factor(mut self, prefetch_factor: usize) -> Self {
        self.prefetch_factor = prefetch_factor;
        self
    }

    /// Lets threads prepare batches ahead of the loop; 0 means none. The order stays the same.
    ///
    /// A data set that borrows (`DataLoader::new(&dataset)`) cannot move into threads: give a clone or an `Arc`.
    ///
    /// ```
    /// use data::{DataLoader, TensorDataset};
    /// use tensor::arange;
    /// let dataset = TensorDataset::new(arange(0, 100, 1)?)?;
    /// let loader = DataLoader::new(dataset.clone()).batch_size(10)?.num_workers(2);
    /// assert_eq!(loader.iter().map(|x| x.numel()).sum::<usize>(), 100);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn num_workers(mut self, num_workers: usize) -> Self
    where
        D: Send + Sync + 'static,
        D::Batch: Send + 'static,
    {
        self.spawn = (num_workers > 0).then(|| -> Box<Spawn<D>> {
            Box::new(move |dataset, batches, ahead, seed| {
                Workers::new(dataset, batches, num_workers, ahead, seed)
            })
        });
        self
    }

    /// The data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        let elements = self.sampler.len(self.dataset.len());
        if self.drop_last { elements / self.batch_size } else { elements.div_ceil(self.batch_size) }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An epoch.
    pub fn iter(&self) -> Batches<'_, D> {
        let base_seed = match self.own_generator() {
            Some(mut generator) => seed(&mut generator),
            None => with_default(seed),
        };
        let mut batches = Batches { loader: self, order: None, next: 0, len: self.len(), workers: None };
        if let Some(spawn) = &self.spawn {
            let order = self.order();
            let all = (0..batches.len).map(|i| self.part(&order, i).to_vec()).collect();
            batches.workers = Some(spawn(&self.dataset, all, self.prefetch_factor, base_seed));
            batches.order = Some(order);
        }
        batches
    }

    fn own_generator(&self) -> Option<MutexGuard<'_, Generator>> {
        // A generator has no state in which a panic could leave it broken.
        self.generator.as_ref().map(|g| g.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn order(&self) -> Vec<usize> {
        self.sampler.indices(self.dataset.len(), self.own_generator().as_deref_mut())
    }

    /// The elements of batch `i`.
    fn part<'a>(&self, order: &'a [usize], i: usize) -> &'a [usize] {
        let first = (i * self.batch_size).min(order.len());
        &order[first..order.len().min(first.saturating_add(self.batch_size))]
    }
}

impl<'a, D: Dataset> IntoIterator for &'a DataLoader<D> {
    type Item = D::Batch;
    type IntoIter = Batches<'a, D>;
    fn into_iter(self) -> Batches<'a, D> {
        self.iter()
    }
}

/// One epoch of a [`DataLoader`].
pub struct Batches<'a, D: Dataset> {
    loader: &'a DataLoader<D>,
    /// Drawn with the first batch, as in PyTorch; workers have theirs at once.
    order: Option<Vec<usize>>,
    next: usize,
    len: usize,
    workers: Option<Workers<D::Batch>>,
}

impl<D: Dataset> Iterator for Batches<'_, D> {
    type Item = D::Batch;

    fn next(&mut self) -> Option<D::Batch> {
        if self.next == self.len {
            self.workers = None;
            return None;
        }
        let i = self.next;
        self.next += 1;
        if let Some(batch) = self.workers.as_mut().and_then(|workers| workers.batch(i)) {
            return Some(batch);
        }
        let order = self.order.get_or_insert_with(|| self.loader.order());
        Some(self.loader.dataset.batch(self.loader.part(order, i)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len - self.next, Some(self.len - self.next))
    }
}

impl<D: Dataset> ExactSizeIterator for Batches<'_, D> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TensorDataset, WeightedRandomSampler, collate};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tensor::{arange, manual_seed, rand};

    fn numbers(n: usize) -> TensorDataset<Tensor> {
        TensorDataset::new(arange(0, n as i64, 1).unwrap()).unwrap()
    }

    fn epoch<D: Dataset<Batch = Tensor>>(loader: &DataLoader<D>) -> Vec<Vec<i64>> {
        loader.iter().map(|x| x.to_vec().unwrap()).collect()
    }

    /// Expected: PyTorch 2.15, `DataLoader(TensorDataset(torch.arange(10)), batch_size=4, …)`.
    #[test]
    fn epochs_and_the_stream_after_them_are_those_of_pytorch() -> Result<()> {
        for workers in [0, 3] {
            manual_seed(0);
            let loader = DataLoader::new(numbers(10)).batch_size(4)?.shuffle(true).num_workers(workers);
            assert_eq!(epoch(&loader), [vec![6, 7, 1, 4], vec![2, 0, 9, 8], vec![3, 5]]);
            assert_eq!(epoch(&loader), [vec![2, 4, 7, 0], vec![8, 9, 5, 3], vec![6, 1]]);
            assert_eq!(rand([1])?.item()?, 0.455627977848053);
        }
        manual_seed(0);
        let loader = DataLoader::new(numbers(10)).batch_size(4)?;
        for _ in 0..2 {
            assert_eq!(epoch(&loader), [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
        }
        assert_eq!(rand([1])?.item()?, 0.30742281675338745);
        Ok(())
    }

    #[test]
    fn the_order_is_drawn_with_the_first_batch() -> Result<()> {
        manual_seed(0);
        let loader = DataLoader::new(numbers(10)).batch_size(4)?.shuffle(true);
        let batches = loader.iter();
        assert_eq!(rand([1])?.item()?, 0.08847743272781372);
        let all: Vec<Vec<i64>> = batches.map(|x| x.to_vec().unwrap()).collect();
        assert_eq!(all, [vec![1, 2, 3, 5], vec![7, 6, 0, 9], vec![4, 8]]);
        Ok(())
    }

    #[test]
    fn an_own_generator_gives_pytorchs_epochs() -> Result<()> {
        for drop_last in [false, true] {
            let loader = DataLoader::new(numbers(10)).batch_size(4)?.shuffle(true).drop_last(drop_last);
            let loader = loader.generator(Generator::new(7));
            let rest = |batch: Vec<i64>| (!drop_last).then_some(batch);
            let first = [vec![1, 3, 5, 7], vec![9, 4, 6, 2]].into_iter().chain(rest(vec![8, 0]));
            assert_eq!(epoch(&loader), Vec::from_iter(first));
            let state = loader.get_state().unwrap();
            let second = [vec![5, 1, 6, 0], vec![9, 7, 8, 4]].into_iter().chain(rest(vec![3, 2]));
            let second = Vec::from_iter(second);
            assert_eq!(epoch(&loader), second);
            loader.set_state(&state)?;
            assert_eq!(epoch(&loader), second);
            assert_eq!((loader.len(), loader.iter().len()), (3 - usize::from(drop_last), loader.len()));
        }
        Ok(())
    }

    #[test]
    fn options_that_cannot_work_are_refused() -> Result<()> {
        assert!(DataLoader::new(numbers(3)).batch_size(0).is_err());
        let sampler = WeightedRandomSampler::new(&[1.0, 2.0], 4, true)?;
        let error = DataLoader::new(numbers(3)).sampler(sampler.clone()).err().map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("2 weights for a data set of 3 elements")));
        assert_eq!(DataLoader::new(numbers(2)).sampler(sampler)?.len(), 4);
        assert!(DataLoader::new(numbers(0)).shuffle(true).is_empty());
        let error = DataLoader::new(numbers(3)).set_state(&tensor::get_rng_state()).unwrap_err().to_string();
        assert!(error.contains("no generator of its own"), "{error}");
        Ok(())
    }

    /// Counts how many of its elements were made; one of them cannot be made, one panics.
    struct Slow {
        made: Arc<AtomicUsize>,
        fails: usize,
        panics: usize,
    }

    impl Dataset for Slow {
        type Item = usize;
        type Batch = Result<Tensor>;
        fn len(&self) -> usize {
            100
        }
        fn get(&self, index: usize) -> Result<usize> {
            std::thread::sleep(Duration::from_millis(1));
            self.made.fetch_add(1, Ordering::Relaxed);
            assert_ne!(index, self.panics, "this element panics");
            if index == self.fails { Err(Error::value("Slow", "no such picture")) } else { Ok(index) }
        }
        fn batch(&self, indices: &[usize]) -> Result<Tensor> {
            collate(self, indices)
        }
    }

    #[test]
    fn workers_keep_the_order_and_pass_errors_on() -> Result<()> {
        let slow = Slow { made: Arc::default(), fails: 33, panics: usize::MAX };
        let loader = DataLoader::new(slow).batch_size(10)?.num_workers(4);
        for (i, batch) in loader.iter().enumerate() {
            match batch {
                Ok(batch) => {
                    let first = 10 * i as i64;
                    assert_eq!(batch.to_vec::<i64>()?, Vec::from_iter(first..first + 10));
                }
                Err(error) => assert!(i == 3 && error.to_string().contains("no such picture"), "{error}"),
            }
        }
        Ok(())
    }

    #[test]
    fn a_loop_that_ends_early_ends_the_workers() -> Result<()> {
        let made = Arc::new(AtomicUsize::new(0));
        let slow = Slow { made: Arc::clone(&made), fails: usize::MAX, panics: usize::MAX };
        let loader = DataLoader::new(slow).num_workers(2);
        let first = loader.iter().next().ok_or_else(|| Error::value("test", "no batch"))??;
        assert_eq!(first.to_vec::<i64>()?, [0]);
        // The iterator is gone, and with it its threads: nothing is made any more.
        let after = made.load(Ordering::Relaxed);
        assert!(after < 20, "{after}");
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(made.load(Ordering::Relaxed), after);
        Ok(())
    }

    #[test]
    #[should_panic(expected = "this element panics")]
    fn a_panic_in_a_worker_goes_on_in_the_loop() {
        let slow = Slow { made: Arc::default(), fails: usize::MAX, panics: 42 };
        let loader = DataLoader::new(slow).batch_size(5).unwrap().num_workers(3);
        assert!(loader.iter().all(|batch| batch.is_ok()));
    }

    #[test]
    fn workers_draw_from_their_own_seeds() -> Result<()> {
        struct Noise;
        impl Dataset for Noise {
            type Item = Tensor;
            type Batch = Result<Tensor>;
            fn len(&self) -> usize {
                8
            }
            fn get(&self, _: usize) -> Result<Tensor> {
                rand([2])
            }
            fn batch(&self, indices: &[usize]) -> Result<Tensor> {
                collate(self, indices)
            }
        }
        let loader = DataLoader::new(Noise).num_workers(2);
        let draw = || -> Result<Vec<Vec<f32>>> { loader.iter().map(|x| x?.to_vec()).collect() };
        manual_seed(1);
        let (first, second) = (draw()?, draw()?);
        manual_seed(1);
        assert_eq!(first, draw()?);
        assert_ne!(first, second);
        assert_ne!(first[0], first[1]);
        Ok(())
    }
}
