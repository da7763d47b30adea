//! Numbers as Python writes them.
//!
//! Rust and Python print the same digits, but for ties between two shortest ones; they differ in the dress:
//! `1e-7` is `1e-07` there, `1.0` keeps its point, `NaN` is `nan`, and large or small numbers turn to scientific
//! notation by themselves.
//!
//! ```
//! use tensor::display::format_float;
//!
//! assert_eq!(format_float(1e-7), "1e-07");
//! assert_eq!(format_float(100000.0), "100000.0");
//! ```

/// The widest precision that Rust's formatter takes.
const MAX_PRECISION: usize = u16::MAX as usize;

/// `repr(x)` of a Python float: `0.2231435477733612`, `1e-07`, `100000.0`, `nan`, `inf`.
#[doc(alias = "repr")]
pub fn format_float(x: f64) -> String {
    if !x.is_finite() {
        return not_finite(x);
    }
    let shortest = shortest(x);
    let (mantissa, exponent) = split(&shortest);
    // Python's rule for `repr`: scientific below 1e-4 and from 1e16 on.
    if (-4..16).contains(&exponent) {
        let digits = mantissa.chars().filter(char::is_ascii_digit).count();
        let behind_point = (digits as i32 - 1 - exponent).max(1);
        format!("{x:.*}", behind_point as usize)
    } else {
        with_exponent(mantissa, exponent)
    }
}

/// `format(x, ".{precision}f")` of a Python float.
pub(super) fn fixed(x: f64, precision: usize) -> String {
    if x.is_finite() { format!("{x:.*}", precision.min(MAX_PRECISION)) } else { not_finite(x) }
}

/// `format(x, ".{precision}e")` of a Python float.
pub(super) fn scientific(x: f64, precision: usize) -> String {
    if !x.is_finite() {
        return not_finite(x);
    }
    let text = format!("{x:.*e}", precision.min(MAX_PRECISION));
    let (mantissa, exponent) = split(&text);
    with_exponent(mantissa, exponent)
}

/// The fewest digits that read back as `x`, in scientific notation. Where two candidates are equally near, as
/// 9.925613403320312|5, Rust takes the upper one and Python the even one: exact formatting to the same number
/// of digits rounds half to even.
fn shortest(x: f64) -> String {
    let text = format!("{x:e}");
    let digits = split(&text).0.chars().filter(char::is_ascii_digit).count();
    let even = format!("{x:.*e}", digits.saturating_sub(1));
    if even.parse() == Ok(x) { even } else { text }
}

fn not_finite(x: f64) -> String {
    if x.is_nan() {
        "nan"
    } else if x > 0.0 {
        "inf"
    } else {
        "-inf"
    }
    .to_owned()
}

/// `"1.5e-7"` is `("1.5", -7)`.
fn split(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// Python's exponents have a sign and at least two digits.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    format!("{mantissa}e{exponent:+03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_of_floats() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (4.0, "4.0"),
            (0.1, "0.1"),
            (9.925613403320312, "9.925613403320312"),
            (-712.9024047851562, "-712.9024047851562"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (9007199254740993.0, "9007199254740992.0"),
            (2f64.powi(-1022), "2.2250738585072014e-308"),
            (f64::from(0.1f32), "0.10000000149011612"),
            (0.2231435477733612, "0.2231435477733612"),
            (1e-4, "0.0001"),
            (9.999e-5, "9.999e-05"),
            (1e-7, "1e-07"),
            (100000.0, "100000.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (f64::from(1e16f32), "1.0000000272564224e+16"),
            (-1.5e300, "-1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_float(x), text);
        }
    }

    #[test]
    fn fixed_and_scientific_round_half_to_even() {
        assert_eq!(fixed(0.5, 0), "0");
        assert_eq!(fixed(1.5, 0), "2");
        assert_eq!(fixed(2.5, 0), "2");
        assert_eq!(fixed(0.125, 2), "0.12");
        assert_eq!(fixed(-0.00001, 4), "-0.0000");
        assert_eq!(scientific(1e-7, 2), "1.00e-07");
        assert_eq!(scientific(9.99996, 4), "1.0000e+01");
        assert_eq!(scientific(1e100, 0), "1e+100");
        assert_eq!(scientific(0.0, 4), "0.0000e+00");
        assert_eq!(scientific(f64::NEG_INFINITY, 4), "-inf");
    }
}
