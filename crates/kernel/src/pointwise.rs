//! Losses that are a formula of each element: summed, mapped, and pulled back, each in one pass without a temporary.
//!
//! ```
//! use kernel::Real;
//! use kernel::pointwise::{Formula, Spread, pull, sum};
//!
//! /// (x − t)²
//! #[derive(Clone, Copy)]
//! struct Squared;
//! impl Formula<2> for Squared {
//!     #[inline(always)]
//!     fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
//!         let d = x - t;
//!         d.clone() * d
//!     }
//!     #[inline(always)]
//!     fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
//!         let d = (x - t) * 2.0;
//!         [d.clone(), -d]
//!     }
//! }
//! let args = [Spread::whole(&[1.0f32, 2.0]), Spread::whole(&[0.0, 4.0])];
//! assert_eq!(sum(Squared, 2, args), 5.0);
//! let mut gradient = [0.0; 2];
//! pull(Squared, 0, Spread::scalar(&1.0), args, &mut gradient);
//! assert_eq!(gradient, [2.0, -4.0]);
//! ```

use crate::map::fused;
use crate::real::{AsLane, Float, Real};
use crate::reduce::{STRIP, tree};
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;

/// A function of `N` numbers and its `N` derivatives. `#[inline(always)]` on both lets the loops around them vectorise.
pub trait Formula<const N: usize>: Copy {
    /// The value at `x`.
    fn value<R: Real>(self, x: [R; N]) -> R;
    /// The derivatives at `x`. A loop that uses one of them computes one of them.
    fn slopes<R: Real>(self, x: [R; N]) -> [R; N];
}

/// An operand that is spread over the elements of a loop: element `i` meets `values[(i / stretch) % values.len()]`.
///
/// One number for all, one per column, per row or per channel are all of this kind.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a, T> {
    values: &'a [T],
    stretch: usize,
}

impl<'a, T: Float> Spread<'a, T> {
    /// One number per element.
    #[inline]
    pub fn whole(values: &'a [T]) -> Self {
        Spread { values, stretch: 1 }
    }

    /// The same number for all.
    #[inline]
    pub fn scalar(value: &'a T) -> Self {
        Spread { values: std::slice::from_ref(value), stretch: 1 }
    }

    /// Each number for `stretch` elements in a row, and then again from the first.
    ///
    /// # Panics
    /// If `stretch` is 0.
    #[inline]
    pub fn stretched(values: &'a [T], stretch: usize) -> Self {
        assert!(stretch > 0, "a stretch of no element");
        Spread { values, stretch }
    }

    /// What the elements `start..start + len` meet: a part of the values themselves, or written to `strip`.
    #[inline(always)]
    fn strip<'s>(self, start: usize, len: usize, n: usize, strip: &'s mut [MaybeUninit<T>; STRIP]) -> &'s [T]
    where
        'a: 's,
    {
        let Spread { values, stretch } = self;
        if stretch == 1 && values.len() == n {
            return &values[start..start + len];
        }
        let strip = &mut strip[..len];
        if let [value] = values {
            for place in &mut *strip {
                place.write(*value);
            }
        } else {
            for (i, place) in strip.iter_mut().enumerate() {
                place.write(values[(start + i) / stretch % values.len()]);
            }
        }
        // SAFETY: both loops above have written every place of `strip`.
        unsafe { &*(std::ptr::from_ref::<[MaybeUninit<T>]>(strip) as *const [T]) }
    }
}

/// Runs `f` over the elements `start..start + out.len()` of a loop over `n`.
#[inline(always)]
fn each<T: Float, U, const N: usize>(
    args: [Spread<'_, T>; N],
    n: usize,
    start: usize,
    out: &mut [U],
    f: impl Fn(&mut U, [T; N]),
) {
    let len = out.len();
    let mut strips = [[const { MaybeUninit::uninit() }; STRIP]; N];
    let mut strips = strips.iter_mut();
    let args: [&[T]; N] = args.map(|arg| match strips.next() {
        Some(strip) => arg.strip(start, len, n, strip),
        None => &[],
    });
    let args = args.map(|arg| &arg[..len]);
    for (i, out) in out.iter_mut().enumerate() {
        f(out, args.map(|arg| arg[i]));
    }
}

/// The sum of `f` over `n` elements, in float64: the caller rounds once.
///
/// # Panics
/// If an operand neither has `n` values nor is spread over them.
pub fn sum<T: Float, F: Formula<N>, const N: usize>(f: F, n: usize, args: [Spread<'_, T>; N]) -> f64 {
    struct Loop<'a, T, F, const N: usize>(F, usize, [Spread<'a, T>; N]);
    impl<T: Float, F: Formula<N>, const N: usize> WithSimd for Loop<'_, T, F, N> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(f, n, args) = self;
            tree(
                simd,
                n,
                #[inline(always)]
                move |start, terms| {
                    if fused::<S>() {
                        each(args, n, start, terms, move |term, x| {
                            *term = f.value(x.map(T::Fused::wrap)).unwrap().to_f64();
                        });
                    } else {
                        each(args, n, start, terms, move |term, x| {
                            *term = f.value(x.map(T::Plain::wrap)).unwrap().to_f64();
                        });
                    }
                },
            )
        }
    }
    Arch::new().dispatch(Loop(f, n, args))
}

/// The value of `f` at each element.
///
/// # Panics
/// If an operand neither has as many values as `out` nor is spread over them.
pub fn map<T: Float, F: Formula<N>, const N: usize>(f: F, args: [Spread<'_, T>; N], out: &mut [T]) {
    struct Loop<'a, T, F, const N: usize>(F, [Spread<'a, T>; N], &'a mut [T]);
    impl<T: Float, F: Formula<N>, const N: usize> WithSimd for Loop<'_, T, F, N> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, args, out) = self;
            let n = out.len();
            for (i, out) in out.chunks_mut(STRIP).enumerate() {
                if fused::<S>() {
                    each(args, n, i * STRIP, out, move |out, x| {
                        *out = f.value(x.map(T::Fused::wrap)).unwrap();
                    });
                } else {
                    each(args, n, i * STRIP, out, move |out, x| {
                        *out = f.value(x.map(T::Plain::wrap)).unwrap();
                    });
                }
            }
        }
    }
    Arch::new().dispatch(Loop(f, args, out));
}

/// The gradient of operand `k`, from that of the values: `grad · ∂f/∂xₖ` for each element.
///
/// # Panics
/// If an operand neither has as many values as `out` nor is spread over them, or if there are more than four.
pub fn pull<T: Float, F: Formula<N>, const N: usize>(
    f: F,
    k: usize,
    grad: Spread<'_, T>,
    args: [Spread<'_, T>; N],
    out: &mut [T],
) {
    match k {
        0 => pull_of::<T, F, N, 0>(f, grad, args, out),
        1 => pull_of::<T, F, N, 1>(f, grad, args, out),
        2 => pull_of::<T, F, N, 2>(f, grad, args, out),
        3 => pull_of::<T, F, N, 3>(f, grad, args, out),
        _ => panic!("pull: a formula has at most four operands"),
    }
}

/// `K` at compile time, so that a loop computes one derivative and no other.
fn pull_of<T: Float, F: Formula<N>, const N: usize, const K: usize>(
    f: F,
    grad: Spread<'_, T>,
    args: [Spread<'_, T>; N],
    out: &mut [T],
) {
    struct Loop<'a, T, F, const N: usize, const K: usize>(F, Spread<'a, T>, [Spread<'a, T>; N], &'a mut [T]);
    impl<T: Float, F: Formula<N>, const N: usize, const K: usize> WithSimd for Loop<'_, T, F, N, K> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, grad, args, out) = self;
            let n = out.len();
            for (i, out) in out.chunks_mut(STRIP).enumerate() {
                let (start, len) = (i * STRIP, out.len());
                let mut strip = [const { MaybeUninit::uninit() }; STRIP];
                out.copy_from_slice(grad.strip(start, len, n, &mut strip));
                if fused::<S>() {
                    each(args, n, start, out, move |out, x| {
                        *out = (T::Fused::wrap(*out) * f.slopes(x.map(T::Fused::wrap))[K]).unwrap();
                    });
                } else {
                    each(args, n, start, out, move |out, x| {
                        *out = (T::Plain::wrap(*out) * f.slopes(x.map(T::Plain::wrap))[K]).unwrap();
                    });
                }
            }
        }
    }
    if K < N {
        Arch::new().dispatch(Loop::<T, F, N, K>(f, grad, args, out));
    }
}
