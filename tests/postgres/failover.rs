//! Shards that are killed: a replica takes over, or the shard is named and left out if that is wanted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::servers::Servers;
use super::small::{self, MODEL, records};
use super::told::told;
use crate::served::Served;
use crate::support::Sandbox;

/// The hits of a process that stays, without how long they took.
fn hits(served: &Served, query: &str) -> Result<Value, String> {
    let answer = served.post("/v1/search", &json!({"query": query, "k": 30, "mode": "hybrid"}));
    if answer.status == 200 { Ok(answer.json()["hits"].clone()) } else { Err(answer.body) }
}

#[test]
fn a_replica_takes_over_reads_and_without_one_the_shard_is_named_or_left_out() {
    let sandbox = Sandbox::new();
    small::prepare(&sandbox);
    sandbox.write("in.jsonl", records(0..60, 0));
    let mut servers = Servers::start(2);
    servers.replica("replica", "shard1");
    let [first, replica, second] = ["shard1", "replica", "shard2"].map(|name| servers.port(name));
    let address = servers.address("s");
    let shards = format!("127.0.0.1:{first}+127.0.0.1:{replica},127.0.0.1:{second}");
    sandbox.run(&["store", "create", "--store", &address, "--servers", &shards, "--partitions", "4", "-q"]).success();
    let index = |options: &[&str]| {
        sandbox.run(&[&["index", "in.jsonl", "--store", &address, "-q"], &MODEL[..], options].concat())
    };
    index(&[]).success();
    let replayed = "SELECT pg_last_wal_replay_lsn() >= '{}'::pg_lsn";
    let replayed = replayed.replace("{}", &servers.sql("shard1", "SELECT pg_current_wal_lsn()")[0][0]);
    let began = Instant::now();
    while servers.sql("replica", &replayed)[0][0] != "t" {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    let query = |options: &[&str]| {
        let query = ["query", "rain n7", "--mode", "hybrid", "-f", "jsonl", "-k", "60", "--store", &address];
        sandbox.run(&[&query[..], options].concat())
    };
    let expected = query(&[]).success();
    let staying = Served::start(&sandbox, &["--store", &address]);
    let before = hits(&staying, "rain n7").unwrap();
    assert_eq!(before.as_array().unwrap().len(), 30);
    for _ in 0..5 {
        assert_eq!(hits(&staying, "rain n7").unwrap(), before);
    }

    servers.control("kill", "shard1");
    assert_eq!(hits(&staying, "rain n7").unwrap(), before, "the next question after the kill");
    assert_eq!(hits(&staying, "rain n7").unwrap(), before);
    assert_eq!(query(&[]).success(), expected);
    sandbox.write("in.jsonl", records(0..61, 0));
    let refused = index(&[]);
    assert!(told(&refused).contains("on shard s_shard_0"), "{refused}");
    assert!(told(&refused).contains("read-only transaction"), "{refused}");

    servers.control("kill", "replica");
    let failed = hits(&staying, "rain n7").unwrap_err();
    assert!(failed.contains("s_shard_0"), "{failed}");
    insta::assert_snapshot!(told(&query(&[])), @r#"
    error: postgresql://semsearch@127.0.0.1:[PORT]/postgres?schema=s: connecting on shard s_shard_0 (127.0.0.1:[PORT]+127.0.0.1:[PORT]): could not establish connection: connection to server at "127.0.0.1", port [PORT] failed: Connection refused Is the server running on that host and accepting TCP/IP connections? connection to server at "127.0.0.1", port [PORT] failed: Connection refused Is the server running on that host and accepting TCP/IP connections?
    hint: check that the server runs and accepts connections (`pg_isready -h HOST -p PORT`); `query --partial` answers without a shard
    "#);
    let partial = query(&["--partial"]);
    assert_eq!(partial.status, Some(0), "{partial}");
    assert!(partial.stderr.starts_with("warning: this answer is not complete: "), "{partial}");
    assert!(partial.stderr.contains("on shard s_shard_0 (127.0.0.1"), "{partial}");
    // The hits are those of the other shard, with scores of words by its own counts.
    let ids = |printed: &str| -> Vec<String> {
        let hits = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        hits.map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = ids(&partial.stdout);
    let mut there: Vec<String> = servers.sql("shard2", "SELECT id FROM s.passages").concat();
    found.sort();
    there.sort();
    assert_eq!(found, there);
    assert!((10..50).contains(&there.len()), "{}", there.len());

    // Everything that answers without a shard says so.
    let like = ["query", "--like", &there[0], "--partial", "--store", &address];
    sandbox.write("questions.jsonl", "{\"_id\":\"q\",\"text\":\"rain n7\"}\n");
    sandbox.write("judged.tsv", "query-id\tcorpus-id\tscore\nq\td007\t1\n");
    let judged = ["eval", "--queries", "questions.jsonl", "--qrels", "judged.tsv", "--partial", "--store", &address];
    for ran in [sandbox.run(&like), sandbox.run(&judged)] {
        assert!(ran.status == Some(0) && ran.stderr.contains("this answer is not complete: "), "{ran}");
    }
    // Nothing is dropped while a part of it cannot be.
    let refused = sandbox.run(&["store", "drop", "--wait", "20", "--store", &address]);
    assert!(refused.status == Some(2) && told(&refused).contains("on shard s_shard_0"), "{refused}");

    // The shard comes back, and the staying process sees it.
    servers.control("start", "shard1");
    assert_eq!(hits(&staying, "rain n7").unwrap(), before);
    assert_eq!(query(&[]).success(), expected);
    index(&["--wait", "20"]).success();
    assert!(sandbox.run(&["verify", "--store", &address]).success().contains("intact"));
    assert_eq!(query(&[]).json_lines().len(), 60);
}
