//! Where shapes meet, elements do.

use crate::config::config;
use crate::model::{Model, meeting, tensors};
use baekmi::prelude::*;
use baekmi::tensor::{broadcast_shapes, broadcast_tensors};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

/// Two shapes that often meet: one, and another made from it with sizes of 1 and other things in it.
fn pairs() -> impl Strategy<Value = (Tensor, Tensor)> {
    tensors(0..4, 0).prop_flat_map(|x| {
        let shape = x.shape().to_vec();
        let changes = prop::collection::vec(
            prop_oneof![4 => Just(None), 3 => Just(Some(1)), 1 => (0usize..4).prop_map(Some)],
            shape.len(),
        );
        (Just(x), changes, 0usize..3).prop_flat_map(move |(x, changes, cut)| {
            let other: Vec<usize> =
                shape.iter().zip(changes).map(|(&n, change)| change.unwrap_or(n)).skip(cut).collect();
            let n = other.iter().product::<usize>();
            (Just(x), prop::collection::vec(-9i8..10, n), any::<bool>()).prop_map(
                move |(x, values, turned)| {
                    let values = values.into_iter().map(f64::from).collect();
                    let y = Tensor::from_vec(values, &other).unwrap();
                    if turned { (y, x) } else { (x, y) }
                },
            )
        })
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn shapes_meet_as_numpys_do((x, y) in pairs()) {
        let (found, back) = (broadcast_shapes(&[x.shape(), y.shape()]), broadcast_shapes(&[y.shape(), x.shape()]));
        let expected = meeting(x.shape(), y.shape());
        prop_assert_eq!(found.ok().map(|s| s.to_vec()), expected.clone());
        prop_assert_eq!(back.ok().map(|s| s.to_vec()), expected);
    }

    #[test]
    fn elements_meet_where_their_shapes_do((x, y) in pairs(), which in 0usize..6) {
        type Two = (fn(&Tensor, &Tensor) -> Result<Tensor>, fn(f64, f64) -> f64);
        let two: [Two; 6] = [
            (|x, y| x.add(y), |x, y| x + y),
            (|x, y| x.sub(y), |x, y| x - y),
            (|x, y| x.mul(y), |x, y| x * y),
            (|x, y| x.div(y), |x, y| x / y),
            (|x, y| x.maximum(y), f64::max),
            (|x, y| x.lt(y), |x, y| f64::from(u8::from(x < y))),
        ];
        let (op, of_numbers) = two[which];
        match (op(&x, &y), meeting(x.shape(), y.shape())) {
            (Ok(found), Some(shape)) => {
                let (a, b) = (Model::of(&x).stretched(&shape), Model::of(&y).stretched(&shape));
                let expected: Vec<f64> = a.values.iter().zip(&b.values).map(|(&a, &b)| of_numbers(a, b)).collect();
                let found = Model::of(&found);
                prop_assert_eq!(found.shape, shape);
                prop_assert!(found.values.iter().zip(&expected).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
            }
            (Err(_), None) => {}
            (found, expected) => prop_assert!(false, "{found:?}, expected a shape {expected:?}"),
        }
    }

    #[test]
    fn operators_are_the_methods((x, y) in pairs()) {
        if let Ok(sum) = x.add(&y) {
            prop_assert!((&x + &y).equal(&sum));
            prop_assert!((&x - &y).equal(&x.sub(&y).unwrap()));
            prop_assert!((&x * &y).equal(&y.mul(&x).unwrap()));
            prop_assert!((-&x).equal(&x.neg()));
        }
    }

    #[test]
    fn what_was_stretched_gathers_its_gradients((x, y) in pairs()) {
        let (a, b) = (x.clone().requires_grad(), y.clone().requires_grad());
        if let Ok(product) = a.mul(&b) {
            product.sum().backward().unwrap();
            // Each element gets what it was multiplied by, once for each time it was read.
            let expected = y.expand_as(&product.detach()).unwrap().sum_to_size(x.shape()).unwrap();
            prop_assert_eq!(Model::of(&a.grad().unwrap()), Model::of(&expected));
            let expected = x.expand_as(&product.detach()).unwrap().sum_to_size(y.shape()).unwrap();
            prop_assert_eq!(Model::of(&b.grad().unwrap()), Model::of(&expected));
        }
    }

    #[test]
    fn three_meet_in_where((x, y) in pairs(), mask in tensors(0..3, 1)) {
        let mask = mask.gt(0.0).unwrap();
        let shape = meeting(x.shape(), y.shape()).and_then(|shape| meeting(&shape, mask.shape()));
        match (x.where_(&mask, &y), shape) {
            (Ok(found), Some(shape)) => {
                let [m, a, b] = [&mask, &x, &y].map(|x| Model::of(x).stretched(&shape).values);
                let expected: Vec<f64> = (0..m.len()).map(|i| if m[i] == 1.0 { a[i] } else { b[i] }).collect();
                prop_assert_eq!(Model::of(&found), Model { shape, values: expected });
                let all = broadcast_tensors(&[&mask, &x, &y]).unwrap();
                prop_assert!(all.iter().all(|x| x.shape() == found.shape()));
            }
            (Err(_), None) => {}
            (found, expected) => prop_assert!(false, "{found:?}, expected a shape {expected:?}"),
        }
    }
}
