//! The command line, the same as the other libraries' programs have.

/// What to run, and for how long.
pub(crate) struct Options {
    /// A name of the list in `workloads`.
    pub(crate) workload: String,
    /// Rows of a batch; 0 is the workload's own.
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    /// Exactly so many steps, or by time where 0.
    pub(crate) steps: usize,
    /// Measured time, without the warm-up.
    pub(crate) seconds: f64,
    /// Steps before the clock starts; `None` is 0.4 s of them.
    pub(crate) warmup: Option<usize>,
    /// Put behind the system's name.
    pub(crate) tag: String,
}

impl Options {
    /// # Errors
    /// What is wrong with the command line, as a sentence.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options {
            workload: String::new(),
            batch: 0,
            threads: 2,
            steps: 0,
            seconds: 3.0,
            warmup: None,
            tag: String::new(),
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--workload" => options.workload = value,
                "--batch" => options.batch = number(&name, &value)?,
                "--threads" => options.threads = number(&name, &value)?,
                "--steps" => options.steps = number(&name, &value)?,
                "--seconds" => options.seconds = number(&name, &value)?,
                "--warmup" => options.warmup = usize::try_from(number::<i64>(&name, &value)?).ok(),
                "--tag" => options.tag = value,
                // The other programs know several modes of their libraries; there is one of this.
                "--mode" => {}
                _ => return Err(format!("unknown option {name}")),
            }
        }
        if options.workload.is_empty() {
            return Err("--workload is missing, for example W1a".into());
        }
        Ok(options)
    }

    /// The batch that was asked for, or the workload's own.
    pub(crate) fn batch_or(&self, own: usize) -> usize {
        if self.batch == 0 { own } else { self.batch }
    }

    pub(crate) fn system(&self) -> String {
        format!("baekmi{}", self.tag)
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} needs a number, found {value}"))
}
