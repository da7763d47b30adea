//! Every function whose exactness is promised, with its reference and the bounds that the test holds it to.

use crate::measure::Function;
use crate::reference;
use kernel::{Map1, Map2, Real, formula};

macro_rules! functions {
    ($($name:literal |$x:ident $(, $y:ident)?| $formula:expr, $reference:expr, $single:literal, $double:literal;)*) => {
        pub fn functions() -> Vec<Function> {
            vec![$(functions!(@one $name, $x $(, $y)?, $formula, $reference, [$single, $double])),*]
        }
    };
    (@one $name:literal, $x:ident, $formula:expr, $reference:expr, $bounds:expr) => {{
        #[derive(Clone, Copy)]
        struct Formula;
        impl Map1 for Formula {
            #[inline(always)]
            fn call<R: Real>(self, $x: R) -> R {
                $formula
            }
        }
        Function::one(Formula, $name, $reference, $bounds)
    }};
    (@one $name:literal, $x:ident, $y:ident, $formula:expr, $reference:expr, $bounds:expr) => {{
        #[derive(Clone, Copy)]
        struct Formula;
        impl Map2 for Formula {
            #[inline(always)]
            fn call<R: Real>(self, $x: R, $y: R) -> R {
                $formula
            }
        }
        Function::two(Formula, $name, $reference, $bounds)
    }};
}

functions! {
    "exp" |x| x.exp(), f64::exp, 1.0, 1.0;
    "decay" |x| (-x.abs()).decay(), |x| (-x.abs()).exp(), 1.0, 1.0;
    "exp2" |x| x.exp2(), f64::exp2, 1.5, 1.0;
    "expm1" |x| x.exp_m1(), f64::exp_m1, 1.5, 1.5;
    "log" |x| x.ln(), f64::ln, 1.0, 1.0;
    "log1p" |x| x.ln_1p(), f64::ln_1p, 1.5, 1.5;
    "ln_1p_unit" |x| x.abs().min_scalar(1.0).ln_1p_unit(), reference::ln_1p_unit, 1.5, 1.5;
    "log2" |x| x.log2(), f64::log2, 1.0, 1.0;
    "log10" |x| x.log10(), f64::log10, 1.0, 1.5;
    "sqrt" |x| x.sqrt(), f64::sqrt, 0.5, 0.5;
    "rsqrt" |x| x.constant(1.0) / x.sqrt(), |x| 1.0 / x.sqrt(), 1.5, 1.5;
    "sin" |x| x.sin(), f64::sin, 1.5, 1.0;
    "cos" |x| x.cos(), f64::cos, 1.5, 1.0;
    "tan" |x| x.tan(), f64::tan, 1.0, 1.0;
    "asin" |x| x.asin(), f64::asin, 1.0, 1.0;
    "acos" |x| x.acos(), f64::acos, 1.0, 1.0;
    "atan" |x| x.atan(), f64::atan, 1.0, 1.0;
    "sinh" |x| x.sinh(), f64::sinh, 1.0, 2.0;
    "cosh" |x| x.cosh(), f64::cosh, 1.0, 2.0;
    "tanh" |x| x.tanh(), f64::tanh, 1.5, 4.0;
    "asinh" |x| x.asinh(), libm::asinh, 1.0, 2.0;
    "acosh" |x| x.acosh(), libm::acosh, 1.0, 2.0;
    "atanh" |x| x.atanh(), libm::atanh, 1.0, 2.0;
    "sigmoid" |x| x.sigmoid(), reference::sigmoid, 2.5, 4.0;
    "log_sigmoid" |x| x.log_sigmoid(), |x| -reference::softplus(-x), 2.5, 4.0;
    "softplus" |x| formula::softplus(x), reference::softplus, 2.5, 4.0;
    "silu" |x| formula::silu(x), reference::silu, 2.5, 4.0;
    "mish" |x| formula::mish(x), reference::mish, 2.5, 4.0;
    "gelu" |x| x.gelu(), reference::gelu, 2.5, 5.0;
    "gelu_tanh" |x| x.gelu_tanh(), reference::gelu_tanh, 2.5, 1000.0;
    "elu" |x| formula::elu(x, 1.0, 1.0, 1.0), reference::elu, 2.5, 4.0;
    "selu" |x| formula::elu(x, 1.673_263_242_354_377_2, 1.050_700_987_355_480_5, 1.0), reference::selu, 2.5, 4.0;
    "celu 0.7" |x| formula::elu(x, 0.7, 1.0, 1.0 / 0.7), |x| reference::celu(x, 0.7), 2.5, 4.0;
    "celu 3" |x| formula::elu(x, 3.0, 1.0, 1.0 / 3.0), |x| reference::celu(x, 3.0), 2.5, 4.0;
    "softsign" |x| formula::softsign(x), reference::softsign, 1.5, 1.5;
    "tanhshrink" |x| formula::tanhshrink(x), reference::tanhshrink, 1.0, 4.0;
    "logit" |x| formula::logit(x), reference::logit, 2.5, 4.0;
    "entr" |x| formula::entr(x), reference::entr, 2.5, 4.0;
    "sinc" |x| formula::sinc(x), reference::sinc, 1.0, 4.0;
    "erf" |x| x.erf(), libm::erf, 1.5, 3.0;
    "erfc" |x| x.erfc(), libm::erfc, 2.5, 4.0;
    "erfcx" |x| x.erfcx(), reference::erfcx, 1.0, 4.0;
    "erfinv" |x| x.erfinv(), reference::erfinv, 1.0, 8.0;
    "ndtr" |x| x.normal_cdf(), reference::normal_cdf, 2.5, 5.0;
    "normal_pdf" |x| x.normal_pdf(), reference::normal_pdf, 2.5, 4.0;
    "ndtri" |x| x.ndtri(), reference::ndtri, 1.0, 8.0;
    "log_ndtr" |x| x.log_ndtr(), reference::log_ndtr, 1.0, 8.0;
    "lgamma" |x| x.lgamma(), reference::lgamma, 1.0, 1000.0;
    "digamma" |x| x.digamma(), reference::digamma, 1.0, 1000.0;
    "trigamma" |x| x.polygamma(1), reference::trigamma, 1.0, 100.0;
    "polygamma 2" |x| x.polygamma(2), reference::polygamma2, 1.0, 1000.0;
    "polygamma 3" |x| x.polygamma(3), reference::polygamma3, 1.0, 100.0;
    "polygamma 9" |x| x.polygamma(9), reference::polygamma9, 1.0, 100.0;
    "zeta" |x, y| x.zeta(y), reference::zeta, 1.0, 100.0;
    "i0" |x| x.i0(), reference::i0, 1.0, 8.0;
    "i0e" |x| x.i0e(), reference::i0e, 1.0, 8.0;
    "i1" |x| x.i1(), reference::i1, 1.0, 8.0;
    "i1e" |x| x.i1e(), reference::i1e, 1.0, 8.0;
    "x^2" |x| x.pow_scalar(2.0), |x| x.powf(2.0), 0.5, 0.5;
    "x^3" |x| x.pow_scalar(3.0), |x| x.powf(3.0), 1.5, 1.5;
    "x^4" |x| x.pow_scalar(4.0), |x| x.powf(4.0), 1.0, 1.0;
    "x^½" |x| x.pow_scalar(0.5), |x| x.powf(0.5), 0.5, 0.5;
    "x^-½" |x| x.pow_scalar(-0.5), |x| x.powf(-0.5), 1.0, 1.0;
    "x^-1" |x| x.pow_scalar(-1.0), |x| x.powf(-1.0), 0.5, 0.5;
    "x^-2" |x| x.pow_scalar(-2.0), |x| x.powf(-2.0), 1.0, 1.0;
    "x^2.5" |x| x.pow_scalar(2.5), |x| x.powf(2.5), 1.0, 1.0;
    "pow" |x, y| x.pow(y), f64::powf, 1.0, 1.0;
    "atan2" |x, y| x.atan2(y), f64::atan2, 1.0, 1.0;
    "hypot" |x, y| x.hypot(y), reference::hypot, 1.0, 1.0;
    "fmod" |x, y| x.rem(y), |x, y| x % y, 0.0, 0.0;
    "xlogy" |x, y| formula::xlogy(x, y), reference::xlogy, 2.0, 2.0;
    "xlog1py" |x, y| formula::xlog1py(x, y), reference::xlog1py, 2.5, 2.5;
    "logaddexp" |x, y| formula::log_add_exp(x, y), reference::log_add_exp, 1.0, 100.0;
    "logaddexp2" |x, y| formula::log_add_exp2(x, y), reference::log_add_exp2, 1.0, 100.0;
}
