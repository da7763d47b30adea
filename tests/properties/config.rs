//! How many cases a property is tried with, and which.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// 256 cases, the same ones in every run; `PROPTEST_RNG_SEED=7` in the environment asks for others.
pub(crate) fn config() -> ProptestConfig {
    let usual = ProptestConfig::with_cases(256);
    let rng_seed = match usual.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        asked => asked,
    };
    ProptestConfig { failure_persistence: None, rng_seed, ..usual }
}
