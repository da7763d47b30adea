//! Every operation's gradients, of first and second order, against difference quotients; and no operation without.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tensor::autograd::check::Case;

/// The cases that the files of operations and criteria end with.
fn cases() -> Vec<Case> {
    tensor::ops::cases().into_iter().chain(loss::cases()).chain(vision::cases()).collect()
}

#[test]
fn every_case_is_right_in_first_and_second_order() {
    let mut failures = Vec::new();
    for case in cases() {
        if let Err(error) = case.check() {
            failures.push(format!("{}: {error}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} of the cases fail:\n{}", failures.len(), failures.join("\n"));
}

/// An operation that no case ever put into a graph has no checked gradient.
#[test]
fn no_operation_is_without_a_case() {
    // Paths such as `tensor::ops::unary::Unary<tensor::ops::unary::Exp>`, cut into words.
    let produced: BTreeSet<String> = cases()
        .iter()
        .flat_map(|case| case.operations().unwrap_or_else(|e| panic!("{}: {e}", case.name)))
        .flat_map(|path| {
            path.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_string).collect::<Vec<_>>()
        })
        .collect();
    let defined = defined();
    assert!(
        defined.len() > 60,
        "the search finds only {} operations: has their form changed?",
        defined.len()
    );
    // A sum over ranks needs ranks: the tests of its crate check it.
    let elsewhere = ["AllReduce"];
    let missing: Vec<_> = defined
        .iter()
        .filter(|name| !produced.contains(*name) && !elsewhere.contains(&name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "no case produces these operations; add one to the file they stand in: {missing:?}"
    );
}

/// The names of all structs that implement one of the traits of operations, and of all entries of the tables.
fn defined() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    for file in sources(&crates) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        // What stands in a test module is not part of the library.
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let traits = ["Op", "Function", "Function2", "Pointwise<2>", "Pointwise<3>", "Pointwise<4>"];
            let implemented = traits
                .iter()
                .find_map(|name| line.split_once(&format!(" {name} for ")))
                .filter(|(before, _)| before.starts_with("impl"))
                .map(|(_, after)| word(after));
            let mut words = line.split_whitespace();
            let entry = match (line.starts_with("    "), words.next(), words.next(), words.next()) {
                (true, Some(name), Some(method), Some(quoted))
                    if quoted.starts_with('"')
                        && name.starts_with(char::is_uppercase)
                        && method.starts_with(char::is_lowercase)
                        && word(method) == method =>
                {
                    Some(word(name))
                }
                _ => None,
            };
            names.extend(implemented.into_iter().chain(entry).filter(|n| !n.is_empty()));
        }
    }
    // Not operations but what operations are made of.
    names.remove("Unary");
    names.remove("Binary");
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}
