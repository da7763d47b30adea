//! Reductions over any dimensions, also over nothing, and running totals.

use crate::config::config;
use crate::model::{Model, with_dim, with_dims};
use baekmi::prelude::*;
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq, proptest};

/// Compares a reduction with the same of each list, with and without the dimensions that it leaves at 1.
fn reduces(
    (x, dims): (&Tensor, &[usize]),
    reduction: impl Fn(&[usize], bool) -> Result<Tensor>,
    of_list: impl Fn(&[f64]) -> f64,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let (kept, lists) = Model::of(x).lists(dims);
    let expected: Vec<f64> = lists.iter().map(|list| of_list(list)).collect();
    let without: Vec<usize> =
        kept.iter().enumerate().filter(|(d, _)| !dims.contains(d)).map(|(_, &size)| size).collect();
    for (keepdim, shape) in [(true, kept), (false, without)] {
        let found = Model::of(&reduction(dims, keepdim).unwrap());
        prop_assert_eq!(&found.shape, &shape);
        for (found, expected) in found.values.iter().zip(&expected) {
            let close = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
            prop_assert!(close || found == expected, "{found}, expected {expected}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sums_and_products((x, dims) in with_dims()) {
        let on = (&x, &dims[..]);
        reduces(on, |d, keep| x.sum_dim(d, keep), |l| l.iter().sum(), 0.0)?;
        reduces(on, |d, keep| x.prod_dim(d, keep), |l| l.iter().product(), 1e-14)?;
        reduces(on, |d, keep| x.mean_dim(d, keep), |l| l.iter().sum::<f64>() / l.len() as f64, 1e-15)?;
        prop_assert_eq!(x.sum().item().unwrap(), Model::of(&x).values.iter().sum::<f64>());
    }

    #[test]
    fn extremes((x, dims) in with_dims()) {
        let on = (&x, &dims[..]);
        reduces(on, |d, keep| x.amax(d, keep), |l| l.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b)), 0.0)?;
        reduces(on, |d, keep| x.amin(d, keep), |l| l.iter().fold(f64::INFINITY, |a, &b| a.min(b)), 0.0)?;
        let first = |l: &[f64], best: f64| l.iter().position(|&v| v == best).unwrap() as f64;
        let (dim, largest) = (dims[0] as isize, |l: &[f64]| l.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b)));
        let on = (&x, &dims[..1]);
        reduces(on, |_, keep| x.argmax(dim, keep), |l| first(l, largest(l)), 0.0)?;
        reduces(on, |_, keep| Ok(x.max_dim(dim, keep)?.0), largest, 0.0)?;
    }

    #[test]
    fn truths((x, dims) in with_dims(), threshold in -9i64..9) {
        let mask = x.gt(threshold).unwrap();
        let (on, count) = ((&mask, &dims[..]), |l: &[f64]| l.iter().sum::<f64>());
        reduces(on, |d, keep| mask.any_dim(d, keep), |l| f64::from(u8::from(count(l) > 0.0)), 0.0)?;
        reduces(on, |d, keep| mask.all_dim(d, keep), |l| f64::from(u8::from(count(l) == l.len() as f64)), 0.0)?;
        reduces(on, |d, keep| mask.sum_dim(d, keep), count, 0.0)?;
        prop_assert_eq!(mask.count_nonzero(()).unwrap().item().unwrap(), mask.sum().item().unwrap());
    }

    #[test]
    fn spreads_and_norms((x, dims) in with_dims(), correction in 0u8..2) {
        let on = (&x, &dims[..]);
        let variance = |l: &[f64]| {
            let mean = l.iter().sum::<f64>() / l.len() as f64;
            l.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (l.len() as f64 - f64::from(correction))
        };
        if (Model::of(&x).lists(&dims).1)[0].len() > usize::from(correction) {
            reduces(on, |d, keep| x.var_dim(d, f64::from(correction), keep), variance, 1e-14)?;
            reduces(on, |d, keep| x.std_dim(d, f64::from(correction), keep), |l| variance(l).sqrt(), 1e-14)?;
        }
        let power = |l: &[f64], p: f64| l.iter().map(|v| v.abs().powf(p)).sum::<f64>().powf(1.0 / p);
        for p in [1.0, 2.0, 3.0] {
            reduces(on, |d, keep| x.vector_norm(p, d, keep), |l| power(l, p), 1e-14)?;
        }
        let largest = |l: &[f64]| l.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        reduces(on, |d, keep| x.vector_norm(f64::INFINITY, d, keep), largest, 0.0)?;
    }

    #[test]
    fn exponentials_are_shares((x, dim) in with_dim(), shift in -700i32..700) {
        let x = x.add(f64::from(shift)).unwrap();
        let d = dim as isize;
        let log_sum = |l: &[f64]| {
            let most = l.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            most + l.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
        };
        reduces((&x, &[dim]), |d, keep| x.logsumexp(d, keep), log_sum, 1e-14)?;
        let shares = x.softmax(d).unwrap();
        reduces((&shares, &[dim]), |d, keep| shares.sum_dim(d, keep), |_| 1.0, 1e-14)?;
        let expected = x.sub(&x.logsumexp(d, true).unwrap()).unwrap();
        prop_assert!(x.log_softmax(d).unwrap().allclose(&expected, 1e-12, 1e-12).unwrap());
    }

    #[test]
    fn running_totals((x, dim) in with_dim()) {
        let d = dim as isize;
        let last = |x: Tensor| x.select(d, -1).unwrap();
        prop_assert!(last(x.cumsum(d).unwrap()).equal(&x.sum_dim(d, false).unwrap()));
        prop_assert!(last(x.cumprod(d).unwrap()).equal(&x.prod_dim(d, false).unwrap()));
        prop_assert!(last(x.cummax(d).unwrap().0).equal(&x.amax(d, false).unwrap()));
        prop_assert!(last(x.cummin(d).unwrap().0).equal(&x.amin(d, false).unwrap()));
        // The differences of the sums are the numbers, but for the first.
        let size = x.shape()[dim];
        prop_assert!(x.cumsum(d).unwrap().diff(1, d).unwrap().equal(&x.narrow(d, 1, size - 1).unwrap()));
    }

    #[test]
    fn sums_over_nothing(rows in 0usize..4, columns in 0usize..4, keepdim: bool) {
        let x = zeros([rows, columns]).unwrap();
        let shape = if keepdim { vec![rows, 1] } else { vec![rows] };
        let all = |found: Tensor, value: f64| {
            found.shape() == shape && Model::of(&found).values.iter().all(|v| *v == value || v.is_nan() && value.is_nan())
        };
        let empty = columns == 0;
        let (product, mean) = if empty { (1.0, f64::NAN) } else { (0.0, 0.0) };
        prop_assert!(all(x.sum_dim(1, keepdim).unwrap(), 0.0));
        prop_assert!(all(x.prod_dim(1, keepdim).unwrap(), product));
        prop_assert!(all(x.mean_dim(1, keepdim).unwrap(), mean));
        prop_assert!(all(x.any_dim(1, keepdim).unwrap(), 0.0));
        prop_assert!(all(x.all_dim(1, keepdim).unwrap(), f64::from(u8::from(empty))));
        prop_assert!(all(x.vector_norm(2.0, 1, keepdim).unwrap(), 0.0));
        let log = if empty { f64::NEG_INFINITY } else { f64::from((columns as f32).ln()) };
        let found = x.logsumexp(1, keepdim).unwrap();
        prop_assert!(found.shape() == shape && Model::of(&found).values.iter().all(|v| (v - log).abs() < 1e-6 || *v == log));
        // Of nothing there is no largest; along a dimension that has elements there is, even if for no row.
        for found in [x.amax(1, keepdim), x.argmax(1, keepdim), x.max_dim(1, keepdim).map(|(values, _)| values)] {
            match found {
                Ok(found) => prop_assert!(!empty && found.shape() == shape),
                Err(_) => prop_assert!(empty),
            }
        }
    }
}
