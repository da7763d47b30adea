//! Products of matrices and convolutions, each element added up by hand; and the largest and the mean of windows.

use crate::config::config;
use crate::model::{Model, meeting, places, tensors};
use baekmi::prelude::*;
use baekmi::tensor::{Conv, Pool};
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn batches_of_matrices_meet(x in tensors(2..5, 0), columns in 0usize..4, batch in prop::option::of(1usize..4)) {
        let inner = x.shape()[x.dim() - 1];
        let shape = [batch.map_or(vec![], |n| vec![n]), vec![inner, columns]].concat();
        let numel = shape.iter().product::<usize>();
        let y = Tensor::from_vec((0..numel).map(|i| (i % 7) as f64 - 3.0).collect(), &shape).unwrap();
        let (rank, rows) = (x.dim(), x.shape()[x.dim() - 2]);
        let batches = meeting(&x.shape()[..rank - 2], &shape[..shape.len() - 2]);
        match (x.matmul(&y), batches) {
            (Ok(found), Some(batches)) => {
                let a = Model::of(&x).stretched(&[&batches[..], &[rows, inner]].concat());
                let b = Model::of(&y).stretched(&[&batches[..], &[inner, columns]].concat());
                let shape = [&batches[..], &[rows, columns]].concat();
                let n = batches.len();
                let element = |p: &Vec<usize>| {
                    let term = |k| a.at(&[&p[..n + 1], &[k]].concat()) * b.at(&[&p[..n], &[k, p[n + 1]]].concat());
                    (0..inner).map(term).sum()
                };
                let values = places(&shape).iter().map(element).collect();
                prop_assert_eq!(Model::of(&found), Model { shape, values });
            }
            (Err(_), None) => {}
            (found, expected) => prop_assert!(false, "{found:?}, expected batches {expected:?}"),
        }
    }

    #[test]
    fn what_was_multiplied_is_solved(values in prop::collection::vec(-3i8..4, 18), n in 1usize..4) {
        let matrix = |at: usize| {
            let values = values[at..at + n * n].iter().map(|&v| f64::from(v)).collect();
            Tensor::from_vec(values, [n, n]).unwrap()
        };
        let (a, x) = (matrix(0), matrix(9));
        let [det, of_x, of_both] = [&a, &x, &a.matmul(&x).unwrap()].map(|m| m.det().unwrap().item().unwrap());
        prop_assert!((of_both - det * of_x).abs() < 1e-9);
        let (sign, log) = a.slogdet().unwrap();
        prop_assert!((sign.item().unwrap() * log.item().unwrap().exp() - det).abs() < 1e-9);
        // Of whole numbers: 0 but for rounding, or at least 1.
        if det.abs() > 0.5 {
            prop_assert!(a.solve(&a.matmul(&x).unwrap()).unwrap().allclose(&x, 1e-9, 1e-9).unwrap());
        }
    }

    #[test]
    fn a_linear_layer_is_a_product_and_a_sum(x in tensors(1..4, 0), outs in 0usize..4) {
        let ins = x.shape()[x.dim() - 1];
        let weight = Tensor::from_vec((0..outs * ins).map(|i| (i % 5) as f64 - 2.0).collect(), [outs, ins]).unwrap();
        let bias = Tensor::from_vec((0..outs).map(|i| i as f64).collect(), outs).unwrap();
        let found = x.linear(&weight, Some(&bias)).unwrap();
        let expected = x.matmul(&weight.t().unwrap()).unwrap().add(&bias).unwrap();
        prop_assert_eq!(Model::of(&found), Model::of(&expected));
        // Whole numbers give the same as whole numbers do.
        let whole = x.to(DType::I64).matmul(&weight.to(DType::I64).t().unwrap()).unwrap();
        prop_assert_eq!(Model::of(&whole), Model::of(&x.linear(&weight, None).unwrap()));
    }

    #[test]
    fn a_convolution_is_a_sum_over_windows(
        (batch, groups, ins, outs) in (0usize..3, 1usize..3, 1usize..3, 1usize..3),
        (height, width) in (1usize..7, 1usize..7),
        (tall, wide) in (1usize..4, 1usize..4),
        (stride, padding, dilation) in (1usize..4, 0usize..3, 1usize..3),
        transposed: bool,
    ) {
        let numbers = |shape: [usize; 4], by: usize| {
            let n = shape.iter().product::<usize>();
            Tensor::from_vec((0..n).map(|i| (i * by % 11) as f64 - 5.0).collect(), shape).unwrap()
        };
        let x = numbers([batch, groups * ins, height, width], 7);
        // The same numbers, one of two ways in memory.
        let x = if transposed { x.mt().unwrap().contiguous().mt().unwrap() } else { x };
        let w = numbers([groups * outs, ins, tall, wide], 3);
        let options = Conv::new().stride(stride).padding(padding).dilation(dilation).groups(groups);
        let reach = |size: usize, kernel: usize| (size + 2 * padding).checked_sub(dilation * (kernel - 1) + 1);
        let (Some(down), Some(right)) = (reach(height, tall), reach(width, wide)) else {
            prop_assert!(x.conv2d(&w, None, &options).is_err());
            return Ok(());
        };
        let (x, w) = (x.requires_grad(), w.requires_grad());
        let found = x.conv2d(&w, None, &options).unwrap();
        // Linear in both: what the gradient of either says about itself is the value.
        let value = found.mul(&numbers(found.shape().try_into().unwrap(), 5)).unwrap().sum();
        for (gradient, variable) in grad(&value, &[&x, &w]).unwrap().iter().zip([&x, &w]) {
            prop_assert_eq!(gradient.mul(variable).unwrap().sum().item().unwrap(), value.item().unwrap());
        }
        let (x, w) = (Model::of(&x), Model::of(&w));
        let shape = vec![batch, groups * outs, down / stride + 1, right / stride + 1];
        let element = |p: &Vec<usize>| {
            let term = |k: &Vec<usize>| {
                let row = (p[2] * stride + k[1] * dilation).checked_sub(padding).filter(|row| *row < height);
                let column = (p[3] * stride + k[2] * dilation).checked_sub(padding).filter(|column| *column < width);
                let (Some(row), Some(column)) = (row, column) else { return 0.0 };
                x.at(&[p[0], p[1] / outs * ins + k[0], row, column]) * w.at(&[p[1], k[0], k[1], k[2]])
            };
            places(&[ins, tall, wide]).iter().map(term).sum::<f64>()
        };
        let values = places(&shape).iter().map(element).collect();
        prop_assert_eq!(Model::of(&found), Model { shape, values });
    }

    #[test]
    fn the_largest_and_the_mean_of_each_window((height, width) in (1usize..8, 1usize..8), kernel in 1usize..4, stride in 1usize..4, half: bool) {
        let padding = if half { kernel / 2 } else { 0 };
        let n = height * width;
        let x = Tensor::from_vec((0..n).map(|i| (i * 7 % 13) as f64 - 6.0).collect(), [1, 1, height, width]).unwrap();
        let pool = Pool::new(kernel).stride(stride).padding(padding);
        let reach = |size: usize| (size + 2 * padding).checked_sub(kernel);
        let (Some(down), Some(right)) = (reach(height), reach(width)) else {
            prop_assert!(x.max_pool2d(&pool).is_err());
            return Ok(());
        };
        let (values, indices) = x.max_pool2d(&pool).unwrap();
        let means = Model::of(&x.avg_pool2d(&pool).unwrap());
        let model = Model::of(&x);
        let shape = [1, 1, down / stride + 1, right / stride + 1];
        prop_assert_eq!(values.shape(), shape);
        let (values, indices) = (Model::of(&values), Model::of(&indices));
        for place in places(&shape) {
            let inside = |start: usize, size: usize| (0..kernel).filter_map(move |k| (start + k).checked_sub(padding)).filter(move |i| *i < size);
            let window: Vec<f64> = inside(place[2] * stride, height)
                .flat_map(|row| inside(place[3] * stride, width).map(move |column| (row, column)))
                .map(|(row, column)| model.at(&[0, 0, row, column]))
                .collect();
            let largest = window.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            prop_assert_eq!(values.at(&place), largest);
            let mean = window.iter().sum::<f64>() / (kernel * kernel) as f64;
            prop_assert!((means.at(&place) - mean).abs() < 1e-14);
            prop_assert_eq!(model.values[indices.at(&place) as usize], largest);
        }
    }
}
