//! Window functions, by which a signal is tapered before its spectrum is taken.
//!
//! With `N = window_length` if `periodic` (one period, whose first element would follow the last), else `window_length − 1`
//! (symmetric), each is a function of `t = n/N`. They are computed in double precision from the nearer end, so that both
//! halves are the same to the last bit, and in forms that are 0 where the window is, which the textbook's sums of cosines
//! miss by some ulp.
//!
//! ```
//! use tensor::{hann_window, kaiser_window};
//! assert_eq!(hann_window(4, true)?.to_string(), "tensor([0.0000, 0.5000, 1.0000, 0.5000])");
//! assert_eq!(kaiser_window(3, false, 2.0)?.to_string(), "tensor([0.4387, 1.0000, 0.4387])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::Lane;
use std::f64::consts::TAU;

/// A window of elements `f(t)`, t from 0 at an end to ½ in the middle; one element is 1.
#[track_caller]
fn tapered(
    op: &'static str,
    window_length: usize,
    periodic: bool,
    dtype: DType,
    f: impl Fn(f64) -> f64,
) -> Result<Tensor> {
    if !dtype.is_float() {
        return Err(Error::not_float(op, dtype));
    }
    let last = if periodic { window_length } else { window_length.saturating_sub(1) };
    with_float!(dtype, T => {
        Buffer::<T>::check(op, window_length)?;
        let element = |n: usize| if window_length == 1 { 1.0 } else { f(n.min(last - n) as f64 / last as f64) };
        let values: Buffer<T> = (0..window_length).map(|n| <T as Element>::from_f64(element(n))).collect();
        Tensor::from_buffer(op, values, window_length)
    })
}

/// sin²(πt)
fn bump(t: f64) -> f64 {
    (t * (TAU / 2.0)).sin().powi(2)
}

macro_rules! single {
    ($($(#[$docs:meta])* $name:ident($($more:ident: $type:ty),*) => $($given:expr),*;)*) => {$(
        $(#[$docs])*
        ///
        /// # Errors
        /// As the constructor of this name on [`Tensor`].
        #[track_caller]
        pub fn $name(window_length: usize, periodic: bool $(, $more: $type)*) -> Result<Tensor> {
            Tensor::$name(window_length, periodic $(, $given)*, DType::F32)
        }
    )*};
}

single! {
    /// `sin²(πt)`, float32.
    #[doc(alias = "torch.hann_window")]
    hann_window() => ;
    /// `0.54 − 0.46·cos(2πt)`, float32.
    #[doc(alias = "torch.hamming_window")]
    hamming_window() => 0.54, 0.46;
    /// `0.42 − 0.5·cos(2πt) + 0.08·cos(4πt)`, float32.
    #[doc(alias = "torch.blackman_window")]
    blackman_window() => ;
    /// A triangle from 0 to 1 and back, float32.
    #[doc(alias = "torch.bartlett_window")]
    bartlett_window() => ;
    /// `I₀(β·√(1 − (1 − 2t)²))/I₀(β)`, float32; PyTorch's default is `beta = 12`.
    #[doc(alias = "torch.kaiser_window")]
    kaiser_window(beta: f64) => beta;
}

/// Windows of a chosen type.
impl Tensor {
    /// `sin²(πt)`, which is `½·(1 − cos(2πt))`.
    ///
    /// # Errors
    /// If the type is not a float, or the machine cannot hold that many.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let window = Tensor::hann_window(3, false, DType::F64)?;
    /// assert_eq!(window.to_string(), "tensor([0., 1., 0.], dtype=float64)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.hann_window")]
    #[track_caller]
    pub fn hann_window(window_length: usize, periodic: bool, dtype: DType) -> Result<Tensor> {
        tapered("hann_window", window_length, periodic, dtype, bump)
    }

    /// `alpha − beta·cos(2πt)`
    ///
    /// # Errors
    /// If the type is not a float, or the machine cannot hold that many.
    #[doc(alias = "torch.hamming_window")]
    #[track_caller]
    pub fn hamming_window(
        window_length: usize,
        periodic: bool,
        alpha: f64,
        beta: f64,
        dtype: DType,
    ) -> Result<Tensor> {
        tapered("hamming_window", window_length, periodic, dtype, |t| alpha - beta * (t * TAU).cos())
    }

    /// `0.42 − 0.5·cos(2πt) + 0.08·cos(4πt)`, at the ends 0, where PyTorch has −3·10⁻⁸ in float32.
    ///
    /// # Errors
    /// If the type is not a float, or the machine cannot hold that many.
    #[doc(alias = "torch.blackman_window")]
    #[track_caller]
    pub fn blackman_window(window_length: usize, periodic: bool, dtype: DType) -> Result<Tensor> {
        // The same in s = sin²(πt), without constants that cancel.
        tapered("blackman_window", window_length, periodic, dtype, |t| bump(t) * (0.36 + 0.64 * bump(t)))
    }

    /// A triangle from 0 to 1 and back.
    ///
    /// # Errors
    /// If the type is not a float, or the machine cannot hold that many.
    #[doc(alias = "torch.bartlett_window")]
    #[track_caller]
    pub fn bartlett_window(window_length: usize, periodic: bool, dtype: DType) -> Result<Tensor> {
        tapered("bartlett_window", window_length, periodic, dtype, |t| 2.0 * t)
    }

    /// `I₀(β·√(1 − (1 − 2t)²))/I₀(β)`, also for a β whose I₀ is larger than any number, where PyTorch has NaN.
    ///
    /// # Errors
    /// If `beta` is not a number, the type is not a float, or the machine cannot hold that many.
    #[doc(alias = "torch.kaiser_window")]
    #[track_caller]
    pub fn kaiser_window(window_length: usize, periodic: bool, beta: f64, dtype: DType) -> Result<Tensor> {
        if !beta.is_finite() {
            return Err(Error::value("kaiser_window", format!("beta must be a finite number, found {beta}")));
        }
        let beta = beta.abs();
        // I₀(x) = e^x·i0e(x)
        let i0e = |x: f64| kernel::Real::i0e(Lane::<f64, false>(x)).0;
        tapered("kaiser_window", window_length, periodic, dtype, |t| {
            let z = beta * 2.0 * (t * (1.0 - t)).sqrt();
            i0e(z) / i0e(beta) * (z - beta).exp()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(length: usize, periodic: bool) -> Vec<(f64, Tensor)> {
        let of = DType::F64;
        vec![
            (0.0, Tensor::hann_window(length, periodic, of).unwrap()),
            (0.54 - 0.46, Tensor::hamming_window(length, periodic, 0.54, 0.46, of).unwrap()),
            (0.0, Tensor::blackman_window(length, periodic, of).unwrap()),
            (0.0, Tensor::bartlett_window(length, periodic, of).unwrap()),
            (1.0 / 18_948.925_349_296_31, Tensor::kaiser_window(length, periodic, 12.0, of).unwrap()),
        ]
    }

    #[test]
    fn both_halves_are_the_same_and_the_middle_is_one() {
        for (end, window) in all(9, false) {
            let w = window.to_vec::<f64>().unwrap();
            assert_eq!(w, w.iter().rev().copied().collect::<Vec<_>>());
            assert!((w[0] - end).abs() < 1e-17 && (w[4] - 1.0).abs() < 1e-15, "{window}");
        }
    }

    #[test]
    fn a_period_is_a_symmetric_window_without_its_last() {
        for ((_, period), (_, whole)) in all(8, true).into_iter().zip(all(9, false)) {
            assert!(period.equal(&whole.narrow(0, 0, 8).unwrap()));
        }
    }

    #[test]
    fn none_and_one() {
        for periodic in [true, false] {
            assert!(all(0, periodic).iter().all(|(_, w)| w.shape() == [0]));
            assert!(all(1, periodic).iter().all(|(_, w)| w.to_vec::<f64>().unwrap() == [1.0]));
        }
    }

    #[test]
    fn a_large_beta_is_no_overflow() {
        let w = Tensor::kaiser_window(3, false, 1e6, DType::F64).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(w, [0.0, 1.0, 0.0]);
        assert!(
            kaiser_window(3, false, f64::NAN).is_err() && Tensor::hann_window(3, true, DType::I64).is_err()
        );
    }
}
