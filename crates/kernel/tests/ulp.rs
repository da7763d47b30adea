//! How exact every function is: the largest error in units in the last place, over a sweep of all float32 and over tables
//! of true values for float64, held to a bound.
//!
//! `cargo test -p baekmi-kernel --test ulp -- --nocapture` prints the table; the example `numerics` of this crate makes
//! the one in `docs/numerics.md` from a denser sweep.

#![allow(unreachable_pub, reason = "the modules of a test binary")]

#[path = "ulp/functions.rs"]
mod functions;
#[path = "ulp/measure.rs"]
mod measure;
#[path = "ulp/reference.rs"]
mod reference;

/// A prime, so that the sweep meets all low bits: 300,000 of the 2³² floats, and as many on lines.
const STRIDE: usize = 14_327;

#[test]
fn every_function_keeps_its_bound() {
    let table = include_str!("ulp/truth.txt");
    let mut failed = Vec::new();
    for function in functions::functions() {
        let truths = measure::truths(table, function.name);
        let single = measure::single(&function, measure::points(STRIDE));
        let double = measure::double(&function, &truths);
        let [a, b, c, d] = [single[0], single[1], double[0], double[1]].map(|w| w.ulp);
        println!("| {} | {a:.2} | {b:.2} | {c:.2} | {d:.2} | {}", function.name, truths.len());
        for (worst, bound) in [(single, function.bounds[0]), (double, function.bounds[1])] {
            for worst in worst {
                if worst.ulp > bound {
                    failed.push(format!(
                        "{}: {:.2} ulp at {:?}, bound {bound}",
                        function.name, worst.ulp, worst.at
                    ));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
