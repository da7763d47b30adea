//! The largest element of each window of a plane, and where it stands.

use crate::real::Float;
use crate::threads::{Pieces, pieces, share};

/// Elements of one window along one dimension.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The first.
    pub start: usize,
    /// How many.
    pub len: usize,
    /// From one to the next.
    pub step: usize,
}

impl Run {
    fn places(self) -> impl Iterator<Item = usize> {
        (0..self.len).map(move |i| self.start + i * self.step)
    }
}

/// For planes of `input` depth, height and width: the largest element of each window and its place in the plane. The
/// first of equals; NaN is larger than all.
pub fn max_pool<T: Float>(
    x: &[T],
    [depth, height, width]: [usize; 3],
    windows: [&[Run]; 3],
    out: &mut [T],
    places: &mut [u32],
) {
    let plane = depth * height * width;
    let size: usize = windows.iter().map(|runs| runs.len()).product();
    if out.is_empty() {
        return;
    }
    let planes = out.len() / size;
    let each = planes.div_ceil(pieces(planes, 20_000usize.div_ceil(plane.max(1))));
    let (out, places) = (Pieces::new(out, each * size), Pieces::new(places, each * size));
    share(out.len(), &|i| {
        let planes = out.take(i).chunks_exact_mut(size).zip(places.take(i).chunks_exact_mut(size));
        for (j, (out, places)) in planes.enumerate() {
            let x = &x[(i * each + j) * plane..][..plane];
            let mut at = 0;
            for z in windows[0] {
                for y in windows[1] {
                    for w in windows[2] {
                        let first = (z.start * height + y.start) * width + w.start;
                        let (mut best, mut place) = (x[first], first);
                        for z in z.places() {
                            for y in y.places() {
                                let row = (z * height + y) * width;
                                for w in w.places() {
                                    let value = x[row + w];
                                    #[expect(clippy::eq_op, reason = "NaN differs from itself")]
                                    if value > best || value != value {
                                        (best, place) = (value, row + w);
                                    }
                                }
                            }
                        }
                        (out[at], places[at]) = (best, place as u32);
                        at += 1;
                    }
                }
            }
        }
    });
}

/// Puts each number of planes of `from` elements where `places` says in planes of `to` elements, and adds up.
pub fn scatter<T: Float>(x: &[T], places: &[u32], from: usize, to: usize, out: &mut [T]) {
    if to == 0 || from == 0 {
        return;
    }
    for ((x, places), out) in
        x.chunks_exact(from).zip(places.chunks_exact(from)).zip(out.chunks_exact_mut(to))
    {
        x.iter().zip(places).for_each(|(&x, &place)| out[place as usize] += x);
    }
}

/// The numbers at these places: planes of `from` elements become planes of `to`.
pub fn gather<T: Float>(x: &[T], places: &[u32], from: usize, to: usize, out: &mut [T]) {
    if to == 0 || from == 0 {
        return;
    }
    for ((x, places), out) in x.chunks_exact(from).zip(places.chunks_exact(to)).zip(out.chunks_exact_mut(to))
    {
        out.iter_mut().zip(places).for_each(|(out, &place)| *out = x[place as usize]);
    }
}
