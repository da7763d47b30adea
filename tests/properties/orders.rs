//! Sorting, the first few, and each value once.

use crate::config::config;
use crate::model::{Model, tensors, with_dim};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

proptest! {
    #![proptest_config(config())]

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
}
