//! The examples, run as a user runs them, and held against what PyTorch prints.

use std::path::PathBuf;
use std::process::Command;

/// What an example prints. It runs in a folder of its own, so that its pictures do not lie around.
fn output(example: &str, arguments: &[&str]) -> String {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo");
    assert!(built.success(), "{example} does not build");
    let tests = std::env::current_exe().expect("this test");
    let binary = tests.parent().unwrap().with_file_name("examples").join(example);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(example);
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    let run = Command::new(binary).args(arguments).current_dir(&folder).output().expect("the example runs");
    assert!(run.status.success(), "{example} fails: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn the_blogs_snippets_print_what_pytorch_prints() {
    let expected = include_str!("pytorch/blog_snippets.txt");
    assert_eq!(output("blog_snippets", &[]), expected);
}

/// What the page of the blog says that its examples print.
#[test]
fn the_blogs_page_shows_what_its_examples_print() {
    let page = include_str!("../docs/blog.md");
    let blocks = page.split("```text\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let shown: String = blocks.map(|(block, _)| block).collect();
    assert_eq!(shown, output("blog_snippets", &[]) + &output("blog_models", &[]));
}

#[test]
fn the_binary_classifier_prints_pytorchs_losses() {
    let found = output("binary_classifier", &[]);
    let mut losses = found.lines().filter_map(|line| {
        let (epoch, loss) = line.strip_prefix("epoch")?.split_once("loss")?;
        Some((epoch.trim(), loss.trim()))
    });
    let mut compared = 0;
    for line in include_str!("pytorch/binary_classifier.txt").lines() {
        let [_, epoch, loss, ..] = *line.split(' ').collect::<Vec<_>>() else { panic!("{line}") };
        if epoch != "test" && epoch.ends_with('0') {
            assert_eq!(losses.next(), Some((epoch, loss)), "{line}");
            compared += 1;
        }
    }
    assert_eq!((compared, losses.next()), (6, None));
    let accuracy = include_str!("pytorch/binary_classifier.txt").trim_end().rsplit(' ').next().unwrap();
    assert_eq!(found.lines().last(), Some(format!("test accuracy: {accuracy}").as_str()));
    assert!(accuracy.parse::<f64>().unwrap() >= 0.96);
}

/// In its quick form it sees too few canvases to learn much; it draws what it says of them nonetheless.
#[test]
fn the_multilabel_network_draws_what_it_sees() {
    let found = output("cnn_multilabel", &["--quick"]);
    assert!(found.lines().last().is_some_and(|line| line.starts_with("test F1: ")), "{found}");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cnn_multilabel");
    let picture = std::fs::read_to_string(folder.join("cnn_multilabel_canvases.svg")).expect("a picture");
    assert!((8..=12).contains(&picture.matches("<text ").count()), "{found}");
}

/// The few steps of `--quick` find no digit yet; but the loss falls, and the pictures are there.
#[test]
fn the_detectors_loss_falls_and_its_pictures_are_written() {
    let found = output("yolo_digits", &["--quick"]);
    let parts = |line: &str| -> Vec<f64> {
        line.split_whitespace().skip(2).filter_map(|word| word.parse().ok()).collect()
    };
    let steps: Vec<Vec<f64>> = found.lines().filter(|line| line.starts_with("step")).map(parts).collect();
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { panic!("{found}") };
    assert_eq!((first.len(), steps.len()), (3, 10), "{found}");
    assert!(first.iter().sum::<f64>() > last.iter().sum::<f64>(), "{found}");
    assert!(found.lines().last().is_some_and(|line| line.starts_with("test mAP@0.5: ")), "{found}");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("yolo_digits");
    let picture = std::fs::read(folder.join("yolo_digits.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && folder.join("yolo_digits.svg").exists());
}

/// The last line of each example is a figure of its test part, and beats the last baseline that it prints.
#[test]
fn examples_beat_their_baselines() {
    let more = [
        "vae_digits",
        "multiclass_classifier",
        "multilabel_classifier",
        "regression",
        "own_csv",
        "second_order",
        "cnn_digits",
        "cnn_binary",
        "cnn_fashion",
        "lstm_digits",
        "lstm_text",
        "transformer_text",
        "text_binary",
        "text_multilabel",
    ];
    let less = [
        "robust_regression",
        "custom_loss",
        "mlp_outliers",
        "cnn_regression",
        "lstm_forecast",
        "char_transformer",
    ];
    for example in more.into_iter().chain(less) {
        let found = output(example, &["--quick"]);
        let figure = |label: &str| {
            let line = found.lines().rfind(|line| line.starts_with(label)).expect(label);
            let number = line.split_once(": ").expect("a figure").1.split(' ').next().expect("a figure");
            number.parse::<f64>().unwrap_or_else(|_| panic!("{example}: {line}"))
        };
        assert!(found.lines().last().is_some_and(|line| line.starts_with("test ")), "{example}: {found}");
        let gain = figure("test ") - figure("baseline ");
        assert!(if less.contains(&example) { gain < 0.0 } else { gain > 0.0 }, "{example}: {found}");
    }
}

/// Too short to draw anything, but all of the way: training, samples, pictures and the classifier's verdict.
#[test]
fn generators_end_with_the_share_of_their_samples_that_convinces() {
    let runs: [(&str, &[&str]); 5] = [
        ("diffusion_digits", &["--quick"]),
        ("diffusion_digits", &["--quick", "--predict", "noise", "--schedule", "linear", "--min-snr", "5"]),
        ("gan_fashion", &["--quick"]),
        ("gan_fashion", &["--quick", "--loss", "wgan-gp"]),
        ("gan_fashion", &["--quick", "--loss", "lsgan"]),
    ];
    for (example, arguments) in runs {
        let found = output(example, arguments);
        let last =
            found.lines().last().and_then(|line| line.strip_prefix("test share of samples")).expect(&found);
        let share: f64 = last.rsplit(' ').next().and_then(|figure| figure.parse().ok()).expect(last);
        assert!((0.0..=1.0).contains(&share), "{found}");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(example);
        let of_samples =
            if example == "gan_fashion" { "gan_fashion_samples.png" } else { "diffusion_digits_ddpm.png" };
        let picture = std::fs::read(folder.join(of_samples)).expect("a picture");
        assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n", "{example}");
    }
}
