//! Which type comes of two, and what a conversion keeps.

use crate::config::config;
use crate::model::Model;
use baekmi::prelude::*;
use baekmi::tensor::result_type;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

fn kinds() -> impl Strategy<Value = (DType, bool, f64)> {
    let dtype = prop_oneof![Just(DType::Bool), Just(DType::I64), Just(DType::F32), Just(DType::F64)];
    (dtype, any::<bool>(), (0u8..5).prop_map(f64::from))
}

/// A tensor of one number, with a dimension or without.
fn one((dtype, scalar, value): (DType, bool, f64)) -> Tensor {
    Tensor::from_vec(vec![value], if scalar { vec![] } else { vec![1] }).unwrap().to(dtype)
}

/// PyTorch's rule: the higher kind (bool, integer, float); within a kind what has dimensions, then the wider type.
fn promoted(a: &Tensor, b: &Tensor) -> DType {
    let rank = |x: &Tensor| match x.dtype() {
        DType::Bool => 0,
        DType::I64 => 1,
        _ => 2,
    };
    let weight = |x: &Tensor| (rank(x), x.dim() > 0, x.dtype() == DType::F64);
    if weight(a) >= weight(b) { a.dtype() } else { b.dtype() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_types_become_one(a in kinds(), b in kinds()) {
        let (x, y) = (one(a), one(b));
        let expected = promoted(&x, &y);
        prop_assert_eq!(result_type(&x, &y), expected);
        prop_assert_eq!(result_type(&y, &x), expected);
        prop_assert_eq!(x.add(&y).unwrap().dtype(), expected);
        prop_assert_eq!(x.maximum(&y).unwrap().dtype(), expected);
        prop_assert_eq!(x.div(&y).unwrap().dtype(), expected.to_float());
        prop_assert_eq!(x.eq(&y).unwrap().dtype(), DType::Bool);
    }

    #[test]
    fn mixed_types_compute_in_the_common_one(a in kinds(), b in kinds()) {
        let (x, y) = (one(a), one(b));
        let common = result_type(&x, &y);
        let found = x.mul(&y).unwrap();
        let expected = x.to(common).mul(&y.to(common)).unwrap();
        prop_assert_eq!((found.dtype(), Model::of(&found)), (expected.dtype(), Model::of(&expected)));
        prop_assert!(x.lt(&y).unwrap().equal(&x.to(common).lt(&y.to(common)).unwrap()));
    }

    #[test]
    fn a_number_changes_the_kind_and_no_more(a in kinds(), n in -5i64..5) {
        let x = one(a);
        let whole = if x.dtype() == DType::Bool { DType::I64 } else { x.dtype() };
        prop_assert_eq!(x.add(n).unwrap().dtype(), whole);
        prop_assert_eq!(x.add(n as f64).unwrap().dtype(), x.dtype().to_float());
        prop_assert_eq!(x.mul(n as f64 + 0.5).unwrap().dtype(), x.dtype().to_float());
    }

    #[test]
    fn conversions_keep_what_fits(value: i32, single: f32) {
        let whole = Tensor::from_vec(vec![i64::from(value)], 1).unwrap();
        prop_assert!(whole.to(DType::F64).to(DType::I64).equal(&whole));
        prop_assert_eq!(whole.to(DType::Bool).item().unwrap(), f64::from(u8::from(value != 0)));
        let x = Tensor::from_vec(vec![single], 1).unwrap();
        let back = x.to(DType::F64).to(DType::F32).to_vec::<f32>().unwrap()[0];
        prop_assert!(back.to_bits() == single.to_bits() || back.is_nan() && single.is_nan());
        // Towards zero, as Python's int().
        let part = f64::from(value) / 7.0;
        let truncated = Tensor::from_vec(vec![part], 1).unwrap().to(DType::I64);
        prop_assert_eq!(truncated.item().unwrap(), part.trunc());
    }
}
