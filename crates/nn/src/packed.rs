//! Sequences of several lengths in one batch, without the padding.
//!
//! ```
//! use nn::{GRU, pack_padded_sequence, pad_packed_sequence};
//! use tensor::rand;
//! let padded = rand([2, 5, 3])?;
//! let packed = pack_padded_sequence(&padded, &[3, 5], true, false)?;
//! let (packed, _) = GRU::new(3, 4).forward_packed(&packed, None)?;
//! let (output, lengths) = pad_packed_sequence(&packed, true, 0.0, None)?;
//! assert_eq!((output.shape(), lengths), (&[2, 5, 4][..], vec![3, 5]));
//! # Ok::<(), tensor::Error>(())
//! ```

use tensor::{Error, Result, Tensor, cat};

/// The rows of several sequences, a step behind the other, the longest sequence first.
#[doc(alias = "torch.nn.utils.rnn.PackedSequence")]
#[derive(Clone)]
pub struct PackedSequence {
    /// `(rows, …)`
    pub data: Tensor,
    /// How many sequences have a first step, a second, …
    pub batch_sizes: Vec<usize>,
    /// For each sequence, from the longest on, its place in the batch; `None` if they stood so.
    pub sorted_indices: Option<Vec<usize>>,
}

/// Indices as a tensor.
fn indices(places: impl Iterator<Item = usize>) -> Result<Tensor> {
    let places: Vec<i64> = places.map(|place| place as i64).collect();
    let count = places.len();
    Tensor::from_vec(places, [count])
}

impl PackedSequence {
    pub(crate) fn with_data(&self, data: Tensor) -> Self {
        PackedSequence { data, ..self.clone() }
    }

    /// For each place in the batch, which sequence stands there.
    fn ranks(&self) -> Option<Vec<usize>> {
        let sorted = self.sorted_indices.as_ref()?;
        let mut ranks = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(rank, &place)| ranks[place] = rank);
        Some(ranks)
    }

    /// States in the order of the batch, in the order of the rows.
    #[track_caller]
    pub(crate) fn sort(&self, state: Option<&Tensor>) -> Result<Option<Tensor>> {
        match (state, &self.sorted_indices) {
            (Some(state), Some(sorted)) => state.index_select(1, &indices(sorted.iter().copied())?).map(Some),
            (state, _) => Ok(state.cloned()),
        }
    }

    /// The reverse of `sort`.
    #[track_caller]
    pub(crate) fn unsort(&self, state: &Tensor) -> Result<Tensor> {
        match self.ranks() {
            Some(ranks) => state.index_select(1, &indices(ranks.into_iter())?),
            None => Ok(state.clone()),
        }
    }
}

/// Leaves out the padding of `(steps, batch, …)`, or `(batch, steps, …)` with `batch_first`. With `enforce_sorted`,
/// PyTorch's default, lengths must not grow.
///
/// # Errors
/// If there is not a length of 1 up to `steps` for each sequence, or they grow where they must not.
#[doc(alias = "torch.nn.utils.rnn.pack_padded_sequence")]
#[track_caller]
pub fn pack_padded_sequence(
    input: &Tensor,
    lengths: &[usize],
    batch_first: bool,
    enforce_sorted: bool,
) -> Result<PackedSequence> {
    const OP: &str = "pack_padded_sequence";
    if input.dim() < 2 {
        return Err(Error::shape(OP, format!("expected steps and a batch, found shape {:?}", input.shape())));
    }
    let timed = if batch_first { input.transpose(0, 1)? } else { input.clone() };
    let [steps, batch] = [timed.shape()[0], timed.shape()[1]];
    if lengths.len() != batch || batch == 0 || lengths.iter().any(|n| !(1..=steps).contains(n)) {
        return Err(Error::value(
            OP,
            format!("expected a length of 1 to {steps} for each of {batch} sequences, found {lengths:?}"),
        ));
    }
    let sorted = lengths.is_sorted_by(|a, b| a >= b);
    if enforce_sorted && !sorted {
        return Err(Error::value(
            OP,
            format!("lengths must not grow, found {lengths:?}; pass enforce_sorted = false to sort them"),
        ));
    }
    let mut order: Vec<usize> = (0..batch).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let (mut rows, mut batch_sizes) = (Vec::new(), Vec::new());
    for step in 0..lengths[order[0]] {
        let members = order.iter().filter(|&&i| lengths[i] > step);
        let before = rows.len();
        rows.extend(members.map(|i| step * batch + i));
        batch_sizes.push(rows.len() - before);
    }
    let data = timed.flatten(0, 1)?.index_select(0, &indices(rows.into_iter())?)?;
    let sorted_indices = (!enforce_sorted).then_some(order);
    Ok(PackedSequence { data, batch_sizes, sorted_indices })
}

/// The sequences with `padding_value` behind the shorter ones, `(steps, batch, …)` or `(batch, steps, …)`, and their
/// lengths. `total_length` asks for more steps than the longest has.
///
/// # Errors
/// If `total_length` is less than the longest sequence.
#[doc(alias = "torch.nn.utils.rnn.pad_packed_sequence")]
#[track_caller]
pub fn pad_packed_sequence(
    sequence: &PackedSequence,
    batch_first: bool,
    padding_value: f64,
    total_length: Option<usize>,
) -> Result<(Tensor, Vec<usize>)> {
    let longest = sequence.batch_sizes.len();
    let steps = total_length.unwrap_or(longest);
    if steps < longest {
        return Err(Error::value(
            "pad_packed_sequence",
            format!("total_length {steps} is less than the longest sequence, {longest}"),
        ));
    }
    let batch = sequence.batch_sizes.first().copied().unwrap_or(0);
    let data = &sequence.data;
    let rest = &data.shape()[1..];
    let one: Vec<usize> = [1].iter().chain(rest).copied().collect();
    let padded = cat(&[data, &Tensor::full(one, padding_value, data.dtype())?], 0)?;
    let ranks = sequence.ranks().unwrap_or_else(|| (0..batch).collect());
    let (mut rows, mut first, mut lengths) = (Vec::new(), 0, vec![0; batch]);
    for step in 0..steps {
        let members = sequence.batch_sizes.get(step).copied().unwrap_or(0);
        for (place, &rank) in ranks.iter().enumerate() {
            let inside = rank < members;
            lengths[place] += usize::from(inside);
            rows.push(if inside { first + rank } else { data.shape()[0] });
        }
        first += members;
    }
    let shape: Vec<usize> = [steps, batch].iter().chain(rest).copied().collect();
    let output = padded.index_select(0, &indices(rows.into_iter())?)?.reshape(shape)?;
    Ok((if batch_first { output.transpose(0, 1)? } else { output }, lengths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LSTM, Module};
    use tensor::{manual_seed, randn};

    /// What comes out for each sequence is what comes out for it alone, forward and backward.
    #[test]
    fn a_packed_sequence_is_its_members() {
        manual_seed(0);
        let layer = LSTM::new(3, 4).num_layers(2).bidirectional(true);
        layer.to(tensor::DType::F64).unwrap();
        let x = randn([5, 3, 3]).unwrap().to(tensor::DType::F64).requires_grad();
        let lengths = [2, 5, 4];
        let packed = pack_padded_sequence(&x, &lengths, false, false).unwrap();
        let (y, (h, _)) = layer.forward_packed(&packed, None).unwrap();
        let (y, found) = pad_packed_sequence(&y, false, 0.0, Some(6)).unwrap();
        assert_eq!((y.shape(), found.as_slice()), (&[6, 3, 8][..], &lengths[..]));
        y.square().sum().backward().unwrap();
        let together = x.grad().unwrap();
        for (i, &n) in lengths.iter().enumerate() {
            let alone = x.detach().select(1, i as isize).unwrap().narrow(0, 0, n).unwrap().requires_grad();
            let (z, (last, _)) = layer.forward(&alone).unwrap();
            assert!(
                z.allclose(&y.select(1, i as isize).unwrap().narrow(0, 0, n).unwrap(), 1e-12, 1e-12).unwrap()
            );
            assert!(last.allclose(&h.select(1, i as isize).unwrap(), 1e-12, 1e-12).unwrap());
            z.square().sum().backward().unwrap();
            let part = together.select(1, i as isize).unwrap();
            assert!(part.narrow(0, 0, n).unwrap().allclose(&alone.grad().unwrap(), 1e-9, 1e-12).unwrap());
        }
        assert!(pack_padded_sequence(&x, &lengths, false, true).is_err());
        assert!(pack_padded_sequence(&x, &[0, 5, 4], false, false).is_err());
    }
}
