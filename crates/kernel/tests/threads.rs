//! The same bits for any number of threads.

use kernel::cross_entropy::{Labels, Probabilities, Smoothing};
use kernel::gemm::{Matrix, gemm};
use kernel::map::{Arg, map, zip, zip3};
use kernel::pointwise::{self, Spread};
use kernel::softmax::Normalizer;
use kernel::threads::set_num_threads;
use kernel::{Formula, Map1, Map2, Map3, Real, reduce, update};

/// One text for every kind of kernel.
#[derive(Clone, Copy)]
struct Text;
impl Map1 for Text {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        x.sigmoid() * 1.7
    }
}
impl Map2 for Text {
    #[inline(always)]
    fn call<R: Real>(self, x: R, y: R) -> R {
        x.tanh() * y
    }
}
impl Map3 for Text {
    #[inline(always)]
    fn call<R: Real>(self, x: R, y: R, z: R) -> R {
        x * y + z.exp()
    }
}
impl pointwise::Formula<2> for Text {
    #[inline(always)]
    fn value<R: Real>(self, [x, y]: [R; 2]) -> R {
        (x - y).cosh()
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, y]: [R; 2]) -> [R; 2] {
        let slope = (x - y).sinh();
        [slope.clone(), -slope]
    }
}
impl Formula<2> for Text {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (m, v) = (m * 0.9 + g, v * 0.99 + g * g);
        (x - m / (v.sqrt() + 1e-8), [m, v])
    }
}

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The results of all kernels for loops over `n`.
fn loops(n: usize) -> Vec<Vec<f32>> {
    let (x, y, z) = (numbers(n, 1), numbers(n, 2), numbers(n, 3));
    let of = |f: &dyn Fn(&mut [f32])| {
        let mut out = vec![0.0; n];
        f(&mut out);
        out
    };
    let (a, b, c) = (Arg::Slice(&x[..]), Arg::Slice(&y[..]), Arg::Slice(&z[..]));
    let half = Arg::Scalar(0.5);
    let spreads = [Spread::whole(&x), Spread::stretched(&y[..n.div_ceil(7)], 7)];
    let pull = |k| of(&|out| pointwise::pull(Text, k, Spread::scalar(&0.3), spreads, out));
    let [mut values, mut m, mut v] = [x.clone(), y.clone(), vec![1.0; n]];
    update(Text, &mut values, &z, [&mut m, &mut v]);
    // As a matrix with rows of 100 and of 30 columns.
    let axes = [100, 30].map(|columns| {
        let x = &x[..n - n % columns];
        let (mut over_rows, mut over_columns) = (vec![0.5; columns], vec![0.5; n / columns]);
        reduce::add_rows(Text, x, Some(&vec![0.3; columns]), &mut over_rows);
        reduce::add_columns(Text, x, None, &mut over_columns);
        over_rows.into_iter().chain(over_columns).map(|x| x as f32).collect::<Vec<f32>>()
    });
    let mut total = [0.0];
    reduce::add_columns(Text, &x, None, &mut total);
    let [wide, narrow] = axes;
    let sums = vec![
        total[0] as f32,
        reduce::sum(&x),
        reduce::dot(&x, &y),
        reduce::zip_sum(Text, n, a, half),
        reduce::zip3_sum(Text, n, a, b, c),
        pointwise::sum(Text, n, spreads) as f32,
    ];
    let mut slopes = vec![0.0; n];
    let total = pointwise::sum_and_pull(Text, 0.3, spreads, &mut slopes);
    slopes.push(total as f32);
    vec![
        of(&|out| map(Text, &x, out)),
        of(&|out| zip(Text, a, b, out)),
        of(&|out| zip(Text, half, b, out)),
        of(&|out| zip3(Text, a, b, c, out)),
        of(&|out| zip3(Text, a, half, c, out)),
        of(&|out| pointwise::map(Text, spreads, out)),
        pull(0),
        pull(1),
        values,
        m,
        v,
        sums,
        slopes,
        wide,
        narrow,
    ]
}

/// Products with operands of either order, added to what is there.
fn product([m, k, n]: [usize; 3]) -> Vec<Vec<f32>> {
    let (a, b) = (numbers(m * k, 4), numbers(k * n, 5));
    let orders = |rows, columns| [[columns, 1], [1, rows]];
    let mut products = Vec::new();
    for [ar, ac] in orders(m, k) {
        for [br, bc] in orders(k, n) {
            let mut c = numbers(m * n, 6);
            let a = Matrix { data: &a, row_stride: ar, column_stride: ac };
            let b = Matrix { data: &b, row_stride: br, column_stride: bc };
            gemm([m, k, n], a, b, &mut c, true);
            products.push(c);
        }
    }
    products
}

fn cross_entropy([rows, classes]: [usize; 2]) -> Vec<Vec<f32>> {
    let (x, targets) = (numbers(rows * classes, 7), numbers(rows * classes, 8));
    let label = |i| if i % 5 == 0 { -1 } else { (i * 7 % classes) as i64 };
    let labels: Vec<i64> = (0..rows).map(label).collect();
    let smoothing = Smoothing::new(0.1, classes);
    let labels = Labels { labels: &labels, ignored: -1, classes, inner: 1, weights: None, smoothing };
    let probabilities = Probabilities { targets: &targets, classes, inner: 1, weights: None, smoothing };
    let [mut losses, mut others, mut at_once] = [(); 3].map(|()| vec![0.0; rows]);
    let [mut gradient, mut other, mut both] = [(); 3].map(|()| vec![0.0; rows * classes]);
    let mut normalizers = vec![Normalizer::default(); rows];
    labels.losses(&x, &mut losses, &mut normalizers);
    let weight = labels.denominator();
    labels.gradient(&x, &normalizers, &[0.25], &mut gradient);
    labels.losses_and_gradient(&x, 0.25, &mut at_once, &mut both);
    let far = gradient.iter().zip(&both).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-6, "the two ways differ by {far}");
    probabilities.losses(&x, &mut others);
    probabilities.gradient(&x, &[0.25], &mut other);
    let rounded = |x: Vec<f64>| x.into_iter().map(|x| x as f32).collect();
    vec![rounded(losses), rounded(others), rounded(at_once), vec![weight as f32], gradient, other, both]
}

#[test]
fn the_number_of_threads_does_not_show() {
    // On one thread, around the lengths at which a loop is cut, and with a last block that is short.
    let all = || {
        let mut results: Vec<Vec<f32>> = Vec::new();
        [0, 1, 95, 32_767, 32_768, 100_003, 131_075, 262_144]
            .into_iter()
            .for_each(|n| results.extend(loops(n)));
        let shapes =
            [[64, 300, 200], [300, 64, 100], [1, 500, 3000], [3000, 500, 1], [77, 1000, 13], [5, 600, 700]];
        shapes.into_iter().for_each(|shape| results.extend(product(shape)));
        let rows = [[5, 3], [1000, 70], [3, 40_000], [0, 4]];
        rows.into_iter().for_each(|shape| results.extend(cross_entropy(shape)));
        results
    };
    set_num_threads(1);
    let alone = all();
    for threads in [2, 3] {
        set_num_threads(threads);
        for (i, (expected, found)) in alone.iter().zip(all()).enumerate() {
            let same = expected.iter().map(|x| x.to_bits()).eq(found.iter().map(|x| x.to_bits()));
            assert!(same, "result {i} differs on {threads} threads");
        }
    }
}
