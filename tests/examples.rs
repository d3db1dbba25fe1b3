//! Runs every example of README, of `docs/` and of `--help` as it is written, and checks what it prints.
//!
//! A block of a page runs in a directory of its own that has the files it names, with an index of the sample passages
//! in it unless the block builds one itself. For a `console` block, the page shows the output, and the output is
//! compared with the page; `…` on a page stands for any text. For an `sh` block, a snapshot has the output. Values that
//! differ from run to run are masked: times, sizes, instruction sets, and digits of scores after the fourth.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::hub::{Fault, Hub};
use crate::support::{PASSAGES, Sandbox, cache, copy, model};

/// Commands that cannot run within a test, with the reasons.
const NOT_HERE: [&str; 8] = [
    // The test would run itself.
    "script/test",
    // These build everything again and install programs. Continuous integration runs their parts.
    "script/demo",
    "script/bootstrap",
    "cargo install",
    // Needs a GPU.
    "script/cuda-check",
    // A server stays until it is told to end, and these ask one; `server.rs` does what they do.
    "semsearch serve",
    "curl",
    // A program of others.
    "claude",
];

/// The project's root.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// README or a page of `docs/`.
struct Page {
    /// Its path below the root.
    path: String,
    text: String,
}

impl Page {
    fn read(path: &str) -> Self {
        Self { path: path.to_owned(), text: fs::read_to_string(Path::new(ROOT).join(path)).unwrap() }
    }

    /// The name of its snapshot.
    fn name(&self) -> String {
        Path::new(&self.path).file_stem().unwrap().to_string_lossy().to_lowercase()
    }

    /// Its fenced blocks: the word after the fence, and the lines in it that are not empty.
    fn blocks(&self) -> Vec<(&str, Vec<&str>)> {
        let fenced = self.text.split("\n```").skip(1).step_by(2);
        let parts = fenced.map(|block| block.split_once('\n').unwrap());
        parts.map(|(kind, body)| (kind, body.lines().filter(|line| !line.is_empty()).collect())).collect()
    }

    fn blocks_of(&self, kind: &str) -> impl Iterator<Item = Vec<&str>> {
        self.blocks().into_iter().filter(move |block| block.0 == kind).map(|block| block.1)
    }

    /// The targets of its links, except links to the web.
    fn links(&self) -> impl Iterator<Item = &str> {
        let targets = self.text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        targets.filter(|target| !target.starts_with("http"))
    }

    /// Its headings, in the form in which GitHub names them in links.
    fn anchors(&self) -> Vec<String> {
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let anchor = |line: &str| line.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect();
        headings.map(|line| -> String { anchor(line) }).map(|anchor| anchor.replace(' ', "-")).collect()
    }
}

/// README and the pages of `docs/`, in order of their names.
fn pages() -> Vec<Page> {
    let names = fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut paths: Vec<String> = names.map(|name| format!("docs/{}", name.to_string_lossy())).collect();
    paths.retain(|path| path.ends_with(".md"));
    paths.push("README.md".into());
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

/// A sandbox with every file that an example names, an index of the passages, and a copy of that index called `squad`.
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
    copy(&Path::new(ROOT).join("examples"), &sandbox.path("examples"));
    let table = Path::new(ROOT).join("tests/data/parquet/zstd.parquet");
    fs::copy(table, sandbox.path("table.parquet")).unwrap();
    std::os::unix::fs::symlink(model(), sandbox.path("all-MiniLM-L6-v2")).unwrap();
    sandbox
}

/// Runs the commands in one shell. Returns each command with its output, and with its status if that is not 0.
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
    // Both streams go to one file, so messages and output are in order, as on a terminal.
    shell.stdout(out.try_clone().unwrap()).stderr(out);
    shell.status().unwrap();
    let printed = fs::read_to_string(sandbox.path(".out")).unwrap();
    // The cache may lie under the root, so it is named first.
    let printed = printed.replace(&*sandbox.path("").to_string_lossy(), "[DIR]/");
    let printed = printed.replace(&*cache().to_string_lossy(), "[CACHE]");
    printed.replace(env!("CARGO_MANIFEST_DIR"), "[ROOT]").trim_end().to_owned()
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

fn can_run(command: &str) -> bool {
    !NOT_HERE.iter().any(|not| command.starts_with(not))
}

/// Whether commands need an index that is there already: those that begin by building one do not.
fn needs_index(commands: &[&str]) -> bool {
    let first = commands.iter().find(|command| command.contains("semsearch "));
    !first.is_some_and(|command| command.starts_with("semsearch index"))
}

/// The text with times, sizes and instruction sets masked, and with scores cut to four digits.
fn comparable(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty()).map(comparable_line);
    let text = lines.collect::<Vec<_>>().join("\n");
    ["amx", "avx512", "avx2", "scalar"].iter().fold(text, |text, isa| text.replace(isa, "[ISA]"))
}

fn comparable_line(line: &str) -> String {
    let line = line.trim_end();
    let timed = line.rsplit_once(" in ").filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    let line = timed.filter(|(_, rest)| rest.contains(" s")).map_or(line, |(before, _)| before);
    if line.contains("KiB") {
        return line.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    }
    with_rounded_numbers(line)
}

fn with_rounded_numbers(line: &str) -> String {
    let (mut rounded_line, mut rest) = (String::new(), line);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(number.len());
        rounded_line += before;
        rounded_line += &rounded(&number[..end]);
        rest = &number[end..];
    }
    rounded_line + rest
}

/// A long decimal number, cut to four digits.
fn rounded(number: &str) -> String {
    let long = number.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 4);
    let parsed = number.parse::<f64>().ok().filter(|_| long);
    parsed.map_or_else(|| number.to_owned(), |number| format!("{number:.4}"))
}

/// Whether a text matches the one on the page, in which `…` stands for any text.
fn matches(shown: &str, text: &str) -> bool {
    let Some((first, others)) = shown.split_once('…') else { return shown == text };
    let (middle, last) = others.rsplit_once('…').unwrap_or(("", others));
    let Some(between) = text.strip_prefix(first).and_then(|text| text.strip_suffix(last)) else { return false };
    middle.split('…').try_fold(between, |rest, part| rest.split_once(part).map(|(_, rest)| rest)).is_some()
}

#[track_caller]
fn assert_shows(page: &str, shown: &str, printed: &str) {
    let (shown, printed) = (comparable(shown), comparable(printed));
    assert!(matches(&shown, &printed), "{page} shows\n{shown}\n\nbut it was\n{printed}");
}

#[test]
fn sessions_on_pages_print_what_is_shown() {
    let hub = Hub::start(Fault::None);
    for page in pages() {
        for block in page.blocks_of("console") {
            let commands: Vec<&str> = block.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
            let printed = transcript(&world(needs_index(&commands)), &hub, &commands);
            assert_shows(&page.path, &block.join("\n"), &printed);
        }
    }
}

#[test]
fn the_picture_shows_what_its_commands_print() {
    let svg = fs::read_to_string(Path::new(ROOT).join("docs/session.svg")).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let words = |node: roxmltree::Node| {
        node.descendants()
            .filter_map(|part| part.text().filter(|_| part.is_text()).map(str::to_owned))
            .collect::<String>()
    };
    let lines: Vec<String> = texts.map(|node| words(node).replace('\u{a0}', " ")).collect();
    let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
    let printed = transcript(&world(needs_index(&commands)), &Hub::start(Fault::None), &commands);
    assert_shows("docs/session.svg", &lines.join("\n"), &printed);
}

#[test]
fn examples_on_pages_print_what_they_did() {
    let hub = Hub::start(Fault::None);
    for page in pages() {
        let mut all = String::new();
        for block in page.blocks_of("sh") {
            let commands: Vec<&str> = block.into_iter().filter(|command| can_run(command)).collect();
            if !commands.is_empty() {
                all += &format!("{}\n\n", transcript(&world(needs_index(&commands)), &hub, &commands));
            }
        }
        if !all.is_empty() {
            masked(|| insta::assert_snapshot!(page.name(), all));
        }
    }
}

#[test]
fn config_files_on_pages_are_accepted() {
    for page in pages() {
        for block in page.blocks_of("json") {
            serde_json::from_str::<serde_json::Value>(&block.join("\n"))
                .unwrap_or_else(|error| panic!("{}: {error}", page.path));
        }
        for block in page.blocks_of("toml") {
            let sandbox = Sandbox::new();
            sandbox.write(".config/semsearch/config.toml", block.join("\n"));
            let settings = sandbox.run(&["config"]).success();
            let from_file = settings.lines().filter(|line| line.ends_with("config.toml"));
            assert_eq!(from_file.count(), block.len(), "{}: {settings}", page.path);
        }
    }
}

#[test]
fn every_block_on_a_page_is_of_a_kind_that_is_tried() {
    // `script/clients` tries what is in Python. What is in `conf` is for other programs, and nothing tries it.
    for page in pages() {
        for (kind, _) in page.blocks() {
            assert!(
                ["console", "sh", "toml", "json", "python", "conf"].contains(&kind),
                "{}: a block of the kind `{kind}`",
                page.path
            );
        }
    }
}

#[test]
fn every_link_on_a_page_leads_somewhere() {
    for page in pages() {
        for link in page.links() {
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = Path::new(&page.path).with_file_name(file);
            let target = if file.is_empty() { page.path.clone() } else { target.to_string_lossy().into_owned() };
            assert!(Path::new(ROOT).join(&target).exists(), "{}: {link} leads nowhere", page.path);
            if let Some(anchor) = anchor {
                assert!(Page::read(&target).anchors().iter().any(|heading| heading == anchor), "{}: {link}", page.path);
            }
        }
    }
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
