//! The naive model: a shape and a list, and index arithmetic that is written out. And tensors to compare it with.

use baekmi::prelude::*;
use proptest::prelude::{Just, Strategy, prop};

/// A list with a shape, in the order in which it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

/// All places of a shape, in order.
pub(crate) fn places(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &size in shape {
        all = all.iter().flat_map(|place| (0..size).map(move |i| [&place[..], &[i]].concat())).collect();
    }
    all
}

impl Model {
    pub(crate) fn of(x: &Tensor) -> Model {
        Model { shape: x.shape().to_vec(), values: x.to(DType::F64).to_vec::<f64>().unwrap() }
    }

    pub(crate) fn tensor(&self) -> Tensor {
        Tensor::from_vec(self.values.clone(), &self.shape).unwrap()
    }

    pub(crate) fn at(&self, place: &[usize]) -> f64 {
        let flat = place.iter().zip(&self.shape).fold(0, |flat, (i, size)| flat * size + i);
        self.values[flat]
    }

    /// What is read when each place of the new shape looks at a place of the old one.
    pub(crate) fn read(&self, shape: Vec<usize>, from: impl Fn(&[usize]) -> Vec<usize>) -> Model {
        let values = places(&shape).iter().map(|place| self.at(&from(place))).collect();
        Model { shape, values }
    }

    /// Stretched to a shape: dimensions from the right, those of size 1 repeated.
    pub(crate) fn stretched(&self, shape: &[usize]) -> Model {
        let more = shape.len() - self.shape.len();
        let own = |place: &[usize]| {
            place[more..].iter().zip(&self.shape).map(|(&i, &size)| if size == 1 { 0 } else { i }).collect()
        };
        self.read(shape.to_vec(), own)
    }

    /// The lists along the given dimensions, one for each place of the others, which keep a size of 1 there.
    pub(crate) fn lists(&self, dims: &[usize]) -> (Vec<usize>, Vec<Vec<f64>>) {
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
pub(crate) fn meeting(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
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
pub(crate) fn tensors(rank: std::ops::Range<usize>, least: usize) -> impl Strategy<Value = Tensor> {
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

/// A tensor without empty dimensions, and some of its dimensions.
pub(crate) fn with_dims() -> impl Strategy<Value = (Tensor, Vec<usize>)> {
    tensors(1..4, 1).prop_flat_map(|x| {
        let rank = x.dim();
        (Just(x), prop::sample::subsequence(Vec::from_iter(0..rank), 1..=rank))
    })
}

pub(crate) fn with_dim() -> impl Strategy<Value = (Tensor, usize)> {
    tensors(1..4, 1).prop_flat_map(|x| {
        let rank = x.dim();
        (Just(x), 0..rank)
    })
}
