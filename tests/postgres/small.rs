//! Small records for a model of 8 components, which embeds thousands of them in no time.

use serde_json::json;

use crate::support::{Sandbox, tiny_model};

/// The options of every build.
pub(super) const MODEL: [&str; 2] = ["--model", "tiny"];

/// Words that the model knows. The number in each text makes it differ from all others for a search by words.
const WORDS: [&str; 8] = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];

/// A record. Another `version` has another text.
pub(super) fn record(n: usize, version: usize) -> String {
    let word = |at: usize| WORDS[(n * 5 + version * 3 + at * at) % WORDS.len()];
    let text: Vec<&str> = (0..3 + n % 9).map(word).collect();
    let text = format!("{} n{n} v{version}", text.join(" "));
    json!({"_id": format!("d{n:03}"), "text": text, "year": 1990 + n % 30, "version": version}).to_string() + "\n"
}

/// Records of the same version.
pub(super) fn records(numbers: impl IntoIterator<Item = usize>, version: usize) -> String {
    numbers.into_iter().map(|n| record(n, version)).collect()
}

/// Records with texts so long that a writer copies them to the shards before it commits.
pub(super) fn large_records(numbers: impl IntoIterator<Item = usize>) -> String {
    let filler = "lorem ".repeat(10_000);
    let line = |n: usize| json!({"_id": format!("d{n:03}"), "text": format!("n{n} {filler}")}).to_string() + "\n";
    numbers.into_iter().map(line).collect()
}

/// Writes the model and some questions into a sandbox.
pub(super) fn prepare(sandbox: &Sandbox) {
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("questions", "dog walk n7\nrain today\ncat cat a b v1 n40\n");
}
