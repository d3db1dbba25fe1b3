//! Whether this processor has the instructions that FAISS was compiled for. Code that calls FAISS checks this before.

use semsearch_store::StoreError;

/// Checks that this processor has the instructions that FAISS was compiled for. Opening, writing and verifying an index
/// include this check.
///
/// # Errors
/// [`StoreError::Unsupported`], naming what is missing.
pub fn check_processor() -> Result<(), StoreError> {
    needed(&features())
}

/// The instructions that FAISS was compiled for, and whether this processor has them.
#[cfg(all(target_arch = "x86_64", faiss_avx2))]
fn features() -> [(&'static str, bool); 3] {
    let there = [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
        ("F16C", std::arch::is_x86_feature_detected!("f16c")),
    ];
    #[cfg(test)]
    let there = if tests::OLD.get() { there.map(|(name, _)| (name, false)) } else { there };
    there
}

#[cfg(not(all(target_arch = "x86_64", faiss_avx2)))]
fn features() -> [(&'static str, bool); 0] {
    []
}

fn needed(features: &[(&str, bool)]) -> Result<(), StoreError> {
    let missing: Vec<&str> = features.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(StoreError::Unsupported(format!(
        "this program was compiled for processors with AVX2, FMA and F16C; this one lacks {missing} (compile it without \
         the flags in .cargo/config.toml)"
    )))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::Path;

    use super::*;

    thread_local! {
        /// Makes this thread treat its processor as one of 2010.
        pub(super) static OLD: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(needed(&[("AVX2", true)]).is_ok());
        let said = needed(&[("AVX2", false), ("FMA", true), ("F16C", false)]).unwrap_err().to_string();
        assert!(said.contains("this one lacks AVX2, F16C"), "{said}");
    }

    #[cfg(all(target_arch = "x86_64", faiss_avx2))]
    #[test]
    fn nothing_of_faiss_is_called_where_it_cannot_run() {
        use semsearch_store::WriteOptions;

        use crate::verify::verify;
        use crate::{LocalStore, LocalWriter, recorded};

        let directory = tempfile::tempdir().unwrap();
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/index-3");
        let config = recorded(&old).unwrap().unwrap().config;
        let new = directory.path().join("new");
        OLD.set(true);
        let said = [
            LocalStore::new(&old).open().err(),
            LocalWriter::open(&new, config, WriteOptions::default()).err(),
            verify(&old).unwrap().faults.pop(),
        ];
        OLD.set(false);
        for error in said {
            let said = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("this one lacks AVX2"), "{said:?}");
        }
        assert!(!new.exists());
        assert!(LocalStore::new(&old).open().is_ok());
    }
}
