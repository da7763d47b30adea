//! The explicit vectors that the products are written with, for `f32` and `f64` alike.
//!
//! [`crate::map`] leaves the vectors to the compiler. A product cannot: its tile of sums has to stay in
//! registers over the whole loop, and the same tile written as plain arrays was spilled and reached 9 GFLOP/s
//! where explicit vectors reached 213 (f32, one AVX-512 core).

use pulp::{Simd, bytemuck};
use std::cell::RefCell;

/// A number that has vectors on every instruction set.
pub trait Element: Copy + Default + 'static {
    /// One register full.
    type Vector<S: Simd>: Copy;

    /// Numbers in one register; known at compile time.
    fn lanes<S: Simd>() -> usize;
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    fn plus<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    fn minus<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// `x·y + z`, rounded once where the machine can and never by a library call.
    fn mul_add<S: Simd>(
        simd: S,
        x: Self::Vector<S>,
        y: Self::Vector<S>,
        z: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// `x` where it is larger than `best` (or smaller, as `LARGEST` says) or NaN, else `best`.
    fn extreme<S: Simd, const LARGEST: bool>(
        simd: S,
        best: Self::Vector<S>,
        x: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// The slice as vectors; what is left at its end is left out.
    fn vectors<S: Simd>(x: &[Self]) -> &[Self::Vector<S>];
    fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [Self::Vector<S>];
    /// Rows become columns.
    fn transpose(square: [[Self; 4]; 4]) -> [[Self; 4]; 4];
    /// Vectors as the numbers in them.
    fn numbers<S: Simd>(x: &[Self::Vector<S>]) -> &[Self];
    /// Room that this thread has: a vector of any length. It is taken out and put back, so that a product needs no
    /// allocation once the first one of its size is done.
    fn take_room() -> Vec<Self>;
    fn return_room(room: Vec<Self>);
}

// One body for both types: pulp names its methods after the type, so no generic function can say this.
macro_rules! element {
    ($t:ident, $v:ident, $lanes:ident, $splat:ident, $add:ident, $sub:ident, $mul_add:ident, $more:ident, $equal:ident,
        $select:ident, $as:ident, $as_mut:ident, $transpose:path) => {
        impl Element for $t {
            type Vector<S: Simd> = S::$v;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$v {
                simd.$splat(x)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, x: S::$v, y: S::$v) -> S::$v {
                simd.$add(x, y)
            }
            #[inline(always)]
            fn minus<S: Simd>(simd: S, x: S::$v, y: S::$v) -> S::$v {
                simd.$sub(x, y)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, x: S::$v, y: S::$v, z: S::$v) -> S::$v {
                simd.$mul_add(x, y, z)
            }
            #[inline(always)]
            fn extreme<S: Simd, const LARGEST: bool>(simd: S, best: S::$v, x: S::$v) -> S::$v {
                // A NaN in `best` stays, for no comparison with it holds.
                let further = if LARGEST { simd.$more(x, best) } else { simd.$more(best, x) };
                simd.$select(simd.$equal(x, x), simd.$select(further, x, best), x)
            }
            #[inline(always)]
            fn vectors<S: Simd>(x: &[Self]) -> &[S::$v] {
                S::$as(x).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [S::$v] {
                S::$as_mut(x).0
            }
            #[inline(always)]
            fn transpose(square: [[Self; 4]; 4]) -> [[Self; 4]; 4] {
                $transpose(square)
            }
            #[inline(always)]
            fn numbers<S: Simd>(x: &[S::$v]) -> &[Self] {
                bytemuck::cast_slice(x)
            }
            fn take_room() -> Vec<Self> {
                ROOM.with(|room| room.$t.borrow_mut().pop().unwrap_or_default())
            }
            fn return_room(vec: Vec<Self>) {
                if size_of_val(vec.as_slice()) <= KEPT {
                    ROOM.with(|room| room.$t.borrow_mut().push(vec));
                }
            }
        }
    };
}

/// No larger room is kept.
const KEPT: usize = 4 << 20;

struct Room {
    f32: RefCell<Vec<Vec<f32>>>,
    f64: RefCell<Vec<Vec<f64>>>,
}

thread_local! {
    static ROOM: Room = const { Room { f32: RefCell::new(Vec::new()), f64: RefCell::new(Vec::new()) } };
}

element!(
    f32,
    f32s,
    F32_LANES,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_add_e_f32s,
    greater_than_f32s,
    equal_f32s,
    select_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    transpose_f32
);
element!(
    f64,
    f64s,
    F64_LANES,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_add_e_f64s,
    greater_than_f64s,
    equal_f64s,
    select_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    transpose_f64
);

/// By shuffles of registers, which the compiler does not find by itself: it moves the numbers one by one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transpose_f32(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let [mut a, mut b, mut c, mut d] = square.map(bytemuck::cast);
    // SAFETY: SSE is part of every x86-64.
    unsafe { std::arch::x86_64::_MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d) };
    [a, b, c, d].map(bytemuck::cast)
}

#[cfg(not(target_arch = "x86_64"))]
fn transpose_f32(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    one_by_one(square)
}

#[inline(always)]
fn transpose_f64(square: [[f64; 4]; 4]) -> [[f64; 4]; 4] {
    one_by_one(square)
}

#[inline(always)]
fn one_by_one<T: Copy>(square: [[T; 4]; 4]) -> [[T; 4]; 4] {
    std::array::from_fn(|i| std::array::from_fn(|j| square[j][i]))
}

/// Steps of the innermost loop of a tile that are written out: what a step costs beside its sums (places of rows, the end of
/// the loop) is a tenth of a core's time, and more where its other half has another owner.
pub(crate) const STEPS: usize = 4;

/// `sums[r] += a[r]·b`: one step of a tile, for the first `R` of the numbers.
#[inline(always)]
pub(crate) fn add_product<S: Simd, T: Element, const P: usize, const R: usize, const V: usize>(
    simd: S,
    a: &[T; P],
    b: &[T::Vector<S>; V],
    sums: &mut [[T::Vector<S>; V]; R],
) {
    for r in 0..R {
        let a = T::splat(simd, a[r]);
        for v in 0..V {
            sums[r][v] = T::mul_add(simd, a, b[v], sums[r][v]);
        }
    }
}

/// Asks for the lines of the cache in which these elements are, two vectors at most, and goes on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch<T>(x: &[T]) {
    use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
    if let [first, .., last] = x {
        for x in [first, &x[x.len() / 2], last] {
            // SAFETY: a hint, which does nothing that a program could see. SSE is part of every x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(std::ptr::from_ref(x).cast()) };
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch<T>(_: &[T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let square: [[f32; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| (4 * i + j) as f32));
        assert_eq!(f32::transpose(square), one_by_one(square));
        assert_eq!(f32::transpose(square)[1], [1.0, 5.0, 9.0, 13.0]);
        let wide = square.map(|row| row.map(f64::from));
        assert_eq!(f64::transpose(wide)[3], [3.0, 7.0, 11.0, 15.0]);
    }

    /// Of any length, and what is asked for stays as it is.
    #[test]
    fn rows_are_asked_for() {
        for n in 0..40 {
            let row = vec![1.0; n];
            prefetch(&row);
            assert_eq!(row, vec![1.0; n]);
        }
    }
}
