//! Functions, how far they are from the truth, and the points at which they are asked.

use kernel::map::{Arg, map, zip};
use kernel::{Lane, Map1, Map2};

/// Runs a formula over a slice: with the machine's vectors, and as a machine without fused multiply-add would.
type Run<T> = [Box<dyn Fn(&[T], &[T], &mut [T])>; 2];

/// A function of one or two numbers, and the same computed otherwise in double precision.
pub struct Function {
    pub name: &'static str,
    pub single: Run<f32>,
    pub double: Run<f64>,
    pub reference: Reference,
    /// The largest error that is allowed, in float32 and in float64.
    pub bounds: [f64; 2],
}

pub enum Reference {
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
}

impl Function {
    pub fn one<F: Map1 + 'static>(
        f: F,
        name: &'static str,
        reference: fn(f64) -> f64,
        bounds: [f64; 2],
    ) -> Self {
        Function {
            name,
            single: [
                Box::new(move |x, _, out| map(f, x, out)),
                Box::new(move |x, _, out| {
                    out.iter_mut().zip(x).for_each(|(y, &x)| *y = f.call(Lane::<f32, false>(x)).0);
                }),
            ],
            double: [
                Box::new(move |x, _, out| map(f, x, out)),
                Box::new(move |x, _, out| {
                    out.iter_mut().zip(x).for_each(|(y, &x)| *y = f.call(Lane::<f64, false>(x)).0);
                }),
            ],
            reference: Reference::One(reference),
            bounds,
        }
    }

    pub fn two<F: Map2 + 'static>(
        f: F,
        name: &'static str,
        reference: fn(f64, f64) -> f64,
        bounds: [f64; 2],
    ) -> Self {
        Function {
            name,
            single: [
                Box::new(move |x, y, out| zip(f, Arg::Slice(x), Arg::Slice(y), out)),
                Box::new(move |x, y, out| {
                    for ((z, &x), &y) in out.iter_mut().zip(x).zip(y) {
                        *z = f.call(Lane::<f32, false>(x), Lane(y)).0;
                    }
                }),
            ],
            double: [
                Box::new(move |x, y, out| zip(f, Arg::Slice(x), Arg::Slice(y), out)),
                Box::new(move |x, y, out| {
                    for ((z, &x), &y) in out.iter_mut().zip(x).zip(y) {
                        *z = f.call(Lane::<f64, false>(x), Lane(y)).0;
                    }
                }),
            ],
            reference: Reference::Two(reference),
            bounds,
        }
    }
}

/// The largest error found, and where.
#[derive(Clone, Copy, Default)]
pub struct Worst {
    pub ulp: f64,
    pub at: [f64; 2],
}

impl Worst {
    fn see(&mut self, ulp: f64, at: [f64; 2]) {
        if ulp > self.ulp {
            *self = Worst { ulp, at };
        }
    }
}

/// Over the points of float32: the errors with and without fused multiply-add.
pub fn single(function: &Function, points: impl Iterator<Item = [f32; 2]>) -> [Worst; 2] {
    let mut worst = [Worst::default(); 2];
    let mut points = points.peekable();
    while points.peek().is_some() {
        let (x, y): (Vec<f32>, Vec<f32>) = points.by_ref().take(4096).map(|[x, y]| (x, y)).unzip();
        let truth: Vec<f64> = x
            .iter()
            .zip(&y)
            .map(|(&x, &y)| match function.reference {
                Reference::One(f) => f(x.into()),
                Reference::Two(f) => f(x.into(), y.into()),
            })
            .collect();
        let mut out = vec![0.0; x.len()];
        for (run, worst) in function.single.iter().zip(&mut worst) {
            run(&x, &y, &mut out);
            for (i, (&found, &truth)) in out.iter().zip(&truth).enumerate() {
                worst.see(
                    error(found.into(), truth, 0.0, f32::MAX.into(), 24, -149),
                    [x[i].into(), y[i].into()],
                );
            }
        }
    }
    worst
}

/// Over a table of true values in float64: the errors with and without fused multiply-add.
pub fn double(function: &Function, truths: &[Truth]) -> [Worst; 2] {
    let mut worst = [Worst::default(); 2];
    for (run, worst) in function.double.iter().zip(&mut worst) {
        for truth in truths {
            let [x, y] = truth.at;
            let mut out = [0.0];
            run(&[x], &[y], &mut out);
            worst.see(error(out[0], truth.value, truth.rest, f64::MAX, 53, -1074), truth.at);
        }
    }
    worst
}

/// A value to more digits than float64 has: `value + rest·ulp(value)`.
pub struct Truth {
    pub at: [f64; 2],
    pub value: f64,
    pub rest: f64,
}

/// The table made by `truth.py`: a line with the name of a function, then a line per point.
pub fn truths(table: &str, name: &str) -> Vec<Truth> {
    let bits = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).expect("a float64 in hexadecimal"));
    table
        .lines()
        .skip_while(|line| line.strip_prefix("# ") != Some(name))
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let rest = words.last().expect("a line").parse().expect("a number");
            let numbers: Vec<f64> = words[..words.len() - 1].iter().map(|w| bits(w)).collect();
            match numbers[..] {
                [x, value] => Truth { at: [x, 0.0], value, rest },
                [x, y, value] => Truth { at: [x, y], value, rest },
                _ => panic!("a line of {} numbers", numbers.len()),
            }
        })
        .collect()
}

/// The error of `y` in units in the last place of a float with `digits` bits and the least exponent `least`.
fn error(y: f64, truth: f64, rest: f64, largest: f64, digits: i32, least: i32) -> f64 {
    if y.is_nan() || truth.is_nan() {
        return if y.is_nan() && truth.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // Where the truth leaves the range, inf is right, and the largest float is one step beside it.
    let (y, truth) = (y.clamp(-largest, largest), truth.clamp(-largest, largest));
    let exponent = libm::frexp(truth).1.max(least + digits);
    (libm::ldexp(libm::ldexp(y - truth, -exponent), digits) - rest).abs()
}

/// Where a formula may break: the ends, the steps beside them, NaN.
const EDGES: [f32; 13] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
];

/// Every `stride`-th float32 of all 2³² (as the first variable; the second is another one of them), then lines through
/// the ranges where functions have shape.
pub fn points(stride: usize) -> impl Iterator<Item = [f32; 2]> {
    let patterns = (0..=u32::MAX).step_by(stride).map(|bits| {
        // The second variable: near the first in size for half of the points, anywhere for the others.
        let mixed = bits.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
        let near = bits.wrapping_add(mixed >> 8) ^ (mixed & 0x8000_0000);
        [f32::from_bits(bits), f32::from_bits(if mixed & 1 == 0 { near } else { mixed })]
    });
    let count = (u32::MAX as usize / stride / 4).max(1) as u32;
    let lines = [(-110.0, 110.0), (-12.0, 12.0), (-1.5, 1.5), (0.5, 2.5)].into_iter().flat_map(
        move |(a, b): (f64, f64)| {
            (0..count).map(move |i| {
                let part = |i: u32| a + (b - a) * f64::from(i) / f64::from(count);
                [part(i) as f32, part((u64::from(i) * 7919 % u64::from(count)) as u32) as f32]
            })
        },
    );
    let edges = EDGES.into_iter().flat_map(|x| EDGES.map(|y| [x, y]));
    patterns.chain(lines).chain(edges)
}
