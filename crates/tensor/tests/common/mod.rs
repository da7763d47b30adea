//! What property tests have in common.

use proptest::test_runner::{Config, RngSeed};

/// 256 cases, the same ones in every run; `PROPTEST_RNG_SEED=7` in the environment asks for others.
pub(crate) fn config() -> Config {
    let usual = Config::with_cases(256);
    let rng_seed = match usual.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        asked => asked,
    };
    Config { failure_persistence: None, rng_seed, ..usual }
}
