//! Downloads from the Hugging Face Hub, tested against a small server on loopback that answers the Hub's routes: HEAD
//! with a file's ETag, size and commit, large files through a redirect, the list of a data set's files, and 404 for
//! files that do not exist.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::support::{Ran, Sandbox, tiny_model};

const MODEL: &str = "tiny/bert";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS: &str = "model.safetensors";

const VALIDATION: &str = "plain_text/validation-00000-of-00001.parquet";

/// Whether a file is one of the data set's, not of the model's.
fn is_data(file: &str) -> bool {
    [".parquet", ".md", ".jsonl"].iter().any(|ending| file.ends_with(ending))
}

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The weights do not exist.
    NoWeights,
    /// The connection ends in the middle of the weights.
    Truncated,
    /// One byte of the weights differs from what their ETag says.
    WrongByte,
    /// The server stops sending the weights, but the connection stays open.
    Stalled,
}

/// A Hub with one model.
pub(crate) struct Hub {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    files: HashMap<String, Vec<u8>>,
    fault: Fault,
    requests: AtomicUsize,
    /// Half of the weights have been sent and no more will come.
    stalled: AtomicBool,
    /// Authorization headers seen.
    tokens: Mutex<Vec<String>>,
}

impl Hub {
    pub(crate) fn start(fault: Fault) -> Self {
        let dir = tempfile::tempdir().unwrap();
        tiny_model(dir.path(), 1);
        let names = [
            "config.json",
            "tokenizer.json",
            "modules.json",
            "sentence_bert_config.json",
            "1_Pooling/config.json",
            WEIGHTS,
        ];
        let mut files: HashMap<String, Vec<u8>> =
            names.map(|name| (name.to_owned(), fs::read(dir.path().join(name)).unwrap())).into();
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet/snappy.parquet");
        files.insert(VALIDATION.into(), fs::read(table).unwrap());
        files.insert("plain_text/train-00000-of-00001.parquet".into(), b"PAR1".into());
        files.insert("README.md".into(), b"# Pets".into());
        files.insert("more/cats.jsonl".into(), b"{\"_id\": \"c\", \"text\": \"a cat\"}\n".into());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            files,
            fault,
            requests: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            tokens: Mutex::default(),
        });
        let (server, address) = (Arc::clone(&shared), endpoint.clone());
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (server, address) = (Arc::clone(&server), address.clone());
                thread::spawn(move || server.answer(connection, &address));
            }
        });
        Self { endpoint, shared }
    }

    fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answer(&self, mut connection: TcpStream, endpoint: &str) -> Option<()> {
        let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
        let request = lines.next()?.ok()?;
        self.requests.fetch_add(1, Ordering::SeqCst);
        for header in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
            if let Some((name, value)) = header.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
            {
                self.tokens.lock().unwrap().push(value.to_owned());
            }
        }
        let [method, path, _] = request.split(' ').collect::<Vec<_>>()[..] else { return None };
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        // The server has the same data set for every owner and name.
        if path.starts_with("/api/datasets/") && path.ends_with("/tree/main") && !path.contains("/no/such/") {
            return self.list(&mut connection);
        }
        let (repository, rest) = path.split_once("/resolve/").unwrap_or((path, ""));
        let known = repository[1..] == *MODEL || repository.starts_with("/datasets/");
        let of_model = rest.split_once('/').filter(|_| known);
        let (file, from_storage) = match (of_model, path.strip_prefix("/storage/")) {
            (Some((_, file)), _) => (file, false),
            (None, Some(file)) => (file, true),
            _ => ("", false),
        };
        let content = self.files.get(file).filter(|_| !(self.fault == Fault::NoWeights && file == WEIGHTS));
        let Some(content) = content else {
            let code = if of_model.is_some() { "EntryNotFound" } else { "RepoNotFound" };
            let head = format!("HTTP/1.1 404 Not Found\r\nX-Error-Code: {code}\r\nX-Repo-Commit: {COMMIT}\r\n");
            return write!(connection, "{head}Content-Length: 0\r\nConnection: close\r\n\r\n").ok();
        };
        let (length, etag) = (content.len(), etag(file, content));
        if file == WEIGHTS && !from_storage {
            let linked = format!("X-Linked-ETag: \"{etag}\"\r\nX-Linked-Size: {length}\r\nX-Repo-Commit: {COMMIT}\r\n");
            let to = format!("Location: {endpoint}/storage/{file}\r\n");
            return write!(
                connection,
                "HTTP/1.1 302 Found\r\n{linked}{to}Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .ok();
        }
        let head =
            format!("HTTP/1.1 200 OK\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Length: {length}\r\n");
        write!(connection, "{head}Connection: close\r\n\r\n").ok()?;
        if method == "GET" {
            self.send(&mut connection, file, content);
        }
        Some(())
    }

    /// The files of the data set, as the Hub lists them.
    fn list(&self, connection: &mut TcpStream) -> Option<()> {
        let files = self.files.iter().filter(|(file, _)| is_data(file)).map(
            |(file, content)| json!({"type": "file", "oid": etag(file, content), "size": content.len(), "path": file}),
        );
        let body = Value::from_iter(files).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        write!(connection, "{head}\r\nConnection: close\r\n\r\n{body}").ok()
    }

    fn send(&self, connection: &mut TcpStream, file: &str, content: &[u8]) {
        let mut bytes = content.to_vec();
        match self.fault {
            Fault::WrongByte if file == WEIGHTS => *bytes.last_mut().unwrap() ^= 1,
            Fault::Truncated | Fault::Stalled if file == WEIGHTS => bytes.truncate(content.len() / 2),
            _ => {}
        }
        let _ = connection.write_all(&bytes);
        if self.fault == Fault::Stalled && file == WEIGHTS {
            self.stalled.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_secs(60));
        }
    }
}

#[test]
fn a_split_of_a_data_set_is_indexed_by_its_address_and_found_in_the_cache_afterwards() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    tiny_model(&sandbox.path("tiny"), 1);
    let split = ["index", "hf://datasets/tiny/pets", "--split", "validation", "--model", "tiny", "--json"];
    let summary: Value = serde_json::from_str(&run(&sandbox, &hub.endpoint, &split).success()).unwrap();
    assert_eq!((&summary["documents"], &summary["added"]), (&json!(3), &json!(3)));
    let requests = hub.requests();
    let again: Value =
        serde_json::from_str(&run(&sandbox, &hub.endpoint, &[&split[..], &["--offline"]].concat()).success()).unwrap();
    assert_eq!((&again["unchanged"], hub.requests()), (&json!(3), requests));
    let hits =
        run(&sandbox, &hub.endpoint, &["query", "bees", "-f", "jsonl", "-k", "1", "--mode", "lexical"]).success();
    let hit: Value = serde_json::from_str(&hits).unwrap();
    assert_eq!((&hit["id"], &hit["metadata"]["author"]["name"]), (&json!("1"), &json!("Karl")));
}

#[test]
fn a_file_of_a_data_set_is_named_by_its_address_whatever_its_revision() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    tiny_model(&sandbox.path("tiny"), 1);
    let file = |revision: &str| format!("hf://datasets/tiny/pets{revision}/more/cats.jsonl");
    let index = |address: &str, more: &[&str]| {
        let args = [&["index", address, "--model", "tiny", "--json"], more].concat();
        serde_json::from_str::<Value>(&run(&sandbox, &hub.endpoint, &args).success()).unwrap()
    };
    assert_eq!(index(&file(""), &[])["added"], json!(1));
    // With a revision it is still the same input, so pruning knows which documents came from it.
    let pruned = index(&file("@main"), &["--prune"]);
    assert_eq!((&pruned["unchanged"], &pruned["removed"]), (&json!(1), &json!(0)));
    let embedded = run(&sandbox, &hub.endpoint, &["embed", &file(""), "--model", "tiny"]).success();
    assert!(embedded.starts_with(r#"{"_id":"c","text":"a cat","embedding":["#), "{embedded}");
}

#[test]
fn a_data_set_that_is_not_clear_or_not_there_is_said_with_what_there_is() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    let index = |args: &[&str]| {
        let ran = run(&sandbox, &hub.endpoint, &[&["index"], args].concat());
        assert_eq!(ran.status, Some(2), "{ran}");
        told(&ran, &hub)
    };
    insta::assert_snapshot!(index(&["hf://datasets/tiny/pets"]), @r"
    error: hf://datasets/tiny/pets: it has the splits train, validation
    hint: name one, as in `--split validation`
    ");
    insta::assert_snapshot!(index(&["hf://datasets/tiny/pets", "--split", "test"]), @r#"
    error: hf://datasets/tiny/pets: no split "test" in it
    hint: there are train, validation
    "#);
    insta::assert_snapshot!(index(&["hf://datasets/no/such", "--split", "test"]), @r"
    error: data set no/such: no list of files on [HUB]: HTTP error: 404 Not Found (url=[HUB]/api/datasets/no/such/tree/main?recursive=true, error_code=RepoNotFound)
    hint: check the address; one that is not public needs HF_TOKEN
    ");
    insta::assert_snapshot!(index(&["hf://datasets/tiny/pets", "--offline"]), @r"
    error: hf://datasets/tiny/pets: it is not in [DIR]/hf/hub
    hint: without --offline it is downloaded, and found there from then on
    ");
    insta::assert_snapshot!(index(&["hf://models/tiny/bert"]), @r"
    error: hf://models/tiny/bert: not an address of a data set
    hint: an address is hf://datasets/OWNER/NAME, perhaps with @REVISION and then /PATH
    ");
    insta::assert_snapshot!(index(&["corpus.jsonl", "--split", "test"]), @r"
    error: --split chooses from a data set of the Hub
    hint: name one, as in `hf://datasets/OWNER/NAME --split train`
    ");
}

/// The ETag that the Hub gives a file: SHA-256 for a large file, git's blob id for a small one.
fn etag(file: &str, content: &[u8]) -> String {
    if file == WEIGHTS {
        return hex::encode(Sha256::digest(content));
    }
    hex::encode(Sha1::new().chain_update(format!("blob {}\0", content.len())).chain_update(content).finalize())
}

/// Runs with the Hub as the only place to get a model from, and an empty cache in the sandbox.
fn run(sandbox: &Sandbox, endpoint: &str, args: &[&str]) -> Ran {
    sandbox.ran(&command(sandbox, endpoint, args).output().unwrap())
}

fn command(sandbox: &Sandbox, endpoint: &str, args: &[&str]) -> Command {
    with_hub(sandbox.command(args), sandbox, endpoint)
}

fn with_hub(mut command: Command, sandbox: &Sandbox, endpoint: &str) -> Command {
    command
        .env_remove("HF_HUB_OFFLINE")
        .env("XDG_CACHE_HOME", sandbox.path("cache"))
        .env("HF_HOME", sandbox.path("hf"));
    command.env("HF_ENDPOINT", endpoint).env("NO_PROXY", "127.0.0.1");
    command
}

/// Standard error with the server's address masked, because it differs from run to run.
fn told(ran: &Ran, hub: &Hub) -> String {
    ran.stderr.replace(&hub.endpoint, "[HUB]")
}

const EMBED: [&str; 4] = ["sim", "a dog", "a cat", "--model"];

fn embed() -> Vec<&'static str> {
    [&EMBED[..], &[MODEL]].concat()
}

#[test]
fn a_model_is_downloaded_once_and_found_in_the_cache_afterwards() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    let fetched = run(&sandbox, &hub.endpoint, &["model", "fetch", MODEL]).success();
    assert_eq!(fetched.trim_end(), format!("[DIR]/hf/hub/models--tiny--bert/snapshots/{COMMIT}"));
    let requests = hub.requests();
    let first = run(&sandbox, &hub.endpoint, &embed()).success();
    assert_eq!(hub.requests(), requests, "what is in the cache needs no network");
    assert!(first.contains("1.0000"));
    // The model's own pooling and length were downloaded too.
    let info = run(&sandbox, &hub.endpoint, &[&embed()[..], &["-v"]].concat());
    assert!(info.stderr.contains("pooling cls, at most 16 tokens, not normalized"), "{info}");
    let verified = run(&sandbox, &hub.endpoint, &["model", "verify", MODEL]);
    assert!(verified.stderr.contains("intact: config.json, tokenizer.json, model.safetensors"), "{verified}");
}

#[test]
fn offline_opens_no_socket() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    let ran = run(&sandbox, &hub.endpoint, &[&embed()[..], &["--offline"]].concat());
    assert_eq!((ran.status, hub.requests()), (Some(2), 0), "{ran}");
    let by_environment = command(&sandbox, &hub.endpoint, &embed()).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert_eq!((by_environment.status.code(), hub.requests()), (Some(2), 0));
}

#[test]
fn the_token_goes_along() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    let output = command(&sandbox, &hub.endpoint, &embed()).env("HF_TOKEN", "hf_secret").output().unwrap();
    assert!(output.status.success());
    assert!(hub.shared.tokens.lock().unwrap().iter().any(|token| token == "Bearer hf_secret"));
}

#[test]
fn what_the_hub_does_not_have_is_said_and_changes_nothing() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::NoWeights));
    let ran = run(&sandbox, &hub.endpoint, &embed());
    assert_eq!(ran.status, Some(2), "{ran}");
    insta::assert_snapshot!(told(&ran, &hub), @r"
    error: model tiny/bert: no model.safetensors on [HUB]: Entry not found: model.safetensors in tiny/bert
    hint: check the id and --revision; a model needs config.json, tokenizer.json and model.safetensors
    ");
    let unknown = run(&sandbox, &hub.endpoint, &["sim", "a", "b", "--model", "no/such"]);
    assert_eq!(unknown.status, Some(2), "{unknown}");
    insta::assert_snapshot!(told(&unknown, &hub), @r"
    error: model no/such: no config.json on [HUB]: Entry not found: config.json in no/such
    hint: check the id and --revision; a model needs config.json, tokenizer.json and model.safetensors
    ");
    recovers(&sandbox);
}

#[test]
fn a_body_cut_short_is_an_error_and_the_next_run_starts_over() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::Truncated));
    let ran = run(&sandbox, &hub.endpoint, &embed());
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(
        told(&ran, &hub).starts_with("error: model tiny/bert: cannot download model.safetensors from [HUB]: "),
        "{ran}"
    );
    recovers(&sandbox);
}

#[test]
fn a_wrong_byte_is_found_when_it_arrives_and_does_not_stay() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::WrongByte));
    let ran = run(&sandbox, &hub.endpoint, &embed());
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("its SHA-256 is ") && ran.stderr.contains(", expected "), "{ran}");
    let again = run(&sandbox, &hub.endpoint, &embed());
    assert_eq!(again.status, Some(2), "what was wrong is not taken from the cache: {again}");
    recovers(&sandbox);
}

#[test]
fn the_default_model_must_have_its_pinned_digests() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let ran = sandbox.run(&["model", "import", "tiny"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("expected 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"), "{ran}");
}

#[test]
fn a_hub_that_is_gone_is_an_error() {
    let sandbox = Sandbox::new();
    // A port that was free a moment ago. Nothing listens on it.
    let endpoint = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let ran = run(&sandbox, &endpoint, &embed());
    assert_eq!(ran.status, Some(2), "{ran}");
    let first = ran.stderr.lines().next().unwrap().replace(&endpoint, "[HUB]");
    assert!(first.starts_with("error: model tiny/bert: cannot download config.json from [HUB]: "), "{first}");
    assert!(first.contains("Connection refused"), "{first}");
    recovers(&sandbox);
}

#[test]
fn a_download_that_is_killed_leaves_nothing_that_stops_the_next() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::Stalled));
    let mut child = command(&sandbox, &hub.endpoint, &embed()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !hub.shared.stalled.load(Ordering::SeqCst) {
        assert!(started.elapsed() < Duration::from_secs(60), "the download never came to the weights");
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(has_file(&sandbox.path("hf"), ".incomplete"), "half of the weights are on the disk");
    recovers(&sandbox);
}

#[test]
fn an_import_that_was_killed_is_swept_and_done_again() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let args = ["model", "import", "tiny", "--model", MODEL];
    let imported = run(&sandbox, "http://127.0.0.1:9", &args).success();
    let cache = sandbox.path("cache/semsearch/models/tiny--bert");
    assert_eq!(imported.trim_end(), "[DIR]/cache/semsearch/models/tiny--bert/main");
    // What a kill in the middle of a copy leaves behind.
    let arriving = cache.join(".arriving-0123456789abcdef");
    fs::create_dir_all(arriving.join("1_Pooling")).unwrap();
    fs::write(arriving.join("config.json"), "half").unwrap();
    run(&sandbox, "http://127.0.0.1:9", &args).success();
    let mut left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", "main"]);
    run(&sandbox, "http://127.0.0.1:9", &[&embed()[..], &["--offline"]].concat()).success();
}

#[test]
fn a_full_disk_is_an_error_and_the_next_run_recovers() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    // Room for every file but the weights.
    let full = with_hub(sandbox.command_on_full_disk(&embed(), 4096), &sandbox, &hub.endpoint).output().unwrap();
    let ran = sandbox.ran(&full);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("cannot download model.safetensors") && ran.stderr.contains("File too large"), "{ran}");
    recovers(&sandbox);
}

#[test]
fn a_cache_that_cannot_be_written_is_an_error() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    // A file stands where the directory would have to be made.
    sandbox.write("hf", "not a directory");
    let ran = run(&sandbox, &hub.endpoint, &embed());
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("cannot download config.json"), "{ran}");
    fs::remove_file(sandbox.path("hf")).unwrap();
    recovers(&sandbox);
}

/// Checks that the model can be downloaded when the Hub works again, whatever earlier runs left behind.
#[track_caller]
fn recovers(sandbox: &Sandbox) {
    let hub = Hub::start(Fault::None);
    run(sandbox, &hub.endpoint, &embed()).success();
}

fn has_file(dir: &Path, ending: &str) -> bool {
    fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { has_file(&path, ending) } else { path.to_string_lossy().ends_with(ending) }
    })
}

/// A server on loopback that answers each request, by its method and path, with these bytes.
fn server(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || -> Option<()> {
                let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
                let request = lines.next()?.ok()?;
                lines.map_while(Result::ok).find(|line| line.is_empty());
                let [method, path, _] = request.split(' ').collect::<Vec<_>>()[..] else { return None };
                connection.write_all(&answer(method, path)).ok()
            });
        }
    });
    endpoint
}

/// A response with these headers, and with this body if the method is GET.
fn response(method: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), if method == "GET" { body } else { &[] }].concat()
}

/// Every file, directory and link outside the caches, with its content.
fn outside(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    fn walk(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                walk(&path, found);
            }
            let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            found.push((path.to_string_lossy().into_owned(), content));
        }
    }
    let mut found = Vec::new();
    walk(&sandbox.path(""), &mut found);
    let caches = ["cache", "hf"].map(|name| sandbox.path(name).to_string_lossy().into_owned());
    found.retain(|(path, _)| !caches.iter().any(|cache| path.starts_with(cache)));
    found.sort();
    found
}

#[test]
fn no_word_of_a_hub_writes_outside_the_cache() {
    let sandbox = Sandbox::new();
    sandbox.write("victim", "theirs");
    sandbox.write("victim.lock", "theirs");
    let before = outside(&sandbox);
    let absolute = sandbox.path("victim").to_string_lossy().into_owned();
    let up = "../".repeat(4) + "victim";
    for bad in [&absolute, &up, &"../".repeat(3), &"..".into(), &"a/b".into(), &".hidden".into(), &"x".repeat(300)] {
        for (etag, commit) in [(bad.as_str(), COMMIT), ("abc", bad.as_str())] {
            for status in ["200 OK", "404 Not Found"] {
                let headers = format!("ETag: \"{etag}\"\r\nX-Repo-Commit: {commit}\r\n");
                let endpoint = server(move |method, _| {
                    let answer = response(method, &headers, b"{}");
                    String::from_utf8(answer).unwrap().replace("200 OK", status).into_bytes()
                });
                let ran = run(&sandbox, &endpoint, &["model", "fetch", MODEL]);
                assert_eq!(ran.status, Some(2), "{etag} {commit}: {ran}");
                assert!(outside(&sandbox) == before, "{etag} {commit} {status}");
                let data = run(&sandbox, &endpoint, &["index", "hf://datasets/tiny/pets/a.jsonl"]);
                assert_eq!(data.status, Some(2), "{etag} {commit}: {data}");
                assert!(outside(&sandbox) == before, "{etag} {commit} {status}");
            }
        }
    }
    let headers = format!("ETag: \"{up}\"\r\nX-Repo-Commit: {COMMIT}\r\n");
    let endpoint = server(move |method, _| response(method, &headers, b"{}"));
    let ran = run(&sandbox, &endpoint, &["model", "fetch", MODEL]);
    assert!(ran.stderr.contains(r#"its ETag is "../../../../victim""#), "{ran}");
}

#[test]
fn no_name_in_a_list_of_files_writes_outside_the_cache() {
    let sandbox = Sandbox::new();
    sandbox.write("victim.jsonl", "theirs");
    let before = outside(&sandbox);
    for name in [
        &*sandbox.path("victim.jsonl").to_string_lossy(),
        "../../../../../victim.jsonl",
        "a/../../../../../../victim.jsonl",
    ] {
        let list = json!([{"type": "file", "path": name}]).to_string();
        let endpoint = server(move |method, path| {
            let headers = format!("ETag: \"abc\"\r\nX-Repo-Commit: {COMMIT}\r\n");
            response(method, &headers, if path.contains("/tree/") { list.as_bytes() } else { b"{\"text\":\"a\"}\n" })
        });
        let ran = run(&sandbox, &endpoint, &["index", "hf://datasets/tiny/pets"]);
        assert_eq!(ran.status, Some(2), "{ran}");
        assert!(ran.stderr.contains("is not the path of a file in it"), "{ran}");
        assert!(outside(&sandbox) == before, "{name}");
    }
}

#[test]
fn a_models_own_files_name_none_outside_of_it() {
    let sandbox = Sandbox::new();
    sandbox.write("victim/config.json", r#"{"pooling_mode_cls_token": true}"#);
    for path in [&*sandbox.path("victim").to_string_lossy(), "../victim", "../../../../../../victim"] {
        let dir = sandbox.path("tiny");
        tiny_model(&dir, 1);
        let modules = json!([{"path": "", "type": "Transformer"}, {"path": path, "type": "Pooling"}]).to_string();
        fs::write(dir.join("modules.json"), &modules).unwrap();
        let before = outside(&sandbox);
        let refused = |ran: Ran| {
            assert_eq!(ran.status, Some(2), "{ran}");
            assert!(ran.stderr.contains("leads out of the model's directory"), "{ran}");
            assert!(outside(&sandbox) == before, "{path}");
        };
        refused(sandbox.run(&["sim", "a", "b", "--model", "tiny"]));
        refused(run(&sandbox, "http://127.0.0.1:9", &["model", "import", "tiny", "--model", MODEL]));
        // The same model, but from the Hub.
        let endpoint = server(move |method, path| {
            let file = path.split_once("/resolve/main/").map_or("", |(_, file)| file);
            let content = fs::read(dir.join(file)).unwrap_or_default();
            let headers = format!("ETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\n", etag(file, &content));
            response(method, &headers, &content)
        });
        refused(run(&sandbox, &endpoint, &["model", "fetch", MODEL]));
    }
}

#[test]
fn a_list_of_files_without_an_end_is_an_error() {
    let sandbox = Sandbox::new();
    let memory = |endpoint: &str| {
        let plain = command(&sandbox, endpoint, &["index", "hf://datasets/tiny/pets"]);
        let mut limited = Command::new("sh");
        limited.arg("-c").arg("ulimit -v 2000000; exec \"$0\" \"$@\"").arg(plain.get_program()).args(plain.get_args());
        limited.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
        limited.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = sandbox.ran(&limited.output().unwrap());
        assert_eq!(ran.status, Some(2), "{ran}");
        assert!(ran.stderr.contains("the list of files: larger than"), "{ran}");
    };
    // Pages of one file, each with the address of the next.
    memory(&server(move |method, _| {
        let page = json!([{"type": "file", "path": "a.jsonl"}]).to_string();
        response(method, "Link: </api/datasets/tiny/pets/tree/main?p=2>; rel=\"next\"\r\n", page.as_bytes())
    }));
    // One page that does not end.
    memory(&server(move |method, _| {
        let page = [&b"["[..], &b"{\"type\": \"file\", \"path\": \"a.jsonl\"},".repeat(6_000_000)].concat();
        response(method, "", &page)
    }));
}

#[test]
fn a_token_is_not_sent_where_a_list_goes_on_elsewhere() {
    let (sandbox, asked) = (Sandbox::new(), Arc::new(AtomicUsize::new(0)));
    let elsewhere = server({
        let asked = Arc::clone(&asked);
        move |method, _| {
            asked.fetch_add(1, Ordering::SeqCst);
            response(method, "", b"[]")
        }
    });
    let endpoint = server(move |method, _| {
        let page = json!([{"type": "file", "path": "a.jsonl"}]).to_string();
        response(method, &format!("Link: <{elsewhere}/>; rel=\"next\"\r\n"), page.as_bytes())
    });
    let ran = run(&sandbox, &endpoint, &["index", "hf://datasets/tiny/pets"]);
    assert_eq!((ran.status, asked.load(Ordering::SeqCst)), (Some(2), 0), "{ran}");
    assert!(ran.stderr.contains("continues at another server"), "{ran}");
}

#[test]
fn more_bytes_than_promised_are_an_error_and_do_not_stay() {
    let sandbox = Sandbox::new();
    let endpoint = server(|method, _| {
        let headers = format!("ETag: \"abc\"\r\nX-Repo-Commit: {COMMIT}\r\n");
        response(method, &headers, if method == "GET" { b"{\"a\": 1234567}" } else { b"{}" })
    });
    let ran = run(&sandbox, &endpoint, &["model", "fetch", MODEL]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("more bytes than the 2 expected"), "{ran}");
    assert_eq!(fs::read_dir(sandbox.path("hf/hub/models--tiny--bert/blobs")).unwrap().count(), 0);
}

#[test]
fn links_in_the_cache_of_imports_are_not_followed_and_what_is_not_a_models_stays() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("theirs/notes.txt", "theirs");
    let cache = sandbox.path("cache/semsearch/models/tiny--bert");
    fs::create_dir_all(&cache).unwrap();
    let before = outside(&sandbox);
    let import = || run(&sandbox, "http://127.0.0.1:9", &["model", "import", "tiny", "--model", MODEL]);
    // Names that earlier versions used during an import, and names that this version uses.
    for name in [".arriving", ".leaving", ".arriving-0123456789abcdef", "main"] {
        std::os::unix::fs::symlink(sandbox.path("theirs"), cache.join(name)).unwrap();
    }
    import().success();
    assert!(outside(&sandbox) == before);
    assert!(cache.join("main/config.json").is_file() && !cache.join("main").is_symlink());
    fs::remove_file(cache.join(".lock")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("theirs/notes.txt"), cache.join(".lock")).unwrap();
    let ran = import();
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("symbolic link") && outside(&sandbox) == before, "{ran}");
    // A file of the user in the directory of a model.
    fs::remove_file(cache.join(".lock")).unwrap();
    fs::write(cache.join("main/notes.txt"), "theirs").unwrap();
    let ran = import();
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("notes.txt is not a file of a model"), "{ran}");
    assert_eq!(fs::read_to_string(cache.join("main/notes.txt")).unwrap(), "theirs");
    // A revision can neither lead out of the cache nor be one of the names above.
    for revision in ["..", "../../x", ".lock", ".arriving"] {
        let args = ["model", "import", "tiny", "--model", MODEL, "--revision", revision];
        assert_eq!(run(&sandbox, "http://127.0.0.1:9", &args).status, Some(2), "{revision}");
    }
}

#[test]
fn a_model_that_only_an_index_names_is_not_downloaded_without_being_asked_for() {
    let (sandbox, hub) = (Sandbox::new(), Hub::start(Fault::None));
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"text\":\"a dog\"}\n");
    run(&sandbox, &hub.endpoint, &["index", "in.jsonl", "--model", MODEL]).success();
    fs::remove_dir_all(sandbox.path("hf")).unwrap();
    let requests = hub.requests();
    for args in [&["query", "a dog"][..], &["index", "in.jsonl"]] {
        let ran = run(&sandbox, &hub.endpoint, args);
        assert_eq!((ran.status, hub.requests()), (Some(2), requests), "{ran}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(&ran, &hub), @r"
            error: .semsearch: its model tiny/bert is not on this machine: no config.json (looked in [DIR]/cache/semsearch/models/tiny--bert/main and [DIR]/hf/hub)
            hint: `semsearch model fetch tiny/bert --revision main` downloads it, if you trust where the index comes from
            ");
        }
    }
    run(&sandbox, &hub.endpoint, &["model", "fetch", "tiny/bert", "--revision", "main"]).success();
    run(&sandbox, &hub.endpoint, &["query", "a dog"]).success();
    // A model that the config file names counts as asked for.
    fs::remove_dir_all(sandbox.path("hf")).unwrap();
    sandbox.write(".config/semsearch/config.toml", "model = \"tiny/bert\"\n");
    run(&sandbox, &hub.endpoint, &["query", "a dog"]).success();
}

#[test]
fn an_index_of_another_user_is_used_only_if_it_is_named() {
    let sandbox = Sandbox::with_index();
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can give a directory to another user");
        return;
    }
    std::os::unix::fs::chown(sandbox.path(".semsearch"), Some(1), None).unwrap();
    fs::create_dir(sandbox.path("below")).unwrap();
    let below =
        |args: &[&str]| sandbox.ran(&sandbox.command(args).current_dir(sandbox.path("below")).output().unwrap());
    insta::assert_snapshot!(below(&["info"]).stderr, @r"
    warning: [DIR]/.semsearch belongs to another user and is passed over (`-i [DIR]/.semsearch` uses it all the same)
    error: .semsearch: no index here
    hint: build one with `semsearch index FILE`, or name one with `-i DIR`
    ");
    insta::assert_snapshot!(sandbox.run(&["info"]).stderr, @r"
    error: [DIR]/.semsearch: this index belongs to another user
    hint: `-i .semsearch` uses it all the same
    ");
    sandbox.run(&["info", "-i", ".semsearch"]).success();
    below(&["info", "-i", "../.semsearch"]).success();
    // A command that needs no index is not affected.
    sandbox.run(&["sim", "a", "b"]).success();
}

#[test]
fn a_pipe_as_the_config_file_or_the_token_is_refused_at_once() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path(".config/semsearch")).unwrap();
    let config = sandbox.path(".config/semsearch/config.toml");
    nix::unistd::mkfifo(&config, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let ran = sandbox.run(&["sim", "a", "b"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.ends_with("config.toml: cannot read: not a regular file\n"), "{ran}");
    fs::rename(config, sandbox.path("token")).unwrap();
    let hub = Hub::start(Fault::None);
    let output =
        command(&sandbox, &hub.endpoint, &embed()).env("HF_TOKEN_PATH", sandbox.path("token")).output().unwrap();
    let ran = sandbox.ran(&output);
    assert!(
        ran.status == Some(0) && ran.stderr.contains("no token for the Hub from there: not a regular file"),
        "{ran}"
    );
}
