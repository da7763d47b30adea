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

use crate::map::{PIECE, fused};
use crate::real::{AsLane, Float, Real};
use crate::reduce::{terms, terms_with};
pub use crate::spread::Spread;
use crate::spread::{STRIP, room};
use crate::threads::share_out;
use pulp::{Arch, Simd, WithSimd};

/// A function of `N` numbers and its `N` derivatives. `#[inline(always)]` on both lets the loops around them vectorise.
pub trait Formula<const N: usize>: Copy + Sync {
    /// The value at `x`.
    fn value<R: Real>(self, x: [R; N]) -> R;
    /// The derivatives at `x`. A loop that uses one of them computes one of them.
    fn slopes<R: Real>(self, x: [R; N]) -> [R; N];
    /// The derivatives at `x` times `grad`; for a formula whose derivatives may leave the range of the type where these do not.
    #[inline(always)]
    fn pulls<R: Real>(self, x: [R; N], grad: R) -> [R; N] {
        self.slopes(x).map(|slope| grad.clone() * slope)
    }
}

/// Runs `f` over slices as long as `out`: the one loop of a formula. By index into slices that are cut to one length: where
/// the compiler cannot see that they are, it leaves the last vector to scalar code, of as many strips as there are.
#[inline(always)]
fn each<T: Float, const N: usize>(args: [&[T]; N], out: &mut [T], f: impl Fn(T, [T; N]) -> T) {
    let n = out.len();
    let args = args.map(|arg| &arg[..n]);
    for i in 0..n {
        out[i] = f(out[i], std::array::from_fn(|k| args[k][i]));
    }
}

/// Shares a loop over `out`, and cuts it into strips: `f(start, what the operands are there, the strip)`. A single one
/// for each thread if no operand has to be written out.
fn strips<T: Float, const N: usize>(
    args: [Spread<'_, T>; N],
    out: &mut [T],
    f: impl Fn(usize, [&[T]; N], &mut [T]) + Sync,
) {
    let n = out.len();
    let slices = args.iter().all(|arg| arg.as_slice(n).is_some());
    share_out(out, STRIP, PIECE, &|first, out| {
        let strip = if slices { out.len().max(1) } else { STRIP };
        for (i, out) in out.chunks_mut(strip).enumerate() {
            let start = first + i * strip;
            parts(args, start, n, out.len(), |args| f(start, args, out));
        }
    });
}

/// What the operands of a loop over `n` are for the elements `start..start + len`.
#[inline(always)]
fn parts<T: Float, R, const N: usize>(
    args: [Spread<'_, T>; N],
    start: usize,
    n: usize,
    len: usize,
    f: impl FnOnce([&[T]; N]) -> R,
) -> R {
    let mut rooms = [const { room::<T>() }; N];
    let mut slices = [&[][..]; N];
    for ((slice, arg), room) in slices.iter_mut().zip(args).zip(&mut rooms) {
        *slice = arg.part(start, len, n, room);
    }
    f(slices)
}

/// The sum of `f` over `n` elements, in float64: the caller rounds once.
///
/// # Panics
/// If an operand neither has `n` values nor is spread over them.
pub fn sum<T: Float, F: Formula<N>, const N: usize>(f: F, n: usize, args: [Spread<'_, T>; N]) -> f64 {
    terms(n, &|start, out: &mut [T]| parts(args, start, n, out.len(), |args| values(f, args, out)))
}

/// The [`sum`], and in the same pass the gradient of the first operand where that of each value is `grad`: what [`pull`]
/// writes. What the value and the slope have in common, such as an exponential, is computed once.
///
/// # Panics
/// As [`pull`].
pub fn sum_and_pull<T: Float, F: Formula<N>, const N: usize>(
    f: F,
    grad: T,
    args: [Spread<'_, T>; N],
    out: &mut [T],
) -> f64 {
    struct Loop<'a, T, F, const N: usize>(F, T, [&'a [T]; N], &'a mut [T], &'a mut [T]);
    impl<T: Float, F: Formula<N>, const N: usize> WithSimd for Loop<'_, T, F, N> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, grad, args, values, out) = self;
            if fused::<S>() {
                both(args, values, out, move |x| {
                    let x = x.map(T::Fused::wrap);
                    (f.value(x).unwrap(), f.pulls(x, T::Fused::wrap(grad))[0].unwrap())
                });
            } else {
                both(args, values, out, move |x| {
                    let x = x.map(T::Plain::wrap);
                    (f.value(x).unwrap(), f.pulls(x, T::Plain::wrap(grad))[0].unwrap())
                });
            }
        }
    }
    let n = out.len();
    terms_with(out, &|start, values, out| {
        parts(args, start, n, out.len(), |args| Arch::new().dispatch(Loop(f, grad, args, values, out)));
    })
}

#[inline(always)]
fn both<T: Float, const N: usize>(
    args: [&[T]; N],
    values: &mut [T],
    out: &mut [T],
    f: impl Fn([T; N]) -> (T, T),
) {
    let n = out.len();
    let (args, values) = (args.map(|arg| &arg[..n]), &mut values[..n]);
    for i in 0..n {
        (values[i], out[i]) = f(std::array::from_fn(|k| args[k][i]));
    }
}

/// The value of `f` at each element.
///
/// # Panics
/// If an operand neither has as many values as `out` nor is spread over them.
pub fn map<T: Float, F: Formula<N>, const N: usize>(f: F, args: [Spread<'_, T>; N], out: &mut [T]) {
    strips(args, out, |_, args, out| values(f, args, out));
}

fn values<T: Float, F: Formula<N>, const N: usize>(f: F, args: [&[T]; N], out: &mut [T]) {
    struct Loop<'a, T, F, const N: usize>(F, [&'a [T]; N], &'a mut [T]);
    impl<T: Float, F: Formula<N>, const N: usize> WithSimd for Loop<'_, T, F, N> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, args, out) = self;
            if fused::<S>() {
                each(args, out, move |_, x| f.value(x.map(T::Fused::wrap)).unwrap());
            } else {
                each(args, out, move |_, x| f.value(x.map(T::Plain::wrap)).unwrap());
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
    struct Loop<'a, T, F, const N: usize, const K: usize>(F, [&'a [T]; N], &'a mut [T]);
    impl<T: Float, F: Formula<N>, const N: usize, const K: usize> WithSimd for Loop<'_, T, F, N, K> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, args, out) = self;
            if fused::<S>() {
                each(args, out, move |g, x| f.pulls(x.map(T::Fused::wrap), T::Fused::wrap(g))[K].unwrap());
            } else {
                each(args, out, move |g, x| f.pulls(x.map(T::Plain::wrap), T::Plain::wrap(g))[K].unwrap());
            }
        }
    }
    if K >= N {
        return;
    }
    let n = out.len();
    strips(args, out, |start, args, out| {
        // The gradient is written where its product with the slope will stand.
        let mut room = room();
        for (i, out) in out.chunks_mut(STRIP).enumerate() {
            out.copy_from_slice(grad.part(start + i * STRIP, out.len(), n, &mut room));
        }
        Arch::new().dispatch(Loop::<T, F, N, K>(f, args, out));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Softplus;
    impl Formula<2> for Softplus {
        #[inline(always)]
        fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
            -(-x).log_sigmoid() * t
        }
        #[inline(always)]
        fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
            [x.clone().sigmoid() * t, -(-x).log_sigmoid()]
        }
    }

    #[test]
    fn one_pass_gives_the_bits_of_two() {
        for n in [0, 1, 95, 96, 300, 5000, 200_000] {
            let x: Vec<f32> = (0..n).map(|i| (i % 191) as f32 - 95.0).collect();
            let t: Vec<f32> = (0..n).map(|i| (i % 7) as f32).collect();
            let args = [Spread::whole(&x), Spread::whole(&t)];
            let (mut one, mut two) = (vec![f32::NAN; n], vec![f32::NAN; n]);
            let found = sum_and_pull(Softplus, 0.125, args, &mut one);
            pull(Softplus, 0, Spread::scalar(&0.125), args, &mut two);
            assert_eq!(found, sum(Softplus, n, args));
            assert_eq!(one, two);
        }
    }
}
