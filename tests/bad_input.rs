//! Bad input: the exit status, the message, and that an existing index does not change.

use std::fs;

use crate::support::{PASSAGES, Ran, Sandbox, copy, model, tiny_model};

/// Runs `args` in a sandbox with an index and checks that they fail with status 2 and change nothing.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let before = sandbox.index_bytes();
    let ran = sandbox.run(args);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran}");
    assert!(sandbox.index_bytes() == before, "the index was touched");
    ran.stderr
}

/// The same check for `index` with an input file of this content.
#[track_caller]
fn refused_input(content: impl AsRef<[u8]>) -> String {
    let sandbox = Sandbox::with_index();
    sandbox.write("in.jsonl", content);
    refused(&sandbox, &["index", "in.jsonl"])
}

#[test]
fn a_file_that_is_not_there() {
    let said = refused(&Sandbox::with_index(), &["index", "missing.jsonl"]);
    insta::assert_snapshot!(said, @"error: missing.jsonl: cannot read: No such file or directory (os error 2)");
}

#[test]
fn a_directory_with_nothing_to_read() {
    let sandbox = Sandbox::with_index();
    fs::create_dir(sandbox.path("corpus.jsonl")).unwrap();
    insta::assert_snapshot!(refused(&sandbox, &["index", "corpus.jsonl"]), @r"
    error: corpus.jsonl: nothing to read in it
    hint: hidden, ignored and binary files are left out; `--glob PATTERN` chooses among them
    ");
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refused_input(""), @"error: in.jsonl: no records in it");
}

#[test]
fn invalid_json_at_a_line() {
    let said = refused_input("{\"text\": \"fine\"}\n\n{\"text\": \"broken\n");
    insta::assert_snapshot!(said, @r"
    error: in.jsonl:3: invalid JSON: EOF while parsing a string (column 16)
    hint: a line is one record (`jq -c` makes them so); `--on-error skip` passes bad ones over
    ");
}

#[test]
fn an_array_where_lines_were_meant() {
    insta::assert_snapshot!(refused_input("[{\"text\": \"a\"}]\n"), @r"
    error: in.jsonl:1: a record is a JSON object, this is an array
    hint: `--format json` reads an array of records
    ");
}

#[test]
fn invalid_utf8() {
    let said = refused_input(b"{\"text\": \"caf\xe9\"}\n");
    insta::assert_snapshot!(said, @r"
    error: in.jsonl:1: invalid UTF-8 at byte 14 of the line
    hint: `--encoding NAME` says how the text is encoded; `--on-error skip` passes bad records over
    ");
}

#[test]
fn a_record_without_text() {
    let said = refused_input("{\"text\": \"fine\"}\n{\"_id\": \"x\", \"titel\": \"no text\"}\n");
    insta::assert_snapshot!(said, @r"
    error: in.jsonl:2: no text: none of the fields text, contents, content, context, passage, body, message, msg, description, question is present
    hint: name the field with `--text-field NAME`
    ");
}

#[test]
fn a_text_that_is_a_number() {
    let said = refused_input("{\"text\": 12}\n");
    insta::assert_snapshot!(said, @r"
    error: in.jsonl:1: field `text` is a number, expected a string
    hint: `--on-error skip` passes bad records over
    ");
}

#[test]
fn an_id_that_comes_twice() {
    let said = refused_input(
        "{\"_id\": \"x\", \"text\": \"one\"}\n{\"_id\": \"y\", \"text\": \"two\"}\n{\"_id\": \"x\", \"text\": \"three\"}\n",
    );
    insta::assert_snapshot!(said, @r#"
    error: in.jsonl:3: id "x" is already used at in.jsonl:1
    hint: `--on-error skip` passes bad records over
    "#);
}

#[test]
fn a_text_that_is_too_long_where_that_is_refused() {
    let sandbox = Sandbox::with_index();
    sandbox.write("in.jsonl", format!("{{\"text\": \"short\"}}\n{{\"text\": \"{}\"}}\n", "long ".repeat(300)));
    insta::assert_snapshot!(refused(&sandbox, &["index", "in.jsonl", "--long", "error"]), @r"
    error: in.jsonl:2: the text has 302 tokens, the maximum is 256
    hint: `--long truncate` cuts such texts, a larger `--max-length` keeps them
    ");
    let summary = sandbox.run(&["index", "in.jsonl", "--long", "error", "--on-error", "skip", "--json"]).success();
    assert!(summary.contains(r#""added":1,"#) && summary.contains(r#""skipped":1,"#), "{summary}");
}

#[test]
fn what_is_skipped_is_counted_and_the_rest_indexed() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", "{\"text\": \"one\"}\nnonsense\n{\"text\": 3}\n{\"text\": \"four\"}\n");
    let ran = sandbox.run(&["index", "in.jsonl", "--on-error", "skip", "--json"]);
    assert!(ran.stdout.contains(r#""added":2,"#) && ran.stdout.contains(r#""skipped":2,"#), "{ran}");
    insta::assert_snapshot!(ran.stderr, @r"
    warning: skipped in.jsonl:2: invalid JSON: expected ident (column 2)
    warning: skipped in.jsonl:3: field `text` is a number, expected a string
    warning: records skipped: 2 bad
    ");
}

#[test]
fn a_failed_first_build_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", "{\"text\": \"one\"}\nnonsense\n");
    assert_eq!(sandbox.run(&["index", "in.jsonl"]).status, Some(2));
    assert!(!sandbox.path(".semsearch").exists());
}

#[test]
fn no_index() {
    let ran = Sandbox::new().run(&["query", "hello"]);
    insta::assert_snapshot!(ran, @r"
    status: 2
    stdout:
    stderr:
    error: .semsearch: no index here
    hint: build one with `semsearch index FILE`, or name one with `-i DIR`
    ");
}

#[test]
fn a_file_where_an_index_should_be_is_told_to_be_a_file() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", "{\"text\":\"dog\"}\n");
    let ran = sandbox.run(&["index", "-i", "in.jsonl"]);
    insta::assert_snapshot!(ran, @r"
    status: 2
    stdout:
    stderr:
    error: in.jsonl: this is a file, and an index is a directory
    hint: `-i DIR` names the index; inputs need no option, as in `semsearch index FILE -i DIR`
    ");
    for command in ["verify", "info"] {
        let ran = sandbox.run(&[command, "-i", "in.jsonl"]);
        assert!(ran.stderr.starts_with("error: in.jsonl: this is a file"), "{ran}");
    }
    // The message still names the source of a bad setting.
    assert!(sandbox.run(&["config", "-i", "in.jsonl"]).success().contains("in.jsonl"));
}

#[test]
fn a_directory_with_other_things_in_it() {
    let sandbox = Sandbox::new();
    sandbox.write("home/letter.txt", "dear");
    let ran = sandbox.run(&["index", PASSAGES, "-i", "home"]);
    insta::assert_snapshot!(ran, @r"
    status: 2
    stdout:
    stderr:
    error: home: not an index, and not empty
    hint: name another directory with `-i DIR`; nothing in this one was touched
    ");
    assert_eq!(fs::read_dir(sandbox.path("home")).unwrap().count(), 1);
}

#[test]
fn an_index_of_another_model() {
    let sandbox = Sandbox::with_index();
    tiny_model(&sandbox.path("tiny"), 1);
    let told = |args: &[&str]| refused(&sandbox, args);
    let asked = told(&["query", "hello", "--model", "tiny"]);
    insta::assert_snapshot!(asked, @r"
    error: .semsearch: built with model sentence-transformers/all-MiniLM-L6-v2, asked for [DIR]/tiny
    hint: leave out --model to use the index's own (sentence-transformers/all-MiniLM-L6-v2), or build anew with `semsearch index --rebuild`
    ");
    sandbox.write("in.jsonl", "{\"text\": \"a dog\"}\n");
    assert_eq!(told(&["index", "in.jsonl", "--model", "tiny"]), asked);
}

#[test]
fn an_index_of_other_settings() {
    let sandbox = Sandbox::with_index();
    let first_line = |args: &[&str]| refused(&sandbox, args).lines().next().unwrap().to_owned();
    insta::assert_snapshot!(first_line(&["query", "hello", "--pooling", "cls"]), @"error: .semsearch: built with pooling mean, asked for cls");
    insta::assert_snapshot!(first_line(&["query", "hello", "--max-length", "64"]), @"error: .semsearch: built with max-length 256, asked for 64");
    insta::assert_snapshot!(first_line(&["query", "hello", "--no-normalize"]), @"error: .semsearch: built with no-normalize false, asked for true");
    insta::assert_snapshot!(first_line(&["index", PASSAGES, "--metric", "l2"]), @"error: .semsearch: built with metric ip, asked for l2");
    insta::assert_snapshot!(first_line(&["index", PASSAGES, "--factory", "SQ8"]), @"error: .semsearch: built with factory Flat, asked for SQ8");
}

#[test]
fn a_missing_file_of_vectors() {
    let sandbox = Sandbox::with_index();
    let (file, _) = sandbox.index_bytes().into_iter().find(|(path, _)| path.extension().unwrap() == "faiss").unwrap();
    fs::remove_file(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let said = refused(&sandbox, &["query", "hello"]).replace(name, "[FILE]");
    insta::assert_snapshot!(said, @r"
    error: .semsearch/vectors/[FILE]: damaged index: the file is missing
    hint: `semsearch verify` names every fault; `semsearch index --rebuild FILE` builds the index anew
    ");
    let again = refused(&sandbox, &["index", PASSAGES]).replace(name, "[FILE]");
    assert_eq!(again, said, "what is damaged is not updated either");
}

#[test]
fn a_damaged_file_is_named_whichever_it_is() {
    let sandbox = Sandbox::with_index();
    for (path, bytes) in sandbox.index_bytes() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for damaged in [flipped(&bytes), bytes[..bytes.len() / 2].to_vec(), Vec::new()] {
            fs::write(&path, &damaged).unwrap();
            let ran = sandbox.run(&["query", "Who headlined the halftime show?", "-k", "1", "-f", "tsv"]);
            match ran.status {
                Some(2) => assert!(ran.stderr.contains("damaged") || ran.stderr.contains("no index"), "{name}: {ran}"),
                // Only a writer reads tantivy's list of files to be removed, so a query succeeds when that list is
                // damaged.
                Some(0) => assert!(ran.stdout.contains("super-bowl-50-halftime"), "{name}: {ran}"),
                _ => panic!("{name}: {ran}"),
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    sandbox.run(&["query", "hello"]).success();
}

/// The bytes with one bit in the middle flipped.
fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    if let Some(byte) = flipped.get_mut(bytes.len() / 2) {
        *byte ^= 1;
    }
    flipped
}

#[test]
fn a_newer_format() {
    let sandbox = Sandbox::with_index();
    // What a later release would write: the same outermost level, with a valid checksum.
    let mut crc = crc32fast::Hasher::new();
    crc.update(&7_u32.to_le_bytes());
    crc.update(b"{}");
    let newer = format!("{{\"format_version\":7,\"crc32\":{},\"commit\":{{}}}}\n", crc.finalize());
    fs::write(sandbox.path(".semsearch/manifest.json"), newer).unwrap();
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello"]), @r"
    error: .semsearch: index format 7, this release reads 5
    hint: update semsearch, or build the index anew with `semsearch index --rebuild FILE`
    ");
    refused(&sandbox, &["index", PASSAGES]);
    sandbox.run(&["index", PASSAGES, "--rebuild"]).success();
    sandbox.run(&["query", "hello"]).success();
}

#[test]
fn a_missing_or_damaged_file_of_the_model() {
    let sandbox = Sandbox::new();
    let broken = |file: &str, content: Option<&[u8]>| {
        tiny_model(&sandbox.path("tiny"), 1);
        match content {
            Some(bytes) => fs::write(sandbox.path("tiny").join(file), bytes).unwrap(),
            None => fs::remove_file(sandbox.path("tiny").join(file)).unwrap(),
        }
        let ran = sandbox.run(&["sim", "a", "b", "--model", "tiny"]);
        assert_eq!(ran.status, Some(2), "{ran}");
        ran.stderr.lines().next().unwrap().to_owned()
    };
    insta::assert_snapshot!(broken("model.safetensors", None), @"error: [DIR]/tiny: the model has no model.safetensors");
    insta::assert_snapshot!(broken("tokenizer.json", None), @"error: [DIR]/tiny: the model has no tokenizer.json");
    let weights = {
        tiny_model(&sandbox.path("tiny"), 1);
        fs::read(sandbox.path("tiny/model.safetensors")).unwrap()
    };
    let cut = broken("model.safetensors", Some(&weights[..weights.len() - 7]));
    assert!(cut.starts_with("error: [DIR]/tiny/model.safetensors: damaged weights"), "{cut}");
    let nonsense = broken("tokenizer.json", Some(b"{}"));
    assert!(nonsense.starts_with("error: [DIR]/tiny/tokenizer.json: damaged tokenizer"), "{nonsense}");
    let half = broken("config.json", Some(b"{\"vocab_size\": 1"));
    assert!(half.starts_with("error: [DIR]/tiny/config.json: damaged, or not a file of a model"), "{half}");
}

#[test]
fn no_model_offline_names_what_is_missing_and_both_ways_to_get_it() {
    let sandbox = Sandbox::new();
    let output = sandbox.command(&["sim", "a", "b", "--offline"]).env("XDG_CACHE_HOME", sandbox.path("none")).output();
    insta::assert_snapshot!(sandbox.ran(&output.unwrap()).stderr, @r"
    error: model sentence-transformers/all-MiniLM-L6-v2 is not on this machine: no config.json (looked in [DIR]/none/semsearch/models/sentence-transformers--all-MiniLM-L6-v2/c9745ed1d9f207416be6d2e6f8de32d1f16199bf and [DIR]/none/huggingface/hub)
    hint: `semsearch model fetch sentence-transformers/all-MiniLM-L6-v2` downloads it (without --offline), `semsearch model import DIR sentence-transformers/all-MiniLM-L6-v2` copies it from a directory that holds its files
    ");
}

#[test]
fn usage_errors_are_one_line_and_a_hint() {
    let sandbox = Sandbox::with_index();
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "-k", "0"]), @r"
    error: invalid value '0' for '--top-k <N>': must be at least 1
    hint: `semsearch --help` lists the commands, `semsearch COMMAND --help` their options
    ");
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "--formt", "json"]), @r"
    error: unexpected argument '--formt' found
    hint: did you mean `--format`?
    ");
    insta::assert_snapshot!(refused(&sandbox, &["querry", "hello"]), @r"
    error: unrecognized subcommand 'querry'
    hint: did you mean `query`?
    ");
    insta::assert_snapshot!(refused(&sandbox, &["query", "-5 degrees"]), @r"
    error: unexpected argument '-5' found
    hint: to pass '-5' as a value, use '-- -5'
    ");
    insta::assert_snapshot!(refused(&sandbox, &["query", "  "]), @"error: the query is empty");
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "--pooling", "none"]), @"error: a query needs one vector: `--pooling none` is for `embed`");
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "--precision", "f16"]), @"error: precision f16 is for GPUs: use `--precision bf16` or `f32`");
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "--max-length", "2"]), @"error: a maximum length of 2 leaves no room beside 2 special tokens");
    insta::assert_snapshot!(refused(&sandbox, &["query", "hello", "--max-length", "513"]), @"error: a maximum length of 513: the model has 512 positions");
    insta::assert_snapshot!(refused(&sandbox, &["sim", "alone"]), @r"
    error: nothing to compare: two texts are needed
    hint: `semsearch sim TEXT TEXT`, or `--lines FILE` with a text on each line
    ");
}

#[test]
fn cuda_in_a_build_without_it() {
    if cfg!(feature = "cuda") {
        eprintln!("skipped: this build has CUDA");
        return;
    }
    insta::assert_snapshot!(refused(&Sandbox::with_index(), &["query", "hello", "--device", "cuda"]), @"error: this build has no CUDA: build with `cargo build --release --features cuda`, or compute on the CPU");
}

#[test]
fn a_read_only_directory_can_be_read_and_not_written() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let sandbox = Sandbox::with_index();
    let set = |mode| {
        for dir in ["", ".semsearch", ".semsearch/catalog", ".semsearch/vectors"] {
            fs::set_permissions(sandbox.path(dir), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    // Root may write anywhere. So root runs the commands as another user, with a copy of the model that this user can
    // read.
    let is_root = fs::metadata(sandbox.path("")).unwrap().uid() == 0;
    copy(model(), &sandbox.path("model"));
    let as_other = |args: &[&str]| -> std::io::Result<Ran> {
        let mut command = sandbox.command(args);
        if is_root {
            command.uid(65534).gid(65534);
        }
        Ok(sandbox.ran(&command.output()?))
    };
    set(0o555);
    // `-i` is needed, because the index may belong to another user.
    let named = ["-i", ".semsearch", "--model", "model"];
    let ran = [
        as_other(&[&["query", "Who headlined the halftime show?", "-k", "1", "-f", "tsv"][..], &named].concat()),
        as_other(&[&["index", PASSAGES, "--rebuild"][..], &named].concat()),
        as_other(&["index", PASSAGES, "-i", "new", "--model", "model"]),
    ];
    set(0o755);
    let [Ok(query), Ok(index), Ok(new)] = ran else {
        eprintln!("skipped: another user than root cannot reach the program here");
        return;
    };
    assert!(query.success().contains("super-bowl-50-halftime"));
    assert_eq!((index.status, new.status), (Some(2), Some(2)), "{index}\n{new}");
    assert!(index.stderr.contains("error: .semsearch/lock: cannot write: Permission denied"), "{index}");
    assert!(new.stderr.contains("error: new: cannot write: Permission denied"), "{new}");
}
