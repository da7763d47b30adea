//! [`Real`] for tensors: the same text that is a vector loop over numbers is a piece of a graph here.
//!
//! Formulas only combine tensors of one shape with each other and with constants, so nothing here can fail; where a
//! formula is wrong about that, it panics like an operator.

use crate::tensor::Tensor;
use kernel::Real;

/// The message of an operation that a formula has used on tensors that do not fit.
#[track_caller]
fn fits<T>(result: crate::error::Result<T>) -> T {
    match result {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

macro_rules! methods {
    ($($method:ident = $function:ident),*) => {$(
        fn $method(self) -> Self {
            Tensor::$function(&self)
        }
    )*};
}

impl Real for Tensor {
    type Mask = Tensor;

    fn constant(&self, value: f64) -> Self {
        Tensor::scalar(value, self.dtype())
    }
    fn zero(&self) -> Self {
        self.zeros_like()
    }
    fn detached(self) -> Self {
        self.detach()
    }
    fn lt(self, other: Self) -> Tensor {
        fits(Tensor::lt(&self, &other))
    }
    fn le(self, other: Self) -> Tensor {
        fits(Tensor::le(&self, &other))
    }
    fn equal(self, other: Self) -> Tensor {
        fits(Tensor::eq(&self, &other))
    }
    fn lt_scalar(self, bound: f64) -> Tensor {
        fits(Tensor::lt(&self, bound))
    }
    fn gt_scalar(self, bound: f64) -> Tensor {
        fits(Tensor::gt(&self, bound))
    }
    fn eq_scalar(self, value: f64) -> Tensor {
        fits(Tensor::eq(&self, value))
    }
    fn is_nan(self) -> Tensor {
        self.isnan()
    }
    fn with_slope_of(self, other: impl FnOnce() -> Self) -> Self {
        let other = other();
        self.detach() + (&other - &other.detach())
    }
    fn select(mask: Tensor, yes: Self, no: Self) -> Self {
        fits(yes.where_(&mask, &no))
    }
    fn maximum(self, other: Self) -> Self {
        fits(Tensor::maximum(&self, &other))
    }
    fn minimum(self, other: Self) -> Self {
        fits(Tensor::minimum(&self, &other))
    }
    fn max_scalar(self, bound: f64) -> Self {
        fits(self.clamp(bound, None))
    }
    fn min_scalar(self, bound: f64) -> Self {
        fits(self.clamp(None, bound))
    }
    fn copysign(self, sign: Self) -> Self {
        fits(Tensor::copysign(&self, &sign))
    }
    fn rem(self, other: Self) -> Self {
        fits(Tensor::fmod(&self, &other))
    }
    fn hypot(self, other: Self) -> Self {
        fits(Tensor::hypot(&self, &other))
    }
    fn polygamma(self, n: i64) -> Self {
        fits(Tensor::polygamma(&self, n))
    }
    fn zeta(self, q: Self) -> Self {
        fits(Tensor::zeta(&self, &q))
    }
    fn atan2(self, other: Self) -> Self {
        fits(Tensor::atan2(&self, &other))
    }
    fn pow(self, exponent: Self) -> Self {
        fits(Tensor::pow(&self, &exponent))
    }
    fn pow_scalar(self, exponent: f64) -> Self {
        fits(Tensor::pow(&self, exponent))
    }
    methods!(
        abs = abs,
        sign = sign,
        sqrt = sqrt,
        exp = exp,
        exp2 = exp2,
        exp_m1 = expm1,
        ln = log,
        ln_1p = log1p,
        log2 = log2,
        log10 = log10,
        sigmoid = sigmoid,
        log_sigmoid = log_sigmoid,
        tanh = tanh,
        sinh = sinh,
        cosh = cosh,
        sin = sin,
        cos = cos,
        tan = tan,
        asin = asin,
        acos = acos,
        atan = atan,
        asinh = asinh,
        acosh = acosh,
        atanh = atanh,
        erf = erf,
        erfc = erfc,
        erfcx = erfcx,
        erfinv = erfinv,
        normal_cdf = ndtr,
        ndtri = ndtri,
        log_ndtr = log_ndtr,
        gelu = gelu,
        gelu_tanh = gelu_tanh,
        lgamma = lgamma,
        digamma = digamma,
        i0 = i0,
        i0e = i0e,
        i1 = i1,
        i1e = i1e,
        floor = floor,
        ceil = ceil,
        round = round,
        trunc = trunc
    );
}
