//! Names of files that are renamed once they are complete.

use super::unique;

/// A name for a file that will be renamed later.
pub fn temporary() -> String {
    format!("new-{}.tmp", unique())
}

/// Whether a name is one that [`temporary`] makes. Nobody else chooses such names.
pub fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix("new-").and_then(|rest| rest.strip_suffix(".tmp"));
    middle.is_some_and(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
