//! What is printed can be read back.

mod common;

use common::config;
use proptest::prelude::*;
use tensor::{PrintOptions, Tensor, with_printoptions};

/// A shape, and as many values.
fn filled<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = (Vec<usize>, Vec<T>)> {
    prop::collection::vec(0usize..5, 0..4).prop_flat_map(move |shape| {
        let numel = shape.iter().product::<usize>();
        (Just(shape), prop::collection::vec(value.clone(), numel))
    })
}

/// The words between brackets and commas.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| "[](), \n".contains(c)).filter(|word| !word.is_empty()).collect()
}

/// Floats of every size, also those that are not finite.
fn floats() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        4 => -1000.0..1000.0f64,
        2 => prop::num::f64::ANY,
        1 => (-50i32..50).prop_map(f64::from),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)],
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lists_hold_every_bit((shape, values) in filled(floats())) {
        let x = Tensor::from_vec(values.clone(), &shape).unwrap();
        let text = x.tolist();
        let read: Vec<f64> = words(&text).iter().map(|w| w.parse().unwrap()).collect();
        prop_assert_eq!(read.len(), values.len());
        for (read, value) in read.iter().zip(&values) {
            prop_assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan());
        }
        // Without its numbers, a list has one pair of brackets for each list in it.
        let lists: usize = (0..shape.len()).map(|d| shape[..d].iter().product::<usize>()).sum();
        prop_assert_eq!(text.matches('[').count(), lists);
        prop_assert_eq!(text.matches(']').count(), lists);
    }

    #[test]
    fn lists_of_single_precision_hold_every_bit((shape, values) in filled(prop::num::f32::NORMAL)) {
        let x = Tensor::from_vec(values.clone(), &shape).unwrap();
        let read: Vec<f32> = words(&x.tolist()).iter().map(|w| w.parse::<f64>().unwrap() as f32).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn integers_and_bools_print_as_they_are((shape, values) in filled(any::<i64>())) {
        if values.is_empty() {
            return Ok(());
        }
        let text = Tensor::from_vec(values.clone(), &shape).unwrap().to_string();
        let read: Vec<i64> = words(&text)[1..].iter().map(|w| w.parse().unwrap()).collect();
        prop_assert_eq!(read, values.clone());
        let odd: Vec<bool> = values.iter().map(|v| v & 1 == 1).collect();
        let text = Tensor::from_vec(odd.clone(), &shape).unwrap().to_string();
        let read: Vec<bool> = words(&text)[1..].iter().map(|w| *w == "True").collect();
        prop_assert_eq!(read, odd);
    }

    #[test]
    fn printed_digits_are_right_and_lines_are_short(
        (shape, values) in filled(floats()), precision in 0usize..9, scientific in prop::option::of(any::<bool>()),
    ) {
        if values.is_empty() {
            return Ok(());
        }
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        let x = Tensor::from_vec(values.clone(), &shape).unwrap();
        let options = PrintOptions { precision, sci_mode: scientific, ..PrintOptions::default() };
        let text = with_printoptions(options, || x.to_string());
        let words = words(&text);
        prop_assert_eq!(words.len(), values.len() + 1);
        for (word, &value) in words[1..].iter().zip(&values) {
            let (read, value) = (word.parse::<f64>().unwrap(), f64::from(value));
            // Half a unit of the last printed digit.
            let half = 0.5 * 10f64.powi(-(precision as i32));
            let unit = match word.split_once('e') {
                Some((_, exponent)) => half * 10f64.powi(exponent.parse().unwrap()),
                None => half,
            };
            let right = (read - value).abs() <= unit + value.abs() * 1e-15;
            prop_assert!(right || read == value || read.is_nan() && value.is_nan(), "{word} for {value}");
        }
        // PyTorch counts neither the brackets nor the comma at the ends of a line; and one number may be longer than it.
        let longest = words.iter().map(|word| word.len()).max().unwrap();
        let limit = 80.max(longest + 16) + shape.len() + 2;
        prop_assert!(text.lines().all(|line| line.len() <= limit), "{text}");
    }
}
