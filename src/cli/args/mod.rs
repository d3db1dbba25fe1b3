//! The command line as clap sees it. Nothing here touches files, the terminal or the model: see `settings`.

mod encoding;
mod eval;
mod records;

pub(super) use encoding::{Encoding, Recorded};
pub(super) use eval::{Eval, EvalFormat};
pub(super) use records::{Long, OnError, Records};

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{FalseyValueParser, PossibleValue, PossibleValuesParser, TypedValueParser as _};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use semsearch::index::{Language, Metric};
use semsearch::kernels::Isa;
use semsearch::search::{Fusion, Mode};

/// Semantic search from the command line: index texts, ask in plain language.
#[derive(Debug, Parser)]
#[command(name = "semsearch", version, long_version = long_version(), max_term_width = 100, arg_required_else_help = true,
    args_override_self = true, after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Action,
}

impl Index {
    /// What `semsearch index INPUT` would be, with these options of the model.
    pub(super) fn of(input: &Path, encoding: &Encoding) -> Result<Self, clap::Error> {
        let words = [OsStr::new("semsearch"), OsStr::new("index"), OsStr::new("--prune"), input.as_os_str()];
        match Args::from_arg_matches(&with_environment(Args::command()).try_get_matches_from(words)?)?.command {
            Action::Index(index) => Ok(Self { encoding: encoding.clone(), ..index }),
            _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
        }
    }
}

/// The command line as it is parsed: a variable of the environment that is empty counts as one that is not set, and what
/// follows an option is its value also where it is a negative number.
pub(super) fn with_environment(command: Command) -> Command {
    parsed(command, |value| !value.is_empty())
}

/// The same without the environment.
pub(super) fn without_environment(command: Command) -> Command {
    parsed(command, |_| false)
}

fn parsed(command: Command, counts: fn(&OsStr) -> bool) -> Command {
    let command = command.mut_args(|arg| {
        let set = arg.get_env().and_then(env::var_os);
        let arg = if set.is_some_and(|value| !counts(&value)) { arg.env(None) } else { arg };
        let takes_a_word = arg.get_action().takes_values() && !arg.is_positional();
        if takes_a_word { arg.allow_negative_numbers(true) } else { arg }
    });
    command.mut_subcommands(|command| parsed(command, counts))
}

/// The version, and what is built in that need not be.
fn long_version() -> String {
    let all =
        [("hub", cfg!(feature = "hub")), ("parquet", cfg!(feature = "parquet")), ("cuda", cfg!(feature = "cuda"))];
    let built_in: Vec<&str> = all.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    let features = if built_in.is_empty() { "none".into() } else { built_in.join(", ") };
    format!("{}\nfeatures: {features}", env!("CARGO_PKG_VERSION"))
}

const EXAMPLES: &str = "\
Examples:
  semsearch index corpus.jsonl
  semsearch query \"Who headlined the halftime show?\" -k 3
  semsearch query -f jsonl < questions.txt | jq .score

Exit status: 0 found or done, 1 nothing found, 2 error.";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The index [default: .semsearch here or in the nearest parent]
    #[arg(short, long, global = true, value_name = "DIR", env = "SEMSEARCH_INDEX", hide_env = true,
        value_hint = ValueHint::DirPath)]
    pub(super) index: Option<PathBuf>,
    /// Processor cores to use [default: all]
    #[arg(hide_short_help = true, long, global = true, value_name = "N", env = "SEMSEARCH_THREADS", hide_env = true,
        value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// Never open a network connection
    #[arg(hide_short_help = true, long, global = true, env = "SEMSEARCH_OFFLINE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) offline: bool,
    /// When to colour
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "SEMSEARCH_COLOR",
        hide_env = true
    )]
    pub(super) color: Color,
    /// Say nothing but errors
    #[arg(short, long, global = true, env = "SEMSEARCH_QUIET", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) quiet: bool,
    /// Say which model, device and index are used
    #[arg(short, long, global = true, env = "SEMSEARCH_VERBOSE", hide_env = true,
        value_parser = FalseyValueParser::new())]
    pub(super) verbose: bool,
}

impl Common {
    /// Of `-q` and `-v` what was typed counts before what is set, and then the last one. (clap takes one of each source for a
    /// conflict.)
    pub(super) fn settle(&mut self, matches: &ArgMatches) {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let last = typed("verbose") && (!typed("quiet") || matches.index_of("verbose") > matches.index_of("quiet"));
        if last {
            self.quiet = false;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// Where it goes to a terminal, unless NO_COLOR is set
    Auto,
    /// Into files and pipes as well
    Always,
    /// Plain text
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    Index(Index),
    Query(Query),
    Embed(Embed),
    Sim(Sim),
    Eval(Eval),
    Info(Info),
    /// Check every byte of an index
    #[command(after_help = "\
Example:
  semsearch verify && echo intact")]
    Verify,
    Export(Export),
    Model(Model),
    /// Show every setting in force, and where it comes from
    #[command(after_help = "\
Example:
  SEMSEARCH_TOP_K=3 semsearch config | grep top-k")]
    Config,
    /// Print completions for a shell
    #[command(after_help = "\
Example:
  source <(semsearch completions bash)")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual, or a command's page of it
    #[command(after_help = "\
Examples:
  semsearch man query > semsearch-query.1
  semsearch man --output man1")]
    Man {
        /// The command whose page is wanted
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
        /// Write all pages into this directory
        #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
        output: Option<PathBuf>,
    },
}

/// Build or update an index.
///
/// A record is a JSON object; what is not its id, title or text is metadata and comes back with hits. A record whose id
/// and content are in the index already costs nothing, one with other content replaces it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch index corpus.jsonl
  semsearch index corpus.jsonl --prune
  semsearch index docs/ notes.md --glob '*.md'
  semsearch index catalogue.csv --text-field name --text-field description
  semsearch index hf://datasets/rajpurkar/squad --split validation -i squad
  jq -c '.items[]' dump.json | semsearch index - --text-field body
  find . -name '*.txt' -print0 | semsearch index --files-from -")]
pub(super) struct Index {
    /// Files of records or text, directories, or - for standard input
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(super) inputs: Vec<PathBuf>,
    /// FAISS index factory string [default: Flat]
    #[arg(long, value_name = "STRING", env = "SEMSEARCH_FACTORY", hide_env = true)]
    pub(super) factory: Option<String>,
    /// How vectors are compared: ip or l2 [default: ip]
    #[arg(hide_short_help = true, long, value_name = "METRIC", env = "SEMSEARCH_METRIC", hide_env = true)]
    pub(super) metric: Option<Metric>,
    /// Take the vectors from FILE (npy or safetensors, float32), row by record, instead of computing them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) vectors: Option<PathBuf>,
    /// Language by which words are stemmed for lexical search, or none [default: english]
    #[arg(hide_short_help = true, long, value_name = "NAME", env = "SEMSEARCH_LANGUAGE", hide_env = true)]
    pub(super) language: Option<Language>,
    /// Put before queries when they are embedded [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "TEXT")]
    pub(super) query_prompt: Option<String>,
    /// Remove documents that came from these inputs and are no longer in them
    #[arg(long, conflicts_with = "limit")]
    pub(super) prune: bool,
    /// Start afresh instead of updating
    #[arg(long)]
    pub(super) rebuild: bool,
    /// Wait so long for another writer to finish
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value = "0", env = "SEMSEARCH_WAIT", hide_env = true,
        value_parser = seconds)]
    pub(super) wait: Duration,
    /// Commit after so many documents, beside twice a minute
    #[arg(long, hide_short_help = true, value_name = "N", env = "SEMSEARCH_COMMIT_EVERY", hide_env = true,
        value_parser = positive)]
    pub(super) commit_every: Option<usize>,
    /// Print the summary as JSON on standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) records: Records,
    #[command(flatten)]
    pub(super) encoding: Encoding,
}

/// Search an index.
///
/// Each TEXT is a query of its own, so quote it. Without TEXT, queries are read from standard input, one a line or as
/// JSON Lines with `_id` and `text`; on a terminal a prompt asks for one after the other.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch query \"Who headlined the halftime show for Super Bowl 50?\" -k 3
  semsearch query \"error 0x80070057\" --mode hybrid
  semsearch query \"who won\" --filter 'year >= 2010 and topic in [sport, music]'
  semsearch query --queries queries.jsonl -k 100 -f trec > run.trec
  semsearch query -f jsonl < questions.txt | jq -r .id")]
pub(super) struct Query {
    /// Queries, or - for standard input
    #[arg(value_name = "TEXT", conflicts_with = "queries")]
    pub(super) texts: Vec<String>,
    /// Hits for each query
    #[arg(short = 'k', long, value_name = "N", default_value = "10", env = "SEMSEARCH_TOP_K", hide_env = true,
        value_parser = positive)]
    pub(super) top_k: usize,
    /// A file of queries: one a line, or JSON Lines with _id and text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) queries: Option<PathBuf>,
    #[command(flatten)]
    pub(super) ranking: Ranking,
    /// No hits worse than this
    #[arg(hide_short_help = true, long, value_name = "S", allow_negative_numbers = true)]
    pub(super) min_score: Option<f32>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: HitFormat,
    /// Whole passages instead of snippets, in text
    #[arg(long)]
    pub(super) full: bool,
    /// Add what either side says of a hit, as "scores", in json and jsonl
    #[arg(long)]
    pub(super) explain: bool,
    /// Chunks as hits, not documents by their best chunk
    #[arg(hide_short_help = true, long)]
    pub(super) chunks: bool,
    /// What is marked in text: the query's words, the sentence nearest to it, or nothing [default: words on a terminal]
    #[arg(long, value_name = "WHAT", env = "SEMSEARCH_HIGHLIGHT", hide_env = true)]
    pub(super) highlight: Option<Highlight>,
    /// Sixth column of trec
    #[arg(hide_short_help = true, long, value_name = "NAME", default_value = "semsearch")]
    pub(super) run_name: String,
    #[command(flatten)]
    pub(super) encoding: Encoding,
}

const MODES: [(&str, &str); 3] = [
    ("dense", "By meaning: the nearest vectors"),
    ("lexical", "By words: BM25"),
    ("hybrid", "By both, their scores fused"),
];

const FUSIONS: [(&str, &str); 2] =
    [("minmax", "Scores of either side scaled to 0 to 1, and weighted by --alpha"), ("rrf", "By the ranks alone")];

fn described<const N: usize>(values: [(&'static str, &'static str); N]) -> [PossibleValue; N] {
    values.map(|(name, help)| PossibleValue::new(name).help(help))
}

/// Options of every command that ranks documents.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Ranking {
    /// What documents are ranked by
    #[arg(long, value_name = "MODE", default_value = "dense", env = "SEMSEARCH_MODE", hide_env = true,
        value_parser = PossibleValuesParser::new(described(MODES)).try_map(|word| word.parse::<Mode>()))]
    pub(super) mode: Mode,
    /// Weight of the dense score in hybrid, 0 to 1
    #[arg(long, value_name = "A", default_value = "0.5", env = "SEMSEARCH_ALPHA", hide_env = true, value_parser = weight)]
    pub(super) alpha: f32,
    /// How scores are fused in hybrid
    #[arg(hide_short_help = true, long, value_name = "HOW", default_value = "minmax", env = "SEMSEARCH_FUSION", hide_env = true,
        value_parser = PossibleValuesParser::new(described(FUSIONS)).try_map(|word| word.parse::<Fusion>()))]
    pub(super) fusion: Fusion,
    /// Only documents whose metadata match, as in `year >= 2000 and lang = en`
    #[arg(long, value_name = "EXPR")]
    pub(super) filter: Option<String>,
    /// Inverted lists to look into, in an index of an IVF factory [default: 1]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_NPROBE", hide_env = true, value_parser = positive)]
    pub(super) nprobe: Option<usize>,
    /// Candidates to hold, in an index of an HNSW factory [default: 16]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_EF_SEARCH", hide_env = true, value_parser = positive)]
    pub(super) ef_search: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Highlight {
    /// The query's words, in all their forms
    Words,
    /// The sentence nearest to the query
    Sentence,
    /// Nothing
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HitFormat {
    /// For people: rank, score, id and title, and a snippet below
    Text,
    /// One array of objects
    Json,
    /// An object a line
    Jsonl,
    /// Columns: query, rank, id, score and text
    Tsv,
    /// A run for trec_eval
    Trec,
}

/// Turn texts into vectors.
///
/// Each input record comes back as a line of JSON with an "embedding" added, in the order of the input. With
/// `--pooling none` that is a matrix, a row for each of its "tokens", as the model gives them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch embed corpus.jsonl > embedded.jsonl
  semsearch embed corpus.jsonl --output vectors.npy
  semsearch embed corpus.jsonl --output vectors.parquet
  echo \"I took my dog for a walk\" | semsearch embed --lines")]
pub(super) struct Embed {
    /// Files of records, or - for standard input
    #[arg(value_name = "INPUT", value_hint = ValueHint::FilePath)]
    pub(super) inputs: Vec<PathBuf>,
    /// Every line of the input is a text
    #[arg(long, conflicts_with_all = ["format", "id_field", "text_field", "title_field"])]
    pub(super) lines: bool,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,
    /// Output format [default: by the extension of the output file, else jsonl]
    #[arg(long, value_name = "FORMAT")]
    pub(super) output_format: Option<EmbeddingFormat>,
    #[command(flatten)]
    pub(super) records: Records,
    #[command(flatten)]
    pub(super) encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EmbeddingFormat {
    /// The records, each with its vector
    Jsonl,
    /// The vectors alone, for NumPy
    Npy,
    /// The vectors alone, as one tensor
    Safetensors,
    /// A table of texts and vectors
    Parquet,
}

/// Take vectors and documents out of an index.
///
/// Rows and documents come in the order in which they were indexed. A directory gets `index.faiss`, for Python's
/// `faiss.read_index`, and `documents.jsonl`, whose line n (from 0) is FAISS's id n.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch export --output vectors.npy
  semsearch export --output exported")]
pub(super) struct Export {
    /// A file to make, .npy or .safetensors, or a directory
    #[arg(short, long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(super) output: PathBuf,
}

/// Compare texts with one another.
///
/// Prints the cosine of each pair, as a heat map on a terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch sim \"I took my dog for a walk\" \"Today is going to rain\" \"I took my cat for a walk\"
  semsearch sim --lines sentences.txt --svg similar.svg")]
pub(super) struct Sim {
    /// Two texts or more; without any, the lines of standard input
    #[arg(value_name = "TEXT", conflicts_with = "lines")]
    pub(super) texts: Vec<String>,
    /// A file of texts, one a line, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) lines: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: MatrixFormat,
    /// Draw the matrix into this file, too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = svg)]
    pub(super) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(super) encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MatrixFormat {
    /// For people, a heat map where there are colours
    Text,
    /// One object of texts and rows
    Json,
    /// A table with the texts in its first row and column
    Csv,
}

/// Say what an index holds.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch info
  semsearch info --json | jq .documents")]
pub(super) struct Info {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    /// The instruction set to tell of [default: the best of this processor]
    #[arg(long, hide_short_help = true, value_name = "ISA", env = "SEMSEARCH_ISA", hide_env = true)]
    pub(super) isa: Option<Isa>,
}

/// Get, copy, find or check a model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch model fetch
  semsearch model import all-MiniLM-L6-v2 --model own/model
  semsearch model path
  semsearch model verify")]
pub(super) struct Model {
    #[command(subcommand)]
    pub(super) action: ModelAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelAction {
    /// Download a model from the Hub, and print its directory
    #[command(after_help = "\
Example:
  semsearch model fetch")]
    Fetch(ModelArg),
    /// Copy a model's files from a directory into semsearch's cache, and print where
    #[command(after_help = "\
Example:
  semsearch model import all-MiniLM-L6-v2 --model own/model")]
    Import {
        /// A directory with config.json, tokenizer.json and model.safetensors
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        #[command(flatten)]
        model: ModelArg,
    },
    /// Print the directory of a model on this machine
    #[command(after_help = "\
Example:
  ls $(semsearch model path)/config.json")]
    Path(ModelArg),
    /// Check every byte of a model's files against their digests
    #[command(after_help = "\
Example:
  semsearch model verify && echo right")]
    Verify(ModelArg),
}

#[derive(Debug, clap::Args)]
pub(super) struct ModelArg {
    /// Hub id or local directory [default: sentence-transformers/all-MiniLM-L6-v2]
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    /// The same, as other commands call it
    #[arg(long, value_name = "ID", env = "SEMSEARCH_MODEL", hide = true)]
    pub(super) model: Option<String>,
    /// Commit, tag or branch on the Hub [default: pinned for the default model]
    #[arg(long, value_name = "REV", env = "SEMSEARCH_REVISION", hide_env = true)]
    pub(super) revision: Option<String>,
}

/// A file for a picture.
fn svg(word: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(word);
    match path.extension() {
        Some(extension) if !extension.eq_ignore_ascii_case("svg") => Err("pictures are SVG: name it .svg".into()),
        _ => Ok(path),
    }
}

/// A number of seconds, perhaps with a fraction.
fn seconds(word: &str) -> Result<Duration, String> {
    let number: Option<f64> = word.parse().ok();
    number.and_then(|number| Duration::try_from_secs_f64(number).ok()).ok_or_else(|| "expected seconds".into())
}

/// A number from 0 to 1.
fn weight(word: &str) -> Result<f32, String> {
    word.parse()
        .ok()
        .filter(|weight| (0.0..=1.0).contains(weight))
        .ok_or_else(|| "expected a number from 0 to 1".into())
}

/// A number of threads. To start ever so many takes minutes, and gains nothing.
fn threads(word: &str) -> Result<usize, String> {
    const MOST: usize = 1024;
    positive(word)
        .and_then(|number| if number > MOST { Err(format!("at most {MOST} are possible")) } else { Ok(number) })
}

/// A whole number.
fn whole(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| "expected a whole number".into())
}

/// A whole number from 1.
fn positive(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number from 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    /// Every command and what is below it, with the words that lead to it.
    fn all(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        found.push((words.to_vec(), command.clone()));
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            all(below, &[words, &[below.get_name().to_owned()]].concat(), found);
        }
    }

    fn commands() -> Vec<(Vec<String>, Command)> {
        let mut program = without_environment(Args::command());
        program.build();
        let mut found = Vec::new();
        all(&program, &["semsearch".to_owned()], &mut found);
        assert_eq!(found.len(), 1 + 12 + 4);
        found
    }

    #[test]
    fn every_option_and_each_of_its_values_has_a_line_of_help() {
        for (words, command) in commands() {
            for option in command.get_arguments() {
                let name = format!("{} {}", words.join(" "), option.get_id());
                assert!(option.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name}");
                // A shell's name says what it is.
                let described = |value: &PossibleValue| value.get_help().is_some() || option.get_id() == "shell";
                assert!(option.get_possible_values().iter().all(described), "{name}");
            }
        }
    }

    /// Words that an option or argument might take.
    const CANDIDATES: [&str; 14] =
        ["1", "2", "0.5", "x", "y", "a.svg", "b.svg", "cpu", "cuda", "scalar", "ip", "l2", "english", "ndcg@10"];

    /// The words that `arg` takes, as far as they are candidates.
    fn taken(arg: &clap::Arg, command: &Command) -> Vec<String> {
        let possible = arg.get_possible_values();
        let candidates = possible.iter().map(|value| value.get_name().to_owned());
        let candidates: Vec<String> = candidates.chain(CANDIDATES.map(String::from)).collect();
        let fits = |word: &&String| {
            let alone = Command::new("x").no_binary_name(true).disable_help_flag(true).arg(arg.clone().required(false));
            let words = arg.get_long().map(|long| format!("--{long}={word}")).unwrap_or_else(|| (*word).clone());
            alone.try_get_matches_from([words]).is_ok()
        };
        let found: Vec<String> = candidates.iter().filter(fits).take(2).cloned().collect();
        assert!(!found.is_empty(), "{} {}", command.get_name(), arg.get_id());
        found
    }

    /// Other arguments without which a command is none.
    fn needed(command: &Command, option: &clap::Arg) -> Vec<String> {
        let required = |arg: &&clap::Arg| arg.is_required_set() && arg.get_id() != option.get_id();
        let words = command.get_arguments().filter(required).map(|arg| {
            let word = taken(arg, command).remove(0);
            arg.get_long().map(|long| format!("--{long}={word}")).unwrap_or(word)
        });
        let svg = (option.get_id() == "svg" && command.get_name() == "eval").then(|| "--sweep=alpha".to_owned());
        words.chain(svg).collect()
    }

    #[test]
    fn of_an_option_given_twice_the_last_one_counts() {
        let mut tried = 0;
        for (words, command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
            let lists = |arg: &&clap::Arg| matches!(arg.get_action(), clap::ArgAction::Append);
            let options = command.get_arguments().filter(|arg| !arg.is_positional() && !lists(arg));
            for option in options.filter(|option| !["help", "version"].contains(&option.get_id().as_str())) {
                let long = option.get_long().unwrap();
                let of = |given: &[String]| {
                    let line = [&words[..], &needed(&command, option), given].concat();
                    let mut matches = without_environment(Args::command())
                        .try_get_matches_from(&line)
                        .unwrap_or_else(|error| panic!("{line:?}: {error}"));
                    for word in &words[1..] {
                        matches = matches.remove_subcommand().filter(|(name, _)| name == word).unwrap().1;
                    }
                    let raw = matches
                        .get_raw(option.get_id().as_str())
                        .map(|raw| raw.map(OsStr::to_owned).collect::<Vec<_>>());
                    (raw, matches.value_source(option.get_id().as_str()))
                };
                if option.get_action().takes_values() {
                    let values = taken(option, &command);
                    let [first, last] = [&values[0], values.last().unwrap()].map(|word| format!("--{long}={word}"));
                    assert_eq!(of(&[first, last.clone()]), of(&[last]), "{words:?} --{long}");
                } else {
                    let flag = format!("--{long}");
                    assert_eq!(of(&[flag.clone(), flag.clone()]), of(&[flag]), "{words:?} --{long}");
                }
                tried += 1;
            }
        }
        assert!(tried > 150, "{tried}");
    }

    #[test]
    fn of_a_common_option_before_and_after_the_command_the_last_one_counts() {
        let args = Args::try_parse_from(["semsearch", "-i", "a", "-q", "verify", "-i", "b", "-v"]).unwrap();
        assert_eq!(args.common.index, Some("b".into()));
    }

    #[test]
    fn of_quiet_and_verbose_the_last_one_typed_counts() {
        for (line, quiet) in [("-q -v", false), ("-v -q", true), ("-q", true), ("-v", false)] {
            let words = ["semsearch", "verify"].into_iter().chain(line.split(' '));
            let matches = without_environment(Args::command()).try_get_matches_from(words).unwrap();
            let mut args = Args::from_arg_matches(&matches).unwrap();
            args.common.settle(&matches);
            assert_eq!(args.common.quiet, quiet, "{line}");
        }
    }

    #[test]
    fn a_negative_number_is_a_bad_value_and_no_option() {
        for (words, command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
            for option in command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_positional())
            {
                let flag = format!("--{}", option.get_long().unwrap());
                let line = [&words[..], &needed(&command, option), &[flag.clone(), "-1".into()]].concat();
                if let Err(error) = without_environment(Args::command()).try_get_matches_from(line) {
                    let said = error.to_string();
                    assert!(said.contains(&format!("invalid value '-1' for '{flag}")), "{words:?}: {said}");
                }
            }
        }
    }

    #[test]
    fn the_long_help_has_the_paragraphs_of_each_command() {
        let mut program = Args::command();
        let help = program.find_subcommand_mut("query").unwrap().render_long_help().to_string();
        assert!(help.contains("Each TEXT is a query of its own"), "{help}");
    }

    #[test]
    fn every_command_has_examples() {
        let program = Args::command();
        let below = program.get_subcommands().flat_map(|command| command.get_subcommands());
        for command in program.get_subcommands().chain(below) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.starts_with("Example"), "{}", command.get_name());
        }
    }

    #[test]
    fn short_help_is_one_screen() {
        let mut program = Args::command().term_width(100);
        program.build();
        for command in program.get_subcommands_mut() {
            let lines = command.render_help().to_string().lines().count();
            assert!(lines <= 50, "{}: {lines} lines", command.get_name());
        }
    }
}
