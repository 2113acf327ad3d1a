//! Whether tests may use an engine.

/// Whether tests that need a Docker engine are to run. Where `HA_TEST_NO_ENGINE` is set they are not, and this says so on
/// standard error, so that a skipped test is seen.
#[must_use]
#[expect(clippy::print_stderr, reason = "a test that is skipped must be seen")]
pub fn engine_is_wanted() -> bool {
    let without = std::env::var_os("HA_TEST_NO_ENGINE").is_some_and(|value| !value.is_empty());
    if without {
        eprintln!("skipped: no engine (HA_TEST_NO_ENGINE)");
    }
    !without
}
