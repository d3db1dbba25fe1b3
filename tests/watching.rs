//! `index --watch`: what changes while a process stays is found.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::support::Sandbox;

/// Waits until a search for `question` finds the file at `path` first. Returns how long that took.
fn found_after(sandbox: &Sandbox, question: &str, path: &str) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let ran = sandbox.run(&["query", question, "-k", "1", "-l", "-q"]);
        if ran.stdout.trim() == path {
            return begun.elapsed();
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{path} is not found");
}

/// A process that watches. It does not outlive a test that fails.
struct Watching(Child);

impl Watching {
    /// Sends what Ctrl-C sends. Returns the status with which the process ends.
    fn interrupted(&mut self) -> Option<i32> {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.0.id() as i32), nix::sys::signal::SIGINT).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_watched_directory_is_indexed_as_it_changes_and_a_kill_loses_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("docs/a.md", "# Bees\n\nBees dance.\n");
    let watching = || {
        let mut command = sandbox.command(&["index", "docs", "--watch", "--prune", "-q"]);
        Watching(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let mut first = watching();
    found_after(&sandbox, "bees", "docs/a.md");
    sandbox.write("docs/below/v.md", "# Volcano\n\nThe volcano erupted in 1783.\n");
    let took = found_after(&sandbox, "When did the volcano erupt?", "docs/below/v.md");
    eprintln!("found {took:?} after the write");
    fs::remove_file(sandbox.path("docs/a.md")).unwrap();
    sandbox.write("docs/ice.md", "Glaciers melt.\n");
    found_after(&sandbox, "glaciers", "docs/ice.md");
    gone(&sandbox, "docs/a.md");
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 2"));
    // What changed while nobody watched is found by the next one, which ends at a signal.
    sandbox.write("docs/new.md", "A lighthouse at sea.\n");
    let mut second = watching();
    found_after(&sandbox, "lighthouse", "docs/new.md");
    assert_eq!(second.interrupted(), Some(130));
}

/// What the process that watches has said, if it was asked to say it to the file `said`.
fn said(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("said")).unwrap_or_default()
}

/// Waits until the document `id` has this word.
fn indexed(sandbox: &Sandbox, id: &str, word: &str) {
    let begun = Instant::now();
    while !sandbox.run(&["get", id, "-q"]).stdout.contains(word) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{id} has no {word}: {}", said(sandbox));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the index has no document `id`. The pass that reads a file next to it may have begun before.
fn gone(sandbox: &Sandbox, id: &str) {
    let begun = Instant::now();
    while sandbox.run(&["get", id, "-q"]).status == Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{id} is still in the index: {}", said(sandbox));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the process has written `words` `times` times to the file `said`.
fn told(sandbox: &Sandbox, words: &str, times: usize) {
    let begun = Instant::now();
    while said(sandbox).matches(words).count() < times {
        assert!(begun.elapsed() < Duration::from_secs(60), "{words} was not said {times} times");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_watched_file_may_go_and_come_back_and_be_a_link() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.md", "# Bees\n\nBees dance.\n");
    sandbox.write("in/b.md", "# Tea\n\nTea is hot.\n");
    sandbox.write("far/c.md", "# Rain\n\nRain falls.\n");
    symlink("../far/c.md", sandbox.path("in/link.md")).unwrap();
    let named = ["in/a.md", "in/b.md", "in/link.md"];
    let mut command = sandbox.command(&[&["index", "--watch", "--prune"], &named[..]].concat());
    let errors = fs::File::create(sandbox.path("said")).unwrap();
    let mut watching = Watching(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    indexed(&sandbox, "in/a.md", "Bees");
    // The document of a file that is gone leaves the index, and the others are indexed as before.
    fs::remove_file(sandbox.path("in/a.md")).unwrap();
    sandbox.write("in/b.md", "# Volcano\n\nThe volcano erupted in 1783.\n");
    indexed(&sandbox, "in/b.md", "Volcano");
    gone(&sandbox, "in/a.md");
    assert_eq!(sandbox.run(&["ls"]).success().lines().count(), 2);
    sandbox.write("in/a.md", "# Glaciers\n\nIce melts.\n");
    indexed(&sandbox, "in/a.md", "Glaciers");
    // The file that a link leads to is in another directory.
    sandbox.write("far/c.md", "# Lighthouse\n\nA lighthouse at sea.\n");
    indexed(&sandbox, "far/c.md", "Lighthouse");
    // A whole directory goes, and comes back with another file.
    fs::remove_dir_all(sandbox.path("in")).unwrap();
    sandbox.write("in/b.md", "# Mountain\n\nThe mountain is high.\n");
    indexed(&sandbox, "in/b.md", "Mountain");
    told(&sandbox, "in/a.md: gone", 2);
    assert_eq!(watching.interrupted(), Some(130));
    let said = said(&sandbox);
    assert_eq!(said.matches("in/a.md: gone").count(), 2, "{said}");
    assert!(!said.contains("trying again"), "{said}");
}

#[test]
fn a_file_that_is_named_twice_stays_when_one_of_its_names_goes() {
    let sandbox = Sandbox::new();
    sandbox.write("a.md", "# Bees\n\nBees dance.\n");
    symlink("a.md", sandbox.path("link.md")).unwrap();
    let mut command = sandbox.command(&["index", "a.md", "link.md", "--watch", "--prune"]);
    let errors = fs::File::create(sandbox.path("said")).unwrap();
    let mut watching = Watching(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    indexed(&sandbox, "a.md", "Bees");
    fs::remove_file(sandbox.path("link.md")).unwrap();
    sandbox.write("a.md", "# Glaciers\n\nIce melts.\n");
    indexed(&sandbox, "a.md", "Glaciers");
    told(&sandbox, "link.md: gone", 1);
    assert_eq!(watching.interrupted(), Some(130));
    let said = said(&sandbox);
    assert_eq!((said.matches("link.md: gone").count(), said.matches("removed").count()), (1, 0), "{said}");
}
