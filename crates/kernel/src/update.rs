//! One step of an optimizer: a pass that reads a gradient and changes values and what is remembered about them.
//!
//! ```
//! use kernel::{Formula, Real, update};
//!
//! /// Descent by 0.1 with a velocity.
//! #[derive(Clone, Copy)]
//! struct Momentum;
//! impl Formula<1> for Momentum {
//!     #[inline(always)]
//!     fn call<R: Real + Copy>(self, x: R, g: R, [v]: [R; 1]) -> (R, [R; 1]) {
//!         let v = v * 0.5 + g;
//!         (x - v * 0.1, [v])
//!     }
//! }
//! let (mut x, mut v) = ([1.0f64], [2.0]);
//! update(Momentum, &mut x, &[1.0], [&mut v]);
//! assert_eq!((x, v), ([0.8], [2.0]));
//! ```

use crate::map::{PIECE, fused};
use crate::real::{AsLane, Float, Real};
use crate::threads::{Pieces, pieces, share};
use pulp::{Arch, Simd, WithSimd};

/// How one element changes: from its value `x`, its gradient `g` and `K` remembered numbers, to the new value and
/// what shall be remembered. The method must be `#[inline(always)]`, or the loop around it stays scalar.
pub trait Formula<const K: usize>: Copy + Sync {
    /// The new value, and the new remembered numbers.
    fn call<R: Real<Mask = bool> + Copy>(self, x: R, g: R, remembered: [R; K]) -> (R, [R; K]);
}

/// Runs `f` over all elements. `remembered` are at most three arrays.
///
/// # Panics
/// If the slices differ in length.
pub fn update<T: Float, const K: usize, F: Formula<K>>(
    f: F,
    values: &mut [T],
    grad: &[T],
    remembered: [&mut [T]; K],
) {
    const { assert!(K <= 3, "at most three remembered numbers per element") };
    let mut arrays = remembered.into_iter();
    let mut next = || arrays.next().unwrap_or_default();
    let (n, a, b, c) = (values.len(), next(), next(), next());
    let used = |slot: usize| if slot < K { n } else { 0 };
    assert!(
        grad.len() == n && a.len() == used(0) && b.len() == used(1) && c.len() == used(2),
        "update: arrays of unequal length"
    );
    let parts = pieces(n, PIECE);
    if parts == 1 {
        return Arch::new().dispatch(Loop { f, values, grad, a, b, c });
    }
    let size = n.div_ceil(parts).next_multiple_of(64);
    let [values, a, b, c] = [values, a, b, c].map(|array| Pieces::new(array, size));
    share(values.len(), &|i| {
        let [values, a, b, c] = [&values, &a, &b, &c].map(|p| if p.is_empty() { &mut [] } else { p.take(i) });
        let grad = &grad[i * size..][..values.len()];
        Arch::new().dispatch(Loop { f, values, grad, a, b, c });
    });
}

/// Each array is a slice of its own: the compiler vectorises a loop over those, and not one over an array of slices.
struct Loop<'a, T, F, const K: usize> {
    f: F,
    values: &'a mut [T],
    grad: &'a [T],
    a: &'a mut [T],
    b: &'a mut [T],
    c: &'a mut [T],
}

impl<T: Float, F: Formula<K>, const K: usize> WithSimd for Loop<'_, T, F, K> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Loop { f, values, grad, a, b, c } = self;
        if fused::<S>() {
            run::<T, T::Fused, K>(f, values, grad, a, b, c);
        } else {
            run::<T, T::Plain, K>(f, values, grad, a, b, c);
        }
    }
}

#[inline(always)]
fn run<T: Float, R: AsLane<T>, const K: usize>(
    f: impl Formula<K>,
    values: &mut [T],
    grad: &[T],
    a: &mut [T],
    b: &mut [T],
    c: &mut [T],
) {
    let n = values.len();
    // Once more where the loop is, so that it need not check.
    let used = |slot: usize| if slot < K { n } else { 0 };
    assert!(grad.len() == n && a.len() == used(0) && b.len() == used(1) && c.len() == used(2));
    for i in 0..n {
        let before = std::array::from_fn(|slot| match slot {
            0 => R::wrap(a[i]),
            1 => R::wrap(b[i]),
            _ => R::wrap(c[i]),
        });
        let (x, after) = f.call(R::wrap(values[i]), R::wrap(grad[i]), before);
        values[i] = x.unwrap();
        for (slot, new) in after.into_iter().enumerate() {
            match slot {
                0 => a[i] = new.unwrap(),
                1 => b[i] = new.unwrap(),
                _ => c[i] = new.unwrap(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Sums;
    impl Formula<3> for Sums {
        #[inline(always)]
        fn call<R: Real + Copy>(self, x: R, g: R, [a, b, c]: [R; 3]) -> (R, [R; 3]) {
            (x + g, [a + g, b + 1.0, c - x])
        }
    }

    #[test]
    fn every_length_is_treated_element_by_element() {
        for n in [0, 1, 15, 16, 17, 100, 4 * PIECE + 3] {
            let mut x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let g: Vec<f32> = (0..n).map(|i| 2.0 * i as f32).collect();
            let [mut a, mut b, mut c] = [(); 3].map(|()| vec![0.0; n]);
            for _ in 0..2 {
                update(Sums, &mut x, &g, [&mut a, &mut b, &mut c]);
            }
            for i in 0..n {
                let one = i as f32;
                assert_eq!([x[i], a[i], b[i], c[i]], [5.0 * one, 4.0 * one, 2.0, -4.0 * one]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "unequal length")]
    fn lengths_must_agree() {
        update(Sums, &mut [1.0f32], &[1.0, 2.0], [&mut [0.0], &mut [0.0], &mut [0.0]]);
    }
}
