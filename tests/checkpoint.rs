//! A training run that is stopped and goes on from a file ends with the same bits as one that was never stopped.

use baekmi::prelude::*;
use std::path::{Path, PathBuf};

/// All that a run consists of: dropout and batch statistics in the model, momentum and schedule, shuffled batches.
struct Run {
    model: Sequential,
    optimizer: AdamW,
    scheduler: CosineAnnealingLR,
    plateau: ReduceLROnPlateau,
    stopping: EarlyStopping,
    loader: DataLoader<TensorDataset<(Tensor, Tensor)>>,
    done: i64,
}

impl Run {
    /// `own`: whether the loader has a generator of its own.
    fn new(seed: u64, own: bool) -> Result<Run> {
        let wine = load_wine()?;
        let x = StandardScaler::fit(&wine.data)?.transform(&wine.data)?;
        manual_seed(seed);
        let model =
            sequential![Linear::new(13, 16), BatchNorm1d::new(16), ReLU, Dropout::new(), Linear::new(16, 3),];
        let optimizer = AdamW::new(model.parameters(), 0.01);
        let scheduler = CosineAnnealingLR::new(&optimizer, 10);
        let plateau = ReduceLROnPlateau::new(&optimizer).patience(0);
        let loader = DataLoader::new(TensorDataset::new((x, wine.target))?).batch_size(32)?.shuffle(true);
        let loader = if own { loader.generator(tensor::random::Generator::new(seed)) } else { loader };
        let stopping = EarlyStopping::new().patience(100);
        Ok(Run { model, optimizer, scheduler, plateau, stopping, loader, done: 0 })
    }

    /// Trains until `epochs` are done, and returns the bits of each epoch's loss.
    fn train(&mut self, epochs: i64) -> Result<Vec<u64>> {
        let mut losses = Vec::new();
        while self.done < epochs {
            let mut total = 0.0;
            for (x, y) in &self.loader {
                let loss = CrossEntropyLoss::new().forward(&self.model.forward(&x)?, &y)?;
                self.optimizer.zero_grad();
                loss.backward()?;
                self.optimizer.step()?;
                total += loss.item()?;
            }
            self.scheduler.step();
            self.plateau.step(total);
            assert!(!self.stopping.step(total));
            self.done += 1;
            losses.push(total.to_bits());
        }
        Ok(losses)
    }

    fn save(&mut self, path: &Path) -> Result<()> {
        let mut checkpoint = StateDict::new();
        checkpoint.nest("model", self.model.state_dict());
        checkpoint.nest("optimizer", self.optimizer.state_dict());
        checkpoint.nest("scheduler", self.scheduler.state_dict());
        checkpoint.nest("plateau", self.plateau.state_dict());
        checkpoint.nest("stopping", self.stopping.state_dict());
        checkpoint.insert("generator", get_rng_state());
        if let Some(state) = self.loader.get_state() {
            checkpoint.insert("loader", state);
        }
        checkpoint.insert("epoch", tensor(self.done));
        save_safetensors(&checkpoint, path)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        let checkpoint = load_safetensors(path)?;
        self.model.load_state_dict(&checkpoint.nested("model")?)?;
        self.optimizer.load_state_dict(&checkpoint.nested("optimizer")?)?;
        self.scheduler.load_state_dict(&checkpoint.nested("scheduler")?)?;
        self.plateau.load_state_dict(&checkpoint.nested("plateau")?)?;
        self.stopping.load_state_dict(&checkpoint.nested("stopping")?)?;
        if let Some(state) = checkpoint.get("loader") {
            self.loader.set_state(state)?;
        }
        self.done = checkpoint.get("epoch").map_or(Ok(0.0), Tensor::item)? as i64;
        set_rng_state(checkpoint.get("generator").expect("it was put in"))
    }

    /// Everything as bits.
    fn bits(&mut self) -> Result<Vec<(String, Vec<u64>)>> {
        let dicts = [
            self.model.state_dict(),
            self.optimizer.state_dict(),
            self.scheduler.state_dict(),
            self.plateau.state_dict(),
            self.stopping.state_dict(),
        ];
        let bits = |(name, t): (String, Tensor)| {
            let bits = t.detach().to(DType::F64).to_vec::<f64>()?.into_iter().map(f64::to_bits);
            Ok((name, bits.collect()))
        };
        dicts.into_iter().flatten().map(bits).collect()
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn five_epochs_and_five_more_are_ten() -> Result<()> {
    for own in [false, true] {
        let path = file(&format!("checkpoint-{own}.safetensors"));
        let mut straight = Run::new(3, own)?;
        let whole = straight.train(10)?;
        let next = rand([4])?;

        let mut first = Run::new(3, own)?;
        let begun = first.train(5)?;
        first.save(&path)?;
        // Another process: nothing is left of the first, and the generator is somewhere else.
        drop(first);
        let mut second = Run::new(99, own)?;
        second.load(&path)?;
        let ended = second.train(10)?;

        assert_eq!(whole, [begun, ended].concat());
        assert_eq!(straight.bits()?, second.bits()?);
        assert!(rand([4])?.equal(&next), "the default generator is where it would have been");
        // The file is all that remains of saving.
        let rest = format!("checkpoint-{own}.safetensors.");
        let names = std::fs::read_dir(env!("CARGO_TARGET_TMPDIR")).expect("a folder").flatten();
        assert!(!names.into_iter().any(|f| f.file_name().to_string_lossy().starts_with(&rest)));
        std::fs::remove_file(path).ok();
    }
    Ok(())
}

/// Without the generator's state the run is another one: the test above would notice what it is for.
#[test]
fn without_the_generator_it_is_another_run() -> Result<()> {
    let path = file("checkpoint-without.safetensors");
    let mut first = Run::new(3, false)?;
    first.train(5)?;
    first.save(&path)?;
    let whole = first.train(10)?;
    let mut second = Run::new(3, false)?;
    second.load(&path)?;
    manual_seed(0);
    assert_ne!(second.train(10)?, whole);
    std::fs::remove_file(path).ok();
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() -> Result<()> {
    let path = file("checkpoint-old.safetensors");
    let old: StateDict = [("epoch", tensor(1))].into_iter().collect();
    save_safetensors(&old, &path)?;
    // A folder in the way of the unfinished file.
    let unfinished = path.with_extension(format!("safetensors.{}.unfinished", std::process::id()));
    std::fs::create_dir_all(&unfinished).expect("a folder");
    let new: StateDict = [("epoch", tensor(2))].into_iter().collect();
    assert!(save_safetensors(&new, &path).is_err());
    assert_eq!(load_safetensors(&path)?.get("epoch").map(Tensor::item).transpose()?, Some(1.0));
    std::fs::remove_dir(unfinished).ok();
    std::fs::remove_file(path).ok();
    Ok(())
}
