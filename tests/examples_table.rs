//! `examples/README.md` is a table made from the head of each example: one line of six cells,
//! `//! | task | model | loss | data | metric and figure | run time |`.
//!
//! `BAEKMI_WRITE_TABLE=1 cargo test --test examples_table` writes it.

use std::fs::{read_dir, read_to_string, write};
use std::path::{Path, PathBuf};

const COMMAND: &str = "BAEKMI_WRITE_TABLE=1 cargo test --test examples_table";

/// The order in which a newcomer meets them: the tasks and the models of the blog's table, then all others by name.
const TASKS: [&str; 11] = [
    "binary",
    "multiclass",
    "multilabel",
    "image classification",
    "text classification",
    "regression",
    "regression with outliers",
    "forecast",
    "language model",
    "object detection",
    "image generation",
];
const MODELS: [&str; 9] =
    ["MLP", "CNN", "LSTM", "Transformer", "YOLO", "Faster R-CNN", "GAN", "VAE", "Diffusion"];

const HEAD: &str = "\
# Examples

One idea, one file, to be read from top to bottom. Each trains on data that ships with the project or that it makes
itself, prints what it would reach without learning (*baseline*), and ends with its figure on data that it has not
learned from.

```sh
cargo run --release --example binary_classifier              # as long as the table says
cargo run --release --example binary_classifier -- --quick   # a few seconds, to see it run; worse figures
```

Options are the same everywhere: `--epochs`, `--seed`, `--quick`; the head of a file names those of its own. Learning
curves, pictures and texts are written to the folder where you run it, and the output says their names.

Figures and times are those of a full run with `--release` on two cores and the seed that is the default; the same seed
gives the same figure (a dash: not measured yet). To begin with a table of your own, take `own_csv`; which loss a task
takes, and why, is in [docs/losses.md](../docs/losses.md).

";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

struct Example {
    name: String,
    text: String,
    cells: Vec<String>,
}

impl Example {
    /// Where it stands in the table.
    fn place(&self) -> (usize, &str, usize, &str) {
        let (task, model) = (&self.cells[0], &self.cells[1]);
        let position =
            |known: &[&str], word: &str| known.iter().position(|k| *k == word).unwrap_or(known.len());
        let first = model.split(',').next().unwrap_or_default();
        (position(&TASKS, task), task, position(&MODELS, first), &self.name)
    }

    fn row(&self) -> String {
        let name = &self.name;
        // An example that needs a feature is named in the manifest.
        let target = format!("name = \"{name}\"\nrequired-features = [\"");
        let manifest = include_str!("../Cargo.toml");
        let feature = manifest.split_once(&target).and_then(|(_, rest)| rest.split('"').next());
        let feature = feature.map_or(String::new(), |feature| format!(" --features {feature}"));
        format!(
            "| {} | [{name}]({name}.rs)<br>`cargo run --release{feature} --example {name}` |\n",
            self.cells.join(" | ")
        )
    }
}

/// What the head of each example says of it, or what is wrong with it.
fn examples() -> Vec<Example> {
    let files = read_dir(folder()).expect("examples").map(|file| file.expect("examples").path());
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = read_to_string(&path).expect("an example");
        let head = text.lines().take_while(|line| line.starts_with("//!"));
        let lines: Vec<&str> = head.filter_map(|line| line.strip_prefix("//! |")).collect();
        let cells: Vec<String> = match lines[..] {
            [line] => {
                line.trim_end().trim_end_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
            }
            _ => Vec::new(),
        };
        if cells.len() == 6 && cells.iter().all(|cell| !cell.is_empty()) {
            found.push(Example { name, text, cells });
        } else {
            wrong.push(name);
        }
    }
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "the head of each of these examples needs one line of six cells,\n\
         //! | task | model | loss | data | metric and figure | run time |\n\
         for instance\n\
         //! | multiclass | CNN | CrossEntropyLoss | Fashion-MNIST slice | accuracy 0.881 | 60 s |\n\
         {wrong:?}"
    );
    found.sort_by(|a, b| a.place().cmp(&b.place()));
    found
}

#[test]
fn the_table_is_what_the_heads_say() {
    let examples = examples();
    let table: String = [
        "| task | model | loss | data | metric and figure | run time | example |\n".to_string(),
        "|---|---|---|---|---|---|---|\n".to_string(),
    ]
    .into_iter()
    .chain(examples.iter().map(Example::row))
    .collect();
    let (path, generated) = (folder().join("README.md"), format!("{HEAD}{table}"));
    if std::env::var_os("BAEKMI_WRITE_TABLE").is_some() {
        write(&path, &generated).expect("examples/README.md");
    }
    // Rows of two branches are joined without a conflict (`.gitattributes`), not always in order: that waits for the next
    // writing.
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        lines.sort();
        lines
    };
    let (written, generated) = (lines(&read_to_string(&path).unwrap_or_default()), lines(&generated));
    let missing: Vec<_> = generated.iter().filter(|line| !written.contains(line)).collect();
    let times = |lines: &[String], line: &String| lines.iter().filter(|other| *other == line).count();
    let stale: Vec<_> =
        written.iter().filter(|line| times(&written, line) > times(&generated, line)).collect();
    assert!(
        written == generated,
        "examples/README.md is not what the heads of the examples say. Run\n\n    {COMMAND}\n\nand commit the file.\n\
         missing: {missing:#?}\nstale, or there twice: {stale:#?}"
    );
}

/// The losses of the table are those of the code. (A detector may have its own inside, out of sight.)
#[test]
fn examples_use_the_losses_that_they_name() {
    let mut losses = 0;
    for example in examples() {
        let code: String = example.text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let words = example.cells[2].split(|c: char| !c.is_alphanumeric());
        let inside = ["RpnLoss", "RoiLoss", "YoloLoss"];
        for loss in words.filter(|word| word.ends_with("Loss") && !inside.contains(word)) {
            assert!(code.contains(loss), "{}: {loss} is in its table line and not in its code", example.name);
            losses += 1;
        }
    }
    assert!(losses > 10, "{losses} losses");
}

/// A model in the tables of the losses leads to an example that trains that model with that loss.
#[test]
fn the_losses_lead_to_their_examples() {
    let examples = examples();
    for page in ["../docs/losses.md", "../docs/ko/losses.md"] {
        let text = read_to_string(folder().join(page)).expect("the page of the losses");
        let mut links = 0;
        for row in text.lines().filter(|line| line.starts_with("| ") && line.contains("/examples/")) {
            let mut cells = row.trim_matches('|').split('|');
            let (models, losses) = (cells.nth(1).expect("models"), cells.nth(1).expect("losses"));
            for (model, file) in
                models.split(", ").filter_map(|link| link.trim().strip_prefix('[')?.split_once("]("))
            {
                let name = file.trim_end_matches(".rs)").rsplit('/').next().expect("a name");
                let example = examples.iter().find(|example| example.name == name).expect(name);
                assert!(example.cells[1].contains(model), "{page}: {name} is no {model}");
                // Detectors and models that draw have losses of several parts, said in more words.
                let plain = ["BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss", "HuberLoss"];
                if let Some(loss) = plain.iter().find(|loss| losses.contains(&format!("`{loss}`"))) {
                    assert!(example.cells[2].contains(loss), "{page}: {name} does not train with {loss}");
                }
                links += 1;
            }
        }
        assert!(links >= 12, "{page}: {links} links");
    }
}

/// A time is a number and a unit, or a dash where nobody has measured it yet.
#[test]
fn run_times_are_times() {
    for example in examples() {
        let time = &example.cells[5];
        let good = time == "–"
            || time
                .split_once(' ')
                .is_some_and(|(number, unit)| number.parse::<f64>().is_ok() && ["s", "min"].contains(&unit));
        assert!(good, "{}: its run time is {time:?}, and should be like \"12 s\" or \"3 min\"", example.name);
    }
}
