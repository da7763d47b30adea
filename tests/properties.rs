//! What holds for tensors of any shape and layout: broadcasting, views, reductions, orders and promotion, each against a
//! naive model that knows nothing but shapes and lists.
//!
//! Indices have their properties in `crates/tensor/tests/indexing.rs`, printing in `crates/tensor/tests/printing.rs`, tables
//! and loaders in `crates/data/tests/properties.rs`, losses in `criteria.rs`.

use baekmi::prelude::*;
use baekmi::tensor::{broadcast_shapes, broadcast_tensors, result_type};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, TestCaseError, any, prop, prop_assert, prop_assert_eq, prop_oneof,
    proptest,
};

/// A list with a shape, in the order in which it is written.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// All places of a shape, in order.
fn places(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &size in shape {
        all = all.iter().flat_map(|place| (0..size).map(move |i| [&place[..], &[i]].concat())).collect();
    }
    all
}

impl Model {
    fn of(x: &Tensor) -> Model {
        Model { shape: x.shape().to_vec(), values: x.to(DType::F64).to_vec::<f64>().unwrap() }
    }

    fn tensor(&self) -> Tensor {
        Tensor::from_vec(self.values.clone(), &self.shape).unwrap()
    }

    fn at(&self, place: &[usize]) -> f64 {
        let flat = place.iter().zip(&self.shape).fold(0, |flat, (i, size)| flat * size + i);
        self.values[flat]
    }

    /// What is read when each place of the new shape looks at a place of the old one.
    fn read(&self, shape: Vec<usize>, from: impl Fn(&[usize]) -> Vec<usize>) -> Model {
        let values = places(&shape).iter().map(|place| self.at(&from(place))).collect();
        Model { shape, values }
    }

    /// Stretched to a shape: dimensions from the right, those of size 1 repeated.
    fn stretched(&self, shape: &[usize]) -> Model {
        let more = shape.len() - self.shape.len();
        let own = |place: &[usize]| {
            place[more..].iter().zip(&self.shape).map(|(&i, &size)| if size == 1 { 0 } else { i }).collect()
        };
        self.read(shape.to_vec(), own)
    }

    /// The lists along the given dimensions, one for each place of the others, which keep a size of 1 there.
    fn lists(&self, dims: &[usize]) -> (Vec<usize>, Vec<Vec<f64>>) {
        let kept: Vec<usize> =
            self.shape.iter().enumerate().map(|(d, &n)| if dims.contains(&d) { 1 } else { n }).collect();
        let inner: Vec<usize> =
            self.shape.iter().enumerate().map(|(d, &n)| if dims.contains(&d) { n } else { 1 }).collect();
        let list = |outer: &Vec<usize>| {
            let sum =
                |place: &Vec<usize>| place.iter().zip(outer).map(|(a, b)| a + b).collect::<Vec<usize>>();
            places(&inner).iter().map(|place| self.at(&sum(place))).collect()
        };
        let lists = places(&kept).iter().map(list).collect();
        (kept, lists)
    }
}

/// The shape in which two meet, if they do.
fn meeting(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], d: usize| (d + shape.len()).checked_sub(rank).map_or(1, |d| shape[d]);
    (0..rank)
        .map(|d| match (size(a, d), size(b, d)) {
            (n, m) if n == m || m == 1 => Some(n),
            (1, m) => Some(m),
            _ => None,
        })
        .collect()
}

/// Whole numbers from −9 to 9, so that sums and products are exact in any order; dense, turned or cut out.
fn tensors(rank: std::ops::Range<usize>, least: usize) -> impl Strategy<Value = Tensor> {
    prop::collection::vec(least..4, rank).prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        let order = Just((0..shape.len()).collect::<Vec<usize>>()).prop_shuffle();
        (Just(shape), prop::collection::vec(-9i8..10, 2 * n), order, 0..3u8).prop_map(
            |(shape, values, order, layout)| {
                let values: Vec<f64> = values.into_iter().map(f64::from).collect();
                let n = values.len() / 2;
                match layout {
                    // Every second one of more.
                    0 => {
                        let shape = [shape, vec![2]].concat();
                        Tensor::from_vec(values, shape).unwrap().select(-1, 1).unwrap()
                    }
                    1 => Tensor::from_vec(values[..n].to_vec(), &shape).unwrap().permute(&order).unwrap(),
                    _ => Tensor::from_vec(values[..n].to_vec(), &shape).unwrap(),
                }
            },
        )
    })
}

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

/// A tensor without empty dimensions, and some of its dimensions.
fn with_dims() -> impl Strategy<Value = (Tensor, Vec<usize>)> {
    tensors(1..4, 1).prop_flat_map(|x| {
        let rank = x.dim();
        (Just(x), prop::sample::subsequence(Vec::from_iter(0..rank), 1..=rank))
    })
}

fn with_dim() -> impl Strategy<Value = (Tensor, usize)> {
    tensors(1..4, 1).prop_flat_map(|x| {
        let rank = x.dim();
        (Just(x), 0..rank)
    })
}

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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    // Broadcasting.

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

    // Views.

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

    // Reductions.

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

    // Orders.

    #[test]
    fn sorting_is_stable_and_loses_nothing((x, dim) in with_dim(), descending: bool) {
        let d = dim as isize;
        let (values, indices) = x.sort(d, descending).unwrap();
        prop_assert!(x.gather(d, &indices).unwrap().equal(&values));
        let (_, lists) = Model::of(&x).lists(&[dim]);
        let (_, found) = Model::of(&indices).lists(&[dim]);
        for (list, found) in lists.iter().zip(found) {
            let mut order: Vec<usize> = (0..list.len()).collect();
            order.sort_by(|&i, &j| if descending { list[j].total_cmp(&list[i]) } else { list[i].total_cmp(&list[j]) });
            prop_assert_eq!(Vec::from_iter(found.iter().map(|&i| i as usize)), order);
        }
    }

    #[test]
    fn the_first_k_of_an_order((x, dim) in with_dim(), k in 1usize..4) {
        let (d, size) = (dim as isize, x.shape()[dim]);
        let (k, sorted) = (k.min(size), |largest| x.sort(d, largest).unwrap().0);
        for largest in [true, false] {
            let (values, indices) = x.topk(k, d, largest).unwrap();
            prop_assert!(values.equal(&sorted(largest).narrow(d, 0, k).unwrap()));
            prop_assert!(x.gather(d, &indices).unwrap().equal(&values));
        }
        prop_assert!(x.kthvalue(k, d, false).unwrap().0.equal(&sorted(false).select(d, k as isize - 1).unwrap()));
        // The lower of the two in the middle.
        let middle = sorted(false).select(d, (size as isize - 1) / 2).unwrap();
        prop_assert!(x.median_dim(d, false).unwrap().0.equal(&middle));
    }

    #[test]
    fn each_once_with_its_count(x in tensors(0..4, 0)) {
        let unique = x.unique(None).unwrap();
        let values = Model::of(&unique.values).values;
        prop_assert!(values.is_sorted_by(|a, b| a < b));
        prop_assert!(unique.values.take(&unique.inverse).unwrap().equal(&x));
        prop_assert_eq!(unique.counts.sum().item().unwrap(), x.numel() as f64);
        let all = Model::of(&x).values;
        for (value, count) in values.iter().zip(unique.counts.to_vec::<i64>().unwrap()) {
            prop_assert_eq!(all.iter().filter(|v| *v == value).count(), count as usize);
        }
    }

    // Promotion.

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
