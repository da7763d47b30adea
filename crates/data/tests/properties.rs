//! What holds for all tables, splits, loaders and predictions.

use data::metrics::{Average, accuracy_score, confusion_matrix, f1_score, roc_auc_score};
use data::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tensor::{DType, Tensor, arange, manual_seed};

fn numbers(n: usize) -> TensorDataset<(Tensor, Tensor)> {
    let x = arange(0, n as i64, 1).unwrap();
    TensorDataset::new((x.clone(), x.neg())).unwrap()
}

/// The numbers `0..n`, each once.
fn once(mut found: Vec<i64>, n: usize) -> bool {
    found.sort_unstable();
    found == Vec::from_iter(0..n as i64)
}

/// Any finite float32, with those that are hard to write among them.
fn finite() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        any::<i16>().prop_map(f32::from),
        Just(-0.0),
        -1.0f32..1.0
    ]
    .prop_filter("finite", |x| x.is_finite())
}

/// A name as a file could hold it, with what needs quotes; the reader trims white space at its ends.
fn name() -> impl Strategy<Value = String> {
    "[a-zé한,;\"\n ]{1,8}".prop_map(|s| s.trim().to_owned()).prop_filter("not empty", |s| !s.is_empty())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn a_table_of_numbers_comes_back(
        names in prop::collection::btree_set(name(), 1..5),
        rows in 1usize..8,
        values in prop::collection::vec(prop::option::weighted(0.9, finite()), 32),
    ) {
        let names = Vec::from_iter(names);
        let values: Vec<f32> = values[..rows * names.len()].iter().map(|v| v.unwrap_or(f32::NAN)).collect();
        let table = Tensor::from_vec(values.clone(), [rows, names.len()]).unwrap();
        let read = Csv::new().missing(Missing::Nan).parse(to_csv(&names, &table).unwrap()).unwrap();
        prop_assert_eq!(read.feature_names, names);
        let found = read.data.to_vec::<f32>().unwrap();
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        prop_assert!(found.iter().zip(&values).all(same), "{found:?} {values:?}");
    }

    #[test]
    fn texts_come_back_through_their_classes(texts in prop::collection::vec(name(), 1..20), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let lines: Vec<String> = texts.iter().map(|text| format!("1,{}", quoted(text))).collect();
        let read = Csv::new().target_class("y").parse(format!("x,y{end}{}", lines.join(end))).unwrap();
        let classes = read.target.to_vec::<i64>().unwrap();
        let found: Vec<&String> = classes.iter().map(|&class| &read.target_names[class as usize]).collect();
        prop_assert_eq!(found, Vec::from_iter(&texts));
        prop_assert!(read.target_names.is_sorted());
        prop_assert_eq!(read.target_names.len(), BTreeSet::from_iter(&texts).len());
    }

    #[test]
    fn one_hot_rows_have_one_one(texts in prop::collection::vec("[a-d]", 1..20)) {
        let read = Csv::new().text(Text::OneHot).parse(format!("t\n{}", texts.join("\n"))).unwrap();
        for (row, text) in texts.iter().enumerate() {
            let row = read.data.select(0, row as isize).unwrap().to_vec::<f32>().unwrap();
            prop_assert_eq!(row.iter().sum::<f32>(), 1.0);
            let at = row.iter().position(|&v| v == 1.0).unwrap();
            prop_assert_eq!(&read.feature_names[at], &format!("t_{text}"));
        }
    }

    #[test]
    fn arrays_come_back_bit_by_bit(shape in prop::collection::vec(0usize..4, 0..5), bits in prop::collection::vec(any::<u64>(), 256)) {
        let n = shape.iter().product();
        let all = [
            Tensor::from_vec(bits[..n].iter().map(|&b| f32::from_bits(b as u32)).collect(), &shape).unwrap(),
            Tensor::from_vec(bits[..n].iter().map(|&b| f64::from_bits(b)).collect(), &shape).unwrap(),
            Tensor::from_vec(bits[..n].iter().map(|&b| b as i64).collect(), &shape).unwrap(),
            Tensor::from_vec(bits[..n].iter().map(|&b| b % 2 == 1).collect(), &shape).unwrap(),
        ];
        let named = [("a", &all[0]), ("b/c", &all[1]), ("한글", &all[2]), ("", &all[3])];
        let archive = Npz::from_bytes(to_npz(&named).unwrap()).unwrap();
        for (name, x) in named {
            for y in [from_npy(&to_npy(x).unwrap()).unwrap(), archive.get(name).unwrap()] {
                prop_assert_eq!((x.shape(), x.dtype()), (y.shape(), y.dtype()));
                prop_assert_eq!(to_npy(x).unwrap(), to_npy(&y).unwrap());
            }
        }
    }

    #[test]
    fn a_split_covers_everything_once(n in 0usize..60, cut in 0.0f64..1.0, seed: u64) {
        manual_seed(seed);
        let by_length = random_split(numbers(n), [(n as f64 * cut) as usize, n - (n as f64 * cut) as usize]).unwrap();
        let by_fraction = random_split(numbers(n), [cut, 1.0 - cut]).unwrap();
        for parts in [by_length, by_fraction] {
            let all = parts.iter().flat_map(|part| part.all().0.to_vec::<i64>().unwrap()).collect();
            prop_assert!(once(all, n));
        }
    }

    #[test]
    fn a_stratified_split_covers_everything_once_and_keeps_shares(
        counts in prop::collection::vec(2usize..20, 1..5),
        part in 0.1f64..0.9,
        seed: u64,
    ) {
        manual_seed(seed);
        let n: usize = counts.iter().sum();
        let labels = counts.iter().enumerate().flat_map(|(class, &count)| vec![class as i64; count]).collect();
        let y = Tensor::from_vec(labels, n).unwrap();
        let test = ((n as f64 * part) as usize).clamp(counts.len(), n - counts.len());
        let x = arange(0, n as i64, 1).unwrap();
        let ((x_train, y_train), (x_test, y_test)) = train_test_split_stratified((x, y.clone()), test, &y).unwrap();
        prop_assert_eq!(x_test.numel(), test);
        let (y_train, y_test) = (y_train.to_vec::<i64>().unwrap(), y_test.to_vec::<i64>().unwrap());
        for (class, &count) in counts.iter().enumerate() {
            let of = |y: &[i64]| y.iter().filter(|&&label| label == class as i64).count() as f64;
            let expected = test as f64 * count as f64 / n as f64;
            prop_assert!((of(&y_test) - expected).abs() <= 1.0, "{} {expected}", of(&y_test));
            prop_assert_eq!(of(&y_test) + of(&y_train), count as f64);
        }
        let all = [x_train.to_vec::<i64>().unwrap(), x_test.to_vec::<i64>().unwrap()].concat();
        prop_assert!(once(all, n));
    }

    #[test]
    fn a_loader_visits_everything_once(
        n in 0usize..50,
        batch_size in 1usize..60,
        shuffle: bool,
        drop_last: bool,
        workers in 0usize..4,
        seed: u64,
    ) {
        manual_seed(seed);
        let loader = DataLoader::new(numbers(n)).batch_size(batch_size).unwrap();
        let loader = loader.shuffle(shuffle).drop_last(drop_last).num_workers(workers);
        let mut all = Vec::new();
        let mut batches = 0;
        for (x, y) in &loader {
            prop_assert!(x.neg().equal(&y));
            prop_assert!(x.numel() == batch_size || !drop_last && batches + 1 == loader.len());
            all.extend(x.to_vec::<i64>().unwrap());
            batches += 1;
        }
        prop_assert_eq!(batches, loader.len());
        if drop_last {
            prop_assert_eq!(all.len(), n / batch_size * batch_size);
            prop_assert_eq!(BTreeSet::from_iter(&all).len(), all.len());
        } else {
            prop_assert!(once(all, n));
        }
    }

    #[test]
    fn workers_change_nothing(n in 1usize..40, batch_size in 1usize..9, workers in 1usize..5, seed: u64) {
        let epochs = |workers: usize| {
            manual_seed(seed);
            let loader = DataLoader::new(numbers(n)).batch_size(batch_size).unwrap().shuffle(true).num_workers(workers);
            let epoch = || loader.iter().map(|(x, _)| x.to_vec::<i64>().unwrap()).collect::<Vec<_>>();
            (epoch(), epoch())
        };
        prop_assert_eq!(epochs(0), epochs(workers));
    }

    #[test]
    fn weights_of_zero_are_never_drawn(weights in prop::collection::vec(0u8..3, 1..20), replacement: bool, seed: u64) {
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let positive = weights.iter().filter(|&&w| w > 0.0).count();
        prop_assume!(positive > 0);
        let sampler = WeightedRandomSampler::new(&weights, positive, replacement).unwrap();
        let mut own = tensor::random::Generator::new(seed);
        let drawn = sampler.indices(weights.len(), Some(&mut own));
        prop_assert_eq!(drawn.len(), positive);
        prop_assert!(drawn.iter().all(|&i| weights[i] > 0.0));
        if !replacement {
            prop_assert_eq!(BTreeSet::from_iter(&drawn).len(), positive);
        }
    }

    #[test]
    fn scaled_features_come_back(values in prop::collection::vec(-1e3f32..1e3, 2..40)) {
        let x = Tensor::from_vec(values[..values.len() / 2 * 2].to_vec(), [values.len() / 2, 2]).unwrap();
        let scaler = StandardScaler::fit(&x).unwrap();
        let z = scaler.transform(&x).unwrap();
        prop_assert!(z.mean_dim(0, false).unwrap().to(DType::F64).abs().max().unwrap().item().unwrap() < 1e-3);
        prop_assert!(scaler.inverse_transform(&z).unwrap().allclose(&x, 1e-5, 1e-3).unwrap());
    }

    #[test]
    fn counts_agree_with_each_other(pairs in prop::collection::vec((0i64..4, 0i64..4), 1..40)) {
        let (truth, guess): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
        let n = truth.len();
        let (truth, guess) = (Tensor::from_vec(truth, n).unwrap(), Tensor::from_vec(guess, n).unwrap());
        let matrix = confusion_matrix(&truth, &guess).unwrap();
        let diagonal: usize = (0..matrix.counts().len()).map(|i| matrix.counts()[i][i]).sum();
        let accuracy = accuracy_score(&truth, &guess).unwrap();
        prop_assert_eq!(accuracy, diagonal as f64 / n as f64);
        // For single classes precision, recall and F1 of all counts together are the accuracy.
        prop_assert!((f1_score(&truth, &guess, Average::Micro).unwrap() - accuracy).abs() < 1e-12);
        let score = f1_score(&truth, &guess, Average::Weighted).unwrap();
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert_eq!(f1_score(&truth, &truth, Average::Macro).unwrap(), 1.0);
    }

    #[test]
    fn the_area_counts_pairs_in_the_right_order(rows in prop::collection::vec((any::<bool>(), 0u8..6), 2..40)) {
        let (truth, score): (Vec<bool>, Vec<u8>) = rows.iter().copied().unzip();
        prop_assume!(truth.contains(&true) && truth.contains(&false));
        let (mut right, mut pairs) = (0.0, 0.0);
        for (&a, &sa) in truth.iter().zip(&score) {
            for (&b, &sb) in truth.iter().zip(&score).filter(|(b, _)| a && !**b) {
                right += if sa == sb { 0.5 } else { f64::from(u8::from(a && !b && sa > sb)) };
                pairs += 1.0;
            }
        }
        let n = truth.len();
        let score: Vec<f32> = score.into_iter().map(f32::from).collect();
        let area = roc_auc_score(&Tensor::from_vec(truth, n).unwrap(), &Tensor::from_vec(score, n).unwrap()).unwrap();
        prop_assert!((area - right / pairs).abs() < 1e-12, "{area} {}", right / pairs);
    }
}

/// An error names the line of the user, not one of the library.
#[test]
fn errors_name_the_users_line() {
    let none = tensor::zeros(0).unwrap();
    let errors = [
        random_split(numbers(3), [1, 1]).err(),
        random_split(numbers(3), [0.5, 0.1]).err(),
        train_test_split(none.clone(), 0.5).err(),
        train_test_split_stratified(arange(0, 2, 1).unwrap(), 1, &none).err(),
        TensorDataset::new((none.clone(), arange(0, 2, 1).unwrap())).err(),
        DataLoader::new(numbers(3)).batch_size(0).err(),
        DataLoader::new(numbers(3)).sampler(SubsetRandomSampler::new(vec![3])).err(),
        Subset::new(numbers(3), vec![3]).err(),
        numbers(3).get(3).err(),
        WeightedRandomSampler::new(&[-1.0], 1, true).err(),
        collate(&numbers(3), &[7]).err(),
        StandardScaler::fit(&none).err(),
        make_moons(3).noise(-1.0).generate().err(),
        make_blobs(3).centers(0).generate().err(),
        make_regression(3).n_features(0).generate().err(),
        make_multilabel_classification(3).length(0.0).generate().err(),
        Csv::new().parse("a,b\n1,\n").err(),
        Csv::new().parse("a,b\n1,x\n").err(),
        Csv::new().parse("a,b\n1\n").err(),
        Csv::new().parse("a,b\n1,\"\n").err(),
        Csv::new().target("c").parse("a,b\n1,2\n").err(),
        Csv::new().read("/no/such/file").err(),
        to_csv(&["a"], &tensor::tensor([f32::INFINITY])).err(),
        from_npy(b"\x93NUMPY\x01").err(),
        load_npy("/no/such/file").err(),
        save_npy("/no/such/file", &none).err(),
        load_npz("/no/such/file").err(),
        Npz::from_bytes(vec![0; 30]).err(),
        accuracy_score(&none, &none).err(),
        roc_auc_score(&arange(0, 2, 1).unwrap(), &none).err(),
        metrics::r2_score(&none, &none).err(),
        metrics::log_loss(&none, &none).err(),
        metrics::classification_report(&none, &none).err(),
    ];
    for (i, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("case {i} is no error"));
        assert!(error.location().file().ends_with("properties.rs"), "{error}");
    }
}
