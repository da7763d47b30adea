//! Files whole, with errors that name them: the system's own leave the name out.

use std::path::Path;
use tensor::{Error, Result};

/// The content of a file.
#[track_caller]
pub(crate) fn read(op: &'static str, path: &Path) -> Result<Vec<u8>> {
    // No `map_err`: a closure would stand in the error as the caller.
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(Error::io(op, path, error)),
    }
}

/// Writes a file anew.
#[track_caller]
pub(crate) fn write(op: &'static str, path: &Path, bytes: &[u8]) -> Result<()> {
    match std::fs::write(path, bytes) {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::io(op, path, error)),
    }
}
