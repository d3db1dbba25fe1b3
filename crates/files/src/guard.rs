//! Libraries that give up by a panic where a file is damaged, so that it becomes an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// How many guarded sections this thread is in.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// What a library said when it gave up.
#[derive(Debug, thiserror::Error)]
#[error("its library gave up: {0}")]
pub struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str);
        Self(said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given").replace('\n', " "))
    }
}

/// Runs `run`, in which a panic on this thread is an error and no defect. What `run` was changing must not be used after.
///
/// # Errors
/// It panicked.
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

/// Whether a panic on this thread would be caught by [`guarded`]: a panic hook has nothing to say then.
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
        assert_eq!((said.unwrap_err().as_str(), still), ("its library gave up: index out of bounds", true));
        assert!(!is_guarded());
    }
}
