//! A directory with a file of every kind: what is indexed of it, what is found, and where a hit begins.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use super::support::{Sandbox, tiny_model};

/// Files of a directory, each with a question that it answers and the words with which the line of its best hit begins.
const FILES: [(&str, &[u8], &str, &str); 11] = [
    (
        "page.html",
        b"<!doctype html>\n<html><head><title>Lighthouse</title>\n<script>var tea = 1;</script></head>\n<body><nav>Home</nav>\n\
          <h1>The lighthouse</h1>\n<p>The lamp of the lighthouse turns four times a minute &amp; is seen for 20 miles.</p>\n\
          </body></html>\n",
        "How far is the lighthouse seen?",
        "<h1>The lighthouse",
    ),
    (
        "store.rs",
        b"//! A store.\n\nuse std::fmt;\n\n/// Counts how often a download was retried.\npub fn count_retries(log: &str) -> usize {\n    \
          log.matches(\"retry\").count()\n}\n",
        "function that counts retries of a download",
        "//! A store.",
    ),
    (
        "ages.py",
        b"\"\"\"Ages of trees.\"\"\"\n\n\ndef age_of_oak(rings):\n    \"\"\"The age of an oak tree from its rings.\"\"\"\n    return len(rings)\n",
        "how old is an oak tree by its rings",
        "\"\"\"Ages of trees.\"\"\"",
    ),
    (
        "main.go",
        b"package main\n\n// ParseRecipe reads the ingredients of a bread recipe.\nfunc ParseRecipe(text string) []string {\n\treturn nil\n}\n",
        "parse the ingredients of bread",
        "package main",
    ),
    ("notes.md", b"# Notes\n\nThe volcano on the island erupted in 1783.\n", "When did the volcano erupt?", "# Notes"),
    (
        "guide.rst",
        b"Sailing\n=======\n\nA reef knot ties the sail when the wind is strong.\n",
        "Which knot ties the sail?",
        "Sailing",
    ),
    ("plan.org", b"* Garden\n** Tomatoes\nPlant the tomatoes in May.\n", "When are tomatoes planted?", "* Garden"),
    (
        "server.log",
        b"2026-01-02 10:00:00 INFO started\n2026-01-02 10:00:07 ERROR disk quota exceeded on volume backup\n",
        "disk quota error",
        "2026-01-02 10:00:00 INFO",
    ),
    (
        "utf16.txt",
        b"\xff\xfeT\0h\0e\0 \0g\0l\0a\0c\0i\0e\0r\0 \0m\0e\0l\0t\0s\0.\0\n\0",
        "What happens to the glacier?",
        "The glacier melts.",
    ),
    (
        "crlf.txt",
        b"\xef\xbb\xbf\r\n\r\n\tThe caf\xc3\xa9 opens at nine.\r\n",
        "When does the cafe open?",
        "\tThe caf\u{e9} opens",
    ),
    ("Makefile", b"# Builds the rocket engine simulation.\nall:\n\tcc sim.c\n", "build the rocket simulation", "# Builds"),
];

/// Files that cannot be used, and as what each is counted.
const OTHERS: [(&str, &[u8]); 5] = [
    ("settings.json", b"{\n  \"name\": \"x\",\n  \"private\": true\n}\n"),
    ("numbers.csv", b"a,b\n1,2\n"),
    ("latin1.txt", b"caf\xe9 au lait\n"),
    ("binary.dat", b"\x7fELF\0\0\0"),
    ("empty.txt", b""),
];

fn directory(sandbox: &Sandbox) {
    for (name, bytes, ..) in FILES {
        sandbox.write(&format!("docs/{name}"), bytes);
    }
    for (name, bytes) in OTHERS {
        sandbox.write(&format!("docs/{name}"), bytes);
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents");
    for name in ["reportlab.pdf", "python-docx.docx"] {
        fs::copy(samples.join(name), sandbox.path(format!("docs/{name}"))).unwrap();
    }
    symlink("../docs", sandbox.path("docs/loop")).unwrap();
    // Larger than a text may be.
    fs::File::create(sandbox.path("docs/huge.log")).unwrap().set_len(0).unwrap();
    let line = "2026-01-02 10:00:00 INFO nothing happened in this second\n";
    fs::write(sandbox.path("docs/huge.log"), line.repeat((200 << 20) / line.len())).unwrap();
}

fn best(sandbox: &Sandbox, question: &str) -> Value {
    sandbox.run(&["query", question, "-k", "1", "-f", "jsonl"]).json_lines().remove(0)
}

#[test]
fn a_file_of_every_kind_is_found_or_counted_and_a_hit_begins_at_its_line() {
    let sandbox = Sandbox::new();
    directory(&sandbox);
    let ran = sandbox.run(&["index", "docs"]);
    assert_eq!(ran.status, Some(0), "{ran}");
    let counted = "19 files: 13 indexed, 1 binary, 1 blank, 1 too large, 1 not UTF-8, 2 without text (-v lists them)";
    assert!(ran.stderr.contains(counted), "{ran}");
    for (name, bytes, question, begins) in FILES {
        let hit = best(&sandbox, question);
        assert_eq!(hit["id"], format!("docs/{name}"), "{question}");
        let vimgrep = sandbox.run(&["query", question, "-k", "1", "-f", "vimgrep"]).success();
        let mut cells = vimgrep.splitn(4, ':');
        let mut cell = || cells.next().unwrap().to_owned();
        let (path, line, column) = (cell(), cell().parse::<usize>().unwrap(), cell().parse::<usize>().unwrap());
        assert_eq!((path.as_str(), &hit["source"]["line"]), (&*format!("docs/{name}"), &Value::from(line)));
        let text = match bytes.strip_prefix(b"\xff\xfe") {
            Some(units) => units.iter().step_by(2).map(|&byte| char::from(byte)).collect(),
            None => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned(),
        };
        let there = text.split('\n').nth(line - 1).unwrap();
        assert!(there.starts_with(begins), "{name}:{line} is {there:?}");
        assert_eq!(there[..column - 1].trim(), "", "{name}:{line}:{column}");
    }
    for (question, id) in [
        ("Who was awarded a prize of 120 000 for the dance of bees?", "docs/reportlab.pdf"),
        ("Aristotle on bees", "docs/python-docx.docx"),
    ] {
        let hit = best(&sandbox, question);
        assert!(hit["id"] == "docs/reportlab.pdf" || hit["id"] == "docs/python-docx.docx", "{id}: {hit}");
    }
    let paths = sandbox.run(&["query", "the lighthouse", "-k", "3", "-l"]).success();
    assert_eq!((paths.lines().next(), paths.lines().count()), (Some("docs/page.html"), 3));
    // Everything stays as it is, and an encoding that is named reads what was none before.
    let again = sandbox.run(&["index", "docs", "--encoding", "latin1", "--json"]);
    let said = &again.json_lines()[0];
    assert_eq!((&said["added"], &said["updated"], &said["unchanged"]), (&1.into(), &0.into(), &13.into()), "{said}");
    assert_eq!(best(&sandbox, "coffee with milk in French")["text"], "caf\u{e9} au lait\n");
}

#[test]
fn a_file_is_one_document_from_wherever_it_is_named_and_one_that_is_gone_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("docs/a.md", "# Bees\n\nBees dance.\n");
    // Without a title, its name is part of what is embedded.
    sandbox.write("docs/b.txt", "Ice melts.\n");
    sandbox.write("sub/here", "");
    sandbox.run(&["index", "docs"]).success();
    let absolute = sandbox.path("docs/a.md");
    for named in ["docs/../docs/a.md", absolute.to_str().unwrap(), "./docs"] {
        let said = sandbox.run(&["index", named, "--json"]).json_lines().remove(0);
        assert_eq!((&said["added"], &said["documents"]), (&0.into(), &2.into()), "{named}");
    }
    let below =
        sandbox.command(&["index", "../docs/a.md", "--json"]).current_dir(sandbox.path("sub")).output().unwrap();
    assert_eq!(sandbox.ran(&below).json_lines()[0]["unchanged"], 1);
    let hit = sandbox.command(&["query", "bees", "-k", "1", "-l"]).current_dir(sandbox.path("docs")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&hit.stdout), "a.md\n");
    // A renamed file costs no embedding, and the file that is gone is told until it is pruned.
    fs::rename(sandbox.path("docs/a.md"), sandbox.path("docs/c.md")).unwrap();
    fs::rename(sandbox.path("docs/b.txt"), sandbox.path("docs/d.txt")).unwrap();
    let ran = sandbox.run(&["index", "docs", "--json"]);
    assert!(ran.stderr.contains("2 files: 2 indexed, 2 gone (--prune removes them)"), "{ran}");
    let said = ran.json_lines().remove(0);
    assert_eq!((&said["added"], &said["tokens"], &said["documents"]), (&2.into(), &0.into(), &4.into()));
    let said = sandbox.run(&["index", "docs", "--prune", "--json"]).json_lines().remove(0);
    assert_eq!((&said["removed"], &said["documents"]), (&2.into(), &2.into()));
    // A copy beside the file has another name, which is embedded.
    fs::copy(sandbox.path("docs/d.txt"), sandbox.path("docs/copy.txt")).unwrap();
    let said = sandbox.run(&["index", "docs", "--json"]).json_lines().remove(0);
    assert!(said["added"] == 1 && said["tokens"].as_u64().unwrap() > 0, "{said}");
}

#[test]
fn what_is_gone_is_known_after_an_index_and_its_files_were_moved_together() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    for name in ["a", "b", "c"] {
        sandbox.write(&format!("old/docs/{name}.txt"), format!("The text {name}.\n"));
    }
    sandbox.write("elsewhere.jsonl", "{\"_id\":\"e\",\"text\":\"Far away.\"}\n");
    let run =
        |dir: &str, args: &[&str]| sandbox.ran(&sandbox.command(args).current_dir(sandbox.path(dir)).output().unwrap());
    let model = ["--model", "../tiny"];
    run("old", &[&["index", "docs", "../elsewhere.jsonl"], &model[..]].concat()).success();
    fs::rename(sandbox.path("old"), sandbox.path("new")).unwrap();
    fs::remove_file(sandbox.path("new/docs/a.txt")).unwrap();
    let told = run("new", &[&["index", "docs"], &model[..]].concat());
    assert!(told.stderr.contains("2 files: 2 indexed, 1 gone (--prune removes them)"), "{told}");
    let pruned = run("new", &[&["index", "docs", "--prune", "--json"], &model[..]].concat()).json_lines().remove(0);
    assert_eq!((&pruned["removed"], &pruned["unchanged"], &pruned["documents"]), (&1.into(), &2.into(), &3.into()));
    // A file whose documents were taken out is not told as gone.
    run("new", &["remove", "docs/b.txt"]).success();
    fs::remove_file(sandbox.path("new/docs/b.txt")).unwrap();
    let told = run("new", &[&["index", "docs"], &model[..]].concat());
    assert!(told.stderr.contains("1 file: 1 indexed\n"), "{told}");
    // What came from elsewhere is known by its own path, and so is all that is below the directory of the index.
    sandbox.write("elsewhere.jsonl", "{\"_id\":\"f\",\"text\":\"Far away.\"}\n");
    let removed = |args: &[&str]| {
        run("new", &[args, &["--prune", "--json"], &model[..]].concat()).json_lines()[0]["removed"].clone()
    };
    assert_eq!(removed(&["index", "../elsewhere.jsonl"]), 1);
    fs::remove_file(sandbox.path("new/docs/c.txt")).unwrap();
    sandbox.write("new/d.txt", "Another.\n");
    assert_eq!(removed(&["index", "..", "--glob", "d.txt"]), 1);
}

#[test]
fn a_hidden_file_that_was_named_is_not_pruned_with_its_directory() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    for name in ["docs/a.txt", "docs/.hidden.txt", "docs/.github/b.txt"] {
        sandbox.write(name, format!("The text of {name}.\n"));
    }
    let index =
        |args: &[&str]| sandbox.run(&[&["index", "--model", "tiny", "--json"], args].concat()).json_lines().remove(0);
    assert_eq!(index(&["docs", "docs/.hidden.txt", "docs/.github"])["documents"], 3);
    assert_eq!(index(&["docs", "--prune"])["removed"], 0);
    fs::remove_file(sandbox.path("docs/.github/b.txt")).unwrap();
    assert_eq!(index(&["docs", "--prune"])["removed"], 1);
}

#[test]
fn documents_are_printed_whole_listed_and_removed() {
    let sandbox = Sandbox::new();
    let long: String =
        (0..120).map(|number| format!("## Part {number}\n\nSentence number {number} of it.\n\n")).collect();
    let text = format!("# Long\n\n{long}");
    sandbox.write("long.md", &text);
    sandbox.write(
        "in.jsonl",
        "{\"_id\":\"x\",\"text\":\"Bees dance.\",\"year\":1999}\n{\"_id\":\"y\",\"text\":\"Ice.\",\"year\":2001}\n",
    );
    sandbox.run(&["index", "long.md", "in.jsonl", "--chunk-tokens", "64"]).success();
    assert_eq!(sandbox.run(&["get", "long.md"]).success(), text);
    let object = &sandbox.run(&["get", "x", "-f", "json"]).json_lines()[0];
    assert_eq!((&object["text"], &object["metadata"]["year"]), (&"Bees dance.".into(), &1999.into()));
    assert_eq!(sandbox.run(&["get", "none"]).status, Some(1));
    let listed = sandbox.run(&["ls", "-f", "tsv"]).success();
    let rows: Vec<Vec<&str>> = listed.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!((rows[0][0], rows[1].as_slice()), ("long.md", &["x", "1", "in.jsonl"][..]), "{listed}");
    assert_eq!(sandbox.run(&["ls", "--filter", "year > 2000", "-f", "jsonl"]).json_lines()[0]["source"]["line"], 2);
    // All passages of a document are counted, not only those that match.
    let passages = rows[0][1];
    let listed = sandbox.run(&["ls", "--filter", "heading = 'Long'", "-f", "tsv"]).success();
    assert_eq!(listed.split('\t').nth(1), Some(passages), "{listed}");
    let removed = sandbox.run(&["remove", "--filter", "year < 2000"]);
    assert!(removed.status == Some(0) && removed.stderr.contains("1 removed, 2 left"), "{removed}");
    assert_eq!(sandbox.run(&["remove", "x"]).status, Some(1));
    sandbox.run(&["remove", "long.md"]).success();
    assert_eq!(sandbox.run(&["ls"]).success().lines().count(), 1);
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 1"));
}

#[test]
fn what_resembles_a_document_is_found_without_it_and_copies_count_once() {
    let sandbox = Sandbox::new();
    let record = |id: &str, text: &str| format!("{{\"_id\":\"{id}\",\"text\":\"{text}\"}}\n");
    let records = [
        record("bee", "Honey bees dance to tell where flowers are."),
        record("bee2", "A bee shows the way to flowers by a dance.").replace('}', ",\"n\":2}"),
        record("ice", "Glaciers melt in summer."),
        record("copy1", "The ferry leaves at noon."),
        record("copy2", "The ferry leaves at noon."),
    ];
    sandbox.write("in.jsonl", records.concat());
    sandbox.write("question.txt", "Insects that dance for flowers.");
    sandbox.run(&["index", "in.jsonl"]).success();
    let ids = |args: &[&str]| -> Vec<String> {
        let hits = sandbox.run(&[&["query", "-f", "jsonl"], args].concat()).json_lines();
        hits.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    for mode in ["dense", "lexical", "hybrid"] {
        let found = ids(&["--like", "bee", "-k", "1", "--mode", mode]);
        assert_eq!(found, ["bee2"], "{mode}");
    }
    let scores = |args: &[&str]| {
        let hits =
            sandbox.run(&[&["query", "-k", "1", "-f", "jsonl", "--mode", "lexical"], args].concat()).json_lines();
        hits[0]["score"].as_f64().unwrap()
    };
    assert_eq!(
        scores(&["--like", "bee"]),
        scores(&["Honey bees dance to tell where flowers are.", "--filter", "n = 2"])
    );
    assert!(ids(&["--like-file", "question.txt", "-k", "2"]).iter().all(|id| id.starts_with("bee")));
    let none = sandbox.run(&["query", "--like", "nobody"]);
    assert!(none.status == Some(2) && none.stderr.contains("no document \"nobody\""), "{none}");
    assert_eq!(ids(&["When does the ferry leave?", "-k", "2"]), ["copy1", "copy2"]);
    let unique = ids(&["When does the ferry leave?", "-k", "2", "--unique"]);
    assert!(unique.len() == 2 && unique[0] == "copy1" && unique[1] != "copy2", "{unique:?}");
    // Copies of the document itself are like it.
    assert_eq!(ids(&["--like", "copy1", "-k", "1", "--unique"]), ["copy2"]);
    let shown = sandbox.run(&["query", "When does the ferry leave?", "-k", "1", "--unique"]).success();
    assert!(shown.contains("copy1  (1 more with this text)"), "{shown}");
}

#[test]
fn a_command_turns_files_into_text_and_one_that_fails_costs_that_file() {
    let sandbox = Sandbox::new();
    sandbox.write("docs/a.bin", b"\0\x01the lighthouse shines");
    sandbox.write("docs/b.bin", b"\0fail");
    sandbox.write("docs/c.txt", "Bees dance.\n");
    let command = sandbox.write(
        "to-text",
        "#!/bin/sh\ncase \"$1\" in *b.bin) echo 'no text in it' >&2; exit 3;; esac\ntr -d '\\000\\001'\n",
    );
    fs::set_permissions(&command, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let pre = ["--pre", command.to_str().unwrap(), "--pre-glob", "*.bin"];
    let ran = sandbox.run(&[&["index", "docs", "-v"][..], &pre].concat());
    assert!(ran.status == Some(0) && ran.stderr.contains("3 files: 2 indexed, 1 damaged"), "{ran}");
    assert!(ran.stderr.contains("exit status: 3: no text in it"), "{ran}");
    assert_eq!(best(&sandbox, "the lighthouse")["text"], "the lighthouse shines");
    // A file that is named must be usable.
    let named = sandbox.run(&[&["index", "docs/b.bin", "-i", "other"][..], &pre].concat());
    assert!(named.status == Some(2) && named.stderr.contains("no text in it"), "{named}");
}

#[test]
fn a_record_of_a_renamed_file_has_its_new_place_and_ids_of_several_files_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.jsonl", "{\"_id\":\"1\",\"text\":\"Wolves howl.\"}\n");
    sandbox.run(&["index", "d"]).success();
    fs::rename(sandbox.path("d/a.jsonl"), sandbox.path("d/b.jsonl")).unwrap();
    let said = sandbox.run(&["index", "d", "--json"]).json_lines().remove(0);
    assert_eq!((&said["updated"], &said["tokens"], &said["documents"]), (&1.into(), &0.into(), &1.into()), "{said}");
    assert_eq!(sandbox.run(&["query", "wolves", "-l"]).success(), "d/b.jsonl\n");
    assert!(!sandbox.run(&["index", "d"]).stderr.contains("gone"));
    // Two tables that count their rows from 1.
    sandbox.write("t/a.csv", "id,text\n7,apple pie\n");
    sandbox.write("t/b.csv", "id,text\n7,motor oil\n");
    let ran = sandbox.run(&["index", "t", "-i", "tables", "-v"]);
    assert!(ran.stderr.contains("t/b.csv:2: replaces document \"7\" of another input"), "{ran}");
    assert!(ran.stderr.contains("warning: ids that occur in several inputs with other content: 1; "), "{ran}");
}

#[test]
fn a_document_is_named_by_the_path_that_hits_show_and_a_misspelled_filter_removes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("docs/tea.md", "# Tea\n\nTea is made of leaves.\n");
    sandbox.write("docs/ice.md", "# Ice\n\nIce melts.\n");
    sandbox.run(&["index", "docs"]).success();
    let below = |args: &[&str]| {
        let output = sandbox.command(args).current_dir(sandbox.path("docs")).output().unwrap();
        sandbox.ran(&output)
    };
    for named in ["tea.md", "tea.md:1", "./tea.md", "docs/tea.md"] {
        assert!(below(&["get", named]).success().starts_with("# Tea"), "{named}");
    }
    assert_eq!(below(&["query", "--like", "tea.md", "-l"]).success(), "ice.md\n");
    let refused = sandbox.run(&["remove", "--filter", "not paht = zzz"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("nothing was removed"), "{refused}");
    below(&["remove", "tea.md"]).success();
    assert_eq!(sandbox.run(&["ls"]).success().lines().count(), 1);
}

#[test]
fn a_chunk_of_a_pdf_has_the_page_of_its_own_words() {
    let sandbox = Sandbox::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents");
    fs::copy(samples.join("reportlab.pdf"), sandbox.path("bees.pdf")).unwrap();
    sandbox.run(&["index", "bees.pdf", "--chunk-tokens", "48", "--chunk-overlap", "24"]).success();
    let reference = fs::read_to_string(samples.join("reportlab.txt")).unwrap();
    let pages: Vec<String> = reference.split('\u{c}').map(|page| page.split_whitespace().collect()).collect();
    let hits = sandbox.run(&["query", "bees", "-k", "99", "--chunks", "-f", "jsonl"]).json_lines();
    assert!(hits.len() > 5);
    for hit in hits {
        let page = hit["metadata"]["page"].as_u64().unwrap() as usize;
        // The end of a chunk is no repetition.
        let words: Vec<&str> = hit["text"].as_str().unwrap().split_whitespace().collect();
        let last = words[words.len() - 1];
        let there = pages[page - 1].contains(last) || pages.get(page).is_some_and(|next| next.contains(last));
        assert!(there, "page {page}: {words:?}");
    }
}

#[test]
fn a_document_that_is_named_twice_is_removed_once() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"_id\":\"x\",\"text\":\"a dog\"}\n{\"_id\":\"y\",\"text\":\"a cat\"}\n");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    let removed = sandbox.run(&["remove", "x", "x"]);
    assert!(removed.stderr.contains("1 removed, 1 left"), "{removed}");
    sandbox.run(&["verify"]).success();
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    sandbox.run(&["verify"]).success();
}

#[test]
fn a_file_is_one_document_also_if_the_index_is_named_by_way_of_a_link() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("a.md", "a dog");
    fs::create_dir(sandbox.path("sub")).unwrap();
    symlink(".", sandbox.path("link")).unwrap();
    for index in ["sub/../by-dots", "link/by-link", "link/new/deep/by-link", "plain"] {
        for said in ["1 added", "1 unchanged"] {
            let ran = sandbox.run(&["index", "a.md", "--model", "tiny", "-i", index]);
            assert!(ran.stderr.contains(said), "{index}: {ran}");
        }
        assert_eq!(sandbox.run(&["ls", "-i", index]).success().lines().count(), 1);
    }
}
