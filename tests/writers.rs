//! Several writers at one path, directories that are removed while they write, and signals. Whichever writer fails,
//! what was committed stays.
//!
//! Each test makes a few runs by default; with `SEMSEARCH_FAULTS=all` there are 1,000 races.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Ran, Sandbox, tiny_model};

fn everything() -> bool {
    std::env::var("SEMSEARCH_FAULTS").is_ok_and(|word| word == "all")
}

fn records(name: &str, count: usize) -> String {
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    let text = |at: usize| format!("{} {} {}", words[at % 8], words[at / 8 % 8], words[at / 64 % 8]);
    (0..count).map(|at| format!("{{\"_id\":\"{name}{at}\",\"text\":\"{}\"}}\n", text(at))).collect()
}

/// A sandbox with a small model and three inputs, the last of which ends in a line that is no record.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("a.jsonl", records("a", 8));
    sandbox.write("b.jsonl", records("b", 8));
    sandbox.write("bad.jsonl", records("bad", 8) + "nonsense\n");
    sandbox
}

fn start(sandbox: &Sandbox, args: &[&str]) -> Child {
    let mut command = sandbox.command(&[&["index", "--model", "tiny", "-i", "ix"], args].concat());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(sandbox: &Sandbox, child: Child) -> Ran {
    sandbox.ran(&child.wait_with_output().unwrap())
}

/// Checks that the index holds exactly the documents of these inputs. Each input has eight.
fn holds(sandbox: &Sandbox, inputs: &[&str], race: &str) {
    let verified = sandbox.run(&["verify", "-i", "ix"]);
    assert_eq!(verified.status, Some(0), "{race}: {verified}");
    let _ = fs::remove_dir_all(sandbox.path("out"));
    sandbox.run(&["export", "-i", "ix", "--output", "out"]).success();
    let documents = fs::read_to_string(sandbox.path("out/documents.jsonl")).unwrap();
    let mut found: Vec<&str> = documents.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    found.sort_unstable();
    let mut expected: Vec<String> =
        inputs.iter().flat_map(|input| (0..8).map(move |at| format!("{input}{at}"))).collect();
    expected.sort();
    assert_eq!(found, expected, "{race}");
}

/// A small delay that differs from run to run.
fn delay(run: usize) {
    thread::sleep(Duration::from_micros((run * 7919 % 30_000) as u64));
}

#[test]
fn of_two_first_builds_at_once_the_one_that_fails_takes_nothing_from_the_other() {
    for run in 0..if everything() { 1000 } else { 25 } {
        let sandbox = sandbox();
        let good = start(&sandbox, &["a.jsonl", "--wait", "60"]);
        delay(run);
        let bad = start(&sandbox, &["bad.jsonl", "--wait", "60"]);
        let (good, bad) = (ended(&sandbox, good), ended(&sandbox, bad));
        assert_eq!((good.status, bad.status), (Some(0), Some(2)), "run {run}: {good}{bad}");
        holds(&sandbox, &["a"], &format!("run {run}"));
    }
}

#[test]
fn of_first_builds_that_do_not_wait_one_succeeds_and_the_others_say_that_it_writes() {
    for run in 0..if everything() { 300 } else { 15 } {
        let sandbox = sandbox();
        let first = start(&sandbox, &["a.jsonl"]);
        delay(run);
        let second = start(&sandbox, &["b.jsonl"]);
        let ran = [ended(&sandbox, first), ended(&sandbox, second)];
        let mut inputs = Vec::new();
        for (name, ran) in ["a", "b"].into_iter().zip(&ran) {
            match ran.status {
                Some(0) => inputs.push(name),
                _ => assert!(ran.stderr.contains("another process is writing this index"), "run {run}: {ran}"),
            }
        }
        assert!(!inputs.is_empty(), "run {run}: {}{}", ran[0], ran[1]);
        holds(&sandbox, &inputs, &format!("run {run}"));
    }
}

#[test]
fn three_writers_that_wait_come_one_after_the_other() {
    for run in 0..if everything() { 150 } else { 8 } {
        let sandbox = sandbox();
        let children = ["a.jsonl", "bad.jsonl", "b.jsonl"].map(|input| {
            delay(run);
            start(&sandbox, &[input, "--wait", "60"])
        });
        let [a, bad, b] = children.map(|child| ended(&sandbox, child).status);
        assert_eq!([a, bad, b], [Some(0), Some(2), Some(0)], "run {run}");
        holds(&sandbox, &["a", "b"], &format!("run {run}"));
    }
}

#[test]
fn a_rebuild_beside_an_update_leaves_what_came_last() {
    for run in 0..if everything() { 150 } else { 8 } {
        let sandbox = sandbox();
        ended(&sandbox, start(&sandbox, &["b.jsonl"])).success();
        let rebuild = start(&sandbox, &["a.jsonl", "--rebuild", "--wait", "60"]);
        delay(run);
        let failing = start(&sandbox, &["bad.jsonl", "--rebuild", "--wait", "60"]);
        assert_eq!(ended(&sandbox, rebuild).status, Some(0), "run {run}");
        assert_eq!(ended(&sandbox, failing).status, Some(2), "run {run}");
        holds(&sandbox, &["a"], &format!("run {run}"));
    }
}

/// A build that has made its first commit, and now waits for more input.
struct Waiting<'a> {
    sandbox: &'a Sandbox,
    child: Child,
}

impl<'a> Waiting<'a> {
    fn new(sandbox: &'a Sandbox, args: &[&str]) -> Self {
        Self::with(sandbox, args, &records("b", 4))
    }

    fn with(sandbox: &'a Sandbox, args: &[&str], input: &str) -> Self {
        let mut command = sandbox.command(&[&["index", "-", "--model", "tiny", "-i", "ix"], args].concat());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut waiting = Self { sandbox, child };
        waiting.write(input);
        let began = Instant::now();
        let holder = format!("semsearch {} ", waiting.child.id());
        while !fs::read_to_string(sandbox.path("ix/lock")).is_ok_and(|lock| lock.starts_with(&holder)) {
            assert!(began.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(5));
        }
        // Gives the build time to read what was written to it.
        thread::sleep(Duration::from_millis(300));
        waiting
    }

    fn write(&mut self, text: &str) {
        use std::io::Write;
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Ends its input.
    fn end(mut self) -> Ran {
        drop(self.child.stdin.take());
        ended(self.sandbox, self.child)
    }

    /// Waits for the build to end while its input is still open.
    fn ended(mut self) -> (Ran, Duration) {
        let began = Instant::now();
        let input = self.child.stdin.take();
        let ran = ended(self.sandbox, self.child);
        drop(input);
        (ran, began.elapsed())
    }
}

#[test]
fn a_directory_that_is_moved_removed_or_replaced_under_a_writer_is_not_written_to_again() {
    for change in ["moved", "removed", "replaced", "lock removed"] {
        let sandbox = sandbox();
        ended(&sandbox, start(&sandbox, &["a.jsonl"])).success();
        let waiting = Waiting::new(&sandbox, &[]);
        let ix = sandbox.path("ix");
        match change {
            "moved" => fs::rename(&ix, sandbox.path("moved")).unwrap(),
            "removed" => fs::remove_dir_all(&ix).unwrap(),
            "lock removed" => {
                fs::remove_file(ix.join("lock")).unwrap();
                // Another writer comes, and commits.
                ended(&sandbox, start(&sandbox, &["a.jsonl", "--rebuild"])).success();
            }
            _ => {
                fs::rename(&ix, sandbox.path("moved")).unwrap();
                ended(&sandbox, start(&sandbox, &["a.jsonl"])).success();
            }
        }
        let ran = waiting.end();
        assert_eq!(ran.status, Some(2), "{change}: {ran}");
        assert!(!ran.stderr.contains("defect"), "{change}: {ran}");
        if change == "removed" {
            assert!(!ix.exists());
            continue;
        }
        if change == "moved" {
            assert!(!ix.exists());
            fs::rename(sandbox.path("moved"), &ix).unwrap();
        }
        holds(&sandbox, &["a"], change);
    }
}

#[test]
fn ctrl_c_and_sigterm_commit_what_is_embedded_also_while_the_input_is_waited_for() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let sandbox = sandbox();
        let waiting = Waiting::new(&sandbox, &[]);
        waiting.signal(signal);
        let (ran, took) = waiting.ended();
        assert_eq!(ran.status, Some(status), "{ran}");
        assert!(ran.stderr.contains("4 added") && ran.stderr.contains("interrupted: what is counted here"), "{ran}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert!(sandbox.run(&["verify", "-i", "ix"]).success().contains("documents and vectors: 4"));
    }
}

#[test]
fn a_rebuild_that_is_stopped_leaves_the_index_as_it_was_and_says_so() {
    let sandbox = sandbox();
    ended(&sandbox, start(&sandbox, &["a.jsonl"])).success();
    let waiting = Waiting::new(&sandbox, &["--rebuild"]);
    waiting.signal("INT");
    let (ran, _) = waiting.ended();
    assert_eq!(ran.status, Some(130), "{ran}");
    assert!(ran.stderr.contains("nothing was committed, the index is as it was"), "{ran}");
    holds(&sandbox, &["a"], "stopped");
}

#[test]
fn a_first_build_that_is_stopped_before_anything_is_embedded_leaves_nothing() {
    let sandbox = sandbox();
    let waiting = Waiting::with(&sandbox, &[], "");
    waiting.signal("INT");
    let (ran, _) = waiting.ended();
    assert_eq!(ran.status, Some(130), "{ran}");
    assert!(ran.stderr.contains("nothing was committed"), "{ran}");
    assert!(!sandbox.path("ix").exists());
}
