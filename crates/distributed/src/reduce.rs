//! Sums over ranks, with the same bits on every rank, whatever MPI is below, and in every run.
//!
//! Floating point sums depend on their order, and which order `MPI_Allreduce` takes is its own affair: it changes with the
//! library, the size of the message and the number of ranks. Here rank 0's number comes first, then rank 1's, and so on.
//! Large arrays are cut into as many parts as there are ranks; each rank receives its part of all others, adds them in that
//! order, and sends the sum to all: twice `(P − 1)/P` of the array in and out, as the best that an all-reduce can do. Small
//! ones are sent whole to everybody. As bare calls neither is slower than `MPI_Allreduce` (`docs/scaling.md`).

use crate::transport::{Summed, Transport};

/// From how many numbers on each rank adds a part of them: below, a second message costs more than it spares.
const IN_PARTS: usize = 8192;

/// As many numbers as one message has at most. MPI counts in 32 bits; and memory that is used again for the next message
/// costs less than fresh pages for all.
const MESSAGE: usize = 1 << 18;

/// `into[i] = parts[0][i] + parts[1][i] + …`, in this order.
pub(crate) fn sum_parts<T: Summed>(parts: &[T], into: &mut [T]) {
    let mut parts = parts.chunks_exact(into.len().max(1));
    match (parts.next(), parts.next()) {
        // Two ranks are the usual case: one pass.
        (Some(first), Some(second)) => {
            for (sum, (&x, &y)) in into.iter_mut().zip(first.iter().zip(second)) {
                *sum = x;
                *sum += y;
            }
        }
        (Some(first), None) => into.copy_from_slice(first),
        _ => {}
    }
    for part in parts {
        into.iter_mut().zip(part).for_each(|(sum, &x)| *sum += x);
    }
}

/// The sum of the ranks' values, in place.
pub(crate) fn all_reduce<T: Summed>(transport: &Transport, values: &mut [T]) {
    let ranks = transport.size();
    if ranks == 1 {
        return;
    }
    let (mut padded, mut parts, mut sum) = (Vec::new(), Vec::new(), Vec::new());
    for values in values.chunks_mut(MESSAGE) {
        if values.len() < IN_PARTS {
            parts.resize(values.len() * ranks, T::default());
            transport.all_gather(values, &mut parts);
            sum_parts(&parts, values);
            continue;
        }
        let part = values.len().div_ceil(ranks);
        padded.clear();
        padded.extend_from_slice(values);
        padded.resize(part * ranks, T::default());
        parts.resize(part * ranks, T::default());
        sum.resize(part, T::default());
        transport.all_to_all(&padded, &mut parts);
        sum_parts(&parts, &mut sum);
        transport.all_gather(&sum, &mut padded);
        values.copy_from_slice(&padded[..values.len()]);
    }
}

/// Everybody has what `root` has.
pub(crate) fn broadcast<T: crate::transport::Wire>(transport: &Transport, root: usize, values: &mut [T]) {
    if transport.size() > 1 {
        values.chunks_mut(MESSAGE).for_each(|part| transport.broadcast(root, part));
    }
}
