//! Training steps and operations, timed: one workload a run, one line of JSON as its result.
//!
//! ```text
//! cargo run --release -p baekmi-benches -- --workload W1a --batch 32 --threads 1 --seconds 1.5
//! ```
//!
//! Inputs, parameters, clock and output are those of the programs that time PyTorch, candle, burn and dfdx on the
//! same workloads, so that one table can hold them all: `docs/performance.md`.
#![forbid(unsafe_code)]

mod convolutions;
mod critics;
mod data;
mod losses;
mod measure;
mod models;
mod operations;
mod options;
mod sequences;

use options::Options;
use std::process::ExitCode;

/// What a workload is: the steps of a training, a criterion or an operation alone.
fn run(options: &Options) -> tensor::Result<()> {
    tensor::set_num_threads(options.threads);
    let name = options.workload.as_str();
    if models::run(options, name)?
        || sequences::run(options, name)?
        || losses::run(options, name)?
        || operations::run(options, name)?
        || convolutions::run(options, name)?
        || critics::run(options, name)?
    {
        return Ok(());
    }
    measure::unsupported(options, "unknown workload");
    Ok(())
}

fn main() -> ExitCode {
    let result = Options::parse(std::env::args().skip(1))
        .and_then(|options| run(&options).map_err(|error| error.to_string()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
