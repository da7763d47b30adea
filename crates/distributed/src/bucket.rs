//! Gradients side by side in few large arrays, so that few messages carry them.
//!
//! The parameters are taken in reverse order, as the walk back completes their gradients: the last layer's bucket is full,
//! and on its way, while the first layers' gradients are still being computed.

use crate::transport::Summed;
use std::ops::Range;
use tensor::{Parameter, Result, Tensor};

/// The memory in which a bucket is summed.
#[cfg_attr(
    not(any(test, feature = "mpi")),
    expect(dead_code, reason = "a single rank has nobody to send to")
)]
pub(crate) struct Buffers<T> {
    /// What this rank has, in as many equal parts as there are ranks.
    pub(crate) send: Vec<T>,
    /// This rank's part of what all have.
    pub(crate) parts: Vec<T>,
    /// Their sum.
    pub(crate) sum: Vec<T>,
    /// The sums of all parts.
    pub(crate) total: Vec<T>,
}

impl<T: Summed> Buffers<T> {
    fn new(len: usize, ranks: usize) -> Self {
        let part = len.div_ceil(ranks);
        let whole = || vec![T::default(); part * ranks];
        Buffers { send: whole(), parts: whole(), sum: vec![T::default(); part], total: whole() }
    }
}

/// Some parameters' gradients, and behind them for each a number that is above zero if any rank has a gradient: what none
/// has must not become zeros, which an optimizer with weight decay would step by.
pub(crate) struct Bucket<T> {
    /// The numbers of the parameters.
    pub(crate) members: Vec<usize>,
    places: Vec<Range<usize>>,
    first_mark: usize,
    pub(crate) buffers: Buffers<T>,
}

impl<T: Summed> Bucket<T> {
    fn new(members: Vec<usize>, parameters: &[Parameter], ranks: usize) -> Self {
        let mut first_mark = 0;
        let places = members
            .iter()
            .map(|&i| {
                let first = first_mark;
                first_mark += parameters[i].numel();
                first..first_mark
            })
            .collect();
        let buffers = Buffers::new(first_mark + members.len(), ranks);
        Bucket { members, places, first_mark, buffers }
    }

    /// The parameters in reverse order, as many in a bucket as fit into `bytes`, at least one.
    pub(crate) fn of(parameters: &[Parameter], bytes: usize, ranks: usize) -> Vec<Self> {
        let mut buckets = Vec::new();
        let (mut members, mut filled) = (Vec::new(), 0);
        for (i, parameter) in parameters.iter().enumerate().rev() {
            let size = parameter.numel() * size_of::<T>();
            if !members.is_empty() && filled + size > bytes {
                buckets.push(Bucket::new(std::mem::take(&mut members), parameters, ranks));
                filled = 0;
            }
            members.push(i);
            filled += size;
        }
        if !members.is_empty() {
            buckets.push(Bucket::new(members, parameters, ranks));
        }
        buckets
    }

    /// How many numbers it sends.
    pub(crate) fn len(&self) -> usize {
        self.buffers.send.len()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout { places: self.places.clone(), first_mark: self.first_mark }
    }

    /// The sum of member `k`'s gradients, if a rank has one.
    pub(crate) fn total(&self, k: usize) -> Option<&[T]> {
        let marked = self.buffers.total[self.first_mark + k] > T::default();
        marked.then(|| &self.buffers.total[self.places[k].clone()])
    }
}

/// Where the members of a bucket are.
pub(crate) struct Layout {
    places: Vec<Range<usize>>,
    first_mark: usize,
}

impl Layout {
    /// Puts `weight · (grad + before)` into the place of member `k`; zeros, if there is neither.
    pub(crate) fn put<T: Summed>(
        &self,
        k: usize,
        grad: Option<&Tensor>,
        before: Option<&Tensor>,
        weight: f64,
        send: &mut [T],
    ) -> Result<()> {
        let mut filled = false;
        for tensor in [grad, before].into_iter().flatten() {
            T::scaled(tensor, weight, filled, &mut send[self.places[k].clone()])?;
            filled = true;
        }
        if !filled {
            send[self.places[k].clone()].fill(T::default());
        }
        send[self.first_mark + k] = T::from_f64(f64::from(u8::from(filled)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::ones;

    #[test]
    fn buckets_go_backwards_and_hold_what_fits() {
        let parameters: Vec<Parameter> =
            [10, 4, 100, 3, 3].iter().map(|&n| Parameter::new(&ones([n]).unwrap())).collect();
        let buckets = Bucket::<f32>::of(&parameters, 40, 4);
        let members: Vec<_> = buckets.iter().map(|b| b.members.clone()).collect();
        assert_eq!(members, [vec![4, 3], vec![2], vec![1], vec![0]]);
        // 3 + 3 numbers and 2 marks; 100 and 1, in four equal parts.
        assert_eq!(buckets.iter().map(Bucket::len).collect::<Vec<_>>(), [8, 104, 8, 12]);
        assert_eq!(Bucket::<f64>::of(&parameters, usize::MAX, 1).len(), 1);
        assert!(Bucket::<f32>::of(&[], 40, 2).is_empty());
    }
}
