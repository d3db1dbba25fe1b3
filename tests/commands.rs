//! What each command prints, from arguments, files and pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use semsearch::kernels::Isa;

use crate::support::{PASSAGES, Sandbox, among, tiny_model};

const QUESTION: &str = "Who headlined the halftime show for Super Bowl 50?";

#[test]
fn text_is_for_a_person() {
    insta::assert_snapshot!(Sandbox::with_index().run(&["query", QUESTION, "-k", "3"]), @r"
    status: 0
    stdout:
     1  0.7354  super-bowl-50-halftime  Super Bowl 50 halftime
        The British band Coldplay headlined the halftime show of Super Bowl 50,
        staged on 7 February 2016 at Levi's Stadium in Santa Clara, California.
        Beyoncé and Bruno Mars came on as special guests, traded songs and dance…
     2  0.5084  super-bowl-50-result  Super Bowl 50 result
        The Denver Broncos won Super Bowl 50 by beating the Carolina Panthers 24–10.
        Denver's defence decided the game: linebacker Von Miller twice knocked the
        ball loose from quarterback Cam Newton, both times setting up a touchdown,…
     3  0.4581  superdome-blackout  Super Bowl blackout
        Early in the second half of Super Bowl XLVII, half of the lights in the New
        Orleans Superdome went out and play stopped for 34 minutes. The Baltimore
        Ravens had been far ahead of the San Francisco 49ers, who then rallied…
    stderr:
    ");
}

#[test]
fn full_shows_whole_passages_and_several_queries_stand_above_their_hits() {
    let shown = Sandbox::with_index().run(&["query", QUESTION, "How do bees tell where food is?", "-k", "1", "--full"]);
    insta::assert_snapshot!(shown, @r"
    status: 0
    stdout:
    Who headlined the halftime show for Super Bowl 50?
     1  0.7354  super-bowl-50-halftime  Super Bowl 50 halftime
        The British band Coldplay headlined the halftime show of Super Bowl 50, staged on 7 February 2016 at Levi's Stadium in Santa Clara, California. Beyoncé and Bruno Mars came on as special guests, traded songs and dance moves, and returned with the band for the finale. At the end, spectators held up coloured cards that spelled out a message about love across the stands.

    How do bees tell where food is?
     1  0.5977  honeybee-waggle-dance  The honeybee dance
        A honeybee that has found good flowers tells her nestmates by dancing on the comb in the dark hive. The angle of her waggling run from the vertical matches the angle between the food and the Sun, and the longer the run lasts the farther away the food is. Karl von Frisch, who decoded this signal, shared a Nobel Prize in 1973.
    stderr:
    ");
}

#[test]
fn errors_of_usage_are_coloured_as_is_asked_for() {
    let sandbox = Sandbox::new();
    let coloured = |args: &[&str], environment: &[(&str, &str)]| {
        let output = sandbox.command(args).envs(environment.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        output.stderr.contains(&0x1b)
    };
    let forced = [("CLICOLOR_FORCE", "1")];
    assert!(coloured(&["query", "--bogus"], &forced));
    assert!(!coloured(&["query", "--bogus", "--color", "never"], &forced));
    assert!(!coloured(&["--color=always", "query", "--bogus", "--color=never"], &forced));
    assert!(!coloured(&["query", "--bogus"], &[("CLICOLOR_FORCE", "1"), ("SEMSEARCH_COLOR", "never")]));
    assert!(!coloured(&["query", "--bogus"], &[]));
    assert!(coloured(&["query", "--bogus", "--color", "always"], &[("SEMSEARCH_COLOR", "never")]));
    // An argument after -- is not an option.
    assert!(coloured(&["query", "--bogus", "--color", "always", "--", "--color", "never"], &[]));
    sandbox.write(".config/semsearch/config.toml", "color = \"never\"\n");
    assert!(!coloured(&["query", "--bogus"], &forced));
}

#[test]
fn colours_come_when_asked_for_and_not_into_data() {
    let sandbox = Sandbox::with_index();
    let text = sandbox.run(&["query", QUESTION, "-k", "1", "--color", "always"]).success();
    assert!(text.contains("\x1b[1m\x1b[31mheadlined\x1b[0m"), "{text:?}");
    let data = sandbox.run(&["query", QUESTION, "-k", "1", "--color", "always", "-f", "jsonl"]).success();
    assert!(!data.contains('\x1b'));
    let plain = sandbox.command(&["query", QUESTION, "-k", "1"]).env("NO_COLOR", "1").output().unwrap();
    assert!(!plain.stdout.contains(&0x1b));
}

#[test]
fn the_formats_agree() {
    let sandbox = Sandbox::with_index();
    let run = |format: &str| sandbox.run(&["query", QUESTION, "-k", "2", "-f", format]);
    let lines = run("jsonl").json_lines();
    let keys: Vec<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["query_id", "query", "rank", "id", "score", "title", "text", "metadata", "source"]);
    assert_eq!(lines[0]["metadata"], serde_json::json!({"topic": lines[0]["metadata"]["topic"], "year": 2016}));
    let array: Vec<serde_json::Value> = serde_json::from_str(&run("json").success()).unwrap();
    assert_eq!(array, lines);
    for (row, hit) in run("tsv").success().lines().zip(&lines) {
        let cells: Vec<&str> = row.split('\t').collect();
        let expected =
            ["1", &hit["rank"].to_string(), hit["id"].as_str().unwrap(), &hit["score"].to_string()].map(String::from);
        assert_eq!(cells[..4], expected);
    }
    for (row, hit) in run("trec").success().lines().zip(&lines) {
        let (id, rank, score) = (hit["id"].as_str().unwrap(), &hit["rank"], &hit["score"]);
        assert_eq!(row, format!("1 Q0 {id} {rank} {score} semsearch"));
    }
}

#[test]
fn queries_come_from_a_file_or_standard_input_as_lines_or_objects() {
    let sandbox = Sandbox::with_index();
    let ids = |ran: crate::support::Ran| -> Vec<String> {
        ran.json_lines()
            .iter()
            .map(|hit| format!("{}:{}", hit["query_id"].as_str().unwrap(), hit["id"].as_str().unwrap()))
            .collect()
    };
    let lines = format!("{QUESTION}\n\nWho won Super Bowl 50?\n");
    let expected = ["1:super-bowl-50-halftime", "3:super-bowl-50-result"];
    assert_eq!(ids(sandbox.pipe(&["query", "-k", "1", "-f", "jsonl"], &lines)), expected);
    assert_eq!(ids(sandbox.pipe(&["query", "-", "-k", "1", "-f", "jsonl"], &lines)), expected);
    sandbox.write("q.txt", &lines);
    assert_eq!(ids(sandbox.run(&["query", "--queries", "q.txt", "-k", "1", "-f", "jsonl"])), expected);
    let objects = format!(
        "{{\"_id\": \"show\", \"text\": \"{QUESTION}\"}}\n{{\"_id\": 7, \"text\": \"Who won Super Bowl 50?\"}}\n"
    );
    sandbox.write("q.jsonl", objects);
    let named = ["show:super-bowl-50-halftime", "7:super-bowl-50-result"];
    assert_eq!(ids(sandbox.run(&["query", "--queries", "q.jsonl", "-k", "1", "-f", "jsonl"])), named);
}

#[test]
fn a_query_on_a_pipe_is_answered_before_the_next_one_comes() {
    let sandbox = Sandbox::with_index();
    let mut child = sandbox
        .command(&["query", "-k", "1", "-f", "tsv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for (question, answer) in [(QUESTION, "super-bowl-50-halftime"), ("Who won Super Bowl 50?", "super-bowl-50-result")]
    {
        writeln!(stdin, "{question}").unwrap();
        let mut row = String::new();
        stdout.read_line(&mut row).unwrap();
        assert!(row.contains(answer), "{row}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn nothing_found_is_status_1() {
    let ran = Sandbox::with_index().run(&["query", QUESTION, "--min-score", "0.99", "-f", "jsonl"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (Some(1), "", ""));
}

#[test]
fn more_hits_than_passages_are_all_passages() {
    let hits = Sandbox::with_index().run(&["query", QUESTION, "-k", "1000", "-f", "jsonl"]).json_lines();
    assert_eq!(hits.len(), 72);
    let scores: Vec<f64> = hits.iter().map(|hit| hit["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    let sandbox = Sandbox::with_index();
    let questions = format!("{QUESTION}\n").repeat(400);
    let file = sandbox.write("q.txt", questions);
    let mut child = sandbox
        .command(&["query", "--queries", file.to_str().unwrap(), "-k", "72", "-f", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert!(first.contains("super-bowl-50-halftime"));
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn ctrl_c_while_indexing_is_status_130_and_keeps_what_was_embedded() {
    let sandbox = Sandbox::with_index();
    let long = format!("{{\"text\": \"{}\"}}\n", "a long walk in the rain ".repeat(60));
    let records: String = (0..2000).map(|number| long.replacen("long", &format!("long {number}"), 1)).collect();
    sandbox.write("in.jsonl", records);
    let mut child = sandbox.command(&["index", "in.jsonl"]).stderr(Stdio::piped()).spawn().unwrap();
    // After this time the program is embedding the two thousand long texts, and is far from done.
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "still indexing");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    // The index contains as many new documents as the message says.
    let added: u64 = said.split_once(".semsearch: ").unwrap().1.split_once(" added").unwrap().0.parse().unwrap();
    assert!((1..2000).contains(&added), "{said}");
    let info: serde_json::Value = serde_json::from_str(&sandbox.run(&["info", "--json"]).success()).unwrap();
    assert_eq!(info["documents"], 72 + added);
    assert!(sandbox.run(&["verify"]).success().contains("intact"));
    sandbox.run(&["query", QUESTION, "-k", "1"]).success();
    // Documents that the index already has are not embedded again.
    let again = sandbox.run(&["index", PASSAGES, "--json"]).success();
    assert!(again.contains("\"unchanged\":72"), "{again}");
}

#[test]
fn the_summary_has_the_keys_of_the_contract() {
    let sandbox = Sandbox::new();
    let summary = sandbox.run(&["index", PASSAGES, "--json"]).success();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let keys: Vec<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let contract = "index documents passages added updated unchanged removed skipped truncated tokens tokens_dropped \
                    seconds tokens_per_second model precision device dim factory metric";
    assert_eq!(keys, contract.split_whitespace().collect::<Vec<_>>());
    assert_eq!((&summary["documents"], &summary["added"]), (&72.into(), &72.into()));
    assert_eq!((&summary["dim"], &summary["precision"]), (&384.into(), &"f32".into()));
}

#[test]
fn what_was_cut_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", format!("{{\"text\": \"{}\"}}\n{{\"text\": \"short\"}}\n", "word ".repeat(300)));
    let ran = sandbox.run(&["index", "in.jsonl"]);
    let warning = ran.stderr.lines().last().unwrap();
    assert_eq!(warning, "warning: texts cut at 256 tokens: 1; tokens dropped: 46");
    let long = "dog ".repeat(300);
    for told in [sandbox.run(&["query", &long, "-k", "1"]), sandbox.run(&["sim", &long, "cat"])] {
        assert!(told.stderr.contains("warning: texts cut at 256 tokens: 1; tokens dropped: 46"), "{told}");
    }
    let quiet = sandbox.run(&["index", "in.jsonl", "--rebuild", "-q"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn verbose_says_what_was_chosen() {
    let ran = Sandbox::with_index().run(&["query", QUESTION, "-k", "1", "-v", "--threads", "1"]);
    for word in [
        "model sentence-transformers/all-MiniLM-L6-v2 in /",
        "encoder on cpu",
        "f32",
        "pooling mean",
        "index .semsearch",
    ] {
        assert!(ran.stderr.contains(word), "{word}: {ran}");
    }
}

#[test]
fn the_index_of_a_parent_directory_is_found() {
    let sandbox = Sandbox::with_index();
    std::fs::create_dir_all(sandbox.path("a/b")).unwrap();
    let output =
        sandbox.command(&["query", QUESTION, "-k", "1", "-f", "tsv"]).current_dir(sandbox.path("a/b")).output();
    assert!(sandbox.ran(&output.unwrap()).success().contains("super-bowl-50-halftime"));
}

#[test]
fn embed_gives_each_record_back_with_its_vector_in_order() {
    let sandbox = Sandbox::new();
    let input = "{\"n\": 1.0, \"text\": \"a dog\", \"tags\": [\"x\"]}\n{\"text\": \"a longer text about a cat\", \"title\": \"Cats\"}\n";
    let lines = sandbox.pipe(&["embed", "-"], input).json_lines();
    let keys = |line: &serde_json::Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&lines[0]), ["n", "text", "tags", "embedding"]);
    assert_eq!(keys(&lines[1]), ["text", "title", "embedding"]);
    for line in &lines {
        let squares: f64 = line["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap().powi(2)).sum();
        assert!((squares - 1.0).abs() < 1e-5);
    }
    // `embed` embeds what `index` would embed: the title, then the text.
    let joined = sandbox.pipe(&["embed", "--lines"], "Cats a longer text about a cat\n").json_lines();
    assert_eq!(joined[0]["embedding"], lines[1]["embedding"]);
    let untitled = sandbox.pipe(&["embed", "--no-title"], input).json_lines();
    assert_ne!(untitled[1]["embedding"], lines[1]["embedding"]);
}

#[test]
fn embed_writes_a_file_when_it_is_complete() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", "{\"text\": \"one\"}\nnonsense\n");
    assert_eq!(sandbox.run(&["embed", "in.jsonl", "-o", "out.jsonl"]).status, Some(2));
    assert!(!sandbox.path("out.jsonl").exists());
    sandbox.run(&["embed", "in.jsonl", "-o", "out.jsonl", "--on-error", "skip"]).success();
    assert_eq!(std::fs::read_to_string(sandbox.path("out.jsonl")).unwrap().lines().count(), 1);
}

#[test]
fn sim_is_a_matrix_in_text_json_and_csv() {
    let sandbox = Sandbox::new();
    let texts = ["I took my dog for a walk", "Today is going to rain", "I took my cat for a walk"];
    let run = |format: &str| sandbox.run(&["sim", texts[0], texts[1], texts[2], "-f", format]);
    insta::assert_snapshot!(run("text").success(), @r"
            1       2       3
    1  1.0000  0.1702  0.8291  I took my dog for a walk
    2  0.1702  1.0000  0.1740  Today is going to rain
    3  0.8291  0.1740  1.0000  I took my cat for a walk
    ");
    let table = run("csv").success();
    assert_eq!(table.lines().next(), Some(",I took my dog for a walk,Today is going to rain,I took my cat for a walk"));
    let file = sandbox.write("texts.txt", texts.join("\n"));
    let from_file = sandbox.run(&["sim", "--lines", file.to_str().unwrap(), "-f", "csv"]).success();
    assert_eq!(from_file, table);
}

#[test]
fn info_tells_what_an_index_holds() {
    let sandbox = Sandbox::with_index();
    let info = sandbox.run(&["info", "--json"]).success();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!((&info["documents"], &info["passages"], &info["vectors"]), (&72.into(), &72.into(), &72.into()));
    assert_eq!(info["model"], "sentence-transformers/all-MiniLM-L6-v2");
    assert_eq!((&info["pooling"], &info["max_length"], &info["metric"]), (&"mean".into(), &256.into(), &"ip".into()));
    assert_eq!((&info["precision"], &info["instruction_set"]), (&"f32".into(), &Isa::best().to_string().into()));
    assert!(info["updated"].as_str().unwrap().ends_with('Z') && info["bytes"].as_u64().unwrap() > 100_000);
    let text = sandbox.run(&["info"]).success();
    assert!(text.lines().any(|line| line.split_whitespace().eq(["documents", "72"])), "{text}");
}

#[test]
fn another_model_is_run_as_its_own_files_say() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", format!("{{\"text\": \"a dog\"}}\n{{\"text\": \"{}\"}}\n", "walk ".repeat(40)));
    let summary = sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--json"]).success();
    assert!(summary.contains(r#""truncated":1,"#) && summary.contains(r#""tokens_dropped":26,"#), "{summary}");
    let info: serde_json::Value = serde_json::from_str(&sandbox.run(&["info", "--json"]).success()).unwrap();
    assert_eq!((&info["pooling"], &info["max_length"]), (&"cls".into(), &16.into()));
    assert_eq!((&info["normalized"], &info["dim"]), (&false.into(), &8.into()));
    // A query need not name the model, because the index recorded it.
    let hit = &sandbox.run(&["query", "a dog", "-k", "1", "-f", "jsonl"]).json_lines()[0];
    assert_eq!(hit["text"], "a dog");
}

#[test]
fn help_is_there_for_every_command() {
    let sandbox = Sandbox::new();
    for command in ["index", "query", "embed", "sim", "info", "model"] {
        let help = sandbox.run(&[command, "--help"]).success();
        assert!(help.contains("Usage: semsearch"), "{help}");
    }
    assert!(sandbox.run(&["--version"]).success().starts_with("semsearch 0."));
}

#[test]
fn outputs_leave_files_beside_them_alone_and_a_device_stays_one() {
    use std::os::unix::fs::FileTypeExt;

    let sandbox = Sandbox::with_index();
    let outputs: [&[&str]; 6] = [
        &["export", "-o", "out.npy"],
        &["export", "-o", "out.safetensors"],
        &["embed", PASSAGES, "--limit", "2", "-o", "out.jsonl"],
        &["embed", PASSAGES, "--limit", "2", "-o", "embedded.npy"],
        &["embed", PASSAGES, "--limit", "2", "-o", "out.parquet"],
        &["sim", "a dog", "a cat", "--svg", "out.svg"],
    ];
    for args in outputs {
        let name = args.last().unwrap();
        let victim = sandbox.write(&format!("victim of {name}"), "theirs");
        let beside = sandbox.path(format!("{name}.part"));
        std::os::unix::fs::symlink(&victim, &beside).unwrap();
        sandbox.run(args).success();
        assert!(sandbox.path(name).metadata().unwrap().len() > 100, "{args:?}");
        assert!(beside.is_symlink(), "{args:?}");
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "theirs", "{args:?}");
    }
    for format in ["jsonl", "npy", "safetensors", "parquet"] {
        let ran = sandbox.run(&["embed", PASSAGES, "--limit", "2", "-o", "/dev/null", "--output-format", format]);
        assert_eq!(ran.success(), "");
        assert!(std::path::Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
        let full = sandbox.run(&["embed", PASSAGES, "--limit", "2", "-o", "/dev/full", "--output-format", format]);
        assert!(
            full.status == Some(2) && full.stderr.contains("error: /dev/full: cannot write: No space left"),
            "{full}"
        );
    }
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let sandbox = Sandbox::with_index();
    for name in ["exported", "exported.npy"] {
        let failed = sandbox.command_on_full_disk(&["export", "-o", name], 20 << 10).output().unwrap();
        let ran = sandbox.ran(&failed);
        assert_eq!(ran.status, Some(2), "{ran}");
        assert!(!sandbox.path(name).exists(), "{ran}");
    }
    sandbox.write("full/file", "theirs");
    let refused = sandbox.run(&["export", "-o", "full"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("full: not empty"), "{refused}");
    sandbox.run(&["export", "-o", "new/exported"]).success();
    assert_eq!(std::fs::read_dir(sandbox.path("new/exported")).unwrap().count(), 2);
}

#[test]
fn the_summary_tells_of_its_own_commit() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("a.jsonl", "{\"_id\": \"1\", \"text\": \"dog\"}\n");
    sandbox.write("b.md", "a dog. ".repeat(30));
    let counted = |args: &[&str]| {
        let summary = &sandbox.run(&[&["index", "--json", "--model", "tiny"], args].concat()).json_lines()[0];
        (summary["documents"].as_u64().unwrap(), summary["passages"].as_u64().unwrap())
    };
    assert_eq!(counted(&["a.jsonl"]), (1, 1));
    let (documents, passages) = counted(&["b.md"]);
    assert!(documents == 2 && passages > 5, "{documents}, {passages}");
    assert_eq!(counted(&["b.md"]), (2, passages), "without a new commit, of the last");
    sandbox.write("a.jsonl", "");
    assert_eq!(counted(&["a.jsonl", "--prune"]), (1, passages - 1));
}

#[test]
fn an_instruction_set_that_is_asked_for_compares_vectors_too() {
    use semsearch::encoder::Vectors;
    use semsearch::filter::Filter;
    use semsearch::index::{LocalStore, Snapshot, StoreError};

    let sandbox = Sandbox::with_index();
    let filter = "year >= 0";
    let mut all = Vec::new();
    for isa in Isa::all() {
        let name = isa.to_string();
        let embedded = &sandbox.pipe(&["embed", "--lines", "--isa", &name], QUESTION).json_lines()[0]["embedding"];
        let query: Vec<f32> = serde_json::from_value(embedded.clone()).unwrap();
        let index = LocalStore::new(sandbox.path(".semsearch")).with_isa(isa).open().unwrap();
        let mut products = std::collections::HashMap::new();
        let mut note = |key, row: &[f32]| {
            products.insert(key, isa.inner_product(row, &query));
            Ok::<_, StoreError>(())
        };
        index.vectors(&mut note).unwrap();
        let parsed: Filter = filter.parse().unwrap();
        let found =
            index.nearest(&Vectors::new(query.clone(), query.len()), &among(72, Some(&parsed))).unwrap().remove(0);
        assert!(found.len() > 20);
        for near in &found {
            assert_eq!(near.score.to_bits(), products[&near.key].to_bits(), "{isa}");
            assert_eq!(index.scores(&query, &[near.key]).unwrap()[0].to_bits(), near.score.to_bits(), "{isa}");
        }
        // `--isa` of the program must give the same scores.
        let run = sandbox.run(&["query", QUESTION, "-k", "72", "--filter", filter, "--isa", &name, "-f", "jsonl"]);
        let scores: Vec<f32> =
            run.json_lines().iter().map(|hit| serde_json::from_value(hit["score"].clone()).unwrap()).collect();
        assert_eq!(scores, found.iter().map(|near| near.score).collect::<Vec<_>>(), "{isa}");
        all.push(scores);
    }
    all.dedup();
    // Tiles are for shorter numbers. Floats are summed as with AVX-512.
    let orders = Isa::all().iter().filter(|isa| isa.to_string() != "amx").count();
    assert_eq!(all.len(), orders, "sets that sum in another order differ in the last bits");
}
