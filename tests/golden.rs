//! Thousands of cases computed by PyTorch: values, types, gradients, second-order gradients and errors.
//!
//! `cargo test --test golden -- --nocapture` prints a line per file; `GOLDEN_DIR=/some/folder` runs another folder of
//! the same format, where an operation that is not built yet counts as unsupported and does not fail the test.
//! `GOLDEN_SHOW=name` prints every failure and every unsupported case whose id contains `name`.

#![allow(unreachable_pub, reason = "the modules of a test binary")]

#[path = "golden/case.rs"]
mod case;
#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/criteria.rs"]
mod criteria;
#[path = "golden/generation.rs"]
mod generation;
#[path = "golden/initial.rs"]
mod initial;
#[path = "golden/layers.rs"]
mod layers;
#[path = "golden/layers_conv.rs"]
mod layers_conv;
#[path = "golden/layers_norm.rs"]
mod layers_norm;
#[path = "golden/layers_plain.rs"]
mod layers_plain;
#[path = "golden/layers_sequence.rs"]
mod layers_sequence;
#[path = "golden/models.rs"]
mod models;
#[path = "golden/operations.rs"]
mod operations;
#[path = "golden/ops_create.rs"]
mod ops_create;
#[path = "golden/ops_elementwise.rs"]
mod ops_elementwise;
#[path = "golden/ops_index.rs"]
mod ops_index;
#[path = "golden/ops_reduce.rs"]
mod ops_reduce;
#[path = "golden/ops_shape.rs"]
mod ops_shape;
#[path = "golden/optimizers.rs"]
mod optimizers;
#[path = "golden/printing.rs"]
mod printing;
#[path = "golden/programs.rs"]
mod programs;
#[path = "golden/run.rs"]
mod run;
#[path = "golden/schedulers.rs"]
mod schedulers;
#[path = "golden/seeded.rs"]
mod seeded;
#[path = "golden/snippets.rs"]
mod snippets;
#[path = "golden/streams.rs"]
mod streams;
#[path = "golden/training.rs"]
mod training;
#[path = "golden/vision.rs"]
mod vision;

use case::Case;
use run::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The operations of a file that are not built yet, or, as `operation: why`, those of their cases that are not supported
/// for this reason. A name leaves its list when its cases pass; every other case must pass.
fn not_built(file: &str) -> String {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/not_built").join(file);
    std::fs::read_to_string(list.with_extension("txt")).unwrap_or_default()
}

#[test]
fn pytorch_agrees() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let elsewhere = std::env::var_os("GOLDEN_DIR").map(PathBuf::from);
    let folder = elsewhere.as_ref().unwrap_or(&own);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension().is_some_and(|e| e == "json") && path.file_stem().unwrap() != "manifest"
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());

    let mut failures = Vec::new();
    let mut unexpected: BTreeMap<String, String> = BTreeMap::new();
    let mut stale: Vec<String> = Vec::new();
    let mut total = [0; 3];
    for path in &files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("a readable file");
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of cases");
        let mut counts = [0; 3];
        let not_built = not_built(&name);
        let mut listed: BTreeSet<&str> = not_built.lines().filter(|line| !line.is_empty()).collect();
        for json in &list {
            let case = Case::new(json);
            let place = match run::run(&case) {
                Outcome::Passed => 0,
                Outcome::Failed(why) => {
                    if std::env::var("GOLDEN_SHOW").is_ok_and(|show| case.id.contains(&show)) {
                        println!("FAILED {}: {why}", case.id);
                    }
                    failures.push(format!("{}: {why}", case.id));
                    1
                }
                Outcome::Unsupported(why) => {
                    if std::env::var("GOLDEN_SHOW").is_ok_and(|show| case.id.contains(&show)) {
                        println!("UNSUPPORTED {}: {why}", case.id);
                    }
                    let reason = format!("{}: {why}", case.op);
                    listed.remove(case.op);
                    listed.remove(reason.as_str());
                    if !not_built.lines().any(|line| line == case.op || line == reason) {
                        unexpected.insert(format!("{name}: {}", case.op), why);
                    }
                    2
                }
            };
            counts[place] += 1;
        }
        stale.extend(listed.into_iter().map(|line| format!("{name}: {line}")));
        println!("{name}: {}/{}/{}", counts[0], counts[1], counts[2]);
        total.iter_mut().zip(counts).for_each(|(t, c)| *t += c);
    }
    println!("total: {}/{}/{} (passed/failed/unsupported)", total[0], total[1], total[2]);
    let shown = failures.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} cases fail:\n{shown}", failures.len());
    if elsewhere.is_none() {
        assert!(unexpected.is_empty(), "unsupported, but not listed in not_built: {unexpected:#?}");
        assert!(stale.is_empty(), "listed in not_built, but supported: {stale:#?}");
    }
}
