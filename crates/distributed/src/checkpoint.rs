//! Checkpoints: written by rank 0, read by all.

use crate::reduce;
use crate::world::World;
use nn::{from_safetensors, save_safetensors, to_safetensors};
use std::path::Path;
use tensor::{Error, Result, StateDict};

impl World {
    /// Rank 0 writes its dictionary to a file, which appears whole or not at all; the others wait until it is there.
    ///
    /// # Errors
    /// On all ranks, if the file cannot be written.
    #[track_caller]
    pub fn save(&self, dict: &StateDict, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.agree("save", &path.display().to_string(), [0.0; 3])?;
        let written = if self.is_first() { save_safetensors(dict, path) } else { Ok(()) };
        let failed = f64::from(u8::from(written.is_err()));
        let first_failed = self.agree("save", "", [failed, 0.0, 0.0])?[0][0] > 0.0;
        written?;
        if first_failed {
            return Err(Error::state("save", format!("rank 0 could not write {}", path.display())));
        }
        Ok(())
    }

    /// Rank 0 reads a file, and all ranks get its dictionary: the others need not see the disk.
    ///
    /// ```
    /// use distributed::World;
    /// use nn::{Linear, Module};
    /// let path = std::env::temp_dir().join("baekmi-doc-world.safetensors");
    /// World::run(|world| {
    ///     let model = Linear::new(2, 1);
    ///     world.save(&model.state_dict(), &path)?;
    ///     model.load_state_dict(&world.load(&path)?)
    /// })?;
    /// # std::fs::remove_file(&path).ok();
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// On all ranks, if it cannot be read.
    #[track_caller]
    pub fn load(&self, path: impl AsRef<Path>) -> Result<StateDict> {
        let path = path.as_ref();
        self.agree("load", &path.display().to_string(), [0.0; 3])?;
        let read = if self.is_first() {
            nn::load_safetensors(path).and_then(|dict| to_safetensors(&dict)).map(Some)
        } else {
            Ok(None)
        };
        let (failed, len) = match &read {
            Ok(bytes) => (0.0, bytes.as_ref().map_or(0, Vec::len)),
            Err(_) => (1.0, 0),
        };
        let [failed, len, _] = self.agree("load", "", [failed, len as f64, 0.0])?[0];
        let own = read?;
        if failed > 0.0 {
            return Err(Error::state("load", format!("rank 0 could not read {}", path.display())));
        }
        let mut bytes = own.unwrap_or_else(|| vec![0; len as usize]);
        reduce::broadcast(self.transport(), 0, &mut bytes);
        from_safetensors(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::threads::ranks;
    use tensor::{StateDict, tensor};

    #[test]
    fn what_rank_0_wrote_is_what_all_read() {
        let folder = std::env::temp_dir().join(format!("baekmi-world-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("checkpoint.safetensors");
        let read = ranks(3, |world| {
            let dict: StateDict =
                [("rank".to_string(), tensor([world.rank() as f64 + 5.0]))].into_iter().collect();
            world.save(&dict, &path)?;
            world.load(&path)?.get("rank").unwrap().item()
        });
        assert_eq!(read.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [5.0; 3]);
        let nowhere = folder.join("no").join("such").join("folder");
        for (rank, result) in
            ranks(2, |world| world.save(&StateDict::new(), &nowhere)).into_iter().enumerate()
        {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("folder"), "rank {rank}: {error}");
        }
        for result in ranks(2, |world| world.load(&nowhere).map(drop)) {
            assert!(result.unwrap_err().to_string().contains("folder"));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
