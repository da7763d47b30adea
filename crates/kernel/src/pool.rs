//! The largest element of each window of a plane, and where it stands.

use crate::real::Float;
use crate::threads::{Pieces, pieces, share, share_out};
use pulp::{Arch, Simd, WithSimd};

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

/// Elements that are worth another thread.
const PIECE: usize = 20_000;

/// For planes of `input` depth, height and width: the largest element of each window and its place in the plane. The
/// first of equals; NaN is larger than all.
pub fn max_pool<T: Float>(
    x: &[T],
    input: [usize; 3],
    windows: [&[Run]; 3],
    out: &mut [T],
    places: &mut [i64],
) {
    let plane = input.iter().product::<usize>();
    let size: usize = windows.iter().map(|runs| runs.len()).product();
    if out.is_empty() {
        return;
    }
    let (planes, strips) = (out.len() / size, Strips::new(input, windows));
    let each = planes.div_ceil(pieces(planes, PIECE.div_ceil(plane.max(1))));
    let (out, places) = (Pieces::new(out, each * size), Pieces::new(places, each * size));
    share(out.len(), &|i| {
        let x = &x[i * each * plane..];
        Arch::new().dispatch(Planes {
            x,
            plane,
            strips: &strips,
            size,
            out: out.take(i),
            places: places.take(i),
        });
    });
}

/// Windows side by side whose largest elements are looked for at once: without a branch, which the processor would guess
/// wrong every other time. Where there are fewer, what follows in memory is looked at as well.
const SIDE: usize = 8;

/// The windows of a plane, as many side by side as there are alike.
struct Strips {
    strips: Vec<Strip>,
    /// From the first element of a window to each of them.
    taps: Vec<Vec<usize>>,
    /// From a window to the next one of a strip.
    stride: usize,
}

struct Strip {
    /// How many windows.
    len: usize,
    /// The first element of the first one.
    start: usize,
    /// Which of the taps.
    taps: usize,
}

impl Strips {
    fn new([_, height, width]: [usize; 3], [deep, tall, wide]: [&[Run]; 3]) -> Self {
        let (like, stride) = alike(wide);
        let (mut strips, mut taps) = (Vec::new(), vec![Vec::new()]);
        for (z, y) in deep.iter().flat_map(|z| tall.iter().map(move |y| (z, y))) {
            let mut j = 0;
            while j < wide.len() {
                let len = if like.contains(&j) { SIDE.min(like.end - j) } else { 1 };
                let start = (z.start * height + y.start) * width + wide[j].start;
                let own: Vec<usize> = z
                    .places()
                    .flat_map(|z| y.places().map(move |y| z * height + y))
                    .flat_map(|row| wide[j].places().map(move |x| row * width + x - start))
                    .collect();
                if taps.last() != Some(&own) {
                    taps.push(own);
                }
                strips.push(Strip { len, start, taps: taps.len() - 1 });
                j += len;
            }
        }
        Strips { strips, taps, stride }
    }
}

/// Planes, of which `x` may have more.
struct Planes<'a, T> {
    x: &'a [T],
    plane: usize,
    strips: &'a Strips,
    size: usize,
    out: &'a mut [T],
    places: &'a mut [i64],
}

impl<T: Float> WithSimd for Planes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Planes { x, plane, strips: Strips { strips, taps, stride }, size, out, places } = self;
        for (i, (out, places)) in out.chunks_exact_mut(size).zip(places.chunks_exact_mut(size)).enumerate() {
            let x = &x[i * plane..];
            let mut done = 0;
            for strip in strips {
                let taps = &taps[strip.taps];
                let (out, places) = (&mut out[done..][..strip.len], &mut places[done..][..strip.len]);
                done += strip.len;
                let last = strip.start + taps.last().unwrap_or(&0) + (SIDE - 1) * stride;
                match stride {
                    _ if strip.len == 1 || last >= x.len() => {
                        for (i, (out, places)) in out.chunks_mut(1).zip(places.chunks_mut(1)).enumerate() {
                            largest::<T, 1>(x, taps, strip.start + i * stride, 1, out, places);
                        }
                    }
                    1 => largest::<T, SIDE>(x, taps, strip.start, 1, out, places),
                    2 => largest::<T, SIDE>(x, taps, strip.start, 2, out, places),
                    _ => largest::<T, SIDE>(x, taps, strip.start, *stride, out, places),
                }
            }
        }
    }
}

/// Which windows have the same elements, `stride` apart.
fn alike(runs: &[Run]) -> (std::ops::Range<usize>, usize) {
    let most = runs.iter().map(|run| run.len).max().unwrap_or(0);
    let first = runs.iter().position(|run| run.len == most).unwrap_or(0);
    let stride = match &runs[first..] {
        [a, b, ..] => b.start.saturating_sub(a.start),
        _ => 1,
    };
    let like = runs[first..].iter().enumerate();
    let start = |i: usize| runs[first].start + i * stride;
    let count = like.take_while(|&(i, run)| run.len == most && run.start == start(i)).count();
    (first..first + count, stride)
}

/// The largest of `x[taps + start]` and its place, for N windows `stride` apart, of which as many are wanted as fit into `out`.
#[inline(always)]
fn largest<T: Float, const N: usize>(
    x: &[T],
    taps: &[usize],
    start: usize,
    stride: usize,
    out: &mut [T],
    places: &mut [i64],
) {
    let span = (N - 1) * stride + 1;
    let mut best = [T::default(); N];
    let mut place = [0; N];
    for (i, &tap) in taps.iter().enumerate() {
        let first = start + tap;
        let x = &x[first..][..span];
        for n in 0..N {
            let value = x[n * stride];
            #[expect(clippy::eq_op, reason = "NaN differs from itself")]
            let larger = i == 0 || value > best[n] || value != value;
            best[n] = if larger { value } else { best[n] };
            place[n] = if larger { first + n * stride } else { place[n] };
        }
    }
    let place = place.map(|place| place as i64);
    if let (Ok(out), Ok(places)) =
        (<&mut [T; N]>::try_from(&mut *out), <&mut [i64; N]>::try_from(&mut *places))
    {
        // Whole vectors.
        (*out, *places) = (best, place);
        return;
    }
    out.iter_mut().zip(best).for_each(|(out, best)| *out = best);
    places.iter_mut().zip(place).for_each(|(out, place)| *out = place);
}

/// Puts each number of planes of `from` elements where `places` says in planes of `to` elements, adds up, and writes zeros
/// elsewhere.
pub fn scatter<T: Float>(x: &[T], places: &[i64], from: usize, to: usize, out: &mut [T]) {
    if to == 0 {
        return;
    }
    share_out(out, to, PIECE, &|start, out| {
        out.fill(T::default());
        let first = start / to * from;
        for (i, out) in out.chunks_exact_mut(to).enumerate() {
            let part = first + i * from..first + (i + 1) * from;
            x[part.clone()].iter().zip(&places[part]).for_each(|(&x, &place)| out[place as usize] += x);
        }
    });
}

/// The numbers at these places: planes of `from` elements become planes of `to`.
pub fn gather<T: Float>(x: &[T], places: &[i64], from: usize, to: usize, out: &mut [T]) {
    if to == 0 {
        return;
    }
    share_out(out, to, PIECE, &|start, out| {
        for (i, out) in out.chunks_exact_mut(to).enumerate() {
            let (x, places) = (&x[(start / to + i) * from..][..from], &places[start + i * to..][..to]);
            out.iter_mut().zip(places).for_each(|(out, &place)| *out = x[place as usize]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::set_num_threads;

    /// What the definition says, window by window.
    fn by_definition(x: &[f32], [_, height, width]: [usize; 3], windows: [&[Run]; 3]) -> Vec<(f32, i64)> {
        let mut all = Vec::new();
        for z in windows[0] {
            for y in windows[1] {
                for w in windows[2] {
                    let mut best = None::<(f32, i64)>;
                    for z in z.places() {
                        for y in y.places() {
                            for w in w.places() {
                                let place = (z * height + y) * width + w;
                                let value = x[place];
                                if best.is_none_or(|(best, _)| value > best || value.is_nan()) {
                                    best = Some((value, place as i64));
                                }
                            }
                        }
                    }
                    all.extend(best);
                }
            }
        }
        all
    }

    #[test]
    fn windows_of_all_kinds() {
        let windows = |size: usize, len: usize, step: usize, stride: usize, edge: usize| -> Vec<Run> {
            let run = |i: usize| {
                let (start, end) = (i * stride, i * stride + (len - 1) * step + 1);
                let before = edge.saturating_sub(start).div_ceil(step);
                let behind = end.saturating_sub(size + edge).div_ceil(step);
                let start = start + before * step - edge;
                Run { start, len: len - before - behind, step }
            };
            (0..(size + 2 * edge - (len - 1) * step - 1) / stride + 1).map(run).collect()
        };
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.0];
        for (case, (size, len, step, stride, edge)) in [
            (28, 2, 1, 2, 0),
            (45, 3, 1, 2, 1),
            (20, 3, 2, 1, 2),
            (9, 2, 1, 3, 1),
            (3, 3, 1, 1, 1),
            (61, 4, 1, 4, 2),
        ]
        .into_iter()
        .enumerate()
        {
            let input = [2, 7, size];
            let (deep, tall) = (windows(2, 2, 1, 1, 1), windows(7, 3, 1, 2, 1));
            let wide = windows(size, len, step, stride, edge);
            let planes = 3 + case * 20;
            let count = deep.len() * tall.len() * wide.len();
            // Many equal numbers, and some odd ones.
            let number = |i: usize| if i % 17 == 3 { odd[i / 17 % 5] } else { (i * 7919 % 13) as f32 - 6.0 };
            let x: Vec<f32> = (0..planes * 14 * size).map(number).collect();
            for threads in [1, 3] {
                set_num_threads(threads);
                let (mut out, mut places) = (vec![0.0; planes * count], vec![0; planes * count]);
                max_pool(&x, input, [&deep, &tall, &wide], &mut out, &mut places);
                for (plane, x) in x.chunks_exact(14 * size).enumerate() {
                    let expected = by_definition(x, input, [&deep, &tall, &wide]);
                    for (i, (value, place)) in expected.into_iter().enumerate() {
                        let i = plane * count + i;
                        assert_eq!((out[i].to_bits(), places[i]), (value.to_bits(), place), "{case} {i}");
                    }
                }
                let (mut back, mut again) = (vec![f32::NAN; x.len()], vec![f32::NAN; out.len()]);
                let ones = vec![1.0; out.len()];
                scatter(&ones, &places, count, 14 * size, &mut back);
                assert_eq!(back.iter().sum::<f32>(), out.len() as f32);
                gather(&x, &places, 14 * size, count, &mut again);
                assert!(again.iter().zip(&out).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
