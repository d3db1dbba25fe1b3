//! Eight threads share one searcher, each with its own request, while documents are committed ten times. Every answer
//! must equal the answer of a fresh process on the same commit.
//!
//! `cargo run --release --example shared -- MODEL_DIR INDEX_DIR`

#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use semsearch::corpus::{Document, FieldNames, Format, Input, records};
use semsearch::embedder::{Embedder, Options};
use semsearch::engine::{
    Indexer, IndexerOptions, LoadedModel, Mode, Query, SearchRequest, SearchResults, Searcher, identity,
};
use semsearch::error::EngineError;
use semsearch::index::{Effort, IndexConfig, IndexSettings, LocalStore, Store, WriteOptions};
use semsearch::model::ModelFiles;

type Failure = Box<dyn Error + Send + Sync>;

const THREADS: usize = 8;
const COMMITS: usize = 10;

/// An index with inverted lists, because `nprobe` has no effect on others.
const FACTORY: &str = "IVF4,Flat";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [model, index] => watch_while_writing(model, index),
        // The fresh process prints its commit, then a line for each request.
        [model, index, _] => {
            let searcher = searcher(load(model)?, index)?;
            for number in 0..THREADS {
                let found = searcher.search(&request(number)?, &mut ())?;
                println!("{} {}", found.commit, shown(&found));
            }
            Ok(())
        }
        _ => Err("usage: shared MODEL_DIR INDEX_DIR".into()),
    }
}

/// The request of a thread: each has another filter, mode and effort.
fn request(number: usize) -> Result<SearchRequest, Failure> {
    let texts = ["Who won?", "How do plants make food?", "the halftime show", "an emperor's army"];
    Ok(SearchRequest {
        queries: vec![Query { id: number.to_string(), text: texts[number % texts.len()].into() }],
        mode: Mode::ALL[number % Mode::ALL.len()],
        filter: Some(format!("copy >= {} and copy != {number}", number / 4).parse()?),
        effort: Effort { nprobe: Some(1 + number % 4), ef_search: None },
        ..SearchRequest::default()
    })
}

fn load(model: &str) -> Result<LoadedModel, EngineError> {
    let files = ModelFiles { dir: model.into(), id: model.into(), revision: None };
    Ok(LoadedModel { embedder: Arc::new(Embedder::load(&files, &Options::default())?), identity: identity(&files)? })
}

fn searcher(model: LoadedModel, index: &str) -> Result<Searcher, EngineError> {
    let store = Arc::new(LocalStore::new(index));
    let snapshot = store.snapshot()?;
    Searcher::new(store, snapshot, model)
}

/// Ids and scores, to the last bit.
fn shown(found: &SearchResults) -> String {
    let hits = found.hits.iter().flatten();
    hits.map(|hit| format!("{}={:08x}", hit.document.id, hit.score.to_bits())).collect::<Vec<_>>().join(" ")
}

fn watch_while_writing(model: &str, index: &str) -> Result<(), Failure> {
    let loaded = load(model)?;
    commit(&loaded, index, 0)?;
    let searcher = searcher(loaded.clone(), index)?;
    let is_done = AtomicBool::new(false);
    let (expected, seen) = thread::scope(|scope| {
        let readers: Vec<_> = (0..THREADS)
            .map(|number| {
                let (searcher, is_done) = (searcher.clone(), &is_done);
                scope.spawn(move || read(&searcher, number, is_done))
            })
            .collect();
        let expected = write(&loaded, model, index);
        is_done.store(true, Ordering::Relaxed);
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().map_err(|_| "a thread panicked")).collect();
        (expected, seen)
    });
    let expected = expected?;
    let (mut answers, mut commits) = (0, HashSet::new());
    for seen in seen {
        for (number, commit, answer) in seen?? {
            if expected[&commit][number] != answer {
                return Err(format!("request {number} on {commit}: {answer}, not {}", expected[&commit][number]).into());
            }
            answers += 1;
            commits.insert(commit);
        }
    }
    println!(
        "{answers} answers over {} of {} commits, each as a fresh process gives it",
        commits.len(),
        expected.len()
    );
    Ok(())
}

/// A thread's request, its commit, and the answer.
type Seen = (usize, String, String);

/// Searches again and again. One of the threads reloads the searcher after each commit, for all threads.
fn read(searcher: &Searcher, number: usize, is_done: &AtomicBool) -> Result<Vec<Seen>, Failure> {
    let request = request(number)?;
    let mut seen = Vec::new();
    loop {
        let was_done = is_done.load(Ordering::Relaxed);
        if number == 0 {
            searcher.reload()?;
        }
        let found = searcher.search(&request, &mut ())?;
        seen.push((number, found.commit.clone(), shown(&found)));
        if was_done {
            return Ok(seen);
        }
    }
}

/// Commits ten times. Returns the answers of a fresh process for each commit.
fn write(model: &LoadedModel, path: &str, index: &str) -> Result<HashMap<String, Vec<String>>, Failure> {
    let mut expected = HashMap::new();
    for copy in 0..=COMMITS {
        if copy > 0 {
            commit(model, index, copy)?;
        }
        let fresh = Command::new(std::env::current_exe()?).args([path, index, "answer"]).output()?;
        let lines = String::from_utf8(fresh.stdout)?;
        for line in lines.lines() {
            let (commit, answer) = line.split_once(' ').ok_or("an answer without a commit")?;
            expected.entry(commit.to_owned()).or_insert_with(Vec::new).push(answer.to_owned());
        }
    }
    Ok(expected)
}

/// Adds a copy of a part of the sample passages to the index.
fn commit(model: &LoadedModel, index: &str, copy: usize) -> Result<(), EngineError> {
    let settings = IndexSettings { factory: FACTORY.into(), ..IndexSettings::default() };
    let config = IndexConfig::new(model.identity.clone(), &model.embedder, settings);
    let writer = LocalStore::new(index).writer(config.clone(), WriteOptions::default())?;
    let mut indexer = Indexer::new(&model.embedder, &config, writer, IndexerOptions::default());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/passages.jsonl");
    let documents = records(&[Input::File(file)], Format::Auto)?.map(|record| {
        let document = FieldNames::default().document(record?)?;
        let mut metadata = document.metadata.clone();
        metadata.insert("copy".into(), copy.into());
        let (id, text) = (format!("{}-{copy}", document.id), format!("{} ({copy})", document.text));
        Ok(Document { id, text, metadata, ..document })
    });
    let some = if copy == 0 { usize::MAX } else { 12 };
    indexer.run(documents.skip(copy).take(some), &mut ())?;
    indexer.commit()?;
    Ok(())
}
