//! `serve` and `mcp`, with real processes and a client that sends bytes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::served::Served;
use super::support::{PASSAGES, Sandbox};

#[test]
fn hits_are_those_of_the_command_line_in_every_mode() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &[]);
    for (mode, filter, question) in [
        ("dense", "", "Who headlined the halftime show for Super Bowl 50?"),
        ("lexical", "", "volcano eruption"),
        ("hybrid", "topic = cooking", "What is eaten cold?"),
    ] {
        let mut typed = vec!["query", question, "-k", "4", "-f", "jsonl", "--explain", "--mode", mode];
        if !filter.is_empty() {
            typed.extend(["--filter", filter]);
        }
        let printed = sandbox.run(&typed);
        let expected: Vec<Value> = printed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let asked = json!({"query": question, "k": 4, "mode": mode, "filter": filter, "explain": true});
        let answer = served.post("/v1/search", &asked).json();
        let mut hits = answer["hits"].as_array().unwrap().clone();
        for hit in &mut hits {
            let fields = hit.as_object_mut().unwrap();
            assert!(fields.remove("highlights").unwrap().is_array());
        }
        let text = |hits: &[Value]| {
            serde_json::to_string_pretty(hits).unwrap().replace(&*sandbox.path("").to_string_lossy(), "")
        };
        assert_eq!(text(&hits), text(&expected).replace("[DIR]/", ""), "{mode}");
        assert_eq!(answer["more"], hits.len() == 4, "{mode}: {answer}");
    }
}

#[test]
fn vectors_are_those_of_embed_to_the_last_bit_whoever_else_asks() {
    let sandbox = Sandbox::with_index();
    let texts: Vec<String> =
        (0..60).map(|number| format!("text number {number} {}", "word ".repeat(number % 23))).collect();
    let lines = sandbox.write("lines.txt", texts.join("\n"));
    let printed = sandbox.run(&["embed", "--lines", &lines.to_string_lossy(), "--output", "v.npy"]);
    printed.success();
    let file = fs::read(sandbox.path("v.npy")).unwrap();
    let rows: Vec<f32> =
        file[file.len() - 60 * 384 * 4..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let served = Served::start(&sandbox, &["--model-alias", "mini"]);
    thread::scope(|scope| {
        let (served, texts, rows) = (&served, &texts, &rows);
        for client in 0..8 {
            scope.spawn(move || {
                for round in 0..4 {
                    let first = (client * 7 + round * 3) % 50;
                    let many = &texts[first..first + 1 + (client + round) % 9];
                    let answer = served.post("/v1/embeddings", &json!({"input": many, "model": "mini"}));
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let answer = answer.json();
                    for (at, item) in answer["data"].as_array().unwrap().iter().enumerate() {
                        let found: Vec<f32> =
                            item["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
                        let expected = &rows[(first + at) * 384..][..384];
                        assert!(
                            found.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()),
                            "text {}",
                            first + at
                        );
                    }
                    served.post("/v1/search", &json!({"query": many[0]}));
                }
            });
        }
    });
}

/// The status of each request, and the error's own words where it has some.
#[test]
fn every_wrong_request_has_its_status_and_says_why() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &["--max-body", "200KiB"]);
    let json_type = "Content-Type: application/json\r\n";
    let search = |body: &str| served.post_bytes("/v1/search", body.as_bytes(), json_type);
    let status = |answer: super::served::Answer| {
        let error = answer.json();
        assert!(error["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
        answer.status
    };
    assert_eq!(status(search("{")), 400);
    assert_eq!(status(search(r#"{"query": "a", "kk": 3}"#)), 400);
    assert_eq!(status(search(r#"{"query": "a", "k": 0}"#)), 400);
    assert_eq!(status(search(r#"{"query": "a", "filter": "year >="}"#)), 400);
    assert_eq!(status(search(r#"{"query": "a", "index": "nowhere"}"#)), 404);
    assert_eq!(status(search(&("{\"query\":".to_owned() + &"[".repeat(50_000)))), 400);
    assert_eq!(status(served.post_bytes("/v1/search", b"{\"query\": \"\xff\"}", json_type)), 400);
    assert_eq!(status(served.post_bytes("/v1/search", b"{\"query\": \"a\"}", "")), 415);
    assert_eq!(status(search(&format!("{{\"query\": \"{}\"}}", "a".repeat(300_000)))), 413);
    assert_eq!(status(served.get("/v1/nothing")), 404);
    assert_eq!(status(served.get("/v1/documents/nothing")), 404);
    assert_eq!(status(served.get("/v1/embeddings")), 405);
    assert_eq!(status(served.get_with("/v1/models", "Origin: https://evil.example\r\n")), 403);
    let other = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(served.raw(other.as_bytes())), 403);
    let embed = |body: &Value| served.post("/v1/embeddings", body);
    let model = served.get("/v1/models").json()["data"][0]["id"].clone();
    assert_eq!(status(embed(&json!({"input": "a", "model": "gpt-4"}))), 404);
    assert_eq!(status(embed(&json!({"input": "", "model": model}))), 400);
    assert_eq!(status(embed(&json!({"input": [], "model": model}))), 400);
    assert_eq!(status(embed(&json!({"input": vec!["a"; 2049], "model": model}))), 400);
    assert_eq!(status(embed(&json!({"input": "a", "model": model, "dimensions": 12}))), 400);
    let tokens = embed(&json!({"input": [[1, 2, 3]], "model": model}));
    assert!(
        tokens.json()["error"]["hint"].as_str().unwrap().contains("check_embedding_ctx_length=False"),
        "{tokens:?}"
    );
    assert_eq!(tokens.status, 400);
    // text-embeddings-inference's clients read an error's text.
    let wrong = served.post("/embed", &json!({"inputs": [""]}));
    assert_eq!((wrong.status, wrong.json()["error_type"].as_str()), (400, Some("Validation")));
}

#[test]
fn what_no_client_should_send_is_refused_and_others_are_answered() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &[]);
    let host = format!("Host: {}\r\n", served.address);
    let raw = |request: String| served.raw(request.as_bytes()).status;
    // An id of a megabyte does not fit into an address.
    let long = raw(format!("GET /v1/documents/{} HTTP/1.1\r\n{host}\r\n", "a".repeat(1_000_000)));
    assert!([0, 414, 431].contains(&long), "{long}");
    // Two lengths of a body, by which a proxy and a server could read different requests.
    let smuggled = "0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n".to_owned(),
        "Content-Length: +5\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: gzip\r\n".into(),
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", smuggled.len()),
    ] {
        let request =
            format!("POST /v1/search HTTP/1.1\r\n{host}Content-Type: application/json\r\n{headers}\r\n{smuggled}");
        let answer = served.raw(request.as_bytes());
        assert!(answer.status == 0 || answer.status == 400, "{headers}: {answer:?}");
        assert!(!answer.body.contains("\"status\":\"ok\""), "{headers}: {answer:?}");
    }
    assert_eq!(raw("not HTTP at all\r\n\r\n".into()), 400);
    assert_eq!(raw(format!("GET /health HTTP/1.1\r\n{host}{}\r\n", "X: y\r\n".repeat(500))), 431);
    assert_eq!(served.get("/health").status, 200);
}

#[test]
fn a_key_is_needed_where_there_is_one_and_other_machines_need_one() {
    let sandbox = Sandbox::with_index();
    sandbox.write("keys", "# ours\nsecret-one\nsecret-two\n");
    let served = Served::start(&sandbox, &["--api-key-file", "keys"]);
    let status = |key: &str| served.get_with("/v1/models", key).status;
    assert_eq!(status(""), 401);
    assert_eq!(status("Authorization: Bearer secret-on\r\n"), 401);
    assert_eq!(status("Authorization: Bearer secret-two\r\n"), 200);
    assert_eq!(served.get("/health").status, 200);
    assert!(served.get("/").headers.contains("www-authenticate: basic"));
    let refused = sandbox.run(&["serve", "--bind", "0.0.0.0:0"]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.stderr.contains("--api-key-file"), "{refused}");
}

#[test]
fn a_new_commit_is_served_within_a_second_and_a_damaged_one_is_not() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &[]);
    let finds = |word: &str| served.get(&format!("/v1/search?query={word}&k=1&mode=lexical")).json();
    sandbox.write("new.jsonl", "{\"_id\": \"new\", \"text\": \"A lighthouse at sea.\"}\n");
    sandbox.run(&["index", "new.jsonl"]).success();
    let committed = Instant::now();
    while finds("lighthouse")["hits"][0]["id"] != "new" {
        assert!(committed.elapsed() < Duration::from_secs(20), "the commit is not served");
        thread::sleep(Duration::from_millis(20));
    }
    eprintln!("served {:?} after the commit", committed.elapsed());
    let manifest = sandbox.path(".semsearch/manifest.json");
    let (good, old) = (fs::read(&manifest).unwrap(), finds("lighthouse")["commit"].clone());
    fs::write(&manifest, b"{}").unwrap();
    while !fs::read_to_string(sandbox.path("log")).unwrap().contains("cannot be opened") {
        assert!(committed.elapsed() < Duration::from_secs(40), "the damage is not told");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(finds("lighthouse")["commit"], old);
    fs::write(&manifest, good).unwrap();
    assert_eq!(finds("lighthouse")["hits"][0]["id"], "new");
}

#[test]
fn what_was_accepted_is_answered_before_the_server_ends() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &["--model-alias", "mini"]);
    let texts: Vec<String> = (0..40).map(|number| format!("{number} {}", "some words ".repeat(40))).collect();
    thread::scope(|scope| {
        let running: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| served.post("/v1/embeddings", &json!({"input": texts, "model": "mini"}))))
            .collect();
        thread::sleep(Duration::from_millis(300));
        served.signal(Signal::SIGTERM);
        for answer in running {
            let answer = answer.join().unwrap();
            assert_eq!((answer.status, answer.json()["data"].as_array().unwrap().len()), (200, 40));
        }
    });
    assert!(served.ended().success());
}

#[test]
fn clients_that_go_on_coming_do_not_hold_the_end_up() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &["--drain", "5"]);
    let address = served.address.clone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let connected = std::net::TcpStream::connect(&address);
                    let _ = connected
                        .map(|mut stream| stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        thread::sleep(Duration::from_millis(200));
        served.signal(Signal::SIGTERM);
        let ended = served.ended_within(Duration::from_secs(20));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    });
}

#[test]
fn the_log_has_no_text_of_users_and_the_page_obeys_no_document() {
    let sandbox = Sandbox::new();
    let evil = "<script>alert(1)</script> \\u001b[31mred\\u001b[0m kingfisher";
    sandbox.write("e.jsonl", format!("{{\"_id\": \"<b>\", \"title\": \"<i>x</i>\", \"text\": \"{evil}\"}}\n"));
    sandbox.run(&["index", "e.jsonl"]).success();
    let served = Served::start(&sandbox, &["--log", "json"]);
    let page = served.get("/?q=kingfisher&filter=");
    assert_eq!(page.status, 200);
    assert!(
        page.headers.contains("content-security-policy: default-src 'none'; style-src 'sha256-"),
        "{}",
        page.headers
    );
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", page.body);
    assert!(page.body.contains("<mark>kingfisher</mark>") && !page.body.contains('\u{1b}'), "{}", page.body);
    assert_eq!(page.body.matches("<script>").count(), 1);
    let document = served.get("/?id=%3Cb%3E&q=kingfisher");
    assert!(document.status == 200 && document.body.contains("&lt;i&gt;x&lt;/i&gt;"), "{document:?}");
    assert_eq!(served.get("/?q=kingfisher&filter=year+%3E%3D").status, 400);
    served.get("/v1/documents/kingfisher");
    let log = fs::read_to_string(sandbox.path("log")).unwrap();
    assert!(log.lines().count() > 4 && !log.contains("kingfisher"), "{log}");
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&line["route"], &line["status"]), (&json!("/v1/documents/{*id}"), &json!(404)));
}

#[test]
fn facets_count_the_documents_that_the_filter_lets_pass() {
    let sandbox = Sandbox::new();
    let record = |number: usize| {
        let kind = if number.is_multiple_of(2) { "even" } else { "odd" };
        let text = if number == 7 { "long words here. ".repeat(200) } else { format!("thing {number}") };
        json!({"_id": number.to_string(), "text": text, "kind": kind, "year": 2000 + number % 3, "ok": number > 4})
    };
    let records: String = (0..10).map(|number| record(number).to_string() + "\n").collect();
    sandbox.write("r.jsonl", records);
    sandbox.run(&["index", "r.jsonl", "--long", "chunk", "--chunk-tokens", "32"]).success();
    let served = Served::start(&sandbox, &[]);
    let answer =
        served.get("/v1/search?query=thing&facets=year&facets=kind&facets=nothing&filter=ok+%3D+true&k=2").json();
    assert_eq!((&answer["matching"], &answer["more"]), (&json!(5), &json!(true)));
    let value = |value: Value, count: u64| json!({"value": value, "count": count});
    assert_eq!(answer["facets"]["kind"], json!([value("odd".into(), 3), value("even".into(), 2)]));
    assert_eq!(answer["facets"]["year"], json!([value(2000.into(), 2), value(2002.into(), 2), value(2001.into(), 1)]));
    assert_eq!(answer["facets"]["nothing"], json!([]));
}

/// An agent's program, which speaks JSON lines with `semsearch mcp`.
struct Agent {
    child: std::process::Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Agent {
    fn start(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(&["mcp"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.send(message);
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[test]
fn agents_search_and_read_over_standard_input() {
    let sandbox = Sandbox::with_index();
    let mut agent = Agent::start(&sandbox);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    assert_eq!(agent.ask(&hello)["result"]["serverInfo"]["name"], "semsearch");
    agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let tools = agent.ask(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}));
    let names: Vec<&str> =
        tools["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["search", "fetch", "describe"]);
    let call = |id: u32, name: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    // The model is loaded meanwhile.
    let found = agent.ask(&call(3, "search", json!({"query": "Who headlined the halftime show?", "k": 2})));
    let content = &found["result"]["structuredContent"];
    assert_eq!(found["result"]["content"][0]["text"].as_str().unwrap(), content.to_string());
    let first = &content["results"][0];
    let read = agent.ask(&call(4, "fetch", json!({"id": first["id"], "start": first["start"], "max_chars": 50})));
    let text = read["result"]["structuredContent"]["text"].as_str().unwrap();
    assert!(first["snippet"].as_str().unwrap().starts_with(text), "{read}");
    let described = agent.ask(&call(5, "describe", json!({})));
    assert!(described["result"]["structuredContent"]["documents"].as_u64().unwrap() > 0, "{described}");
    for (name, arguments) in
        [("search", json!({"query": ""})), ("search", json!({"q": "a"})), ("fetch", json!({"id": "nothing"}))]
    {
        let refused = agent.ask(&call(6, name, arguments));
        assert_eq!(refused["result"]["isError"], true, "{refused}");
    }
    drop(agent.child.stdin.take());
    assert!(agent.child.wait().unwrap().success());
}

#[test]
fn agents_search_over_http_in_both_eras() {
    let sandbox = Sandbox::with_index();
    let served = Served::start(&sandbox, &[]);
    let accept = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
    let ask = |body: &Value, headers: &str| {
        served.post_bytes("/mcp", body.to_string().as_bytes(), &format!("{accept}{headers}"))
    };
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let answer = ask(&hello, "");
    assert_eq!((answer.status, answer.json()["result"]["serverInfo"]["name"].as_str()), (200, Some("semsearch")));
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "halftime show"}}});
    let older = ask(&call, "MCP-Protocol-Version: 2025-06-18\r\n");
    assert!(older.json()["result"]["structuredContent"]["results"][0]["id"].is_string(), "{older:?}");
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}});
    let newest = "MCP-Protocol-Version: 2026-07-28\r\n";
    let discover = json!({"jsonrpc": "2.0", "id": 3, "method": "server/discover", "params": {"_meta": meta}});
    let answer = ask(&discover, &format!("{newest}Mcp-Method: server/discover\r\n"));
    assert!(answer.json()["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{answer:?}");
    let call = json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "halftime show"}, "_meta": meta}});
    let answer = ask(&call, &format!("{newest}Mcp-Method: tools/call\r\nMcp-Name: search\r\n"));
    assert_eq!(answer.json()["result"]["resultType"], "complete", "{answer:?}");
    assert_eq!(ask(&call, "Origin: https://evil.example\r\n").status, 403);
}

#[test]
fn several_indexes_have_names_and_need_one_model() {
    let sandbox = Sandbox::with_index();
    sandbox.write("b.jsonl", "{\"_id\": \"b\", \"text\": \"Bees dance.\"}\n");
    sandbox.run(&["index", "b.jsonl", "-i", "other"]).success();
    let served = Served::start(&sandbox, &["-i", "first=.semsearch", "-i", "other"]);
    let asked = served.get("/v1/search?query=bees&index=other&k=1").json();
    assert_eq!(asked["hits"][0]["id"], "b");
    assert!(served.get("/").body.contains("<option value=\"first\""));
    assert_ne!(served.get("/v1/search?query=bees&k=1").json()["hits"][0]["id"], "b");
    sandbox.run(&["index", PASSAGES, "-i", "cut", "--truncate-dim", "64"]).success();
    let refused = sandbox.run(&["serve", "--bind", "127.0.0.1:0", "-i", "first=.semsearch", "-i", "cut"]);
    assert_eq!(refused.status, Some(2), "{refused}");
    let twice = sandbox.run(&["serve", "-i", "a=.semsearch", "-i", "a=other"]);
    assert!(twice.status == Some(2) && twice.stderr.contains("NAME=DIR"), "{twice}");
}
