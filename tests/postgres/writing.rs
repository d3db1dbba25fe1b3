//! Processes that write an index while a test looks at it.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::small::MODEL;
use crate::support::{Ran, Sandbox};

/// A process whose input is still open.
pub(super) struct Writing<'a> {
    sandbox: &'a Sandbox,
    child: std::cell::RefCell<Child>,
}

impl<'a> Writing<'a> {
    /// Begins to index what [`Writing::write`] gives.
    pub(super) fn new(sandbox: &'a Sandbox, address: &str, options: &[&str]) -> Self {
        Self::start(sandbox, &[&["index", "-", "--store", address, "-q"], &MODEL[..], options].concat())
    }

    pub(super) fn start(sandbox: &'a Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command(args);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { sandbox, child: child.into() }
    }

    pub(super) fn write(&mut self, records: &str) {
        self.child.get_mut().stdin.as_mut().unwrap().write_all(records.as_bytes()).unwrap();
    }

    pub(super) fn is_running(&self) -> bool {
        self.child.borrow_mut().try_wait().unwrap().is_none()
    }

    /// Waits until something is so, while the process runs.
    #[track_caller]
    pub(super) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "not before a minute: {what}");
            assert!(self.is_running(), "the process ended before this: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.borrow().id().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
    }

    /// Ends its input, and waits for its end.
    pub(super) fn end(mut self) -> Ran {
        drop(self.child.get_mut().stdin.take());
        self.ended()
    }

    /// Waits for its end, while its input is still open.
    pub(super) fn ended(mut self) -> Ran {
        let input = self.child.get_mut().stdin.take();
        let ran = self.sandbox.ran(&self.child.into_inner().wait_with_output().unwrap());
        drop(input);
        ran
    }
}
