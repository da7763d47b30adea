//! The one way to write an elementwise kernel: a formula over [`Real`], and a loop that is compiled once per
//! instruction set.
//!
//! ```
//! use kernel::{Map1, Real, map};
//!
//! #[derive(Clone, Copy)]
//! struct Square;
//! impl Map1 for Square {
//!     fn call<R: Real>(self, x: R) -> R {
//!         x.clone() * x
//!     }
//! }
//! let mut y = [0.0f32; 3];
//! map::map(Square, &[1.0, 2.0, 3.0], &mut y);
//! assert_eq!(y, [1.0, 4.0, 9.0]);
//! ```

use crate::real::{AsLane, Float, Real};
use crate::spread::{STRIP, Spread, room};
use crate::threads::share_out;
use pulp::{Arch, Simd, WithSimd};
use std::any::TypeId;

/// A formula of one variable. The method should be `#[inline(always)]`, or the loop around it stays scalar.
pub trait Map1: Copy + Sync {
    /// The value of the formula at `x`.
    fn call<R: Real>(self, x: R) -> R;
}

/// A formula of two variables.
pub trait Map2: Copy + Sync {
    /// The value of the formula at `(x, y)`.
    fn call<R: Real>(self, x: R, y: R) -> R;
}

/// A formula of three variables.
pub trait Map3: Copy + Sync {
    /// The value of the formula at `(x, y, z)`.
    fn call<R: Real>(self, x: R, y: R, z: R) -> R;
}

/// An operand of a loop: one number per element, or the same number for all.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a, T> {
    /// Element `i` of the loop meets element `i` of the slice.
    Slice(&'a [T]),
    /// Every element meets this number.
    Scalar(T),
}

/// Elements that are worth another thread: the cheapest loops take 2 µs for so many.
pub(crate) const PIECE: usize = 16_384;

/// Runs `f` over `x`.
///
/// # Panics
/// If the slices differ in length.
pub fn map<T: Float, F: Map1>(f: F, x: &[T], out: &mut [T]) {
    struct Loop<'a, T, F>(F, &'a [T], &'a mut [T]);
    impl<T: Float, F: Map1> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, x, out) = self;
            if fused::<S>() {
                each(x, out, move |x| f.call(T::Fused::wrap(x)).unwrap());
            } else {
                each(x, out, move |x| f.call(T::Plain::wrap(x)).unwrap());
            }
        }
    }
    assert_eq!(x.len(), out.len(), "map: operands of unequal length");
    share_out(out, STRIP, PIECE, &|first, out| {
        Arch::new().dispatch(Loop(f, &x[first..first + out.len()], out));
    });
}

impl<'a, T: Copy> Arg<'a, T> {
    /// A slice of one number as that number: it fits a loop of any length.
    #[inline]
    pub fn of(values: &'a [T]) -> Self {
        if let [one] = *values { Arg::Scalar(one) } else { Arg::Slice(values) }
    }

    /// What element `i` meets.
    #[inline]
    fn at(&self, i: usize) -> T {
        match *self {
            Arg::Slice(values) => values[i],
            Arg::Scalar(value) => value,
        }
    }
}

impl<T: Float> Arg<'_, T> {
    #[inline]
    fn spread(&self) -> Spread<'_, T> {
        match self {
            Arg::Slice(values) => Spread::whole(values),
            Arg::Scalar(value) => Spread::scalar(value),
        }
    }

    /// Whether the operand has something for each of `n` elements.
    pub(crate) fn fits(&self, n: usize) -> bool {
        match self {
            Arg::Slice(values) => values.len() == n,
            Arg::Scalar(_) => true,
        }
    }

    /// What the elements `start..start + len` meet.
    pub(crate) fn part(self, start: usize, len: usize) -> Self {
        match self {
            Arg::Slice(values) => Arg::Slice(&values[start..start + len]),
            scalar => scalar,
        }
    }
}

/// Runs `f` over pairs.
///
/// # Panics
/// If the slices differ in length.
pub fn zip<T: Float, F: Map2>(f: F, x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [T]) {
    let n = out.len();
    assert!(x.fits(n) && y.fits(n), "zip: operands of unequal length");
    if n == 1 {
        return zip_slices(f, &[x.at(0)], &[y.at(0)], out);
    }
    share_out(out, STRIP, PIECE, &|first, out| {
        if let (Arg::Slice(x), Arg::Slice(y)) = (x, y) {
            let part = first..first + out.len();
            return zip_slices(f, &x[part.clone()], &y[part], out);
        }
        let mut rooms = [room(), room()];
        for (i, out) in out.chunks_mut(STRIP).enumerate() {
            let (start, len, [a, b]) = (first + i * STRIP, out.len(), &mut rooms);
            zip_slices(f, x.spread().part(start, len, n, a), y.spread().part(start, len, n, b), out);
        }
    });
}

fn zip_slices<T: Float, F: Map2>(f: F, x: &[T], y: &[T], out: &mut [T]) {
    struct Loop<'a, T, F>(F, &'a [T], &'a [T], &'a mut [T]);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, x, y, out) = self;
            let triples = out.iter_mut().zip(x).zip(y);
            if fused::<S>() {
                triples.for_each(move |((out, &x), &y)| {
                    *out = f.call(T::Fused::wrap(x), T::Fused::wrap(y)).unwrap();
                });
            } else {
                triples.for_each(move |((out, &x), &y)| {
                    *out = f.call(T::Plain::wrap(x), T::Plain::wrap(y)).unwrap();
                });
            }
        }
    }
    Arch::new().dispatch(Loop(f, x, y, out));
}

/// Runs `f` over triples.
///
/// # Panics
/// If the slices differ in length.
pub fn zip3<T: Float, F: Map3>(f: F, x: Arg<'_, T>, y: Arg<'_, T>, z: Arg<'_, T>, out: &mut [T]) {
    let n = out.len();
    assert!(x.fits(n) && y.fits(n) && z.fits(n), "zip3: operands of unequal length");
    if n == 1 {
        return zip3_slices(f, [&[x.at(0)], &[y.at(0)], &[z.at(0)]], out);
    }
    share_out(out, STRIP, PIECE, &|first, out| {
        if let (Arg::Slice(x), Arg::Slice(y), Arg::Slice(z)) = (x, y, z) {
            let args = [x, y, z].map(|values| &values[first..first + out.len()]);
            return zip3_slices(f, args, out);
        }
        let mut rooms = [room(), room(), room()];
        for (i, out) in out.chunks_mut(STRIP).enumerate() {
            let (start, len, [a, b, c]) = (first + i * STRIP, out.len(), &mut rooms);
            let x = x.spread().part(start, len, n, a);
            let y = y.spread().part(start, len, n, b);
            zip3_slices(f, [x, y, z.spread().part(start, len, n, c)], out);
        }
    });
}

fn zip3_slices<T: Float, F: Map3>(f: F, args: [&[T]; 3], out: &mut [T]) {
    struct Loop<'a, T, F>(F, [&'a [T]; 3], &'a mut [T]);
    impl<T: Float, F: Map3> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, [x, y, z], out) = self;
            let quads = out.iter_mut().zip(x).zip(y).zip(z);
            if fused::<S>() {
                quads.for_each(move |(((out, &x), &y), &z)| {
                    *out = f.call(T::Fused::wrap(x), T::Fused::wrap(y), T::Fused::wrap(z)).unwrap();
                });
            } else {
                quads.for_each(move |(((out, &x), &y), &z)| {
                    *out = f.call(T::Plain::wrap(x), T::Plain::wrap(y), T::Plain::wrap(z)).unwrap();
                });
            }
        }
    }
    Arch::new().dispatch(Loop(f, args, out));
}

/// Runs a closure over `x` in double precision, one element after the other: for functions that are asked for too rarely
/// to be worth vector code for every machine.
///
/// # Panics
/// If the slices differ in length.
pub fn map_each<T: Float>(f: &dyn Fn(f64) -> f64, x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "map: operands of unequal length");
    each(x, out, |x| T::from_f64(f(x.to_f64())));
}

/// [`map_each`] over pairs.
///
/// # Panics
/// If the slices differ in length.
pub fn zip_each<T: Float>(f: &dyn Fn(f64, f64) -> f64, x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [T]) {
    assert!(x.fits(out.len()) && y.fits(out.len()), "zip: operands of unequal length");
    for (i, out) in out.iter_mut().enumerate() {
        *out = T::from_f64(f(x.at(i).to_f64(), y.at(i).to_f64()));
    }
}

/// [`map_each`] over triples.
///
/// # Panics
/// If the slices differ in length.
pub fn zip3_each<T: Float>(f: &dyn Fn(f64, f64, f64) -> f64, args: [Arg<'_, T>; 3], out: &mut [T]) {
    assert!(args.iter().all(|arg| arg.fits(out.len())), "zip3: operands of unequal length");
    let [x, y, z] = args;
    for (i, out) in out.iter_mut().enumerate() {
        *out = T::from_f64(f(x.at(i).to_f64(), y.at(i).to_f64(), z.at(i).to_f64()));
    }
}

/// Runs any closure over pairs: comparisons, integers, bools.
///
/// # Panics
/// If the slices differ in length.
#[inline]
pub fn zip_with<T: Copy, U>(x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [U], f: impl Fn(T, T) -> U) {
    vectorize!(each2(x, y, out, f));
}

/// Runs a block that is no formula over [`Real`] (comparisons, integers, reductions, an optimizer's update) with the widest
/// vectors of the machine: `vectorize!({ ... })`. What it uses of its surroundings it takes by value: a captured reference
/// would keep the compiler from vectorising.
#[macro_export]
macro_rules! vectorize {
    ($job:expr) => {
        $crate::map::vectorized(
            // Or the compiler may leave the block a function of its own, for the oldest machine.
            #[inline(always)]
            move || $job,
        )
    };
}
pub use vectorize;

/// What [`vectorize!`](crate::vectorize) calls.
#[doc(hidden)]
#[inline(always)]
pub fn vectorized<R>(job: impl FnOnce() -> R) -> R {
    struct Job<F>(F);
    impl<R, F: FnOnce() -> R> WithSimd for Job<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Job(job))
}

/// Whether loops for this instruction set have a fused multiply-add; known at compile time.
#[inline(always)]
pub(crate) fn fused<S: Simd>() -> bool {
    TypeId::of::<S>() != TypeId::of::<pulp::Scalar>()
}

#[inline(always)]
fn each<T: Copy, U>(x: &[T], out: &mut [U], f: impl Fn(T) -> U) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// A match per kind of operand, so that no loop has to ask which one it meets.
#[inline(always)]
fn each2<T: Copy, U>(x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [U], f: impl Fn(T, T) -> U) {
    match (x, y) {
        (Arg::Slice(x), Arg::Slice(y)) => {
            assert!(x.len() == out.len() && y.len() == out.len(), "zip: operands of unequal length");
            for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                *out = f(x, y);
            }
        }
        (Arg::Slice(x), Arg::Scalar(y)) => {
            assert_eq!(x.len(), out.len(), "zip: operands of unequal length");
            each(x, out, move |x| f(x, y));
        }
        (Arg::Scalar(x), Arg::Slice(y)) => {
            assert_eq!(y.len(), out.len(), "zip: operands of unequal length");
            each(y, out, move |y| f(x, y));
        }
        (Arg::Scalar(x), Arg::Scalar(y)) => {
            for out in out {
                *out = f(x, y);
            }
        }
    }
}
