//! Lexical and hybrid searches, filters, and documents that are cut into chunks.

use std::sync::Arc;

use semsearch::embedder::{Embedder, Options};
use semsearch::engine::{LoadedModel, Query, SearchRequest, Searcher, identity};
use semsearch::index::{LocalStore, Store};
use semsearch::model::ModelFiles;
use serde_json::{Value, json};

use crate::support::{Sandbox, model, tiny_model};

fn hits(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    sandbox.run(&[&["query", "-f", "jsonl"], args].concat()).json_lines()
}

fn ids(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[test]
fn words_find_what_has_them_and_nothing_else() {
    let sandbox = Sandbox::with_index();
    let found = hits(&sandbox, &["headlining halftime", "--mode", "lexical", "-k", "50"]);
    assert_eq!(found[0]["id"], "super-bowl-50-halftime");
    for hit in &found {
        let text = format!("{} {}", hit["title"].as_str().unwrap_or(""), hit["text"].as_str().unwrap()).to_lowercase();
        assert!(text.contains("headlin") || text.contains("halftime"), "{text}");
    }
    let nothing = sandbox.run(&["query", "xyzzy", "--mode", "lexical"]);
    assert_eq!((nothing.status, nothing.stdout.as_str()), (Some(1), ""));
}

#[test]
fn a_search_by_words_needs_no_model() {
    let sandbox = Sandbox::with_index();
    let ran = sandbox.ran(
        &sandbox
            .command(&["query", "halftime", "--mode", "lexical", "-k", "1", "-f", "tsv"])
            .env("XDG_CACHE_HOME", sandbox.path("no-models"))
            .output()
            .unwrap(),
    );
    assert!(ran.success().contains("super-bowl-50-halftime"));
}

#[test]
fn no_character_of_a_query_is_an_operator_or_an_error() {
    let sandbox = Sandbox::with_index();
    let plain = ids(&hits(&sandbox, &["halftime show", "--mode", "lexical"])).join(" ");
    for odd in [
        "+halftime -show",
        "\"halftime show",
        "halftime AND (show",
        "half*time:show^2~",
        "halftime/show\\",
        "(){}[]!?:",
    ] {
        for mode in ["lexical", "hybrid"] {
            let ran = sandbox.run(&["query", "--mode", mode, "--", odd]);
            assert!(ran.status != Some(2), "{odd}: {ran}");
        }
    }
    assert_eq!(ids(&hits(&sandbox, &["--mode", "lexical", "--", "+halftime -show"])).join(" "), plain);
}

#[test]
fn both_sides_are_fused_and_explained() {
    let sandbox = Sandbox::with_index();
    let query = "Who headlined the halftime show for Super Bowl 50?";
    let found = hits(&sandbox, &[query, "--mode", "hybrid", "-k", "5", "--explain"]);
    let scores = |hit: &Value, side: &str| hit["scores"][side].as_f64().unwrap();
    assert_eq!(found[0]["id"], "super-bowl-50-halftime");
    assert!(found.is_sorted_by(|a, b| a["score"].as_f64() >= b["score"].as_f64()));
    // The fused score follows from those of both sides, and is at most 1.
    let fused = found[0]["score"].as_f64().unwrap();
    assert!(fused > 0.47 * scores(&found[0], "dense").powf(1.5) && fused < 1.0, "{fused}");
    // The score of each side is the one that a search by this side alone gives.
    for (mode, side) in [("dense", "dense"), ("lexical", "lexical")] {
        for alone in hits(&sandbox, &[query, "--mode", mode, "-k", "72"]) {
            let Some(hit) = found.iter().find(|hit| hit["id"] == alone["id"]) else { continue };
            assert!((scores(hit, side) - alone["score"].as_f64().unwrap()).abs() < 1e-5, "{mode}: {hit}");
        }
    }
    // A weight of 1 gives the dense order, and a weight of 0 the lexical order.
    let order = |args: &[&str]| ids(&hits(&sandbox, &[&[query, "-k", "3"], args].concat())).join(" ");
    assert_eq!(order(&["--mode", "hybrid", "--alpha", "1"]), order(&["--mode", "dense"]));
    assert_eq!(order(&["--mode", "hybrid", "--alpha", "0"]), order(&["--mode", "lexical"]));
    let rrf = hits(&sandbox, &[query, "--mode", "hybrid", "--fusion", "rrf", "-k", "1"]);
    assert!((rrf[0]["score"].as_f64().unwrap() - 2.0 / 61.0).abs() < 1e-6);
    let minmax = hits(&sandbox, &[query, "--mode", "hybrid", "--fusion", "minmax", "-k", "1"]);
    // The best hit of both sides gets the full weight of both.
    assert_eq!(minmax[0]["score"], 1.0);
}

#[test]
fn first_hits_do_not_depend_on_how_many_are_wanted_on_other_queries_or_on_filters() {
    let sandbox = Sandbox::new();
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    let line = |number: usize| {
        let text: Vec<&str> = (0..6).map(|place| words[(number * 31 + number / 7 * place * 5) % words.len()]).collect();
        json!({"_id": format!("d{number}"), "text": format!("{} n{}", text.join(" "), number % 90), "even": number % 2})
            .to_string()
    };
    sandbox.write("in.jsonl", (0..3000).map(line).collect::<Vec<_>>().join("\n"));
    sandbox.run(&["index", "in.jsonl"]).success();
    let queries = ["a dog today n7", "rain n12 n13", "cat walk b", "today c n1"];
    sandbox.write("q.txt", queries.join("\n"));
    let shown = |hit: &Value| format!("{} {}", hit["id"], hit["score"]);
    for mode in
        [&["dense"][..], &["lexical"], &["hybrid"], &["hybrid", "--fusion", "minmax"], &["hybrid", "--fusion", "rrf"]]
    {
        let ask = |args: &[&str]| hits(&sandbox, &[args, &["--mode"], mode].concat());
        let together = ask(&["--queries", "q.txt", "-k", "10"]);
        for (number, query) in (1..).zip(queries) {
            let few: Vec<String> = ask(&[query, "-k", "10"]).iter().map(shown).collect();
            let many: Vec<String> = ask(&[query, "-k", "1000"]).iter().take(10).map(shown).collect();
            assert_eq!(few, many, "{mode:?} {query}");
            let own = |hit: &&Value| hit["query_id"].as_str() == Some(&number.to_string());
            let among_others: Vec<String> = together.iter().filter(own).map(shown).collect();
            assert_eq!(few, among_others, "{mode:?} {query}");
            let page: Vec<String> = ask(&[query, "-k", "3"]).iter().map(shown).collect();
            assert_eq!(few[..few.len().min(3)], page, "{mode:?} {query}");
            // Scores that are scaled to the candidates depend on them.
            if !mode.contains(&"--fusion") {
                let all: Vec<String> =
                    ask(&[query, "-k", "3000"]).iter().filter(|hit| hit["metadata"]["even"] == 1).map(shown).collect();
                let some: Vec<String> = ask(&[query, "-k", "10", "--filter", "even = 1"]).iter().map(shown).collect();
                assert_eq!(some, all[..some.len()], "{mode:?} {query}");
            }
        }
    }
}

/// An index of these texts, in their order.
fn index_of(texts: &[String], more: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let record = |(n, text): (usize, &String)| format!("{{\"_id\":\"d{n:04}\",\"text\":\"{text}\"}}\n");
    sandbox.write("in.jsonl", texts.iter().enumerate().map(record).collect::<String>());
    sandbox.run(&[&["index", "in.jsonl", "--model", "tiny"], more].concat()).success();
    sandbox
}

/// The scores and ids of the first question's hits, when so many `questions` are asked at once.
fn ranked(sandbox: &Sandbox, questions: &[&str], mode: &str, k: usize) -> Vec<(String, String)> {
    sandbox.write("questions", questions.join("\n"));
    let hits = hits(sandbox, &["--queries", "questions", "--mode", mode, "-k", &k.to_string()]);
    let of_first = hits.into_iter().filter(|hit| hit["query_id"] == "1");
    of_first.map(|hit| (hit["score"].to_string(), hit["id"].to_string())).collect()
}

#[test]
fn of_equal_vectors_the_first_come_first_however_many_are_wanted() {
    // Better ones come after worse ones, eight of each. In one file of vectors, and in several.
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    let texts: Vec<String> = (0..60).map(|n| words[..8 - n / 8].join(" ")).collect();
    for more in [&[][..], &["--commit-every", "25"]] {
        let sandbox = index_of(&texts, more);
        for mode in ["dense", "hybrid"] {
            let all = ranked(&sandbox, &["dog today"], mode, 60);
            assert!(all.is_sorted_by(|a, b| a.0 != b.0 || a.1 < b.1), "{mode}: {all:?}");
            for k in (1..30).step_by(3) {
                for questions in [1, 3, 25] {
                    let asked: Vec<&str> =
                        ["dog today", "cat", "rain walk"].into_iter().cycle().take(questions).collect();
                    assert_eq!(ranked(&sandbox, &asked, mode, k), all[..k], "{mode}, {k} of {questions} questions");
                }
            }
        }
    }
}

#[test]
fn of_equal_sums_of_words_the_first_come_first_however_many_are_wanted() {
    // Fifty of each text, with many of the query's words: tantivy adds them in another order for another number of hits.
    let word =
        |n: usize| format!("{}{}", ["al", "be", "ga", "de"][n % 4], ["pho", "ton", "mmo", "lta", "rix"][n / 4 % 5]);
    let text = |b: usize| -> String {
        let words = (0..6 + b * 7 % 19).map(|i| word((b * b + i * i * (b + 3) + i * b) % 20));
        words.collect::<Vec<_>>().join(" ")
    };
    let sandbox = index_of(&(0..1500).map(|n| text(n % 30)).collect::<Vec<_>>(), &[]);
    let query = (0..7).map(|i| word((1 + 3 * i) % 20)).collect::<Vec<_>>().join(" ");
    let all = ranked(&sandbox, &[&query], "lexical", 1500);
    assert!(all.len() > 1000 && all.is_sorted_by(|a, b| a.0 != b.0 || a.1 < b.1), "{all:?}");
    for k in (1..120).step_by(7) {
        assert_eq!(ranked(&sandbox, &[&query], "lexical", k), all[..k], "{k}");
    }
}

#[test]
fn a_fusion_of_absolute_scores_needs_vectors_of_length_1() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"text\":\"dog walk\"}\n{\"text\":\"rain today\"}\n");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--no-normalize"]).success();
    let best = |args: &[&str]| sandbox.run(&[&["query", "dog", "--mode", "hybrid", "-f", "jsonl"], args].concat());
    assert_eq!(best(&[]).json_lines(), best(&["--fusion", "minmax"]).json_lines());
    let refused = best(&["--fusion", "absolute"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("needs vectors of length 1"), "{refused}");
}

#[test]
fn identifiers_numbers_and_texts_without_spaces_are_found_by_their_parts() {
    let sandbox = Sandbox::new();
    let records = [
        ("code", "The HTTPServer calls read_to_end and parseJSONValue."),
        ("kebab", "Set --no-title for a half-time show."),
        ("version", "Since v1.2.3 it costs 1,200,000 euros."),
        ("chinese", "我在北京大学学习数学。"),
        ("thai", "ภาษาไทยง่ายมาก"),
    ];
    let line = |&(id, text): &(&str, &str)| json!({"_id": id, "text": text}).to_string();
    sandbox.write("in.jsonl", records.iter().map(line).collect::<Vec<_>>().join("\n"));
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    for (query, id) in [
        ("server", "code"),
        ("HTTPServer", "code"),
        ("json value", "code"),
        ("read_to_end", "code"),
        ("halftime", "kebab"),
        ("no-title", "kebab"),
        ("v1.2.3", "version"),
        ("1200000", "version"),
        ("1,200,000", "version"),
        ("大学", "chinese"),
        ("ภาษา", "thai"),
    ] {
        let found = hits(&sandbox, &[query, "--mode", "lexical"]);
        assert_eq!(ids(&found), [id], "{query}");
    }
    let info = sandbox.run(&["info", "--json"]).json_lines().remove(0);
    assert_eq!(info["words"], "parts");
}

/// Documents with metadata, one in a hundred of them marked.
fn marked(sandbox: &Sandbox) {
    let line = |number: usize| {
        let (kind, year) = (if number % 100 == 7 { "rare" } else { "common" }, 1900 + number % 100);
        json!({"_id": format!("d{number}"), "text": format!("walk {number}"), "kind": kind, "year": year}).to_string()
    };
    sandbox.write("marked.jsonl", (0..1000).map(line).collect::<Vec<_>>().join("\n"));
    tiny_model(&sandbox.path("tiny"), 1);
}

#[test]
fn a_filter_finds_k_that_match_if_there_are_k_by_every_mode_and_factory() {
    for factory in ["Flat", "SQfp16", "HNSW16", "IVF8,Flat"] {
        let sandbox = Sandbox::new();
        marked(&sandbox);
        sandbox.run(&["index", "marked.jsonl", "--model", "tiny", "--factory", factory]).success();
        for mode in ["dense", "lexical", "hybrid"] {
            let found = hits(&sandbox, &["walk 7", "--mode", mode, "--filter", "kind = rare", "-k", "10"]);
            assert_eq!(found.len(), 10, "{factory} {mode}");
            assert!(found.iter().all(|hit| hit["metadata"]["kind"] == "rare"), "{factory} {mode}");
        }
        // If few documents pass, the hits are those of an exact search.
        let exact = hits(
            &sandbox,
            &["walk 7", "-k", "1000", "--nprobe", "8"].as_slice()[..if factory.starts_with("IVF") { 5 } else { 3 }],
        );
        let expected: Vec<f64> = exact
            .iter()
            .filter(|hit| hit["metadata"]["kind"] == "rare")
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect();
        let found = hits(&sandbox, &["walk 7", "--filter", "kind = rare and year > 1900", "-k", "10"]);
        for (hit, expected) in found.iter().zip(expected) {
            assert!((hit["score"].as_f64().unwrap() - expected).abs() < 1e-3, "{factory}: {hit}, {expected}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_filter_is_shown_where_it_stands() {
    let sandbox = Sandbox::with_index();
    let ran = sandbox.run(&["query", "x", "--filter", "year >= and lang = en"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ran.stderr, @r#"
    error: cannot understand the filter: expected a number, a date or a string at character 9, found `and`
    year >= and lang = en
            ^
    hint: quote strings of more than a word, as in `author.name = "Jane Doe" and year >= 2000`
    "#);
    let nothing = sandbox.run(&["query", "x", "--filter", "no.such = 1"]);
    assert_eq!((nothing.status, nothing.stdout.as_str()), (Some(1), ""));
}

/// A text of one long document and two short ones.
fn long_document(sandbox: &Sandbox) -> String {
    let part = |number: usize| {
        format!("## Part {number}\n\nGlacier number {number} carves valley number {number} and carries stones.\n\n")
    };
    let text = format!("# Ice\n\n{}", (0..40).map(part).collect::<String>());
    sandbox.write("docs/ice.md", &text);
    sandbox.write("docs/bees.txt", "Bees dance to tell where flowers are.\n");
    sandbox.write("docs/bread.txt", "Bread rises by yeast.\n");
    text
}

#[test]
fn a_long_document_is_in_pieces_and_comes_once_by_its_best() {
    let sandbox = Sandbox::new();
    let text = long_document(&sandbox);
    let said = sandbox.run(&["index", "docs", "--chunk-tokens", "48", "--json"]).json_lines().remove(0);
    assert_eq!(said["documents"], 3);
    let passages = said["passages"].as_u64().unwrap();
    assert!(passages > 20, "{said}");
    assert_eq!((&said["truncated"], &said["tokens_dropped"]), (&json!(0), &json!(0)));

    for mode in ["dense", "lexical", "hybrid"] {
        // Many chunks of the long document rank before the last short document.
        let found = hits(&sandbox, &["glacier valley stones bread", "--mode", mode, "-k", "2"]);
        let mut both = ids(&found);
        both.sort_unstable();
        assert_eq!(both, ["docs/bread.txt", "docs/ice.md"], "{mode}");
    }
    let best = &hits(&sandbox, &["glacier number 17 and valley number 17", "--mode", "hybrid", "-k", "1"])[0];
    assert!(best["text"].as_str().unwrap().contains("number 17"), "{best}");
    assert!(best["metadata"]["heading"].as_str().unwrap().starts_with("Ice > Part 1"), "{best}");

    // With `--chunks`, the hits together are the whole text.
    let all = hits(&sandbox, &["ice", "--chunks", "-k", "1000"]);
    assert_eq!(all.len() as u64, passages);
    let mut chunks: Vec<_> = all.iter().filter(|hit| hit["id"] == "docs/ice.md").collect();
    chunks.sort_by_key(|hit| hit["chunk"]["index"].as_u64());
    let characters: Vec<char> = text.chars().collect();
    let mut reached = 0;
    for hit in chunks {
        let at = |name: &str| hit["chunk"][name].as_u64().unwrap() as usize;
        assert!(at("start") <= reached && at("end") > reached);
        assert_eq!(characters[at("start")..at("end")].iter().collect::<String>(), hit["text"].as_str().unwrap());
        reached = at("end");
    }
    assert_eq!(reached, characters.len());
    let short = hits(&sandbox, &["bees", "-k", "1"]).remove(0);
    assert_eq!((short["chunk"].clone(), short["metadata"].clone()), (Value::Null, json!({"path": "docs/bees.txt"})));
}

#[test]
fn a_long_title_or_path_leaves_most_of_a_chunk_to_the_text() {
    let sandbox = Sandbox::new();
    let words = |count: usize| (0..count).map(|number| format!("stone{number} ")).collect::<String>();
    let (long, text) = (words(200), words(150));
    let deep = ["a_directory_with_a_long_name"; 6].join("/");
    for (name, content) in [
        ("docs/title.html".into(), format!("<title>{long}</title>\n<p>{text}</p>\n")),
        ("docs/heading.md".into(), format!("# {long}\n\n## Two\n\n### {long}\n\n{text}\n")),
        (format!("docs/{deep}/plain.txt"), text.clone()),
    ] {
        let said =
            sandbox.run(&["index", "--json", "--chunk-tokens", "64", &sandbox.write(&name, content).to_string_lossy()]);
        let said = said.json_lines().remove(0);
        assert_eq!((&said["truncated"], &said["tokens_dropped"]), (&json!(0), &json!(0)), "{name}");
    }
    // A word is two or three tokens. At least a quarter of a chunk is text.
    let listed = sandbox.run(&["ls", "-f", "jsonl"]).json_lines();
    for document in &listed {
        let passages = document["passages"].as_u64().unwrap();
        let most = if document["id"] == "docs/heading.md" { 110 } else { 25 };
        assert!((2..most).contains(&passages), "{document}");
    }
    assert_eq!(listed.len(), 3);
}

#[test]
fn a_changed_or_vanished_file_leaves_no_piece_behind() {
    let sandbox = Sandbox::new();
    long_document(&sandbox);
    let index = ["index", "docs", "--chunk-tokens", "48", "--prune", "--json"];
    sandbox.run(&index).success();
    let again = sandbox.run(&index).json_lines().remove(0);
    assert_eq!((&again["added"], &again["updated"], &again["unchanged"]), (&json!(0), &json!(0), &json!(3)));
    // If it is cut in another way, the document has another version.
    let recorded = sandbox.run(&["index", "docs", "--json"]).json_lines().remove(0);
    assert_eq!(recorded["unchanged"], 3, "as they were cut before");
    let other = sandbox.run(&["index", "docs", "--chunk-tokens", "100", "--json"]).json_lines().remove(0);
    assert_eq!((&other["updated"], &other["unchanged"]), (&json!(3), &json!(0)));

    sandbox.write("docs/ice.md", "# Ice\n\nShort now.\n");
    std::fs::remove_file(sandbox.path("docs/bread.txt")).unwrap();
    let said = sandbox.run(&["index", "docs", "--chunk-tokens", "100", "--prune", "--json"]).json_lines().remove(0);
    assert_eq!(
        (&said["updated"], &said["removed"], &said["documents"], &said["passages"]),
        (&json!(1), &json!(1), &json!(2), &json!(2))
    );
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 2"));
    assert!(
        hits(&sandbox, &["glacier", "--mode", "hybrid", "--chunks"])
            .iter()
            .all(|hit| !hit["text"].as_str().unwrap().contains("number"))
    );
}

#[test]
fn globs_and_lists_choose_files_and_ignored_ones_are_left_out() {
    let sandbox = Sandbox::new();
    long_document(&sandbox);
    sandbox.write("docs/.hidden.md", "Hidden.");
    sandbox.write("docs/.ignore", "bread.txt\n");
    sandbox.write("docs/code.xyz", "Unknown.");
    let indexed = |args: &[&str]| -> Vec<String> {
        sandbox.run(&[&["index", "--rebuild"], args].concat()).success();
        let mut ids: Vec<String> =
            hits(&sandbox, &["x", "-k", "99"]).iter().map(|hit| hit["id"].as_str().unwrap().into()).collect();
        ids.sort();
        ids
    };
    assert_eq!(indexed(&["docs"]), ["docs/bees.txt", "docs/code.xyz", "docs/ice.md"]);
    assert_eq!(indexed(&["docs", "--glob", "*.md", "--glob", "!.*"]), ["docs/ice.md"]);
    assert_eq!(indexed(&["docs", "--glob", "*.xyz"]), ["docs/code.xyz"]);
    // Documents of files that were not chosen this time stay. Documents of files that no longer exist are removed.
    sandbox.run(&["index", "--rebuild", "docs"]).success();
    std::fs::remove_file(sandbox.path("docs/ice.md")).unwrap();
    sandbox.write("docs/new.md", "New.");
    let said = sandbox.run(&["index", "docs", "--glob", "*.md", "--glob", "!.*", "--prune", "--json"]).json_lines();
    assert_eq!((&said[0]["added"], &said[0]["removed"], &said[0]["documents"]), (&json!(1), &json!(1), &json!(3)));
    let list = sandbox.write("list", "docs/bread.txt\n\ndocs/bees.txt\n");
    assert_eq!(indexed(&["--files-from", list.to_str().unwrap()]), ["docs/bees.txt", "docs/bread.txt"]);
}

#[test]
fn prompts_and_dimensions_are_recorded_and_asked_for_no_more() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 3);
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"text\":\"dog walk\"}\n{\"_id\":\"2\",\"text\":\"rain today\"}\n");
    let top = |args: &[&str]| hits(&sandbox, args)[0]["score"].as_f64().unwrap();
    // Prompts have the same effect as the same words in the texts.
    sandbox
        .run(&["index", "in.jsonl", "--model", "tiny", "--query-prompt", "cat ", "--document-prompt", "a b "])
        .success();
    let prompted = top(&["walk", "-k", "2"]);
    sandbox.write(
        "plain.jsonl",
        "{\"_id\":\"1\",\"text\":\"a b dog walk\"}\n{\"_id\":\"2\",\"text\":\"a b rain today\"}\n",
    );
    sandbox.run(&["index", "plain.jsonl", "--model", "tiny", "-i", "plain"]).success();
    assert_eq!(prompted, top(&["cat walk", "-i", "plain"]));
    // Without an option, the model's own prompts are used.
    sandbox.write("tiny/config_sentence_transformers.json", r#"{"prompts": {"query": "cat ", "passage": "a b "}}"#);
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "own"]).success();
    assert_eq!(prompted, top(&["walk", "-i", "own"]));
    let info: Value = serde_json::from_str(&sandbox.run(&["info", "--json", "-i", "own"]).success()).unwrap();
    assert_eq!((&info["query_prompt"], &info["document_prompt"]), (&json!("cat "), &json!("a b ")));

    sandbox.run(&["index", "plain.jsonl", "--model", "tiny", "-i", "short", "--truncate-dim", "4"]).success();
    let info: Value = serde_json::from_str(&sandbox.run(&["info", "--json", "-i", "short"]).success()).unwrap();
    assert_eq!((&info["dim"], &info["truncated"]), (&json!(4), &json!(true)));
    top(&["walk", "-i", "short"]);
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "short"]).success();
    let refused = sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "short", "--truncate-dim", "5"]);
    assert!(refused.stderr.contains("built with truncate-dim 4, asked for 5"), "{refused}");
    let too_many = sandbox.run(&["embed", "in.jsonl", "--model", "tiny", "--truncate-dim", "9"]);
    assert!(too_many.stderr.contains("/tiny makes 8"), "{too_many}");
}

#[test]
fn truncated_vectors_are_the_first_components_scaled_to_length_1() {
    let sandbox = Sandbox::new();
    let embed = |args: &[&str]| -> Vec<f64> {
        let ran = sandbox.pipe(&[&["embed", "--lines"], args].concat(), "I took my dog for a walk\n");
        serde_json::from_value(ran.json_lines()[0]["embedding"].clone()).unwrap()
    };
    let (whole, short) = (embed(&[]), embed(&["--truncate-dim", "64"]));
    let norm = whole[..64].iter().map(|value| value * value).sum::<f64>().sqrt();
    assert_eq!(short.len(), 64);
    assert!(short.iter().zip(&whole).all(|(short, whole)| (short - whole / norm).abs() < 1e-6));
}

#[test]
fn words_are_stemmed_in_the_language_that_the_index_recorded() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"text\":\"Die Häuser stehen\"}\n");
    let found = |index: &str, query: &str| sandbox.run(&["query", query, "-i", index, "--mode", "lexical"]).status;
    for (language, house, houses) in [("german", Some(0), Some(0)), ("none", Some(1), Some(0))] {
        sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", language, "--language", language]).success();
        assert_eq!((found(language, "haus"), found(language, "HÄUSER")), (house, houses), "{language}");
    }
    let refused = sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "german", "--language", "dutch"]);
    assert!(refused.stderr.contains("built with language german, asked for dutch"), "{refused}");
}

#[test]
fn the_querys_words_or_the_nearest_sentence_are_marked() {
    let sandbox = Sandbox::with_index();
    let text = |query: &str, highlight: &str| {
        sandbox.run(&["query", query, "-k", "1", "--full", "--color", "always", "--highlight", highlight]).success()
    };
    assert!(text("headlining the show", "words").contains("\u{1b}[1m\u{1b}[31mheadlined\u{1b}[0m"));
    assert!(!text("headlining the show", "none").contains("\u{1b}[31m"));
    let marked = text("spectators of a halftime show with coloured cards", "sentence");
    let sentence = marked.split("\u{1b}[31m").nth(1).unwrap().split("\u{1b}[0m").next().unwrap();
    assert!(
        sentence.starts_with("At the end, spectators held up coloured cards") && sentence.ends_with('.'),
        "{marked}"
    );
    let plain = sandbox.run(&["query", "headlining the show", "-k", "1", "--highlight", "sentence"]).success();
    assert!(!plain.contains('\u{1b}'));
}

#[test]
fn queries_that_were_embedded_ahead_are_not_embedded_again_and_others_are() {
    let sandbox = Sandbox::with_index();
    let files = ModelFiles { dir: model().into(), id: "sentence-transformers/all-MiniLM-L6-v2".into(), revision: None };
    let store = Arc::new(LocalStore::new(sandbox.path(".semsearch")));
    let snapshot = store.snapshot().unwrap();
    let options = Options { precision: Some(snapshot.facts().config.precision), ..Options::default() };
    let embedder = Arc::new(Embedder::load(&files, &options).unwrap());
    let loaded = LoadedModel { embedder: Arc::clone(&embedder), identity: identity(&files).unwrap() };
    let searcher = Searcher::new(store, snapshot, loaded).unwrap();
    let (asked, other) = ("Who headlined the halftime show?", "Which club won the European Cup?");
    let first = |searcher: &Searcher, text: &str| {
        let queries = vec![Query { id: "1".into(), text: text.into() }];
        let found = searcher.search(&SearchRequest { queries, ..SearchRequest::default() }, &mut ()).unwrap();
        found.hits[0].iter().map(|hit| (hit.document.id.clone(), hit.score)).collect::<Vec<_>>()
    };
    let embedded = |text: &str| embedder.embed(&[text]).unwrap();
    assert_ne!(first(&searcher, asked), first(&searcher, other));

    let ahead = searcher.clone().with_embedded(vec![asked.into()], embedded(asked));
    assert_eq!(first(&ahead, asked), first(&searcher, asked));
    assert_eq!(first(&ahead, other), first(&searcher, other));
    // The vector of another text shows that it is used.
    let ahead = searcher.clone().with_embedded(vec![asked.into()], embedded(other));
    assert_eq!(first(&ahead, asked), first(&searcher, other));
}
