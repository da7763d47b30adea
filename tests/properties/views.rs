//! Views of views read the right places, and gradients go back to them.

use crate::config::config;
use crate::model::{Model, tensors, with_dim};
use baekmi::prelude::*;
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

/// Applies a step to a tensor and to the model: both sides of every view.
fn step(x: &Tensor, model: &Model, kind: u8, a: usize, b: usize) -> (Tensor, Model) {
    let shape = &model.shape;
    let rank = shape.len();
    let (d, e) = (a % rank.max(1), b % rank.max(1));
    let changed = |d: usize, size: usize| {
        let mut shape = shape.clone();
        shape[d] = size;
        shape
    };
    match kind {
        0 => {
            let place = |p: &[usize]| [&p[..a % (rank + 1)], &p[a % (rank + 1) + 1..]].concat();
            let mut wider = shape.clone();
            wider.insert(a % (rank + 1), 1);
            (x.unsqueeze((a % (rank + 1)) as isize).unwrap(), model.read(wider, place))
        }
        _ if rank == 0 => (x.clone(), model.clone()),
        1 => {
            let swap = |p: &[usize]| {
                let mut p = p.to_vec();
                p.swap(d, e);
                p
            };
            (x.transpose(d as isize, e as isize).unwrap(), model.read(swap(shape), swap))
        }
        2 if shape[d] > 0 => {
            let (start, step) = (b % shape[d], 1 + b % 2);
            let size = (shape[d] - start).div_ceil(step);
            let place = |p: &[usize]| {
                let mut p = p.to_vec();
                p[d] = start + p[d] * step;
                p
            };
            (
                x.slice(d as isize, start as isize, isize::MAX, step).unwrap(),
                model.read(changed(d, size), place),
            )
        }
        3 if shape[d] > 0 => {
            let i = b % shape[d];
            let rest = [&shape[..d], &shape[d + 1..]].concat();
            let place = |p: &[usize]| [&p[..d], &[i], &p[d..]].concat();
            (x.select(d as isize, i as isize).unwrap(), model.read(rest, place))
        }
        4 if shape[d] == 1 => {
            let place = |p: &[usize]| {
                let mut p = p.to_vec();
                p[d] = 0;
                p
            };
            let size = 1 + b % 3;
            (x.expand(changed(d, size)).unwrap(), model.read(changed(d, size), place))
        }
        5 => {
            let place = |p: &[usize]| {
                let mut p = p.to_vec();
                p[d] = shape[d] - 1 - p[d];
                p
            };
            (x.flip(d).unwrap(), model.read(shape.clone(), place))
        }
        6 => {
            let flat = vec![model.values.len()];
            (x.reshape(&flat).unwrap(), Model { shape: flat, values: model.values.clone() })
        }
        _ => (x.clone(), model.clone()),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn views_of_views_read_the_right_places(x in tensors(0..4, 0), steps in prop::collection::vec((0u8..7, 0usize..6, 0usize..6), 1..7)) {
        let (mut view, mut model) = (x.clone(), Model::of(&x));
        for (kind, a, b) in steps {
            (view, model) = step(&view, &model, kind, a, b);
            prop_assert_eq!(Model::of(&view), model.clone());
        }
    }

    #[test]
    fn gradients_go_back_through_views(x in tensors(0..4, 1), steps in prop::collection::vec((0u8..7, 0usize..6, 0usize..6), 1..7)) {
        // The same steps on the places themselves say which element was read where.
        let numel = x.numel();
        let numbers = arange(0, numel as i64, 1).unwrap().to(DType::F64).reshape(x.shape()).unwrap();
        let variable = x.contiguous().requires_grad();
        let (mut view, mut read) = (variable.clone(), Model::of(&numbers));
        for (kind, a, b) in steps {
            (view, read) = step(&view, &read.clone(), kind, a, b);
        }
        let weights: Vec<f64> = (1..=read.values.len()).map(|i| i as f64).collect();
        let weighted = view.mul(&Tensor::from_vec(weights.clone(), &read.shape).unwrap()).unwrap();
        let mut expected = vec![0.0; numel];
        read.values.iter().zip(&weights).for_each(|(&place, weight)| expected[place as usize] += weight);
        let gradient = &grad(&weighted.sum(), &[&variable]).unwrap()[0];
        prop_assert_eq!(Model::of(gradient).values, expected);
    }

    #[test]
    fn functions_do_not_care_how_elements_lie((x, dim) in with_dim()) {
        let (dense, dim) = (Model::of(&x).tensor(), dim as isize);
        let functions: [fn(&Tensor, isize) -> Result<Tensor>; 7] = [
            |x, _| Ok(x.exp()),
            |x, dim| x.softmax(dim),
            |x, dim| x.cumsum(dim),
            |x, dim| Ok(x.sort(dim, true)?.1),
            |x, dim| x.amax(dim, true),
            |x, dim| x.flip(dim),
            |x, dim| cat(&[x, x], dim),
        ];
        for f in functions {
            prop_assert_eq!(Model::of(&f(&x, dim).unwrap()), Model::of(&f(&dense, dim).unwrap()));
        }
    }

    #[test]
    fn values_do_not_change_under_a_view((x, dim) in with_dim()) {
        // A parameter that moves on leaves what was read from it before as it was.
        let parameter = Parameter::new(&x);
        let (before, view) = (Model::of(&x), parameter.tensor().select(dim as isize, 0).unwrap());
        let seen = Model::of(&view);
        let mut optimizer = SGD::new([parameter.clone()], 1.0);
        parameter.tensor().sum().backward().unwrap();
        optimizer.step().unwrap();
        prop_assert_eq!((Model::of(&x), Model::of(&view)), (before, seen));
        prop_assert!(parameter.tensor().equal(&x.sub(1.0).unwrap()));
    }
}
