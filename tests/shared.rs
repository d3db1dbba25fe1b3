//! Runs the example of a shared searcher.

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use super::support::{Sandbox, model};

#[test]
fn eight_threads_share_a_searcher_and_each_answer_is_that_of_a_fresh_process() {
    let example = cargo_bin("semsearch").parent().map(|dir| dir.join("examples/shared")).unwrap();
    let sandbox = Sandbox::new();
    let mut run = Command::new(&example);
    let ran = run.arg(model()).arg(Path::new(&sandbox.path("index"))).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{ran:?}");
    let numbers: Vec<usize> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [answers, seen, commits] = numbers[..] else { panic!("{said}") };
    // Each thread has an answer from before the first commit and one from after the last commit.
    assert!(answers >= 16 && seen >= 2 && commits == 11, "{said}");
}
