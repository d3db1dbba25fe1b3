//! Every example of README and of `--help`, run as it is written, with what it prints.
//!
//! They run in a directory that has the files they name. What differs from run to run is masked: times, paths, and digits
//! of scores after the fourth.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::hub::{Fault, Hub};
use crate::support::{PASSAGES, Sandbox, cache, copy, model};

/// What cannot run within a test, each for its reason.
const NOT_HERE: [&str; 3] = [
    // The test would run itself.
    "script/test",
    // Builds anew and installs; continuous integration runs what it is made of.
    "script/demo",
    "script/bootstrap",
];

const README: &str = include_str!("../README.md");

/// Every file that an example names; with an index of the passages, and the same one called `squad`.
fn world(with_index: bool) -> Sandbox {
    let sandbox = if with_index { Sandbox::with_index() } else { Sandbox::new() };
    if with_index {
        copy(&sandbox.path(".semsearch"), &sandbox.path("squad"));
    }
    let passages = fs::read_to_string(PASSAGES).unwrap();
    let some = |number| passages.lines().take(number).map(|line| format!("{line}\n")).collect::<String>();
    let questions = "Who headlined the halftime show for Super Bowl 50?\nwhat makes bread rise\n";
    let queries = "{\"_id\": \"q1\", \"text\": \"Who headlined the halftime show for Super Bowl 50?\"}\n\
                   {\"_id\": \"q2\", \"text\": \"Queen on stage for famine relief\"}\n";
    let qrels = "query-id\tcorpus-id\tscore\nq1\tsuper-bowl-50-halftime\t1\nq2\tlive-aid-queen\t1\n";
    let run = "q1 Q0 live-aid-queen 1 2.0 a\nq1 Q0 super-bowl-50-halftime 2 1.0 a\nq2 Q0 live-aid-queen 1 1.0 a\n";
    let squad = "{\"data\": [{\"title\": \"Bees\", \"paragraphs\": [{\"context\": \"Bees dance.\", \"qas\": []}]}]}";
    let dump = "{\"_id\": \"d1\", \"text\": \"Foam rises in a barrel of beer.\"}\n";
    for (name, content) in [
        ("corpus.jsonl", passages.as_str()),
        ("examples/passages.jsonl", &passages),
        (
            "catalogue.csv",
            "id,name,description,price\nk1,Kettle,\"Boils water, quietly\",30\nk2,Lamp,Warm light,12.5\n",
        ),
        ("dump.json", "{\"items\": [{\"body\": \"Bread dough rises overnight.\"}, {\"body\": \"Trains run late.\"}]}"),
        ("dev-v2.0.json", squad),
        ("docs/guide.md", "# Guide\n\nTurn the key to the left.\n"),
        ("docs/more.txt", "A key opens a door.\n"),
        ("notes.md", "# Notes\n\nThe key is below the mat.\n"),
        ("README.md", "# Read me\n\nThis is about keys.\n"),
        ("questions.txt", questions),
        ("sentences.txt", "I took my dog for a walk\nToday is going to rain\nI took my cat for a walk\n"),
        ("queries.jsonl", queries),
        ("qrels/test.tsv", qrels),
        ("run.trec", run),
        ("dense.trec", run),
        ("scifact/corpus.jsonl", &some(12)),
        ("scifact/queries.jsonl", queries),
        ("scifact/qrels/test.tsv", qrels),
    ] {
        sandbox.write(name, content);
    }
    sandbox.write("dump.jsonl.zst", zstd::encode_all(dump.as_bytes(), 3).unwrap());
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet/zstd.parquet");
    fs::copy(table, sandbox.path("table.parquet")).unwrap();
    std::os::unix::fs::symlink(model(), sandbox.path("all-MiniLM-L6-v2")).unwrap();
    sandbox
}

/// Runs the commands in one shell, and gives each with what it printed and its status, if that is not 0.
fn transcript(sandbox: &Sandbox, hub: &Hub, commands: &[&str]) -> String {
    let plain = sandbox.command(&[]);
    let mut script = String::new();
    for command in commands {
        script += &format!(
            "cat <<'END'\n$ {command}\nEND\n{command}\nstatus=$?; [ $status = 0 ] || echo \"[status $status]\"\necho\n"
        );
    }
    let file = sandbox.write(".script", script);
    let out = File::create(sandbox.path(".out")).unwrap();
    let mut shell = Command::new("bash");
    shell.arg(file).current_dir(sandbox.path("")).env_clear().stdin(File::open("/dev/null").unwrap());
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("HF_HUB_OFFLINE");
    let program = Path::new(plain.get_program()).parent().unwrap().to_owned();
    let path =
        std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    shell.env("PATH", path.unwrap());
    shell.env("HF_ENDPOINT", &hub.endpoint).env("NO_PROXY", "127.0.0.1").env("HF_HOME", sandbox.path("hf"));
    // As on a terminal: what is said stands where it is said.
    shell.stdout(out.try_clone().unwrap()).stderr(out);
    shell.status().unwrap();
    let printed = fs::read_to_string(sandbox.path(".out")).unwrap();
    let printed = printed.replace(&*sandbox.path("").to_string_lossy(), "[DIR]/");
    printed.replace(&*cache().to_string_lossy(), "[CACHE]").trim_end().to_owned()
}

fn masked(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"in \d+\.\d s", "in [T] s");
    settings.add_filter(r"[\d,]+ tokens/s", "[N] tokens/s");
    settings.add_filter(r"(\d\.\d{4})\d+", "$1");
    settings.add_filter(r#""embedding":\[[^\]]*\]"#, r#""embedding":[…]"#);
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*Z", "[TIME]");
    settings.add_filter(r"(bytes +)\d+ \(.*\)", "$1[SIZE]");
    settings.add_filter(r"[\d.]+ KiB", "[SIZE]");
    settings.add_filter(r"(instruction_set +).*", "$1[ISA]");
    settings.bind(check);
}

/// The commands of README's blocks of this kind, without comments.
fn blocks(kind: &str) -> Vec<Vec<&'static str>> {
    let fence = format!("```{kind}\n");
    let block = |start: usize| README[start + fence.len()..].split("\n```").next().unwrap();
    let all =
        README.match_indices(&fence).map(|(start, _)| block(start).lines().filter(|line| !line.is_empty()).collect());
    all.collect()
}

fn can_run(command: &str) -> bool {
    !NOT_HERE.iter().any(|not| command.starts_with(not))
}

/// A cell that is a long number, to four digits.
fn rounded(cell: &str) -> String {
    let number = cell.parse::<f64>().ok().filter(|_| cell.len() > 6);
    number.map_or_else(|| cell.to_owned(), |number| format!("{number:.4}"))
}

#[test]
fn readmes_session_prints_what_it_shows() {
    let hub = Hub::start(Fault::None);
    for block in blocks("console") {
        let commands: Vec<&str> = block.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
        let found = transcript(&world(false), &hub, &commands);
        // Without times, and without the digits in which processors differ.
        let comparable = |text: &str| {
            let line = |line: &str| {
                let cells = line.split(" added in ").next().unwrap().trim_end().split('\t');
                cells.map(rounded).collect::<Vec<_>>().join("\t")
            };
            text.lines().filter(|line| !line.is_empty()).map(line).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(comparable(&found), comparable(&block.join("\n")));
    }
}

#[test]
fn readmes_examples_print_what_they_did() {
    let hub = Hub::start(Fault::None);
    let mut all = String::new();
    for block in blocks("sh") {
        let commands: Vec<&str> = block.into_iter().filter(|command| can_run(command)).collect();
        if !commands.is_empty() {
            all += &format!("{}\n\n", transcript(&world(true), &hub, &commands));
        }
    }
    masked(|| insta::assert_snapshot!("readme", all));
}

#[test]
fn the_helps_examples_print_what_they_did() {
    let hub = Hub::start(Fault::None);
    let mut all = String::new();
    let commands = [
        "",
        "index",
        "query",
        "embed",
        "sim",
        "eval",
        "info",
        "verify",
        "export",
        "model",
        "model fetch",
        "model import",
        "model path",
        "model verify",
        "config",
        "completions",
        "man",
    ];
    for command in commands {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = Sandbox::new().run(&args).success();
        let examples = help.split("Example").nth(1).unwrap_or_else(|| panic!("{command}: no examples"));
        let lines: Vec<&str> = examples.lines().skip(1).map_while(|line| line.strip_prefix("  ")).collect();
        assert!(!lines.is_empty(), "{command}: no examples");
        all += &format!("{}\n\n", transcript(&world(true), &hub, &lines));
    }
    masked(|| insta::assert_snapshot!("help", all));
}
