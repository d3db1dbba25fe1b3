//! Builds with the real program that are killed, lose power or run out of disk space at every step, or are killed at a
//! random moment.
//!
//! A step is an operation on a file of the index: opening it to write, writing, syncing, renaming, removing. It does
//! not matter which library does it. `faults.c`, loaded before the C library, counts the steps and injects a fault at
//! one of them, so the program needs no code for this. After each fault the index must be intact and hold exactly one
//! of the commits, and the next run must complete the build as if nothing had happened.
//!
//! A part of the steps is tried by default; `SEMSEARCH_FAULTS=all` tries every one, and kills at 1,000 random moments.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;
use std::{env, fs, thread};

use crate::support::{Sandbox, copy, tiny_model};

/// Documents of the build, in their order: id and text.
type Texts = Vec<(String, String)>;

/// What an index holds: each id's text and the bytes of its vector.
type Content = BTreeMap<String, (String, Vec<u8>)>;

pub(crate) fn everything() -> bool {
    env::var("SEMSEARCH_FAULTS").is_ok_and(|word| word == "all")
}

pub(crate) fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults.c");
        let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&library).arg(source).arg("-ldl");
        assert!(compile.status().unwrap().success());
        library
    })
}

/// A build over an existing index: some documents stay, some change, some are new, some are removed. It makes several
/// commits, and the last one includes a compaction.
struct Scene {
    sandbox: Sandbox,
    before: Texts,
    after: Texts,
    undisturbed: Content,
    steps: Vec<String>,
}

const BUILD: [&str; 7] = ["index", "in.jsonl", "--model", "tiny", "--prune", "--commit-every", "4"];

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        tiny_model(&sandbox.path("tiny"), 1);
        let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
        let text = |number: usize, version: usize| {
            let word = |at: usize| words[(number * 5 + version * 3 + at) % words.len()];
            format!("{} {} {} {}", word(0), word(number), word(version), word(number + version))
        };
        let document = |number: usize, version: usize| (format!("d{number:02}"), text(number, version));
        let before: Texts = (0..12).map(|number| document(number, 0)).collect();
        // 0, 1 and 2 are removed, 3 to 6 stay, 7 to 11 change, the others are new.
        let after: Texts = (3..24).map(|number| document(number, usize::from((7..12).contains(&number)))).collect();
        let scene = Self { sandbox, before, after, undisturbed: Content::new(), steps: Vec::new() };
        scene.write(&scene.before);
        // In commits of one document, so that the build has segments to merge.
        scene.sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--commit-every", "2"]).success();
        copy(&scene.sandbox.path(".semsearch"), &scene.sandbox.path("start"));
        scene.write(&scene.after);
        let log = scene.sandbox.path("steps");
        assert!(scene.struck("none", 0, Some(&log)).success());
        let steps = fs::read_to_string(log).unwrap().lines().map(String::from).collect();
        Self { undisturbed: scene.content(), steps, ..scene }
    }

    fn write(&self, documents: &Texts) {
        let lines = documents.iter().map(|(id, text)| format!("{{\"_id\":\"{id}\",\"text\":\"{text}\"}}\n"));
        self.sandbox.write("in.jsonl", lines.collect::<String>());
    }

    /// The index as it was before the build.
    fn reset(&self) {
        let index = self.sandbox.path(".semsearch");
        fs::remove_dir_all(&index).unwrap();
        copy(&self.sandbox.path("start"), &index);
    }

    /// Runs the build with a fault at a step.
    fn struck(&self, mode: &str, at: usize, log: Option<&Path>) -> std::process::ExitStatus {
        let mut command = self.sandbox.command(&BUILD);
        command.env("LD_PRELOAD", shim()).env("FAULT_MODE", mode).env("FAULT_AT", at.to_string());
        command.env("FAULT_DIR", self.sandbox.path(".semsearch").canonicalize().unwrap());
        if let Some(log) = log {
            command.env("FAULT_LOG", log);
        }
        command.stderr(Stdio::null()).status().unwrap()
    }

    /// What the index holds, as `export` writes it.
    fn content(&self) -> Content {
        let out = self.sandbox.path("out");
        let _ = fs::remove_dir_all(&out);
        self.sandbox.run(&["export", "--output", "out"]).success();
        self.sandbox.run(&["export", "--output", "out.npy"]).success();
        let documents = fs::read_to_string(out.join("documents.jsonl")).unwrap();
        let vectors = fs::read(self.sandbox.path("out.npy")).unwrap();
        let rows = vectors[192..].chunks_exact(8 * 4);
        assert_eq!(rows.len(), documents.lines().count());
        let mut content = Content::new();
        for (line, row) in documents.lines().zip(rows) {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| record[name].as_str().unwrap().to_owned();
            let twice = content.insert(field("_id"), (field("text"), row.to_vec()));
            assert!(twice.is_none(), "{line} appears twice");
        }
        content
    }

    /// Checks the index after a fault, completes the build, and checks the index again.
    fn check(&self, blow: &str) {
        let verified = self.sandbox.run(&["verify"]);
        assert_eq!(verified.status, Some(0), "{blow}: {verified}");
        let texts = |content: &Content| content.iter().map(|(id, (text, _))| (id.clone(), text.clone())).collect();
        let found: BTreeMap<String, String> = texts(&self.content());
        let commits = (0..=self.after.len()).map(|done| {
            let mut there: BTreeMap<String, String> = self.before.iter().cloned().collect();
            there.extend(self.after[..done].iter().cloned());
            there
        });
        let finished: BTreeMap<String, String> = texts(&self.undisturbed);
        assert!(commits.chain([finished]).any(|commit| commit == found), "{blow}: no commit is {found:?}");

        self.sandbox.run(&BUILD).success();
        assert!(self.content() == self.undisturbed, "{blow}: finished otherwise than undisturbed");
        let verified = self.sandbox.run(&["verify"]).success();
        let files = self.sandbox.index_bytes().len() - 1;
        assert!(verified.contains(&format!("intact: {files} files")), "{blow}: {verified}, {files} are there");
    }

    /// Injects a fault at some steps, or at every step. Each mode starts at another step, so that together the modes
    /// cover many steps.
    fn strike(&self, mode: &str, first: usize, each: impl Fn(&std::process::ExitStatus, &str)) {
        let stride = if everything() { 1 } else { 9 };
        let first = if everything() { 0 } else { first };
        assert!(self.steps.len() > 100, "{:?}", self.steps);
        eprintln!("{mode}: {} of {} steps", self.steps.len().saturating_sub(first).div_ceil(stride), self.steps.len());
        for at in (first..self.steps.len()).step_by(stride) {
            self.reset();
            let blow = format!("{mode} at step {} ({})", at + 1, self.steps[at]);
            each(&self.struck(mode, at + 1, None), &blow);
            self.check(&blow);
        }
    }
}

fn killed(status: &std::process::ExitStatus, blow: &str) {
    assert_eq!(status.signal(), Some(9), "{blow}: {status}");
}

#[test]
fn a_kill_at_any_step_leaves_a_commit_and_the_next_run_finishes() {
    Scene::new().strike("kill", 0, killed);
}

#[test]
fn a_power_cut_at_any_step_leaves_a_commit_and_the_next_run_finishes() {
    Scene::new().strike("power", 3, killed);
}

#[test]
fn a_disk_full_from_any_step_on_leaves_a_commit_and_the_next_run_finishes() {
    Scene::new().strike("full", 6, |status, blow| {
        // The run succeeds if nothing more had to be written, or only files that it can do without.
        assert!([Some(0), Some(2)].contains(&status.code()), "{blow}: {status}");
    });
}

#[test]
fn a_kill_at_any_moment_leaves_a_commit_and_the_next_run_finishes() {
    let scene = Scene::new();
    scene.reset();
    let started = Instant::now();
    scene.sandbox.run(&BUILD).success();
    let whole = started.elapsed();
    let kills = if everything() { 1000 } else { 12 };
    let mut state = 1_u64;
    for number in 0..kills {
        scene.reset();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = whole.mul_f64((state >> 11) as f64 / (1_u64 << 53) as f64);
        let mut child = scene.sandbox.command(&BUILD).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        scene.check(&format!("kill {number} after {moment:?}"));
    }
}

#[test]
fn the_first_build_of_an_index_may_be_killed_too() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox
        .write("in.jsonl", (0..30).map(|n| format!("{{\"_id\":\"{n}\",\"text\":\"dog {n}\"}}\n")).collect::<String>());
    let build = ["index", "in.jsonl", "--model", "tiny", "--commit-every", "7"];
    let index = sandbox.path(".semsearch");
    let run = |at: usize, log: Option<&Path>| {
        let mut command = sandbox.command(&build);
        command.env("LD_PRELOAD", shim()).env("FAULT_MODE", "power").env("FAULT_AT", at.to_string());
        command.env("FAULT_DIR", sandbox.path("").canonicalize().unwrap().join(".semsearch"));
        if let Some(log) = log {
            command.env("FAULT_LOG", log);
        }
        command.stderr(Stdio::null()).status().unwrap()
    };
    let log = sandbox.path("steps");
    assert!(run(0, Some(&log)).success());
    let steps = fs::read_to_string(log).unwrap().lines().count();
    for at in (1..=steps).step_by(if everything() { 1 } else { 11 }) {
        fs::remove_dir_all(&index).unwrap();
        killed(&run(at, None), &format!("step {at}"));
        let verified = sandbox.run(&["verify"]);
        let nothing_yet = verified.status == Some(2) && verified.stderr.contains("no index here");
        assert!(verified.status == Some(0) || nothing_yet, "step {at}: {verified}");
        sandbox.run(&build).success();
        assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 30"), "step {at}");
    }
}
