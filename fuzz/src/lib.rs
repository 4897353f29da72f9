//! The fuzz targets. What they check stands beside the ordinary tests of the crates, which run it on
//! what was found.

#[path = "../../crates/scim/tests/reading/checks/mod.rs"]
pub mod checks;
#[path = "../../crates/mapping/tests/reading/checks.rs"]
pub mod mapping_checks;
pub mod mutate;
pub mod seeds;

pub use libfuzzer_sys;

/// The target of one reader: its seeds are written before libFuzzer reads the corpus.
#[macro_export]
macro_rules! target {
    ($name:literal, $check:ident) => {
        $crate::target!($name, $crate::checks::$check::check);
    };
    ($name:literal, $check:path) => {
        use $crate::libfuzzer_sys::{fuzz_mutator, fuzz_target};

        fuzz_target!(
            init: $crate::seeds::write($name),
            |bytes: &[u8]| $check(bytes)
        );
        fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate::mutate(bytes, size, max_size, seed)
        });
    };
}
