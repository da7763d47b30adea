//! Convolutions with few windows in an image: one product of matrices over many images.
//!
//! Each window of each image is a row of its `taps` elements. With these rows as X, and a row of ∂y for each window,
//!
//! ```text
//! y = X·Wᵀ      ∂X = ∂y·W      ∂W = ∂yᵀ·X
//! ```
//! Such rows write an element once for each window that meets it, which the general loop (`tile`) avoids; but that loop
//! fills its vectors with the windows of one image, and four of them leave most of a vector empty. A window that is the
//! whole image, as at the end of a network or, transposed, at the beginning of a generator, is a row as it stands. Where
//! channels are many, the rows are so small a part of the work that some more windows go this way as well.

use super::{COPIES, Geometry};
use crate::gemm::{Matrix, gemm};
use crate::real::Float;
use crate::threads::share_out;

/// The most windows of an image. Of 4×4, padded by one, the general loop leaves half of its vectors' lanes unused.
const FEW: usize = 16;

/// The most windows of an image whose channels are [`MANY`]: rows for them are a small part of the work, and the general
/// loop reads the weight once for each image, and leaves lanes unused where lines are short.
const SEVERAL: usize = 64;

/// Channels of y, and elements of a window, that are many.
const MANY: [usize; 2] = [48, 128];

/// Elements of the rows that are made at once.
const ROOM: usize = 1 << 20;

/// Whether this is the way to go.
pub(super) fn are_few(g: &Geometry) -> bool {
    let [windows, elements] = [g.output, g.input].map(|size| size.iter().product::<usize>());
    // With too few rows or columns, a product is no better off.
    let large = g.batch * windows >= 32 && g.outputs >= 8 && g.taps() >= 8;
    let some = windows > 0 && g.inputs * elements > 0;
    some && (windows == 1 && is_image(g) || windows <= FEW && large)
}

/// Whether this is a way to go, if not the best one.
pub(super) fn are_several(g: &Geometry) -> bool {
    let windows = g.output.iter().product::<usize>();
    let elements = g.input.iter().product::<usize>();
    let many = g.outputs >= MANY[0] && g.taps() >= MANY[1];
    many && elements > 0 && windows <= SEVERAL && g.batch * windows >= 32
}

/// Whether the only window is the image.
fn is_image(g: &Geometry) -> bool {
    g.groups == 1
        && g.padding == [0; 3]
        && g.kernel == g.input
        && (0..3).all(|d| g.dilation[d] == 1 || g.kernel[d] == 1)
}

/// What all the images have in common.
struct Rows<'a> {
    g: &'a Geometry,
    windows: usize,
    taps: usize,
    /// For each window, where in a plane each of its elements stands; beyond the plane where it meets a zero.
    places: Vec<usize>,
    /// Elements of a plane of x.
    plane: usize,
}

impl<'a> Rows<'a> {
    fn new(g: &'a Geometry) -> Self {
        let each = |size: [usize; 3]| {
            (0..size[0])
                .flat_map(move |a| (0..size[1]).flat_map(move |b| (0..size[2]).map(move |c| [a, b, c])))
        };
        let plane = g.input.iter().product();
        let place = |window: [usize; 3], tap: [usize; 3]| {
            let mut place = 0;
            for d in 0..3 {
                let at = (window[d] * g.stride[d] + tap[d] * g.dilation[d]).wrapping_sub(g.padding[d]);
                if at >= g.input[d] {
                    return plane;
                }
                place = place * g.input[d] + at;
            }
            place
        };
        let places =
            each(g.output).flat_map(|window| each(g.kernel).map(move |tap| place(window, tap))).collect();
        Rows { g, windows: g.output.iter().product(), taps: g.taps(), places, plane }
    }

    /// Images in a group of channels whose rows are made at once.
    fn images(&self) -> usize {
        (ROOM / (self.windows * self.taps)).max(1)
    }

    /// From one image to the next.
    fn image(&self) -> usize {
        self.g.groups * self.g.inputs * self.plane
    }

    /// The rows of a group of these images, made in `room` if they do not stand there already.
    fn of<'r, T: Float>(&self, images: &'r [T], group: usize, room: &'r mut Vec<T>) -> &'r [T] {
        if is_image(self.g) {
            return images;
        }
        room.resize(images.len() / self.image() * self.windows * self.taps, T::default());
        let kernel = self.taps / self.g.inputs;
        share_out(room, self.taps, COPIES, &|start, rows| {
            for (row, out) in (start / self.taps..).zip(rows.chunks_exact_mut(self.taps)) {
                let (image, window) = (row / self.windows, row % self.windows);
                let x = &images[image * self.image() + group * self.g.inputs * self.plane..];
                let places = &self.places[window * kernel..][..kernel];
                for (out, x) in out.chunks_exact_mut(kernel).zip(x.chunks_exact(self.plane)) {
                    let element = |&at| x.get(at).copied().unwrap_or_default();
                    out.iter_mut().zip(places).for_each(|(out, at)| *out = element(at));
                }
            }
        });
        room
    }

    /// The other way: adds the rows of a group to the places of their elements.
    fn add<T: Float>(&self, rows: &[T], group: usize, images: &mut [T]) {
        let kernel = self.taps / self.g.inputs;
        share_out(images, self.image(), COPIES, &|start, images| {
            let first = start / self.image() * self.windows;
            let rows = rows[first * self.taps..].chunks_exact(self.windows * self.taps);
            for (image, rows) in images.chunks_exact_mut(self.image()).zip(rows) {
                let x = &mut image[group * self.g.inputs * self.plane..];
                for (row, places) in rows.chunks_exact(self.taps).zip(self.places.chunks_exact(kernel)) {
                    for (row, x) in row.chunks_exact(kernel).zip(x.chunks_exact_mut(self.plane)) {
                        for (&value, &at) in row.iter().zip(places) {
                            if let Some(x) = x.get_mut(at) {
                                *x += value;
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Of a group, from a window of y to a row for each window with its channels side by side.
fn channels_last<T: Float>(g: &Geometry, windows: usize, group: usize, y: &[T], rows: &mut Vec<T>) {
    rows.clear();
    for image in y.chunks_exact(g.groups * g.outputs * windows) {
        let y = &image[group * g.outputs * windows..][..g.outputs * windows];
        (0..windows).for_each(|window| rows.extend(y[window..].iter().step_by(windows)));
    }
}

pub(super) fn forward<T: Float>(g: &Geometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let rows = Rows::new(g);
    let (windows, images) = (rows.windows, rows.images());
    let (mut room, mut product) = (T::take_room(), T::take_room());
    for (x, y) in x.chunks(images * rows.image()).zip(y.chunks_mut(images * g.groups * g.outputs * windows)) {
        for group in 0..g.groups {
            let w = Matrix::dense(&w[group * g.w()..], rows.taps).transposed();
            let x = rows.of(x, group, &mut room);
            let n = x.len() / rows.taps;
            product.resize(n * g.outputs, T::default());
            gemm([n, rows.taps, g.outputs], Matrix::dense(x, rows.taps), w, &mut product, false);
            let images = y.chunks_exact_mut(g.groups * g.outputs * windows);
            for (y, product) in images.zip(product.chunks_exact(windows * g.outputs)) {
                for (o, y) in
                    y[group * g.outputs * windows..].chunks_exact_mut(windows).take(g.outputs).enumerate()
                {
                    let bias = bias.map_or_else(T::default, |bias| bias[group * g.outputs + o]);
                    let sums = product[o..].iter().step_by(g.outputs);
                    y.iter_mut().zip(sums).for_each(|(y, &sum)| *y = sum + bias);
                }
            }
        }
    }
    T::return_room(product);
    T::return_room(room);
}

pub(super) fn input<T: Float>(g: &Geometry, grad: &[T], w: &[T], bias: Option<&[T]>, x: &mut [T]) {
    let rows = Rows::new(g);
    let (windows, images) = (rows.windows, rows.images());
    for (i, x) in x.chunks_exact_mut(rows.plane.max(1)).enumerate() {
        x.fill(bias.map_or_else(T::default, |bias| bias[i % bias.len()]));
    }
    let (mut room, mut product) = (T::take_room(), T::take_room());
    for (grad, x) in
        grad.chunks(images * g.groups * g.outputs * windows).zip(x.chunks_mut(images * rows.image()))
    {
        for group in 0..g.groups {
            let w = Matrix::dense(&w[group * g.w()..], rows.taps);
            channels_last(g, windows, group, grad, &mut room);
            let grad = Matrix::dense(&room, g.outputs);
            let n = room.len() / g.outputs;
            if is_image(g) {
                gemm([n, g.outputs, rows.taps], grad, w, x, true);
                continue;
            }
            product.resize(n * rows.taps, T::default());
            gemm([n, g.outputs, rows.taps], grad, w, &mut product, false);
            rows.add(&product, group, x);
        }
    }
    T::return_room(product);
    T::return_room(room);
}

pub(super) fn weight<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) {
    let rows = Rows::new(g);
    let (windows, images) = (rows.windows, rows.images());
    w.fill(T::default());
    let (mut room, mut channels) = (T::take_room(), T::take_room());
    for (x, grad) in x.chunks(images * rows.image()).zip(grad.chunks(images * g.groups * g.outputs * windows))
    {
        for (group, w) in w.chunks_exact_mut(g.w()).enumerate() {
            channels_last(g, windows, group, grad, &mut channels);
            let x = rows.of(x, group, &mut room);
            let n = x.len() / rows.taps;
            gemm(
                [g.outputs, n, rows.taps],
                Matrix::dense(&channels, g.outputs).transposed(),
                Matrix::dense(x, rows.taps),
                w,
                true,
            );
        }
    }
    T::return_room(channels);
    T::return_room(room);
}
