//! What holds for tensors of any shape and layout, each against a naive model that knows nothing but shapes and lists.
//! 256 cases of each, the same in every run; `PROPTEST_RNG_SEED=7` asks for others.
//!
//! Indices have their properties in `crates/tensor/tests/indexing.rs`, printing in `crates/tensor/tests/printing.rs`, tables
//! and loaders in `crates/data/tests/properties.rs`, losses in `criteria.rs`.

#[path = "properties/broadcasting.rs"]
mod broadcasting;
#[path = "properties/config.rs"]
mod config;
#[path = "properties/extremes.rs"]
mod extremes;
#[path = "properties/model.rs"]
mod model;
#[path = "properties/orders.rs"]
mod orders;
#[path = "properties/products.rs"]
mod products;
#[path = "properties/promotion.rs"]
mod promotion;
#[path = "properties/reductions.rs"]
mod reductions;
#[path = "properties/views.rs"]
mod views;
