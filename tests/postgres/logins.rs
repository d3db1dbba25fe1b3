//! Passwords and encryption: where they come from, what is said if they are wrong, and that no password is printed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use super::servers::Servers;
use super::small::{self, MODEL, records};
use super::told::told;
use crate::support::{Ran, Sandbox};

const PASSWORD: &str = "s3cret \\ 'Wörd:#@/?&%41";

/// Servers on which `keeper` needs a password and `encrypted` needs TLS, which they do not have.
fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let servers = Servers::start(1);
        for name in ["coordinator", "shard1"] {
            let file = servers.file(name, "pg_hba.conf");
            let rules =
                "host all keeper,only_reader,only_writer all scram-sha-256\nhostnossl all encrypted all reject\n";
            fs::write(&file, rules.to_owned() + &fs::read_to_string(&file).unwrap()).unwrap();
            let password = PASSWORD.replace('\'', "''");
            servers.sql(name, &format!("CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{password}'"));
            servers.sql(name, "CREATE ROLE encrypted LOGIN");
            for role in ["only_reader", "only_writer"] {
                servers.sql(name, &format!("CREATE ROLE {role} LOGIN PASSWORD 's3cret role'"));
            }
            servers.sql(name, "SELECT pg_reload_conf()");
        }
        servers
    })
}

fn address(user: &str) -> String {
    format!("postgresql://{user}@127.0.0.1:{}/postgres?schema=kept", servers().port("coordinator"))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    small::prepare(&sandbox);
    sandbox.write("in.jsonl", records(0..20, 0));
    sandbox
}

/// Runs with a password in the environment. Nothing that is printed may have it.
fn with(sandbox: &Sandbox, password: Option<&str>, args: &[&str]) -> Ran {
    let mut command = sandbox.command(args);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    without_password(sandbox.ran(&command.output().unwrap()))
}

#[track_caller]
fn without_password(ran: Ran) -> Ran {
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains("s3cret") && !output.contains("Wörd"), "{ran}");
    }
    ran
}

#[test]
fn passwords_come_from_the_environment_or_a_file_and_are_never_printed() {
    let (sandbox, address) = (sandbox(), address("keeper"));
    let shards = format!("127.0.0.1:{}", servers().port("shard1"));
    let create = ["store", "create", "--store", &address, "--servers", &shards, "-v"];
    let index = [&["index", "in.jsonl", "--store", &address, "-v"], &MODEL[..]].concat();
    let query = ["query", "rain n7", "--mode", "hybrid", "--store", &address, "-v"];
    insta::assert_snapshot!(told(&with(&sandbox, None, &create[..6])), @r#"
    error: postgresql://keeper@127.0.0.1:[PORT]/postgres?schema=kept: connecting: 127.0.0.1, port [PORT]: invalid configuration: password missing
    hint: the user and the database are in the address, passwords in PGPASSWORD, ~/.pgpass or a service file
    "#);
    insta::assert_snapshot!(told(&with(&sandbox, Some("wrong"), &create[..6])), @r#"
    error: postgresql://keeper@127.0.0.1:[PORT]/postgres?schema=kept: connecting: 127.0.0.1, port [PORT]: the server refuses the login: password authentication failed for user "keeper"
    hint: the user and the database are in the address, passwords in PGPASSWORD, ~/.pgpass or a service file
    "#);

    with(&sandbox, Some(PASSWORD), &create).success();
    with(&sandbox, Some(PASSWORD), &index).success();
    let hits = with(&sandbox, Some(PASSWORD), &query).success();
    assert_eq!(hits.lines().next().unwrap_or_default().contains("d007"), true, "{hits}");
    for words in [&["store", "info"][..], &["store", "info", "--json"], &["info"], &["verify"]] {
        with(&sandbox, Some(PASSWORD), &[words, &["--store", &address, "-v"]].concat()).success();
    }

    // A file that only its owner can read does, one that others can read does not.
    let escaped = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    let file = sandbox.write(".pgpass", format!("# passwords\n127.0.0.1:*:postgres:keeper:{escaped}\n"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(with(&sandbox, None, &query).success(), hits);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ignored = with(&sandbox, None, &query);
    assert_eq!(ignored.status, Some(2), "{ignored}");
    assert!(ignored.stderr.contains("warning: [DIR]/.pgpass is ignored: others may read it"), "{ignored}");
    fs::remove_file(&file).unwrap();
    let service = format!(
        "[mine]\nhost=127.0.0.1\nport={}\ndbname=postgres\nuser=keeper\npassword={PASSWORD}\n",
        servers().port("coordinator")
    );
    sandbox.write(".pg_service.conf", service);
    let by_service =
        ["query", "rain n7", "--mode", "hybrid", "--store", "postgresql:///?service=mine&schema=kept", "-v"];
    assert_eq!(with(&sandbox, None, &by_service).success(), hits);

    // The password of a shard is changed: the shard is named, and no password.
    servers().sql("shard1", "ALTER ROLE keeper PASSWORD 'another'");
    insta::assert_snapshot!(told(&with(&sandbox, Some(PASSWORD), &query[..6])), @r#"
    error: postgresql://keeper@127.0.0.1:[PORT]/postgres?schema=kept: connecting on shard kept_shard_0 (127.0.0.1:[PORT]): could not establish connection: connection to server at "127.0.0.1", port [PORT] failed: FATAL: password authentication failed for user "keeper"
    hint: the user and the database are in the address, passwords in PGPASSWORD, ~/.pgpass or a service file
    "#);
    servers().sql("shard1", &format!("ALTER ROLE keeper PASSWORD '{}'", PASSWORD.replace('\'', "''")));
    with(&sandbox, Some(PASSWORD), &["store", "drop", "--store", &address, "-v"]).success();
}

#[test]
fn a_password_in_an_address_is_refused_and_not_repeated() {
    let sandbox = sandbox();
    let port = servers().port("coordinator");
    for address in [
        format!("postgresql://keeper:s3cret@127.0.0.1:{port}/postgres"),
        format!("postgresql://keeper@127.0.0.1:{port}/postgres?password=s3cret"),
        format!("postgresql://keeper:s3c/ret@127.0.0.1:{port}/postgres"),
        format!("postgresql://keeper@127.0.0.1:{port}/postgres?pass%77ord=s3cret"),
    ] {
        for words in [&["query", "rain"][..], &["index", "in.jsonl"], &["store", "create"], &["info"]] {
            let ran = without_password(sandbox.run(&[words, &["--store", &address]].concat()));
            assert!(!ran.stderr.contains("s3c") && !ran.stdout.contains("s3c"), "{ran}");
            assert!(told(&ran).contains("PGPASSWORD"), "{ran}");
            let mut command = sandbox.command(words);
            let ran = without_password(sandbox.ran(&command.env("SEMSEARCH_STORE", &address).output().unwrap()));
            assert!(told(&ran).contains("PGPASSWORD"), "{ran}");
        }
    }
    let address = format!("postgresql://keeper:s3cret@127.0.0.1:{port}/postgres");
    insta::assert_snapshot!(told(&sandbox.run(&["info", "--store", &address])), @r#"
    error: a password in an address can be seen by others: put it into PGPASSWORD or ~/.pgpass
    hint: an address is `postgresql://HOST:PORT/DATABASE`; passwords are in PGPASSWORD or ~/.pgpass
    "#);
}

#[test]
fn a_server_that_wants_tls_and_one_that_has_none_are_told_apart() {
    let sandbox = sandbox();
    insta::assert_snapshot!(told(&sandbox.run(&["info", "--store", &address("encrypted")])), @r#"
    error: postgresql://encrypted@127.0.0.1:[PORT]/postgres?schema=kept: connecting: 127.0.0.1, port [PORT]: the server refuses the login: pg_hba.conf rejects connection for host "127.0.0.1", user "encrypted", database "postgres", no encryption
    hint: in the address, `?sslmode=require` asks for TLS, `sslmode=verify-full&sslrootcert=FILE` also checks the server, `sslmode=disable` does without
    "#);
    let required = address("semsearch") + "&sslmode=require";
    insta::assert_snapshot!(told(&sandbox.run(&["info", "--store", &required])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=kept: connecting: 127.0.0.1, port [PORT]: error performing TLS handshake: server does not support TLS
    hint: in the address, `?sslmode=require` asks for TLS, `sslmode=verify-full&sslrootcert=FILE` also checks the server, `sslmode=disable` does without
    "#);
}

/// Grants a role what the page on PostgreSQL says. Returns the address for this role.
fn granted(schema: &str, address: &str, role: &str, tables: &str) -> String {
    let grant =
        format!("GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT {tables} ON ALL TABLES IN SCHEMA {schema} TO {role}");
    servers().sql("coordinator", &grant);
    if schema == "cluster" {
        servers().sql("shard1", &grant);
        let mapping = format!(
            "GRANT USAGE ON FOREIGN SERVER cluster_shard_0 TO {role}; CREATE USER MAPPING FOR {role} \
             SERVER cluster_shard_0 OPTIONS (user '{role}', password 's3cret role')"
        );
        servers().sql("coordinator", &mapping);
    }
    address.replace("semsearch@", &format!("{role}@"))
}

#[test]
fn a_role_that_reads_can_search_and_one_that_writes_can_index_and_no_more() {
    let sandbox = sandbox();
    sandbox.write("more.jsonl", records(10..30, 1));
    for schema in ["cluster", "single"] {
        let address = match schema {
            "cluster" => servers().cluster(&sandbox, schema, 2),
            _ => servers().single(&sandbox, schema, 2),
        };
        let run = |address: &str, words: &[&str]| {
            with(&sandbox, Some("s3cret role"), &[words, &["--store", address, "-q"]].concat())
        };
        let index = |address: &str, file: &str| run(address, &[&["index", file], &MODEL[..]].concat());
        index(&address, "in.jsonl").success();
        let reader = granted(schema, &address, "only_reader", "SELECT");
        let writer = granted(schema, &address, "only_writer", "SELECT, INSERT, UPDATE, DELETE");
        let refused = index(&reader, "more.jsonl");
        assert!(told(&refused).contains("permission denied"), "{refused}");
        for words in [&["remove", "d001"][..], &["store", "begin"], &["store", "vacuum"], &["store", "drop"]] {
            let refused = run(&reader, words);
            assert!(told(&refused).contains("docs/postgres.md"), "{words:?}: {refused}");
        }
        assert_eq!(run(&address, &["ls"]).success().lines().count(), 20);
        if schema == "single" {
            insta::assert_snapshot!(told(&index(&reader, "more.jsonl")), @r#"
            error: postgresql://only_reader@127.0.0.1:[PORT]/postgres?schema=single: removing old passages: permission denied for table store
            hint: docs/postgres.md lists what a reader, a writer and an owner may do, as GRANT statements
            "#);
        }

        index(&writer, "more.jsonl").success();
        run(&writer, &["remove", "d001"]).success();
        run(&writer, &["store", "begin"]).success();
        index(&writer, "in.jsonl").success();
        run(&writer, &["store", "commit"]).success();
        run(&writer, &["store", "vacuum"]).success();
        let refused = run(&writer, &["store", "drop"]);
        assert!(told(&refused).contains("docs/postgres.md"), "{refused}");
        for words in [&["query", "rain n7", "--mode", "hybrid", "-f", "jsonl"][..], &["ls"], &["get", "d003"]] {
            let expected = run(&address, words).success();
            assert_eq!([run(&reader, words).success(), run(&writer, words).success()], [&*expected; 2], "{words:?}");
        }
        assert_eq!(run(&reader, &["ls"]).success().lines().count(), 30);
        assert!(run(&reader, &["verify"]).success().contains("intact"));
    }
}
