//! Re-exports of the engine.
#![forbid(unsafe_code)]
pub use {data, loss, nn, optim, tensor};
