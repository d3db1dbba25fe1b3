//! Hostile strings: whatever goes in comes out the same, nothing of it is SQL, and the answers are those of a directory.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use semsearch::encoder::Vectors;
use semsearch::filter::Filter;
use semsearch::index::{IndexConfig, LocalStore, Snapshot, Store, WriteOptions};
use semsearch::postgres::{
    CreateOptions, PostgresStore, ServerAddress, ShardServer, StoreOptions, Surroundings, create, drop_store,
};
use serde_json::{Map, Value};

use super::servers::Servers;
use super::trio::Trio;
use crate::filters::config;
use crate::support::{among, put};

/// Strings that mean something to SQL, to COPY, to dblink or to PostgreSQL's texts.
const NASTY: [&str; 24] = [
    "'",
    "\"",
    "\\",
    "$$",
    "$semsearch0$",
    "'); DROP TABLE canary.canary; --",
    "\"; DROP SCHEMA canary CASCADE; --",
    "$semsearch0$; DROP TABLE canary.canary; $semsearch0$",
    "'||(SELECT pg_sleep(9))||'",
    "\\'; DROP TABLE canary.canary; --",
    "\0",
    "a\0b'\0",
    "\u{E000}",
    "\u{E000}0",
    "\u{E000}1\0",
    "\\N",
    "\\.",
    "\n\r\t\u{b}\u{1b}[31m",
    "{a,\"b\"}",
    "%s %I $1 ?",
    "🐝 ÄÖ ß 中文 \u{202e}abc",
    "NULL",
    "/* */ -- x",
    "\u{FFFF}\u{10FFFF}\u{300}",
];

fn strings() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(NASTY.to_vec()).prop_map(String::from);
    prop_oneof![
        3 => nasty.clone(),
        2 => (nasty.clone(), ".{0,6}", nasty).prop_map(|(a, b, c)| format!("{a}{b}{c}")),
        1 => any::<String>().prop_map(|text| text.chars().take(40).collect()),
        1 => "[a-c '\"\\\\$;\0\u{E000}]{0,12}",
        1 => Just(long_string()),
    ]
}

/// A string that cannot be compressed, and that is longer than what an index of PostgreSQL can have.
fn long_string() -> String {
    let mut state = 7_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x4e00 + (state >> 8) % 20_000).unwrap_or('x')
    };
    (0..4000).map(next).collect()
}

/// A document of random strings.
#[derive(Clone, Debug)]
struct Given {
    id: String,
    text: String,
    metadata: Map<String, Value>,
    vector: [i8; 4],
}

fn documents() -> impl Strategy<Value = Vec<Given>> {
    let value = prop_oneof![
        3 => strings().prop_map(Value::from),
        1 => prop::collection::vec(strings(), 0..3).prop_map(Value::from),
        1 => prop_oneof![any::<i64>().prop_map(Value::from), any::<bool>().prop_map(Value::from), Just(Value::Null)],
    ];
    let inner = (strings(), strings()).prop_map(|(key, value)| Value::from(Map::from_iter([(key, value.into())])));
    let metadata = prop::collection::vec((strings(), prop_oneof![3 => value, 1 => inner]), 0..3);
    let vector = [-3i8..4, -3i8..4, -3i8..4, -3i8..4];
    let one = (strings(), strings(), metadata, vector);
    let document = |(id, text, metadata, vector): (String, String, Vec<_>, _)| Given {
        id,
        text,
        metadata: metadata.into_iter().collect(),
        vector,
    };
    prop::collection::vec(one.prop_map(document), 1..6).prop_map(|mut documents| {
        documents.iter_mut().enumerate().for_each(|(n, given)| given.id += &n.to_string());
        documents
    })
}

/// Writes documents, after others of the same ids that are replaced or removed.
fn write(store: &dyn Store, documents: &[Given], first_others: bool) {
    let options = || WriteOptions { wait: Duration::from_secs(60), rebuild: first_others, ..WriteOptions::default() };
    let row = |given: &Given| given.vector.map(f32::from);
    if first_others {
        let mut writer = store.writer(config(), options()).unwrap();
        for given in documents {
            put(&mut *writer, &given.id, &format!("other {}", given.text), Map::new(), &row(given));
        }
        writer.commit().unwrap();
    }
    let mut writer = store.writer(config(), WriteOptions { rebuild: false, ..options() }).unwrap();
    if first_others {
        for given in documents.iter().step_by(2) {
            assert!(writer.remove(&given.id).unwrap());
        }
    }
    for given in documents {
        put(&mut *writer, &given.id, &given.text, given.metadata.clone(), &row(given));
    }
    writer.commit().unwrap();
}

/// What a snapshot gives for everything that these documents have: strings with a name each.
fn everything(snapshot: &dyn Snapshot, documents: &[Given]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut told = |name: String, value: String| all.push((name, value));
    let ids = |keys: &[u64]| snapshot.passages(keys).unwrap().into_iter().map(|p| p.id).collect::<Vec<_>>();
    let scored = |found: &[semsearch::index::Scored]| {
        let keys: Vec<u64> = found.iter().map(|scored| scored.key).collect();
        let scores: Vec<u32> = found.iter().map(|scored| scored.score.to_bits()).collect();
        format!("{:?} {scores:?}", ids(&keys))
    };
    let keys = snapshot.keys(None).unwrap();
    told("passages".into(), format!("{:?}", snapshot.passages(&keys).unwrap()));
    let fields = snapshot.fields(1000).unwrap();
    told("fields".into(), format!("{fields:?}"));
    for field in &fields {
        told(format!("values of {field:?}"), format!("{:?}", snapshot.values(field, None, 1000).unwrap()));
    }
    for given in documents {
        let found = snapshot.find(&given.id).unwrap();
        told(format!("find {:?}", given.id), format!("{:?} {:?}", ids(&found), snapshot.vector(found[0]).unwrap()));
        let words = snapshot.words(&given.text).unwrap();
        told(format!("words {:?}", given.text), scored(&words.best(&among(20, None)).unwrap()));
        let query = Vectors::new(given.vector.map(f32::from).to_vec(), 4);
        for filter in filters(&given.metadata) {
            told(format!("count {filter}"), format!("{:?}", snapshot.count(&filter).unwrap()));
            told(format!("unknown {filter}"), format!("{:?}", snapshot.unknown_fields(&filter).unwrap()));
            let found = snapshot.nearest(&query, &among(5, Some(&filter))).unwrap();
            told(format!("nearest {filter}"), scored(&found[0]));
            told(format!("words {filter}"), scored(&words.best(&among(20, Some(&filter))).unwrap()));
        }
        told("nearest".into(), scored(&snapshot.nearest(&query, &among(20, None)).unwrap()[0]));
    }
    all
}

/// Filters for what metadata have: equality, a prefix, an order, and absence.
fn filters(metadata: &Map<String, Value>) -> Vec<Filter> {
    let mut filters: Vec<Filter> = Vec::new();
    for (number, (key, value)) in metadata.iter().enumerate() {
        let (key, value) = match value {
            Value::Object(inner) => (format!("{key}.{}", inner.keys().next().unwrap()), inner.values().next().unwrap()),
            value => (key.clone(), value),
        };
        let field = Value::from(key).to_string();
        let text = match value {
            Value::String(text) => text.as_str(),
            Value::Array(elements) => elements.first().and_then(Value::as_str).unwrap_or_default(),
            _ => "'",
        };
        let start: String = text.chars().take(2).collect();
        let (text, start) = (Value::from(text).to_string(), Value::from(start).to_string());
        let others = [format!("{field} ^= {start}"), format!("{field} >= {start}"), format!("not exists({field})")];
        for filter in [&format!("{field} = {text}"), &others[(number + text.len()) % 3]] {
            filters.push(filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}")));
        }
    }
    filters
}

fn opened(address: &str) -> PostgresStore {
    let address: ServerAddress = address.parse().unwrap();
    let login = address.login(&Surroundings::new(|_| None, None, None)).unwrap();
    PostgresStore::new(login, StoreOptions::default()).unwrap()
}

/// Makes a table that nothing may touch, on every server, and returns the names of the servers.
fn canaries() -> [&'static str; 3] {
    static MADE: OnceLock<()> = OnceLock::new();
    let names = ["coordinator", "shard1", "shard2"];
    MADE.get_or_init(|| {
        let sql =
            "CREATE SCHEMA canary; CREATE TABLE canary.canary (song text); INSERT INTO canary.canary VALUES ('la')";
        names.iter().for_each(|name| drop(Servers::shared().sql(name, sql)));
    });
    names
}

#[track_caller]
fn canaries_sing() {
    for name in canaries() {
        assert_eq!(Servers::shared().sql(name, "SELECT song FROM canary.canary"), [["la"]], "{name}");
    }
}

#[test]
fn whatever_strings_documents_have_a_database_gives_what_a_directory_gives() {
    canaries();
    let sandbox = crate::support::Sandbox::new();
    let address = Servers::shared().cluster(&sandbox, "strings", 3);
    let store = opened(&address);
    let cases = ProptestConfig::with_cases(if super::records::everything() { 500 } else { 24 });
    proptest!(cases, |(documents in documents())| {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalStore::new(dir.path());
        write(&local, &documents, false);
        write(&store, &documents, true);
        let expected = everything(&*local.snapshot().unwrap(), &documents);
        let found = everything(&*store.snapshot().unwrap(), &documents);
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(found.len(), expected.len());
        let faults = store.verify().unwrap().faults;
        prop_assert!(faults.is_empty(), "{:?}", faults);
    });
    canaries_sing();
}

/// An address with this schema, whatever characters it has.
fn address_of(schema: &str) -> String {
    let encoded: String = schema.bytes().map(|byte| format!("%{byte:02X}")).collect();
    Servers::shared().address(&encoded)
}

fn shard_servers() -> Vec<ShardServer> {
    let server = |name: &&str| ShardServer {
        hosts: vec![("127.0.0.1".into(), Servers::shared().port(name))],
        database: "postgres".into(),
        user: "semsearch".into(),
        password: Some("pass'word\\ $$".into()),
    };
    ["shard1", "shard2"].iter().map(server).collect()
}

/// Makes a store in a schema of this name, uses it, and drops it.
fn used_and_dropped(schema: &str, servers: Vec<ShardServer>) {
    let store = opened(&address_of(schema));
    let partitions = servers.len().max(1) as u16;
    create(&store, &CreateOptions { servers, partitions }).unwrap_or_else(|error| panic!("{schema:?}: {error:?}"));
    let exists = "SELECT count(*) FROM pg_namespace WHERE nspname = convert_from(decode('HEX', 'hex'), 'UTF8')";
    let hex: String = schema.bytes().map(|byte| format!("{byte:02x}")).collect();
    let exists = || Servers::shared().sql("coordinator", &exists.replace("HEX", &hex))[0][0].clone();
    assert_eq!(exists(), "1", "{schema:?}");
    let given = Given { id: schema.into(), text: schema.into(), metadata: Map::new(), vector: [1, 2, 3, 0] };
    write(&store, std::slice::from_ref(&given), true);
    let (dir, config): (_, IndexConfig) = (tempfile::tempdir().unwrap(), config());
    let local = LocalStore::new(dir.path());
    assert_eq!(local.place(), Path::new(dir.path()));
    write(&local, std::slice::from_ref(&given), false);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.facts().config, config);
    assert_eq!(everything(&*snapshot, std::slice::from_ref(&given)), everything(&*local.snapshot().unwrap(), &[given]));
    assert!(store.describe().unwrap()["store"].as_str().unwrap().starts_with("postgresql://"));
    drop_store(&store, Duration::ZERO).unwrap_or_else(|error| panic!("{schema:?}: {error:?}"));
    assert_eq!(exists(), "0", "{schema:?}");
}

#[test]
fn a_schema_may_have_any_name() {
    canaries();
    for (n, nasty) in NASTY.iter().filter(|nasty| !nasty.contains('\0')).enumerate() {
        // Names have 63 bytes at most, and those of servers are made from them.
        let schema: String = nasty.chars().take(15).collect();
        let servers = if n % 4 == 0 { shard_servers() } else { Vec::new() };
        used_and_dropped(&schema, servers);
    }
    used_and_dropped(&"ä".repeat(31), shard_servers());
    canaries_sing();
    for schema in ["", &"x".repeat(64), "a\0b"] {
        assert!(address_of(schema).parse::<ServerAddress>().is_err(), "{schema:?}");
    }
}

#[test]
fn hostile_strings_on_the_command_line_are_data_too() {
    canaries();
    let trio = Trio::new("arguments", 4);
    super::small::prepare(&trio.sandbox);
    let nasty = || NASTY.iter().filter(|nasty| !nasty.contains('\0')).copied();
    let record = |(n, nasty): (usize, &str)| {
        let mut record = serde_json::json!({"_id": nasty, "title": nasty, "text": format!("dog {nasty} n{n}"), "n": n});
        record[nasty] = nasty.into();
        record.to_string()
    };
    let records: Vec<String> = nasty().enumerate().map(record).collect();
    trio.sandbox.write("in.jsonl", records.join("\n"));
    trio.each(&["index", "in.jsonl", "--model", "tiny"]);
    let ids: Vec<&str> = nasty().collect();
    trio.same(&[&["get", "-f", "json", "--"], &ids[..]].concat());
    trio.same(&["ls", "-f", "jsonl"]);
    for nasty in nasty() {
        let like = format!("--like={nasty}");
        assert_eq!(trio.same(&["query", &like, "-f", "jsonl", "-k", "50"]).lines().count(), ids.len() - 1);
        let literal = Value::from(nasty).to_string();
        let filter = format!("{literal} = {literal}");
        let found = trio.same(&["query", "dog", "--mode", "hybrid", "-f", "jsonl", "--filter", &filter]);
        assert_eq!(found.lines().count(), 1, "{filter}");
        trio.same(&["query", "--mode", "lexical", "-f", "jsonl", "--", &format!("dog {nasty}")]);
    }
    trio.each(&[&["remove", "--"], &ids[..5]].concat());
    assert_eq!(trio.same(&["ls"]).lines().count(), trio.one(0, &["ls"]).success().lines().count());
    canaries_sing();
}
