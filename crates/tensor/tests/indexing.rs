//! Properties of views, indices, joins and splits, for random tensors whose elements do not lie in order.

mod common;

use common::config;
use proptest::prelude::*;
use tensor::{Ellipsis, Index, NewAxis, Pad, Tensor, Window, arange, cat, stack};

/// A tensor of distinct numbers with up to four dimensions, seen through a random order of dimensions and a slice.
fn tensors() -> impl Strategy<Value = Tensor> {
    prop::collection::vec(0usize..5, 0..5).prop_flat_map(|shape| {
        let rank = shape.len();
        let order = Just((0..rank).collect::<Vec<usize>>()).prop_shuffle();
        (Just(shape), order, any::<bool>()).prop_map(|(shape, order, cut)| {
            let numel = shape.iter().product::<usize>() as i64;
            let x = arange(1, numel + 1, 1).unwrap().reshape(&shape).unwrap().permute(&order).unwrap();
            if cut && x.dim() > 0 && x.shape()[0] > 1 { x.slice(0, 1, isize::MAX, 1).unwrap() } else { x }
        })
    })
}

/// A tensor with at least one dimension, and one of its dimensions, counted from either end.
fn with_dim() -> impl Strategy<Value = (Tensor, isize)> {
    let some = tensors().prop_filter("a dimension", |x| x.dim() > 0);
    some.prop_flat_map(|x| {
        let rank = x.dim() as isize;
        (Just(x), -rank..rank)
    })
}

fn list(x: &Tensor) -> Vec<i64> {
    x.to_vec::<i64>().unwrap()
}

fn same(x: &Tensor, y: &Tensor) -> Result<(), TestCaseError> {
    prop_assert_eq!(x.shape(), y.shape());
    prop_assert_eq!(list(x), list(y));
    Ok(())
}

/// Numbers, ranges, new axes and one ellipsis, some of them too many or out of range.
fn basic_indices() -> impl Strategy<Value = Vec<Index>> {
    let end = || prop::option::of(-6i64..7);
    let entry = prop_oneof![
        3 => (-5i64..5).prop_map(Index::At),
        4 => (end(), end(), 1i64..4).prop_map(|(start, end, step)| Index::Slice { start, end, step }),
        1 => Just(Index::NewAxis),
    ];
    (prop::collection::vec(entry, 0..5), prop::option::of(0usize..5)).prop_map(|(mut list, dots)| {
        if let Some(at) = dots {
            list.insert(at.min(list.len()), Index::Ellipsis);
        }
        list
    })
}

/// What Python's slices select of a dimension.
fn python_range(size: usize, start: Option<i64>, end: Option<i64>, step: i64) -> Vec<usize> {
    let n = size as i64;
    let clamp = |i: i64| if i < 0 { (i + n).max(0) } else { i.min(n) };
    let (mut i, end) = (clamp(start.unwrap_or(0)), clamp(end.unwrap_or(n)));
    let mut all = vec![];
    while i < end {
        all.push(i as usize);
        i += step;
    }
    all
}

/// The model: each entry says which indices of its dimension are taken, and whether the result has a dimension for them.
/// `None` where an index is out of range or there are too many.
fn model(x: &Tensor, indices: &[Index]) -> Option<(Vec<usize>, Vec<i64>)> {
    let named = indices.iter().filter(|i| matches!(i, Index::At(_) | Index::Slice { .. })).count();
    let rest = x.dim().checked_sub(named)?;
    let mut entries = indices.to_vec();
    let dots = entries.iter().position(|i| matches!(i, Index::Ellipsis));
    let whole = vec![Index::Slice { start: None, end: None, step: 1 }; rest];
    match dots {
        Some(at) => drop(entries.splice(at..=at, whole)),
        None => entries.extend(whole),
    }
    let (mut shape, mut choices, mut d) = (vec![], vec![], 0);
    for entry in &entries {
        match entry {
            Index::NewAxis => shape.push(1),
            Index::At(i) => {
                let n = x.shape()[d] as i64;
                let i = if *i < 0 { i + n } else { *i };
                if i < 0 || i >= n {
                    return None;
                }
                choices.push(vec![i as usize]);
                d += 1;
            }
            Index::Slice { start, end, step } => {
                choices.push(python_range(x.shape()[d], *start, *end, *step));
                shape.push(choices[d].len());
                d += 1;
            }
            _ => unreachable!(),
        }
    }
    let mut places = vec![0usize];
    for (choice, size) in choices.iter().zip(x.shape()) {
        places = places.iter().flat_map(|p| choice.iter().map(move |i| p * size + i)).collect();
    }
    let values = list(x);
    Some((shape, places.iter().map(|&p| values[p]).collect()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn numbers_and_ranges_are_pythons(x in tensors(), indices in basic_indices()) {
        match (x.i(indices.as_slice()), model(&x, &indices)) {
            (Ok(y), Some((shape, values))) => {
                prop_assert_eq!(y.shape(), shape);
                prop_assert_eq!(list(&y), values);
            }
            (Err(_), None) => {}
            (found, expected) => prop_assert!(false, "{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_part_put_where_it_came_from_changes_nothing(x in tensors(), indices in basic_indices()) {
        if let Ok(part) = x.i(indices.as_slice()) {
            same(&x.set_i(indices.as_slice(), &part).unwrap(), &x)?;
            // And what is put there is found there, while the rest is as it was.
            let marked = x.set_i(indices.as_slice(), -1).unwrap();
            prop_assert!(list(&marked.i(indices.as_slice()).unwrap()).iter().all(|&v| v == -1));
            let changed = list(&marked).iter().filter(|&&v| v == -1).count();
            prop_assert_eq!(changed, part.numel());
        }
    }

    #[test]
    fn a_vector_of_indices_selects_slices((x, dim) in with_dim(), numbers in prop::collection::vec(-4i64..4, 0..5)) {
        let d = dim.rem_euclid(x.dim() as isize) as usize;
        let size = x.shape()[d] as i64;
        let mut indices = vec![Index::Slice { start: None, end: None, step: 1 }; d];
        indices.push(numbers.clone().into());
        let found = x.i(indices.as_slice());
        let wrapped: Vec<i64> = numbers.iter().map(|&i| if i < 0 { i + size } else { i }).collect();
        if wrapped.iter().all(|&i| i >= 0 && i < size) {
            let rows = Tensor::from_vec(wrapped, numbers.len()).unwrap();
            same(&found.unwrap(), &x.index_select(dim, &rows).unwrap())?;
        } else {
            prop_assert!(found.is_err());
        }
    }

    #[test]
    fn tensors_of_indices_are_read_element_by_element(
        x in tensors(),
        numbers in prop::collection::vec(prop::collection::vec(0i64..5, 3), 1..3),
    ) {
        if x.dim() < 2 || numbers.len() != 2 {
            return Ok(());
        }
        // A column of the first indices with a row of the second: a matrix of elements.
        let column = Tensor::from_vec(numbers[0].clone(), [3, 1]).unwrap();
        let row = Tensor::from_vec(numbers[1].clone(), [3]).unwrap();
        let found = x.i((&column, &row));
        let (n, m) = (x.shape()[0] as i64, x.shape()[1] as i64);
        if numbers[0].iter().any(|&i| i >= n) || numbers[1].iter().any(|&j| j >= m) {
            prop_assert!(found.is_err());
            return Ok(());
        }
        let found = found.unwrap();
        for (a, &i) in numbers[0].iter().enumerate() {
            for (b, &j) in numbers[1].iter().enumerate() {
                same(&found.i((a, b)).unwrap(), &x.i((i, j)).unwrap())?;
            }
        }
    }

    #[test]
    fn index_put_accumulates_in_any_order(
        (x, dim) in with_dim(),
        numbers in prop::collection::vec(0i64..5, 0..6),
    ) {
        let d = dim.rem_euclid(x.dim() as isize) as usize;
        if numbers.iter().any(|&i| i >= x.shape()[d] as i64) {
            return Ok(());
        }
        let mut indices = vec![Index::Slice { start: None, end: None, step: 1 }; d];
        indices.push(numbers.clone().into());
        let found = x.index_put(indices.as_slice(), 10, true).unwrap();
        let mut expected = x.clone();
        for &i in &numbers {
            indices[d] = Index::At(i);
            let more = expected.i(indices.as_slice()).unwrap().add(10).unwrap();
            expected = expected.set_i(indices.as_slice(), &more).unwrap();
        }
        same(&found, &expected)?;
    }

    #[test]
    fn what_is_gathered_can_be_scattered_back((x, dim) in with_dim(), seed in any::<u64>()) {
        let d = dim.rem_euclid(x.dim() as isize) as usize;
        let size = x.shape()[d];
        if size == 0 {
            return Ok(());
        }
        let numbers = (0..x.numel() as u64).map(|i| (seed.wrapping_mul(i + 1) >> 17) as i64 % size as i64).collect();
        let index = Tensor::from_vec(numbers, x.shape()).unwrap();
        let read = x.gather(dim, &index).unwrap();
        same(&x.scatter(dim, &index, &read).unwrap(), &x)?;
        same(&x.take_along_dim(&index, dim).unwrap(), &read)?;
    }

    #[test]
    fn a_mask_reads_and_writes_the_same_places(x in tensors(), threshold in 0i64..60) {
        let mask = x.gt(threshold).unwrap();
        let chosen = x.masked_select(&mask).unwrap();
        same(&chosen, &x.i(&mask).unwrap())?;
        same(&x.masked_scatter(&mask, &chosen).unwrap(), &x)?;
        let places = mask.nonzero();
        prop_assert_eq!(places.shape(), [chosen.numel(), x.dim()]);
        if x.dim() > 0 {
            let places: Vec<Index> = mask.nonzero_tuple().into_iter().map(Index::from).collect();
            same(&x.i(places.as_slice()).unwrap(), &chosen)?;
        }
    }

    #[test]
    fn what_is_split_can_be_joined((x, dim) in with_dim(), n in 1usize..5) {
        let join = |parts: Vec<Tensor>| cat(&parts.iter().collect::<Vec<_>>(), dim).unwrap();
        same(&join(x.split(n, dim).unwrap()), &x)?;
        same(&join(x.chunk(n, dim).unwrap()), &x)?;
        let parts = x.tensor_split(n, dim).unwrap();
        prop_assert_eq!(parts.len(), n);
        same(&join(parts), &x)?;
        let slices = x.unbind(dim).unwrap();
        if !slices.is_empty() {
            same(&stack(&slices.iter().collect::<Vec<_>>(), dim).unwrap(), &x)?;
        }
    }

    #[test]
    fn what_is_turned_back_is_as_it_was((x, dim) in with_dim(), shift in -9i64..9) {
        same(&x.flip(dim).unwrap().flip(dim).unwrap(), &x)?;
        same(&x.roll(shift, dim).unwrap().roll(-shift, dim).unwrap(), &x)?;
        same(&x.roll(shift, ()).unwrap().roll(-shift, ()).unwrap(), &x)?;
        if x.dim() >= 2 {
            let turned = x.rot90(shift, [0, 1]).unwrap().rot90(-shift, [0, 1]).unwrap();
            same(&turned, &x)?;
        }
    }

    #[test]
    fn views_do_not_care_how_their_elements_lie(x in tensors()) {
        let dense = x.contiguous();
        prop_assert!(dense.is_contiguous());
        same(&x.ravel(), &dense.ravel())?;
        let split: Vec<usize> = x.shape().iter().flat_map(|&n| [n, 1]).collect();
        same(&x.reshape(&split).unwrap(), &dense.reshape(&split).unwrap())?;
        match x.view(&split) {
            Ok(view) => same(&view, &dense.reshape(&split).unwrap())?,
            Err(_) => prop_assert!(!x.is_contiguous()),
        }
        same(&x.i((Ellipsis, NewAxis)).unwrap().squeeze_dim(-1).unwrap(), &x)?;
    }

    #[test]
    fn what_is_padded_can_be_cut_off((x, dim) in with_dim(), before in 0i64..4, behind in 0i64..4) {
        let d = dim.rem_euclid(x.dim() as isize) as usize;
        let mut pad = vec![0; 2 * (x.dim() - d)];
        let last = pad.len() - 2;
        (pad[last], pad[last + 1]) = (before, behind);
        let wide = x.pad(pad.as_slice(), Pad::Constant(-7.0)).unwrap();
        prop_assert_eq!(wide.shape()[d] as i64, x.shape()[d] as i64 + before + behind);
        let inside = x.numel() as i64;
        let outside = list(&wide).iter().filter(|&&v| v == -7).count() as i64;
        prop_assert_eq!(outside, wide.numel() as i64 - inside);
        let back: Vec<i64> = pad.iter().map(|n| -n).collect();
        same(&wide.pad(back.as_slice(), Pad::Constant(0.0)).unwrap(), &x)?;
    }

    #[test]
    fn padding_from_the_inside_is_reading_elsewhere(n in 1i64..6, before in -2i64..6, behind in -2i64..6) {
        let x = arange(0, n, 1).unwrap().reshape([1, -1]).unwrap();
        let reflected = |i: i64| if i < 0 { -i } else if i >= n { 2 * n - 2 - i } else { i };
        let places = -before..n + behind;
        let expect = |f: &dyn Fn(i64) -> i64| places.clone().map(f).collect::<Vec<i64>>();
        // What is left inside goes round.
        let (first, behind_last) = ((-before).max(0), n + behind.min(0));
        let left = behind_last - first;
        let modes: [(Pad, bool, Vec<i64>); 3] = [
            (Pad::Reflect, before.max(behind) < n, expect(&reflected)),
            (Pad::Replicate, true, expect(&|i| i.clamp(0, n - 1))),
            (Pad::Circular, before.max(behind) <= n, expect(&|i| first + (i - first).rem_euclid(left.max(1)))),
        ];
        for (mode, allowed, expected) in modes {
            match x.pad([before, behind], mode) {
                Ok(y) => {
                    prop_assert!(allowed && (left > 0 || mode == Pad::Replicate && n + before + behind > 0));
                    prop_assert_eq!(list(&y), expected);
                }
                // An edge is enough to repeat, but something has to come out.
                Err(_) if mode == Pad::Replicate => prop_assert!(n + before + behind <= 0),
                Err(_) => prop_assert!(!allowed || left <= 0),
            }
        }
    }

    #[test]
    fn both_triangles_make_the_whole(x in tensors(), diagonal in -5i64..5) {
        if x.dim() >= 2 {
            let both = x.tril(diagonal).unwrap().add(&x.triu(diagonal + 1).unwrap()).unwrap();
            same(&both, &x)?;
        }
    }

    #[test]
    fn a_diagonal_is_found_where_it_was_put((x, _) in with_dim(), offset in -3isize..4) {
        let rank = x.dim() as isize + 1;
        for (a, b) in [(0, 1), (-1, 0), (rank - 1, rank - 2)] {
            let whole = x.diag_embed(offset, a, b).unwrap();
            same(&whole.diagonal(offset, a, b).unwrap(), &x)?;
            same(&whole.diagonal_scatter(&x, offset, a, b).unwrap(), &whole)?;
        }
    }

    #[test]
    fn windows_are_slices((x, dim) in with_dim(), size in 1usize..4, step in 1usize..4) {
        let d = dim.rem_euclid(x.dim() as isize);
        match x.unfold(dim, size, step) {
            Ok(windows) => {
                for i in 0..windows.shape()[d as usize] {
                    let window = windows.select(d, i as isize).unwrap();
                    let slice = x.narrow(dim, i * step, size).unwrap().movedim(d, -1).unwrap();
                    same(&window, &slice)?;
                }
            }
            Err(_) => prop_assert!(size > x.shape()[d as usize]),
        }
    }

    #[test]
    fn folding_adds_up_what_unfolding_repeats(
        height in 1i64..6, width in 1i64..6, kernel in 1i64..4, padding in 0i64..2, stride in 1i64..3,
    ) {
        let window = Window::new(kernel).padding(padding).stride(stride);
        let image = arange(1, 2 * height * width + 1, 1).unwrap().reshape([1, 2, height, width]).unwrap();
        let Ok(columns) = image.unfold2d(window) else {
            prop_assert!(kernel > height.min(width) + 2 * padding);
            return Ok(());
        };
        let again = columns.fold([height, width], window).unwrap();
        let counts = image.ones_like().unfold2d(window).unwrap().fold([height, width], window).unwrap();
        same(&again, &image.mul(&counts).unwrap())?;
    }

    #[test]
    fn copies_are_joined_copies((x, dim) in with_dim(), n in 0usize..4) {
        let d = dim.rem_euclid(x.dim() as isize) as usize;
        let mut repeats = vec![1; x.dim()];
        repeats[d] = n;
        let found = x.repeat(repeats.as_slice()).unwrap();
        if n > 0 {
            same(&found, &cat(&vec![&x; n], dim).unwrap())?;
        } else {
            prop_assert_eq!(found.numel(), 0);
        }
        let rows: Vec<i64> = (0..x.shape()[d] as i64).flat_map(|i| vec![i; n]).collect();
        let rows = Tensor::from_vec(rows.clone(), rows.len()).unwrap();
        same(&x.repeat_interleave(n, dim).unwrap(), &x.index_select(dim, &rows).unwrap())?;
    }
}
