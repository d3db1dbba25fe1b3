//! A generation that several processes write: nothing of it is seen before it is committed, and no row is there twice.

use std::sync::Arc;
use std::thread;

use semsearch::index::{Snapshot, Store, StoreError};
use semsearch::postgres::{PostgresStore, ServerAddress, StoreOptions, Surroundings};
use serde_json::Value;

use super::servers::Servers;
use super::small::{self, MODEL, large_records, records};
use super::writing::Writing;
use crate::support::{Ran, Sandbox};

/// A store of one schema, and a directory beside it.
struct Scene {
    sandbox: Sandbox,
    schema: &'static str,
    address: String,
}

impl Scene {
    /// A cluster with some documents in its first generation.
    fn new(schema: &'static str) -> Self {
        let sandbox = Sandbox::new();
        small::prepare(&sandbox);
        for (name, numbers, version) in
            [("base", 0..20, 0), ("part1", 10..40, 1), ("part2", 40..70, 0), ("both", 30..45, 2)]
        {
            sandbox.write(&format!("{name}.jsonl"), records(numbers, version));
        }
        let address = Servers::shared().cluster(&sandbox, schema, 4);
        let scene = Self { sandbox, schema, address };
        scene.index("base.jsonl").success();
        scene
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.sandbox.run(&[args, &["--store", &self.address, "-q"]].concat())
    }

    fn index(&self, file: &str) -> Ran {
        self.run(&[&["index", file], &MODEL[..]].concat())
    }

    fn store(&self, action: &str) -> Ran {
        // The server may not know yet that a process is gone.
        let wait: &[&str] = if action == "info" { &[] } else { &["--wait", "20"] };
        self.run(&[&["store", action], wait].concat())
    }

    fn info(&self) -> Value {
        serde_json::from_str(&self.run(&["store", "info", "--json"]).success()).unwrap()
    }

    /// The documents that readers see, in any order, and what searches find.
    fn content(&self) -> Vec<String> {
        content(&self.sandbox, &["--store", &self.address])
    }

    /// The same of a directory into which these files were indexed one after the other.
    fn of_directory(&self, files: &[&str]) -> Vec<String> {
        let _ = std::fs::remove_dir_all(self.sandbox.path("dir"));
        for file in files {
            self.sandbox.run(&[&["index", file, "-i", "dir", "-q"], &MODEL[..]].concat()).success();
        }
        content(&self.sandbox, &["-i", "dir"])
    }

    /// The rows of passages on all shards, whoever sees them.
    fn rows(&self) -> u64 {
        Servers::shared().count(self.schema, "passages")
    }

    fn intact(&self) {
        assert!(self.run(&["verify"]).success().contains("intact"));
    }
}

/// Documents and the hits of a search by vectors, without the order in which documents were indexed.
fn content(sandbox: &Sandbox, place: &[&str]) -> Vec<String> {
    let listed = sandbox.run(&[&["ls", "-f", "jsonl"], place].concat()).json_lines();
    let ids: Vec<&str> = listed.iter().map(|document| document["id"].as_str().unwrap()).collect();
    let query = ["query", "--queries", "questions", "-k", "500", "-f", "jsonl", "-q"];
    let mut lines: Vec<String> = sandbox
        .run(&[&query[..], place].concat())
        .json_lines()
        .into_iter()
        .map(|mut hit| {
            hit.as_object_mut().unwrap().remove("rank");
            hit.to_string()
        })
        .chain(listed.iter().map(Value::to_string))
        .chain([sandbox.run(&[&["get", "-f", "json"], &ids[..], place].concat()).success()])
        .collect();
    // What `get` prints is in the order of `ids`.
    let documents = lines.pop().unwrap();
    lines.extend(documents.lines().map(String::from));
    lines.sort();
    lines
}

#[test]
fn two_processes_write_one_generation_and_one_of_them_twice() {
    let scene = Scene::new("together");
    let before = scene.content();
    let number = scene.store("begin").success();
    assert_eq!(number.trim(), "2");
    assert_eq!(scene.info()["open"], 2);
    let again = scene.store("begin");
    assert!(again.status == Some(2) && again.stderr.contains("generation 2 is open already"), "{again}");

    let ran = thread::scope(|scope| {
        let tasks = ["part1.jsonl", "part2.jsonl"].map(|file| scope.spawn(|| scene.index(file)));
        tasks.map(|task| task.join().unwrap())
    });
    assert!(ran.iter().all(|ran| ran.status == Some(0)), "{ran:?}");
    // A task whose end was not heard of is run again.
    scene.index("part1.jsonl").success();
    assert_eq!(scene.content(), before, "nothing is seen before the commit");
    scene.intact();
    let refused = scene.run(&["index", "base.jsonl", "--rebuild", "--model", "tiny"]);
    assert!(refused.stderr.contains("an open generation cannot be built anew"), "{refused}");

    scene.store("commit").success();
    assert_eq!(scene.content(), scene.of_directory(&["base.jsonl", "part1.jsonl", "part2.jsonl"]));
    assert_eq!(scene.info()["documents"], 70);
    scene.intact();
    // Ten documents of the first generation were replaced. Their rows stay for its readers, until they are removed.
    assert_eq!(scene.rows(), 80);
    scene.store("vacuum").success();
    assert_eq!(scene.rows(), 70);
    scene.intact();
    assert_eq!(scene.info()["documents"], 70);
    // Whoever did not hear that it was committed may commit it again.
    scene.store("commit").success();
    scene.index("base.jsonl").success();
    let none = scene.store("commit");
    assert!(none.status == Some(2) && none.stderr.contains("no generation is open"), "{none}");
}

#[test]
fn of_two_processes_with_the_same_document_the_later_one_counts() {
    let scene = Scene::new("same_document");
    scene.store("begin").success();
    for file in ["part1.jsonl", "part2.jsonl", "both.jsonl"] {
        scene.index(file).success();
    }
    scene.run(&["remove", "d001", "d002"]).success();
    scene.store("commit").success();
    let mut expected = scene.of_directory(&["base.jsonl", "part1.jsonl", "part2.jsonl", "both.jsonl"]);
    scene.sandbox.run(&["remove", "d001", "d002", "-i", "dir", "-q"]).success();
    expected.clear();
    expected.extend(content(&scene.sandbox, &["-i", "dir"]));
    assert_eq!(scene.content(), expected);
    scene.intact();
}

/// What was removed and put again is there, what was put and removed is not, and a document that moved from one file to another
/// stays, whichever process did which.
#[test]
fn in_an_open_generation_what_is_removed_and_put_counts_in_its_order() {
    let scene = Scene::new("in_order");
    scene.sandbox.write("za.jsonl", records(80..84, 0));
    scene.sandbox.write("zb.jsonl", records(84..86, 0));
    scene.sandbox.write("zc.jsonl", records(90..92, 0));
    let model = &MODEL[..];
    let index = |file: &'static str| [&["index", file, "--prune"], model].concat();
    let before = [index("base.jsonl"), index("za.jsonl"), index("zb.jsonl"), index("zc.jsonl")];
    let together = [
        vec!["remove", "d001", "d002"],
        index("base.jsonl"),
        index("part1.jsonl"),
        vec!["remove", "d012", "d030", "d031"],
        index("both.jsonl"),
        vec!["remove", "d031"],
    ];
    let directory = |args: &[&str]| scene.sandbox.run(&[args, &["-i", "dir", "-q"]].concat()).success();
    for args in &before {
        scene.run(args).success();
        directory(args);
    }
    scene.store("begin").success();
    for args in &together {
        scene.run(args).success();
        directory(args);
    }
    // The first document of one file moves to the other.
    scene.sandbox.write("za.jsonl", records(81..84, 0));
    scene.sandbox.write("zb.jsonl", [records(80..81, 0), records(84..85, 0)].concat());
    // Here the other file comes first, and the document has changed.
    scene.sandbox.write("zc.jsonl", records(91..92, 0));
    scene.sandbox.write("zd.jsonl", records(90..91, 1));
    for args in [index("za.jsonl"), index("zb.jsonl"), index("zd.jsonl"), index("zc.jsonl")] {
        scene.run(&args).success();
        directory(&args);
    }
    scene.store("commit").success();
    assert_eq!(scene.content(), content(&scene.sandbox, &["-i", "dir"]));
    assert!(["d001", "d030", "d080", "d090"].iter().all(|id| scene.run(&["get", id]).status == Some(0)));
    assert!(["d012", "d031", "d085"].iter().all(|id| scene.run(&["get", id]).status == Some(1)));
    scene.intact();
}

#[test]
fn a_process_that_is_killed_in_an_open_generation_leaves_nothing_after_the_commit() {
    let scene = Scene::new("killed_together");
    scene.store("begin").success();
    let mut writing = Writing::new(&scene.sandbox, &scene.address, &[]);
    writing.write(&large_records(0..300));
    writing.until("rows are on the shards", || scene.rows() > 20);
    writing.signal("KILL");
    writing.ended();
    scene.index("part2.jsonl").success();
    assert!(scene.rows() > 50);
    scene.store("commit").success();
    assert_eq!(scene.content(), scene.of_directory(&["base.jsonl", "part2.jsonl"]));
    assert_eq!(scene.rows(), 50);
    scene.intact();
}

#[test]
fn a_generation_that_is_given_up_leaves_nothing() {
    let scene = Scene::new("given_up");
    let before = scene.content();
    scene.store("begin").success();
    scene.index("part1.jsonl").success();
    scene.run(&["remove", "d005"]).success();
    let mut late = Writing::new(&scene.sandbox, &scene.address, &[]);
    late.write(&records(100..120, 0));
    // A writer at work is waited for.
    let held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 'given_up.store'::regclass";
    late.until("the index is taken", || !Servers::shared().sql("coordinator", held).is_empty());
    let refused = scene.run(&["store", "abort"]);
    assert!(refused.stderr.contains("another process is writing this index"), "{refused}");
    assert_eq!(late.end().status, Some(0));
    scene.store("abort").success();
    assert_eq!(scene.rows(), 20);
    assert_eq!(scene.content(), before);
    assert_eq!(scene.info()["open"], Value::Null);
    for table in ["removals", "words WHERE generation > 1"] {
        assert_eq!(Servers::shared().count("given_up", table), 0, "{table}");
    }
    scene.intact();
    // The next generation is as if this one had never been.
    scene.index("part1.jsonl").success();
    assert_eq!(scene.content(), scene.of_directory(&["base.jsonl", "part1.jsonl"]));
    scene.intact();
}

#[test]
fn a_reader_stays_with_its_generation_until_that_is_removed() {
    let scene = Scene::new("reader");
    let address: ServerAddress = scene.address.parse().unwrap();
    let login = address.login(&Surroundings::new(|_| None, None, None)).unwrap();
    let store = PostgresStore::new(login, StoreOptions::default()).unwrap();
    let open = || -> Arc<dyn Snapshot> { store.snapshot().unwrap() };
    let read = |snapshot: &dyn Snapshot| -> Result<Vec<String>, StoreError> {
        let keys = snapshot.keys(None)?;
        let passages = snapshot.passages(&keys)?;
        let word = snapshot.words("n7")?.best(&crate::support::among(5, None))?;
        Ok(passages.iter().map(|passage| passage.text.clone()).chain([format!("{word:?}")]).collect())
    };
    let (old, commit) = (open(), store.commit().unwrap());
    let seen = read(&*old).unwrap();
    scene.index("part1.jsonl").success();
    assert_ne!(store.commit().unwrap(), commit);
    assert_eq!(read(&*old).unwrap(), seen);
    assert_eq!(read(&*open()).unwrap().len(), 41);
    scene.store("vacuum").success();
    let failed = read(&*old).unwrap_err();
    assert!(failed.to_string().ends_with("generation 1 was removed while it was read"), "{failed}");
    assert_eq!(read(&*open()).unwrap().len(), 41);
}
