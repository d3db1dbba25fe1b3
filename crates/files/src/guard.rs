//! Turns a panic of a library, such as over a damaged file, into an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// The number of guarded sections that this thread is in.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// The message of a library's panic.
#[derive(Debug, thiserror::Error)]
#[error("the library that reads it failed: {0}")]
pub struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str);
        Self(said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given").replace('\n', " "))
    }
}

/// Calls `run`. If it panics on this thread, that is an error, not a defect. What `run` was changing must not be used
/// then.
///
/// # Errors
/// `run` panicked.
pub fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    struct Section;
    impl Drop for Section {
        fn drop(&mut self) {
            GUARDED.set(GUARDED.get() - 1);
        }
    }
    GUARDED.set(GUARDED.get() + 1);
    let _section = Section;
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Panicked::new(&*payload))
}

/// Whether [`guarded`] would catch a panic on this thread. A panic hook should print nothing then.
pub fn is_guarded() -> bool {
    GUARDED.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words_and_the_section_ends() {
        assert!(!is_guarded());
        assert!(matches!(guarded(is_guarded), Ok(true)));
        let outer = guarded(|| {
            (guarded(|| panic!("index out of {}", "bounds")).map_err(|said: Panicked| said.to_string()), is_guarded())
        });
        let (said, still): (Result<(), String>, bool) = outer.unwrap();
        assert_eq!(
            (said.unwrap_err().as_str(), still),
            ("the library that reads it failed: index out of bounds", true)
        );
        assert!(!is_guarded());
    }
}
