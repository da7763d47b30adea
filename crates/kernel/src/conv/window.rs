//! Which elements windows meet, along each dimension: the index arithmetic of convolutions in both directions.
//!
//! Both directions are sums `out[i·step + start] = Σ w[u] · source[(i + q_u)·phases + b_u]`:
//!
//! ```text
//! y[j] = Σ w[u] · x[j·stride + u·dilation − padding]             one side; x has `stride` phases
//! x[i·stride + a] = Σ w[u] · y[i + (a + padding − u·dilation)/stride]    one side for each a; only whole quotients
//! ```
//! So a stride, of either direction, is a matter of where things stand: in a copy of the source whose phases lie apart
//! (every `stride`-th element), neighbouring windows meet neighbouring elements.

use super::Geometry;
use std::ops::Range;

/// An element of a window.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// Its place in the window.
    place: usize,
    /// The phase that it reads: a place in [`Axis::phases`].
    phase: usize,
    /// How far from a window's place.
    shift: usize,
}

/// Results `start`, `start + step`, …, to which the same taps lead.
#[derive(Clone, Debug)]
struct Side {
    start: usize,
    step: usize,
    len: usize,
    taps: Vec<Tap>,
}

/// One dimension.
#[derive(Clone, Debug)]
struct Axis {
    sides: Vec<Side>,
    /// Phases of the source that are read.
    phases: Vec<usize>,
    /// Of how many.
    step: usize,
    /// The size of the source.
    size: usize,
    /// Zeros in front of a phase; elements that are left out, if negative.
    front: i64,
    /// The largest shift.
    reach: usize,
}

/// The place of a tap in the window, its phase, and the distance q.
type Reads = (usize, usize, i64);

impl Axis {
    /// For each side: its first result, the distance between them and their number; its taps.
    fn new(size: usize, step: usize, sides: Vec<([usize; 3], Vec<Reads>)>) -> Self {
        let all = || sides.iter().flat_map(|(_, taps)| taps);
        let mut phases: Vec<usize> = all().map(|&(_, phase, _)| phase).collect();
        phases.sort_unstable();
        phases.dedup();
        let least = all().map(|&(.., q)| q).min().unwrap_or(0);
        let most = all().map(|&(.., q)| q).max().unwrap_or(0);
        let tap = |&(place, phase, q): &Reads| Tap {
            place,
            phase: phases.partition_point(|&p| p < phase),
            shift: (q - least) as usize,
        };
        let sides = sides.iter().map(|([start, step, len], taps)| Side {
            start: *start,
            step: *step,
            len: *len,
            taps: taps.iter().map(tap).collect(),
        });
        Axis { sides: sides.collect(), step, size, front: -least, reach: (most - least) as usize, phases }
    }

    fn forward(g: &Geometry, d: usize) -> Self {
        let stride = g.stride[d] as i64;
        let tap = |u: usize| {
            let place = (u * g.dilation[d]) as i64 - g.padding[d] as i64;
            (u, place.rem_euclid(stride) as usize, place.div_euclid(stride))
        };
        let side = ([0, 1, g.output[d]], (0..g.kernel[d]).map(tap).collect());
        Axis::new(g.input[d], g.stride[d], vec![side])
    }

    fn transposed(g: &Geometry, d: usize) -> Self {
        let stride = g.stride[d];
        let sides = (0..stride.min(g.input[d])).map(|start| {
            let taps = (0..g.kernel[d]).filter_map(|u| {
                let place = (start + g.padding[d]) as i64 - (u * g.dilation[d]) as i64;
                (place % stride as i64 == 0).then_some((u, 0, place / stride as i64))
            });
            ([start, stride, (g.input[d] - start).div_ceil(stride)], taps.collect())
        });
        Axis::new(g.output[d], 1, sides.collect())
    }

    /// The most windows of a side.
    fn most(&self) -> usize {
        self.sides.iter().map(|side| side.len).max().unwrap_or(0)
    }

    /// Which of the places `from..from + len` of a phase have elements (counted from `from`), and where the first of
    /// them stands in the source.
    fn inside(&self, phase: usize, from: usize, len: usize) -> (Range<usize>, usize) {
        let elements = self.size.saturating_sub(phase).div_ceil(self.step) as i64;
        let from = from as i64 - self.front;
        let first = (-from).clamp(0, len as i64);
        let end = (elements - from).clamp(first, len as i64);
        (first as usize..end as usize, (from + first).max(0) as usize * self.step + phase)
    }
}

/// A copy of one group of one image, or of some of its lines, between the zeros that windows meet: each phase apart.
#[derive(Clone, Debug)]
pub(super) struct Source {
    axes: [Axis; 3],
    window: [usize; 3],
    channels: usize,
    /// Lines of results that one copy serves.
    pub(super) lines: usize,
    /// From one line to the next. The zeros behind a line are those in front of the next one.
    pub(super) pitch: usize,
    /// From one channel to the next.
    channel: usize,
}

/// Results that the same taps lead to.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    /// Along each dimension: the first, the distance between them, how many.
    pub(super) start: [usize; 3],
    pub(super) step: [usize; 3],
    pub(super) len: [usize; 3],
    /// Where in the window each tap stands.
    pub(super) places: Vec<usize>,
    /// Where in the copy each tap of each channel finds its element for the first window.
    pub(super) offsets: Vec<usize>,
}

/// Elements that a copy should not exceed: half a megabyte stays in the second cache.
const COPY: usize = 128 << 10;

/// Elements in a line of the cache (f32).
const LINE: usize = 16;

/// Elements behind a copy, which a vector may read but nobody uses.
const SLACK: usize = 4 * LINE;

impl Source {
    /// Of x, to compute y.
    pub(super) fn forward(g: &Geometry) -> Self {
        Self::new(g.inputs, g.kernel, [0, 1, 2].map(|d| Axis::forward(g, d)))
    }

    /// Of y, to compute x.
    pub(super) fn transposed(g: &Geometry) -> Self {
        Self::new(g.outputs, g.kernel, [0, 1, 2].map(|d| Axis::transposed(g, d)))
    }

    fn new(channels: usize, window: [usize; 3], axes: [Axis; 3]) -> Self {
        let [z, y, x] = &axes;
        let len = x.most() + x.reach;
        let zeros = x.phases.iter().map(|&phase| {
            let (inside, _) = x.inside(phase, 0, len);
            if inside.is_empty() { len } else { inside.start.min(len - inside.end) }
        });
        let pitch = len - zeros.min().unwrap_or(0).min(x.reach);
        let planes = (z.reach + 1) * axes.iter().map(|axis| axis.phases.len()).product::<usize>();
        let line = (channels * planes * pitch).max(1);
        let lines = (COPY / line).saturating_sub(y.reach).max(4).min(y.most());
        // An odd number of lines of the cache: channels that are a power of two apart would all fall into one place.
        let channel = (planes * (lines + y.reach) * pitch + len - pitch).div_ceil(LINE) | 1;
        Source { axes, window, channels, lines, pitch, channel: channel * LINE }
    }

    /// Elements of the copy.
    pub(super) fn len(&self) -> usize {
        self.channels * self.channel + SLACK
    }

    /// Elements of the source.
    pub(super) fn image(&self) -> usize {
        self.channels * self.axes.iter().map(|axis| axis.size).product::<usize>()
    }

    /// From a phase along each dimension to the next one, and from a plane to the next.
    fn strides(&self) -> ([usize; 3], usize) {
        let [z, y, x] = &self.axes;
        let plane = (self.lines + y.reach) * self.pitch;
        let all = (z.reach + 1) * plane;
        let along = x.phases.len() * all;
        ([y.phases.len() * along, along, all], plane)
    }

    /// The results, side by side along each dimension.
    pub(super) fn passes(&self) -> Vec<Pass> {
        let (phases, plane) = self.strides();
        let [z, y, x] = &self.axes;
        let window = self.window;
        let mut passes = Vec::new();
        for a in &z.sides {
            for b in &y.sides {
                for c in &x.sides {
                    let mut taps = Vec::new();
                    for u in &a.taps {
                        for v in &b.taps {
                            for w in &c.taps {
                                let phase = u.phase * phases[0] + v.phase * phases[1] + w.phase * phases[2];
                                let offset = phase + u.shift * plane + v.shift * self.pitch + w.shift;
                                taps.push(((u.place * window[1] + v.place) * window[2] + w.place, offset));
                            }
                        }
                    }
                    let channels = (0..self.channels).map(|i| i * self.channel);
                    passes.push(Pass {
                        start: [a.start, b.start, c.start],
                        step: [a.step, b.step, c.step],
                        len: [a.len, b.len, c.len],
                        places: taps.iter().map(|&(place, _)| place).collect(),
                        offsets: channels
                            .flat_map(|channel| taps.iter().map(move |&(_, offset)| channel + offset))
                            .collect(),
                    });
                }
            }
        }
        passes
    }

    /// Along the first two dimensions, where copies begin: all places of results are near one of them.
    pub(super) fn blocks(&self) -> impl Iterator<Item = [usize; 2]> {
        let [depths, heights] = [self.axes[0].most(), self.axes[1].most()];
        let lines = self.lines.max(1);
        (0..depths).flat_map(move |z| (0..heights).step_by(lines).map(move |y| [z, y]))
    }

    /// Copies what the windows from plane `z` and line `y` on meet. What lies beside the lines stays as it is: zeros.
    pub(super) fn copy<T: Copy + Default>(&self, image: &[T], [z, y]: [usize; 2], out: &mut [T]) {
        let ([along_z, along_y, along_x], plane) = self.strides();
        let [depth, height, width] = [0, 1, 2].map(|d| self.axes[d].size);
        let [across, down, right] = &self.axes;
        let tall = self.lines + down.reach;
        for channel in 0..self.channels {
            let image = &image[channel * depth * height * width..][..depth * height * width];
            let out = &mut out[channel * self.channel..];
            for (a, &phase) in across.phases.iter().enumerate() {
                let (planes, first) = across.inside(phase, z, across.reach + 1);
                for (b, &phase) in down.phases.iter().enumerate() {
                    let (lines, top) = down.inside(phase, y, tall);
                    for (c, &phase) in right.phases.iter().enumerate() {
                        let (inside, left) = right.inside(phase, 0, right.most() + right.reach);
                        if inside.is_empty() {
                            continue;
                        }
                        let out = &mut out[a * along_z + b * along_y + c * along_x..];
                        for i in 0..across.reach + 1 {
                            for j in 0..tall {
                                let to = i * plane + j * self.pitch;
                                let out = &mut out[to + inside.start..to + inside.end];
                                if !planes.contains(&i) || !lines.contains(&j) {
                                    out.fill(T::default());
                                    continue;
                                }
                                let place = first + (i - planes.start) * across.step;
                                let line = top + (j - lines.start) * down.step;
                                let from = (place * height + line) * width + left;
                                if right.step == 1 {
                                    out.copy_from_slice(&image[from..from + out.len()]);
                                } else {
                                    let from = image[from..].iter().step_by(right.step);
                                    out.iter_mut().zip(from).for_each(|(out, &x)| *out = x);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
