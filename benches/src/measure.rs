//! The clock, and the line that is printed: the same procedure as in every other library's program.

use crate::options::Options;
use std::time::Instant;

/// Runs `step` until the time is over and prints the result. `step(true)` also reads the loss back. What is printed
/// as one step is `1/parts` of what `step` does.
///
/// # Errors
/// Those of `step`.
pub(crate) fn measure(
    options: &Options,
    parts: f64,
    mut step: impl FnMut(bool) -> tensor::Result<f64>,
) -> tensor::Result<()> {
    let begin = Instant::now();
    let first = step(true)?;
    if options.steps == 1 {
        let time = begin.elapsed().as_secs_f64() * 1e6;
        print(options, vec![time / parts], [first, first], 1);
        return Ok(());
    }
    let mut done = 1;
    let mut run = |times: usize| -> tensor::Result<f64> {
        let start = Instant::now();
        for _ in 0..times {
            step(false)?;
        }
        done += times;
        Ok(start.elapsed().as_secs_f64() * 1e6 / times as f64)
    };

    match options.warmup {
        Some(0) => {}
        Some(times) => {
            run(times)?;
        }
        None => {
            let start = Instant::now();
            let mut times = 0;
            while (start.elapsed().as_secs_f64() < 0.4 || times < 2) && begin.elapsed().as_secs_f64() < 40.0 {
                run(1)?;
                times += 1;
            }
        }
    }
    let estimate = run(1)?.min(run(1)?);
    // A sample is long enough for the clock: 100 µs.
    let together = ((100.0 / estimate.max(0.01)) as usize).max(1);
    let mut samples = Vec::new();
    if options.steps > 0 {
        let taken = 3 + options.warmup.unwrap_or(0);
        let mut left = options.steps.saturating_sub(taken + 1);
        while left > 0 {
            let times = together.min(left);
            samples.push(run(times)?);
            left -= times;
        }
    } else {
        let start = Instant::now();
        let longest = (4.0 * options.seconds).max(30.0);
        while (start.elapsed().as_secs_f64() < options.seconds || samples.len() < 5)
            && start.elapsed().as_secs_f64() < longest
        {
            samples.push(run(together)?);
        }
    }
    if samples.is_empty() {
        samples.push(estimate);
    }
    let last = step(true)?;
    samples.iter_mut().for_each(|time| *time /= parts);
    print(options, samples, [first, last], done + 1);
    Ok(())
}

/// One line of JSON.
fn print(options: &Options, mut samples: Vec<f64>, [first, last]: [f64; 2], steps: usize) {
    samples.sort_by(f64::total_cmp);
    let part = |share: f64| samples[((share * samples.len() as f64) as usize).min(samples.len() - 1)];
    let number = |x: f64| if x.is_finite() { x.to_string() } else { "null".into() };
    println!(
        "{{\"workload\": \"{}\", \"system\": \"{}\", \"threads\": {}, \"batch\": {}, \"median_step_us\": {:.4}, \
         \"p10\": {:.4}, \"p90\": {:.4}, \"samples\": {}, \"steps\": {steps}, \"loss_first\": {}, \
         \"loss_last\": {}, \"hwm_kb\": {}}}",
        options.workload,
        options.system(),
        options.threads,
        options.batch,
        part(0.5),
        part(0.1),
        part(0.9),
        samples.len(),
        number(first),
        number(last),
        peak_memory().map_or("null".into(), |kb| kb.to_string()),
    );
}

/// What the process has held at most, in kB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The line of a workload that cannot be run.
pub(crate) fn unsupported(options: &Options, why: &str) {
    println!(
        "{{\"workload\": \"{}\", \"system\": \"{}\", \"threads\": {}, \"unsupported\": \"{why}\"}}",
        options.workload,
        options.system(),
        options.threads,
    );
}
