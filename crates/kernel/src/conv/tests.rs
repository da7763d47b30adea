use super::*;
use crate::threads::set_num_threads;

/// Knuth's MMIX generator: the same numbers on every run and machine.
struct Lcg(u64);
impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
    fn numbers<T: Float>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| T::from_f64(self.below(2001) as f64 / 1000.0 - 1.0)).collect()
    }
}

/// Calls `meet(x, w, y)` for each product of a convolution: the three places, in rising order of the window; no place of
/// x is one of the zeros around it.
fn products(g: &Geometry, mut meet: impl FnMut(Option<usize>, usize, usize)) {
    let size = |s: [usize; 3]| s[0] * s[1] * s[2];
    let places = |s: [usize; 3]| {
        (0..s[0]).flat_map(move |a| (0..s[1]).flat_map(move |b| (0..s[2]).map(move |c| [a, b, c])))
    };
    let flat = |p: [usize; 3], s: [usize; 3]| (p[0] * s[1] + p[1]) * s[2] + p[2];
    for n in 0..g.batch {
        for o in 0..g.groups * g.outputs {
            for j in places(g.output) {
                for i in 0..g.inputs {
                    for k in places(g.kernel) {
                        let at: [Option<usize>; 3] = std::array::from_fn(|d| {
                            let place = (j[d] * g.stride[d] + k[d] * g.dilation[d]).checked_sub(g.padding[d]);
                            place.filter(|&place| place < g.input[d])
                        });
                        let channel = (n * g.groups + o / g.outputs) * g.inputs + i;
                        let x = match at {
                            [Some(a), Some(b), Some(c)] => {
                                Some(channel * size(g.input) + flat([a, b, c], g.input))
                            }
                            _ => None,
                        };
                        let w = (o * g.inputs + i) * size(g.kernel) + flat(k, g.kernel);
                        let y = (n * g.groups * g.outputs + o) * size(g.output) + flat(j, g.output);
                        meet(x, w, y);
                    }
                }
            }
        }
    }
}

fn geometry(lcg: &mut Lcg) -> Geometry {
    let rank = 1 + lcg.below(3);
    let most = [0, 60, 15, 6][rank];
    let mut g = Geometry {
        batch: lcg.below(4),
        groups: 1 + lcg.below(3) / 2,
        inputs: lcg.below(7),
        outputs: 1 + lcg.below(20),
        input: [1; 3],
        output: [1; 3],
        kernel: [1; 3],
        stride: [1; 3],
        padding: [0; 3],
        dilation: [1; 3],
    };
    for d in 3 - rank..3 {
        g.input[d] = lcg.below(most);
        g.kernel[d] = 1 + lcg.below(4);
        g.stride[d] = 1 + lcg.below(5) / 2;
        g.dilation[d] = 1 + lcg.below(5) / 3;
        g.padding[d] = lcg.below(5);
        let span = g.dilation[d] * (g.kernel[d] - 1) + 1;
        // A transposed convolution may have a larger x than the windows reach.
        g.input[d] = g.input[d].max(span.saturating_sub(2 * g.padding[d]));
        g.output[d] = (g.input[d] + 2 * g.padding[d] - span) / g.stride[d] + 1;
    }
    g
}

fn lengths(g: &Geometry) -> [usize; 3] {
    let size = |s: [usize; 3]| s[0] * s[1] * s[2];
    let images = g.batch * g.groups;
    [images * g.inputs * size(g.input), g.groups * g.w(), images * g.outputs * size(g.output)]
}

fn close<T: Float>(what: &str, g: &Geometry, found: &[T], expected: &[T]) {
    let tolerance = if size_of::<T>() == 4 { 1e-4 } else { 1e-12 };
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (found.to_f64(), expected.to_f64());
        let same = found == expected || found.is_nan() && expected.is_nan();
        let near = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(same || near, "{what}: {found} is not {expected} at {i} of {g:?}");
    }
}

fn check<T: Float>(g: &Geometry, lcg: &mut Lcg, spoil: bool) {
    let [nx, nw, ny] = lengths(g);
    let (mut x, w, mut grad) = (lcg.numbers::<T>(nx), lcg.numbers::<T>(nw), lcg.numbers::<T>(ny));
    if spoil {
        for (values, odd) in [(&mut x, f64::INFINITY), (&mut grad, f64::NAN)] {
            for _ in 0..2 {
                let i = lcg.below(values.len().max(1));
                values.iter_mut().skip(i).take(1).for_each(|x| *x = T::from_f64(odd));
            }
        }
    }
    let [channels, outs] = [g.groups * g.inputs, g.groups * g.outputs];
    let (to_x, to_y) = (lcg.numbers::<T>(channels), lcg.numbers::<T>(outs));
    let planes = [g.input, g.output].map(|s| s[0] * s[1] * s[2]);
    let mut y: Vec<T> = (0..ny).map(|i| to_y[i / planes[1] % outs]).collect();
    let mut dx: Vec<T> = (0..nx).map(|i| to_x[i / planes[0] % channels]).collect();
    let mut dw = vec![T::default(); nw];
    products(g, |at, k, j| {
        let value = at.map_or(T::default(), |at| x[at]);
        y[j] += w[k] * value;
        dw[k] += grad[j] * value;
        if let Some(at) = at {
            dx[at] += w[k] * grad[j];
        }
    });
    let mut bits = Vec::new();
    for threads in [1, 3] {
        set_num_threads(threads);
        let nan = T::from_f64(f64::NAN);
        let [mut found_y, mut found_x, mut found_w] = [ny, nx, nw].map(|n| vec![nan; n]);
        forward(g, &x, &w, Some(&to_y), &mut found_y);
        input(g, &grad, &w, Some(&to_x), &mut found_x);
        weight(g, &x, &grad, &mut found_w);
        close("y", g, &found_y, &y);
        close("x", g, &found_x, &dx);
        close("w", g, &found_w, &dw);
        let all = found_y.iter().chain(&found_x).chain(&found_w);
        bits.push(all.map(|x| x.to_f64().to_bits()).collect::<Vec<_>>());
    }
    assert!(bits[0] == bits[1], "threads change the bits of {g:?}");
}

#[test]
fn as_the_sums_of_products() {
    let mut lcg = Lcg(7);
    for i in 0..120 {
        let g = geometry(&mut lcg);
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
}

/// More than a block of taps, several blocks of lines, more than a panel of channels, and work for several threads.
#[test]
fn large() {
    let mut lcg = Lcg(11);
    let g = Geometry {
        batch: 2,
        groups: 1,
        inputs: 30,
        outputs: 9,
        input: [1, 7, 37],
        output: [1, 7, 37],
        kernel: [1, 3, 3],
        stride: [1; 3],
        padding: [0, 1, 1],
        dilation: [1; 3],
    };
    check::<f64>(&g, &mut lcg, true);
    let wide = Geometry { inputs: 2, input: [1, 3, 700], output: [1, 2, 349], stride: [1, 2, 2], ..g };
    check::<f32>(&wide, &mut lcg, false);
    let one = Geometry { inputs: 1, outputs: 1, ..g };
    let long = Geometry { batch: 1, input: [1, 9, 16_000], output: [1, 9, 16_000], ..one };
    let many = Geometry { batch: 18, input: [1, 4, 9], output: [1, 4, 9], ..one };
    check::<f64>(&long, &mut lcg, false);
    check::<f64>(&many, &mut lcg, false);
}

/// Few windows, and many images with them.
#[test]
fn small_images() {
    let mut lcg = Lcg(13);
    for i in 0..24 {
        let mut g = geometry(&mut lcg);
        for d in 0..3 {
            let span = g.dilation[d] * (g.kernel[d] - 1) + 1;
            let windows = 1 + lcg.below(if g.input[d] > 1 { 4 } else { 1 });
            g.output[d] = windows;
            let reach = (windows - 1) * g.stride[d] + span;
            g.padding[d] = g.padding[d].min((reach - 1) / 2);
            g.input[d] = reach - 2 * g.padding[d];
        }
        (g.batch, g.inputs, g.outputs) = (8 + lcg.below(40), 3 + lcg.below(9), 8 + lcg.below(9));
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
}

/// A window for each image, whose elements are its own.
#[test]
fn whole_images() {
    let mut lcg = Lcg(17);
    for batch in [1, 2, 33] {
        let kernel = [1 + lcg.below(3), 1 + lcg.below(4), 4];
        let g = Geometry {
            batch,
            groups: 1,
            inputs: 1 + lcg.below(40),
            outputs: 1 + lcg.below(40),
            input: kernel,
            output: [1; 3],
            kernel,
            stride: [1, 2, 3],
            padding: [0; 3],
            dilation: [1; 3],
        };
        check::<f32>(&g, &mut lcg, batch == 2);
        check::<f64>(&g, &mut lcg, batch == 1);
    }
}

/// Windows of 3×3 beside each other, of any padding, with tiles that reach beyond the result.
#[test]
fn tiles_of_windows() {
    let mut lcg = Lcg(19);
    for i in 0..16 {
        let padding = [0, lcg.below(5), lcg.below(4)];
        let input = [1, 4 + lcg.below(9), 4 + lcg.below(20)];
        let g = Geometry {
            batch: 1 + lcg.below(5),
            groups: 1 + lcg.below(3) / 2,
            inputs: 16 + lcg.below(20),
            outputs: 16 + lcg.below(20),
            input,
            output: [1, input[1] + 2 * padding[1] - 2, input[2] + 2 * padding[2] - 2],
            kernel: [1, 3, 3],
            stride: [1; 3],
            padding,
            dilation: [1; 3],
        };
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
}

/// Windows of one element: images that are shared out, and such as are large enough to be cut.
#[test]
fn single_elements() {
    let mut lcg = Lcg(23);
    for i in 0..16 {
        let size = if i < 14 { [1 + lcg.below(2), lcg.below(9), lcg.below(30)] } else { [1, 31, 33] };
        let g = Geometry {
            batch: lcg.below(20) / if i < 14 { 1 } else { 4 },
            groups: 1 + lcg.below(3) / 2,
            inputs: 8 + lcg.below(30) + if i < 14 { 0 } else { 20 },
            outputs: 8 + lcg.below(30) + if i < 14 { 0 } else { 20 },
            input: size,
            output: size,
            kernel: [1; 3],
            stride: [1; 3],
            padding: [0; 3],
            dilation: [1 + lcg.below(2); 3],
        };
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
}

/// Groups with few channels of y.
#[test]
fn narrow_groups() {
    let mut lcg = Lcg(29);
    for i in 0..40 {
        let mut g = geometry(&mut lcg);
        (g.batch, g.groups) = (1 + lcg.below(20), 1 + lcg.below(9));
        (g.inputs, g.outputs) = (1 + lcg.below(3), 1 + lcg.below(4));
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
    // Taps for several threads, some of which meet something infinite.
    let size = [1, 40, 300];
    let one = Geometry { batch: 2, groups: 3, inputs: 1, outputs: 1, input: size, ..geometry(&mut lcg) };
    let (kernel, padding) = ([1, 3, 5], [0, 1, 2]);
    let large = Geometry { output: size, kernel, padding, stride: [1; 3], dilation: [1; 3], ..one };
    check::<f32>(&large, &mut lcg, true);
    check::<f64>(&large, &mut lcg, true);
}

/// Some windows, and channels that make up for the rows.
#[test]
fn several_windows_of_many_channels() {
    let mut lcg = Lcg(31);
    for i in 0..6 {
        let [stride, padding] = [1 + lcg.below(2), lcg.below(2)];
        let output = [1, 5 + lcg.below(3), 5 + lcg.below(4)];
        let g = Geometry {
            batch: 1 + lcg.below(3),
            groups: 1 + lcg.below(3) / 2,
            inputs: 16 + lcg.below(9),
            outputs: 48 + lcg.below(9),
            input: output.map(|n| if n == 1 { 1 } else { (n - 1) * stride + 3 - 2 * padding }),
            output,
            kernel: [1, 3, 3],
            stride: [1, stride, stride],
            padding: [0, padding, padding],
            dilation: [1; 3],
        };
        check::<f32>(&g, &mut lcg, i % 4 == 0);
        check::<f64>(&g, &mut lcg, i % 4 == 1);
    }
}
