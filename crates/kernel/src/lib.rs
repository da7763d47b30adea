//! Slices in, slices out: vectorised elementwise loops, reductions and matrix products.
//!
//! No tensor and no graph lives here. An elementwise kernel is a formula over [`Real`], run by [`map`](map::map)
//! and its siblings, whose loop is compiled once per instruction set and chosen at run time.

pub mod attention;
pub mod channel_norm;
pub mod conv;
pub mod cross_entropy;
pub mod ctc;
pub mod formula;
pub mod gemm;
mod lanes;
pub mod layer_norm;
pub mod map;
mod math;
pub mod pointwise;
pub mod pool;
mod real;
pub mod recurrent;
pub mod reduce;
pub mod softmax;
mod spread;
pub mod threads;
mod update;

pub use map::{Map1, Map2, Map3};
pub use real::{AsLane, Float, Lane, Real};
pub use update::{Formula, update};
