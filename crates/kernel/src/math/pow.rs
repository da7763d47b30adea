//! Powers and the hypotenuse, with all the special cases of C99 (annex F.9.4).

use super::{exp, log};
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    /// e^(y·ln |x|) in double precision, which leaves more than 20 bits to lose, and the sign of an odd power.
    #[inline(always)]
    pub(in super::super) fn pow<const FMA: bool>(x: Lane<f32, FMA>, y: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let ln = log::double::ln(Lane::<f64, FMA>(f64::from(x.0.abs())));
        let magnitude = exp::double::exp(ln * f64::from(y.0)).0 as f32;
        let whole = y.0 == y.0.trunc();
        let half = y.0 * 0.5;
        let odd = whole & (half != half.trunc());
        let negative = x.0.is_sign_negative();
        let power = if negative & odd { -magnitude } else { magnitude };
        // −0 and −inf have powers that are no integers: those of 0 and inf.
        let power = if (x.0 < 0.0) & (x.0 > f32::NEG_INFINITY) & !whole { f32::NAN } else { power };
        // y·ln|x| is 0·inf here.
        let one = (x.0 == 1.0) | (y.0 == 0.0) | ((x.0 == -1.0) & y.0.is_infinite());
        Lane(if one { 1.0 } else { power })
    }

    /// The squares of single precision fit into double precision.
    #[inline(always)]
    pub(in super::super) fn hypot<const FMA: bool>(x: Lane<f32, FMA>, y: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (a, b) = (f64::from(x.0), f64::from(y.0));
        let root = (a * a + b * b).sqrt() as f32;
        // Also where the other side is NaN.
        Lane(if x.0.is_infinite() | y.0.is_infinite() { f32::INFINITY } else { root })
    }

    /// The everyday exponents by multiplication: they are exact to the last bit or one beside it.
    #[inline(always)]
    pub(in super::super) fn pow_scalar<const FMA: bool>(x: Lane<f32, FMA>, exponent: f64) -> Lane<f32, FMA> {
        let wide = f64::from(x.0);
        let square = wide * wide;
        if exponent == 2.0 {
            x * x
        } else if exponent == 3.0 {
            x * x * x
        } else if exponent == 0.5 {
            Lane(super::root(wide) as f32)
        } else if exponent == -1.0 {
            x.constant(1.0) / x
        } else if exponent == 1.0 {
            x
        } else if exponent == 0.0 {
            x.constant(1.0)
        } else if exponent == 4.0 {
            Lane((square * square) as f32)
        } else if exponent == -2.0 {
            Lane((1.0 / square) as f32)
        } else if exponent == -0.5 {
            Lane((1.0 / super::root(wide)) as f32)
        } else {
            // A call: a loop over this function stays small enough for the compiler to ask once for the exponent,
            // before the loop, and to vectorise the branches above.
            Lane(x.0.powf(exponent as f32))
        }
    }
}

pub(super) mod double {
    use super::*;

    /// `libm`'s, which scales what would overflow.
    #[inline(always)]
    pub(in super::super) fn hypot<const FMA: bool>(x: Lane<f64, FMA>, y: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(libm::hypot(x.0, y.0))
    }

    /// The standard library's: there is no wider type to take the logarithm in.
    #[inline(always)]
    pub(in super::super) fn pow<const FMA: bool>(x: Lane<f64, FMA>, y: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.powf(y.0))
    }

    #[inline(always)]
    pub(in super::super) fn pow_scalar<const FMA: bool>(x: Lane<f64, FMA>, exponent: f64) -> Lane<f64, FMA> {
        if exponent == 2.0 {
            x * x
        } else if exponent == 3.0 {
            x * x * x
        } else if exponent == 0.5 {
            Lane(super::root(x.0))
        } else if exponent == -1.0 {
            x.constant(1.0) / x
        } else if exponent == 1.0 {
            x
        } else if exponent == 0.0 {
            x.constant(1.0)
        } else {
            Lane(x.0.powf(exponent))
        }
    }
}

/// x^½, which is √x but for √−0 = −0 and √−inf = NaN.
#[inline(always)]
fn root(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { f64::INFINITY } else { x.sqrt() + 0.0 }
}
