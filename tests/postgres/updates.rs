//! An index over time: what is changed, removed, built anew or stopped in the middle is as it is in a directory.

use std::fs;

use serde_json::Value;

use super::servers::Servers;
use super::small::{self, MODEL, large_records, records};
use super::trio::Trio;
use super::writing::Writing;
use crate::support::Sandbox;

/// Three empty indexes for small records.
fn trio(name: &str) -> Trio {
    let trio = Trio::new(name, 4);
    small::prepare(&trio.sandbox);
    trio
}

/// What a build counts, the same for each of the three indexes: documents that were added, updated, unchanged, removed.
#[track_caller]
fn indexed(trio: &Trio, args: &[&str]) -> [u64; 4] {
    let counted = |place: usize| {
        let told = trio.one(place, &[&["index", "--json"], args, &MODEL].concat()).success();
        let told: Value = serde_json::from_str(&told).unwrap();
        ["added", "updated", "unchanged", "removed"].map(|key| told[key].as_u64().unwrap_or(0))
    };
    let expected = counted(0);
    assert_eq!([counted(1), counted(2)], [expected; 2], "{args:?}");
    expected
}

/// What a command prints as JSON Lines, without the files that documents came from.
fn without_sources(printed: &str) -> Vec<Value> {
    let line = |line: &str| {
        let mut hit: Value = serde_json::from_str(line).unwrap();
        hit.as_object_mut().unwrap().remove("source");
        hit
    };
    printed.lines().map(line).collect()
}

/// Checks that the three answer the same, and are intact. In a directory, words of documents that were removed count for a
/// while. So searches by words are compared with a directory that never had others.
#[track_caller]
fn check(trio: &Trio, documents: usize) {
    assert_eq!(trio.same(&["ls", "-f", "jsonl"]).lines().count(), documents);
    for out in ["out", "fresh"] {
        let _ = fs::remove_dir_all(trio.sandbox.path(out));
    }
    trio.one(0, &["export", "-o", "out"]).success();
    trio.sandbox.run(&["index", "out/documents.jsonl", "-i", "fresh", "--model", "tiny", "-q"]).success();
    for more in [&[][..], &["--filter", "year < 2005 and version >= 1"]] {
        let query = |mode: &'static str| {
            [&["query", "--queries", "questions", "-f", "jsonl", "-k", "15", "--mode", mode], more].concat()
        };
        trio.same(&query("dense"));
        for mode in ["lexical", "hybrid"] {
            let fresh = trio.sandbox.run(&[&query(mode)[..], &["-i", "fresh", "-q"]].concat());
            for place in [1, 2] {
                let found = trio.one(place, &query(mode));
                assert_eq!(without_sources(&found.stdout), without_sources(&fresh.stdout), "{mode}, {place}");
            }
        }
    }
    for place in 0..3 {
        assert!(trio.one(place, &["verify"]).success().contains("intact"));
    }
}

#[test]
fn updates_change_a_directory_and_a_database_in_the_same_way() {
    let trio = trio("updates");
    let write = |name: &str, content: String| drop(trio.sandbox.write(name, content));
    write("a.jsonl", records(0..30, 0));
    write("b.jsonl", records(30..60, 0));
    assert_eq!(indexed(&trio, &["a.jsonl", "b.jsonl"]), [60, 0, 0, 0]);
    check(&trio, 60);
    assert_eq!(indexed(&trio, &["a.jsonl", "b.jsonl"]), [0, 0, 60, 0]);
    check(&trio, 60);

    // Of the first file some change, some go, some are new.
    write("a.jsonl", records(0..5, 0) + &records(5..15, 1) + &records(60..70, 0));
    assert_eq!(indexed(&trio, &["a.jsonl"]), [10, 10, 5, 0]);
    check(&trio, 70);
    assert_eq!(indexed(&trio, &["a.jsonl", "--prune"]), [0, 0, 25, 15]);
    check(&trio, 55);

    trio.each(&["remove", "d003", "d041", "d066"]);
    check(&trio, 52);
    trio.each(&["remove", "--filter", "year in 1992..1994"]);
    let left = trio.same(&["ls"]).lines().count();
    assert!((40..52).contains(&left), "{left}");
    check(&trio, left);
    // What was removed comes back.
    assert_eq!(indexed(&trio, &["a.jsonl", "b.jsonl"]), [55 - left as u64, 0, left as u64, 0]);
    check(&trio, 55);

    for place in [1, 2] {
        trio.one(place, &["store", "vacuum"]).success();
    }
    check(&trio, 55);
    let (rows, seen) = ("passages", "passages WHERE removed = 2147483647");
    let servers = Servers::shared();
    assert_eq!([servers.count("updates_cluster", rows), servers.count("updates_cluster", seen)], [55, 55]);

    assert_eq!(indexed(&trio, &["b.jsonl", "--rebuild"]), [30, 0, 0, 0]);
    check(&trio, 30);
}

#[test]
fn documents_that_change_within_one_run_are_there_once() {
    let trio = trio("within");
    // Two files have some of the same ids. The second comes last.
    trio.sandbox.write("a.jsonl", records(0..20, 0));
    trio.sandbox.write("b.jsonl", records(10..25, 1));
    let counted = indexed(&trio, &["a.jsonl", "b.jsonl"]);
    assert_eq!(counted[0] - counted[3], 25);
    check(&trio, 25);
    indexed(&trio, &["b.jsonl", "a.jsonl", "--commit-every", "4"]);
    check(&trio, 25);
}

/// A cluster for small records.
fn cluster(name: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    small::prepare(&sandbox);
    let address = Servers::shared().cluster(&sandbox, name, 4);
    (sandbox, address)
}

fn documents(sandbox: &Sandbox, address: &str) -> u64 {
    let told = sandbox.run(&["store", "info", "--json", "--store", address]).success();
    serde_json::from_str::<Value>(&told).unwrap()["documents"].as_u64().unwrap()
}

#[test]
fn a_build_that_is_stopped_or_killed_is_completed_by_the_next_run() {
    for (signal, status) in [("INT", Some(130)), ("KILL", None)] {
        let name = format!("stopped_{}", signal.to_lowercase());
        let (sandbox, address) = cluster(&name);
        sandbox.write("in.jsonl", records(0..900, 0));
        let mut writing = Writing::new(&sandbox, &address, &["--commit-every", "100"]);
        writing.write(&records(0..600, 0));
        writing.until("documents are committed", || documents(&sandbox, &address) >= 100);
        writing.signal(signal);
        let ran = writing.ended();
        assert_eq!(ran.status, status, "{ran}");
        assert!(sandbox.run(&["verify", "--store", &address]).success().contains("intact"));
        let before = documents(&sandbox, &address);
        assert!((100..=600).contains(&before), "{before}");
        let args = ["index", "in.jsonl", "--store", &address, "--json", "--model", "tiny", "-q", "--wait", "20"];
        let told: Value = serde_json::from_str(&sandbox.run(&args).success()).unwrap();
        assert_eq!([&told["added"], &told["documents"]], [900 - before, 900], "{told}");
        assert!(sandbox.run(&["verify", "--store", &address]).success().contains("intact"));
        assert_eq!(Servers::shared().count(&name, "passages"), 900);
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_rows_to_readers_or_to_the_next_run() {
    let (sandbox, address) = cluster("killed");
    sandbox.write("in.jsonl", records(0..10, 0));
    let index = ["index", "in.jsonl", "--store", &address, "--model", "tiny", "-q", "--wait", "20"];
    sandbox.run(&index).success();
    let mut writing = Writing::new(&sandbox, &address, &[]);
    writing.write(&large_records(0..400));
    let servers = Servers::shared();
    writing.until("rows are on the shards", || servers.count("killed", "passages") > 10);
    writing.signal("KILL");
    writing.ended();
    assert!(servers.count("killed", "passages") > 10);
    let listed = sandbox.run(&["ls", "--store", &address]).success();
    assert_eq!(listed.lines().count(), 10);
    assert!(sandbox.run(&["verify", "--store", &address]).success().contains("intact"));
    sandbox.run(&index).success();
    assert_eq!(servers.count("killed", "passages"), 10);
    assert_eq!(sandbox.run(&["ls", "--store", &address]).success(), listed);
}

#[test]
fn a_second_writer_is_told_of_the_first_or_waits_for_it() {
    let (sandbox, address) = cluster("two_writers");
    sandbox.write("in.jsonl", records(0..10, 0));
    let mut first = Writing::new(&sandbox, &address, &[]);
    first.write(&records(10..30, 0));
    let held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 'two_writers.store'::regclass";
    first.until("the index is taken", || !Servers::shared().sql("coordinator", held).is_empty());
    let index = ["index", "in.jsonl", "--store", &address, "--model", "tiny", "-q"];
    let refused = sandbox.run(&index);
    assert_eq!(refused.status, Some(2), "{refused}");
    assert!(refused.stderr.contains("another process is writing this index (server process "), "{refused}");
    assert!(refused.stderr.contains("hint: `--wait SECONDS` waits"), "{refused}");
    for action in ["begin", "vacuum", "drop"] {
        let refused = sandbox.run(&["store", action, "--store", &address]);
        assert!(refused.stderr.contains("another process is writing this index"), "{action}: {refused}");
    }
    let second = Writing::start(&sandbox, &[&index[..], &["--wait", "60"]].concat());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(second.is_running());
    assert_eq!(first.end().status, Some(0));
    let second = second.ended();
    assert_eq!(second.status, Some(0), "{second}");
    assert_eq!(documents(&sandbox, &address), 30);
}

#[test]
fn a_server_that_gives_a_lock_back_a_moment_later_is_waited_for() {
    let (sandbox, address) = cluster("let_go");
    sandbox.write("in.jsonl", records(0..10, 0));
    // The lock of a writer whose process has ended and whose session has not yet.
    let hold = "SELECT pg_advisory_lock(x'73656d73'::int, 'let_go.store'::regclass::oid::int), pg_sleep(.6)";
    let held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 'let_go.store'::regclass";
    std::thread::scope(|scope| {
        scope.spawn(|| Servers::shared().sql("coordinator", hold));
        while Servers::shared().sql("coordinator", held).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        sandbox.run(&["index", "in.jsonl", "--store", &address, "--model", "tiny", "-q"]).success();
    });
    assert_eq!(documents(&sandbox, &address), 10);
}
