//! Errors say what failed, where, and what to do next.

use std::net::TcpListener;
use std::time::Duration;

use semsearch::index::{ServerFailure, Store, StoreError};
use semsearch::postgres::{PostgresStore, ServerAddress, StoreOptions, Surroundings};

use super::servers::Servers;
use super::small::{self, MODEL, records};
use super::told::told;
use crate::support::{Ran, Sandbox};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    small::prepare(&sandbox);
    sandbox.write("in.jsonl", records(0..40, 0));
    sandbox
}

fn index(sandbox: &Sandbox, address: &str) -> Ran {
    sandbox.run(&[&["index", "in.jsonl", "--store", address, "-q"], &MODEL[..]].concat())
}

fn query(sandbox: &Sandbox, address: &str) -> Ran {
    sandbox.run(&["query", "rain n7", "--mode", "hybrid", "--store", address, "-q"])
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let sandbox = sandbox();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("postgresql://semsearch@127.0.0.1:{port}/postgres");
    insta::assert_snapshot!(told(&query(&sandbox, &address)), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres: connecting: 127.0.0.1, port [PORT]: error connecting to server: Connection refused (os error 111)
    hint: check that the server runs and accepts connections (`pg_isready -h HOST -p PORT`)
    "#);
    let servers = Servers::shared();
    let shards = format!("127.0.0.1:{},127.0.0.1:{port}", servers.port("shard1"));
    let address = servers.address("no_shard");
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &address, "--servers", &shards])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=no_shard: connecting on shard no_shard_shard_1 (127.0.0.1:[PORT]): could not establish connection: connection to server at "127.0.0.1", port [PORT] failed: Connection refused Is the server running on that host and accepting TCP/IP connections?
    hint: check that the server runs and accepts connections (`pg_isready -h HOST -p PORT`); `query --partial` answers without a shard
    "#);
    // Nothing of the first shard is left.
    let left = "SELECT FROM pg_namespace WHERE nspname = 'no_shard'";
    assert!(servers.sql("coordinator", left).is_empty() && servers.sql("shard1", left).is_empty());
}

#[test]
fn a_database_or_a_store_that_is_not_there_is_named() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let address = format!("postgresql://semsearch@127.0.0.1:{}/nothing", servers.port("coordinator"));
    insta::assert_snapshot!(told(&query(&sandbox, &address)), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/nothing: connecting: 127.0.0.1, port [PORT]: the server refuses the login: database "nothing" does not exist
    hint: the user and the database are in the address, passwords in PGPASSWORD, ~/.pgpass or a service file
    "#);
    let address = servers.address("nothing");
    insta::assert_snapshot!(told(&query(&sandbox, &address)), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=nothing: no index here
    hint: `semsearch store create` makes a store there, `semsearch index FILE` fills it; `?schema=NAME` names another
    "#);
    assert_eq!(index(&sandbox, &address).stderr, query(&sandbox, &address).stderr);
    for action in ["begin", "commit", "abort", "vacuum", "drop", "info"] {
        let ran = sandbox.run(&["store", action, "--store", &address]);
        assert_eq!(ran.stderr, query(&sandbox, &address).stderr, "{action}");
    }
    let address = servers.cluster(&sandbox, "still_empty", 2);
    insta::assert_snapshot!(told(&query(&sandbox, &address)), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=still_empty: no index here
    hint: `semsearch store create` makes a store there, `semsearch index FILE` fills it; `?schema=NAME` names another
    "#);
}

#[test]
fn a_schema_with_other_tables_is_left_alone() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let canary = |schema: &str| format!("SELECT string_agg(n::text, ',') FROM {schema}.theirs");
    let make = |schema: &str| {
        format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (n int); INSERT INTO {schema}.theirs VALUES (7)")
    };
    servers.sql("coordinator", &make("theirs"));
    let create = |schema: &str| {
        let (address, shards) = (servers.address(schema), servers.shards());
        sandbox.run(&["store", "create", "--store", &address, "--servers", &shards])
    };
    insta::assert_snapshot!(told(&create("theirs")), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=theirs: the schema "theirs" is not empty, and not a store
    hint: `?schema=NAME` in the address puts the store into another schema
    "#);
    servers.sql("shard2", &make("theirs_there"));
    insta::assert_snapshot!(told(&create("theirs_there")), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=theirs_there: the schema "theirs_there" on shard theirs_there_shard_1 (127.0.0.1:[PORT]) is not empty, and not a store
    hint: `?schema=NAME` in the address puts the store into another schema
    "#);
    assert_eq!(servers.sql("coordinator", &canary("theirs")), [["7"]]);
    assert_eq!(servers.sql("shard2", &canary("theirs_there")), [["7"]]);
    assert!(servers.sql("shard1", "SELECT FROM pg_namespace WHERE nspname = 'theirs_there'").is_empty());

    // Tables that come later stay where they are, too.
    let address = servers.cluster(&sandbox, "theirs_later", 2);
    index(&sandbox, &address).success();
    for server in ["coordinator", "shard1"] {
        servers.sql(server, &make("theirs_later").replace("CREATE SCHEMA theirs_later;", ""));
    }
    insta::assert_snapshot!(told(&create("theirs_later")), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=theirs_later: there is a store here already
    hint: `semsearch store info` shows it, `semsearch store drop` removes it
    "#);
    sandbox.run(&["store", "drop", "--store", &address]).success();
    for server in ["coordinator", "shard1"] {
        assert_eq!(servers.sql(server, &canary("theirs_later")), [["7"]], "{server}");
        let tables =
            "SELECT relname FROM pg_class WHERE relnamespace = 'theirs_later'::regnamespace AND relkind IN ('r', 'p')";
        assert_eq!(servers.sql(server, tables), [["theirs"]], "{server}");
    }
    assert!(servers.sql("shard2", "SELECT FROM pg_namespace WHERE nspname = 'theirs_later'").is_empty());
    assert!(servers.sql("coordinator", "SELECT FROM pg_foreign_server WHERE srvname LIKE 'theirs_later%'").is_empty());
}

#[test]
fn the_database_of_the_coordinator_cannot_be_a_shard_too() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let shards = format!("127.0.0.1:{},{}", servers.port("coordinator"), servers.shards());
    let address = servers.address("own_shard");
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &address, "--servers", &shards])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=own_shard: 127.0.0.1:[PORT] is the database of the coordinator itself
    hint: leave out --servers to keep everything in this database, or name another database, as in HOST:PORT/DATABASE
    "#);
    // Another database of the same server can.
    servers.sql("coordinator", "CREATE DATABASE beside");
    let shards = format!("127.0.0.1:{}/beside,{}", servers.port("coordinator"), servers.shards());
    sandbox.run(&["store", "create", "--store", &address, "--servers", &shards, "-q"]).success();
    index(&sandbox, &address).success();
    assert_eq!(sandbox.run(&["ls", "--store", &address]).success().lines().count(), 40);
    sandbox.run(&["store", "drop", "--store", &address, "-q"]).success();
}

#[test]
fn a_missing_or_old_extension_is_named() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    servers.sql("coordinator", "CREATE ROLE extensionless LOGIN");
    servers.sql("coordinator", "CREATE DATABASE bare OWNER extensionless");
    let bare = format!("postgresql://extensionless@127.0.0.1:{}/bare", servers.port("coordinator"));
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &bare])), @r#"
    error: postgresql://extensionless@127.0.0.1:[PORT]/bare: making the store: permission denied to create extension "vector": Must be superuser to create this extension.
    hint: a superuser runs `CREATE EXTENSION vector` there, for `--servers` also `postgres_fdw` and `dblink`; `ALTER EXTENSION vector UPDATE` after a new package
    "#);
    // The package's scripts begin with a newer release. So an older one is only claimed.
    servers.sql("shard2", "CREATE DATABASE old");
    servers.sql_in("shard2", "old", "CREATE EXTENSION vector");
    servers.sql_in("shard2", "old", "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'");
    let old = format!("postgresql://semsearch@127.0.0.1:{}/old", servers.port("shard2"));
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &old])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/old: pgvector 0.7.4, where 0.8 is the oldest that is supported
    hint: a superuser runs `CREATE EXTENSION vector` there, for `--servers` also `postgres_fdw` and `dblink`; `ALTER EXTENSION vector UPDATE` after a new package
    "#);
    let shards = format!("127.0.0.1:{},127.0.0.1:{}/old", servers.port("shard1"), servers.port("shard2"));
    let address = servers.address("old_vector");
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &address, "--servers", &shards])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=old_vector: pgvector 0.7.4 on shard old_vector_shard_1 (127.0.0.1:[PORT]), where 0.8 is the oldest that is supported
    hint: a superuser runs `CREATE EXTENSION vector` there, for `--servers` also `postgres_fdw` and `dblink`; `ALTER EXTENSION vector UPDATE` after a new package
    "#);
    for (server, database) in [("coordinator", "postgres"), ("shard1", "postgres"), ("shard2", "old")] {
        let left = "SELECT FROM pg_namespace WHERE nspname IN ('old_vector', 'semsearch')";
        assert!(servers.sql_in(server, database, left).is_empty(), "{server}");
    }
}

#[test]
fn another_recipe_is_refused() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let address = servers.cluster(&sandbox, "recipe", 2);
    index(&sandbox, &address).success();
    let with = |options: &[&str]| {
        sandbox.run(&[&["index", "in.jsonl", "--store", &address, "-q"], &MODEL[..], options].concat())
    };
    insta::assert_snapshot!(told(&with(&["--max-length", "8"])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=recipe: built with max-length 16, asked for 8
    hint: leave out --max-length to use the index's own (16), or build anew with `semsearch index --rebuild`
    "#);
    insta::assert_snapshot!(told(&with(&["--metric", "l2"])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=recipe: built with metric ip, asked for l2
    hint: leave out --metric to use the index's own (ip), or build anew with `semsearch index --rebuild`
    "#);
    crate::support::tiny_model(&sandbox.path("other"), 2);
    let other = sandbox.run(&["index", "in.jsonl", "--store", &address, "-q", "--model", "other"]);
    assert!(told(&other).contains("built with"), "{other}");
    let unknown = with(&["--factory", "PQ4"]);
    assert!(
        unknown.status == Some(2) && unknown.stderr.contains("no factory PQ4: a store in PostgreSQL knows Flat, HNSW")
    );
    assert_eq!(sandbox.run(&["ls", "--store", &address]).success().lines().count(), 40);
}

#[test]
fn a_role_needs_no_more_rights_than_a_schema_of_its_own() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    servers.sql("coordinator", "CREATE EXTENSION IF NOT EXISTS vector; CREATE ROLE tenant LOGIN");
    servers.sql("coordinator", "CREATE SCHEMA rented; GRANT ALL ON SCHEMA rented TO tenant");
    let address = servers.address("rented").replace("semsearch@", "tenant@");
    sandbox.run(&["store", "create", "--store", &address, "--partitions", "2", "-q"]).success();
    index(&sandbox, &address).success();
    query(&sandbox, &address).success();
    sandbox.run(&["store", "drop", "--store", &address, "-q"]).success();
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'rented'::regnamespace";
    assert_eq!(servers.sql("coordinator", left), [["0"]]);
    let elsewhere = servers.address("not_rented").replace("semsearch@", "tenant@");
    insta::assert_snapshot!(told(&sandbox.run(&["store", "create", "--store", &elsewhere])), @r#"
    error: postgresql://tenant@127.0.0.1:[PORT]/postgres?schema=not_rented: making the store: permission denied for database postgres
    hint: docs/postgres.md lists what a reader, a writer and an owner may do, as GRANT statements
    "#);
}

#[test]
fn a_shard_that_does_not_answer_in_time_is_named_and_left_out_if_that_is_wanted() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let address = servers.cluster(&sandbox, "slow", 2);
    index(&sandbox, &address).success();
    let complete =
        sandbox.run(&["query", "rain n7", "-k", "40", "-f", "jsonl", "--store", &address, "-q"]).json_lines();
    let lock = servers.hold("shard2", "BEGIN; LOCK TABLE slow.passages");
    let store = impatient(&address, false);
    let failed = store.snapshot().unwrap().keys(None).unwrap_err();
    let StoreError::Server { failure, what, .. } = &failed else { panic!("{failed}") };
    assert_eq!(*failure, ServerFailure::Slow);
    let expected = format!("listing passages on shard slow_shard_1 (127.0.0.1:{})", servers.port("shard2"));
    assert_eq!(*what, expected);
    let store = impatient(&address, true);
    let snapshot = store.snapshot().unwrap();
    let found = snapshot.keys(None).unwrap().len();
    assert_eq!(found as u64, rows_of("shard1", "slow"));
    assert_eq!(snapshot.left_out().len(), 1);

    // A limit of the server does the same for the program.
    servers.sql("coordinator", "ALTER SERVER slow_shard_1 OPTIONS (ADD options '-c statement_timeout=700')");
    insta::assert_snapshot!(told(&query(&sandbox, &address)), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=slow: searching by vectors on shard slow_shard_1 (127.0.0.1:[PORT]): canceling statement due to statement timeout
    hint: `query --partial` answers without that shard
    "#);
    let partial = sandbox.run(&["query", "rain n7", "-k", "40", "-f", "jsonl", "--store", &address, "--partial"]);
    assert!(partial.stderr.contains("warning: this answer is not complete: "), "{partial}");
    assert_eq!(partial.json_lines().len(), found);
    drop(lock);
    let again = sandbox.run(&["query", "rain n7", "-k", "40", "-f", "jsonl", "--store", &address, "-q"]).json_lines();
    assert_eq!(again, complete);
}

/// A store whose shards must answer within a second.
fn impatient(address: &str, partial: bool) -> PostgresStore {
    let login = address.parse::<ServerAddress>().unwrap().login(&Surroundings::new(|_| None, None, None)).unwrap();
    let patience = Duration::from_secs(1);
    PostgresStore::new(login, StoreOptions { patience, partial, ..StoreOptions::default() }).unwrap()
}

fn rows_of(shard: &str, schema: &str) -> u64 {
    Servers::shared().sql(shard, &format!("SELECT count(*) FROM {schema}.passages"))[0][0].parse().unwrap()
}

/// Sends a signal to the processes of a shard that work for a schema.
fn signal(shard: &str, schema: &str, name: &str) {
    let sql =
        format!("SELECT pid FROM pg_stat_activity WHERE query LIKE '%\"{schema}\".%' AND pid <> pg_backend_pid()");
    for pid in Servers::shared().sql(shard, &sql).concat() {
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }
}

#[test]
fn a_shard_that_hangs_does_not_hold_up_the_answers_of_others() {
    let (sandbox, servers) = (sandbox(), Servers::shared());
    let address = servers.cluster(&sandbox, "hangs", 2);
    index(&sandbox, &address).success();
    for partial in [false, true] {
        let snapshot = impatient(&address, partial).snapshot().unwrap();
        assert_eq!(snapshot.keys(None).unwrap().len(), 40);
        // The shard whose answer is read first.
        signal("shard1", "hangs", "STOP");
        let began = std::time::Instant::now();
        let found = snapshot.keys(None);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        signal("shard1", "hangs", "CONT");
        match found {
            Err(error) => {
                assert!(!partial, "{error}");
                let shard = format!("listing passages on shard hangs_shard_0 (127.0.0.1:{})", servers.port("shard1"));
                assert!(error.to_string().ends_with(&format!("{shard}: no answer for 1 s")), "{error}");
            }
            Ok(keys) => {
                assert!(partial);
                assert_eq!(keys.len() as u64, rows_of("shard2", "hangs"));
                assert!(snapshot.left_out()[0].contains("on shard hangs_shard_0"), "{:?}", snapshot.left_out());
            }
        }
        assert_eq!(snapshot.keys(None).unwrap().len(), 40);
    }
}
