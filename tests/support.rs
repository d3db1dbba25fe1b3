//! The fixture: a sandbox of its own for each test, and indexes that several tests read.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use assert_cmd::cargo::cargo_bin;
use semsearch::corpus::{Document, Layout};
use semsearch::error::Place;
use semsearch::filter::Filter;
use semsearch::index::{
    Among, Effort, LocalSnapshot, LocalStore, NewPassage, Snapshot, StoreError, StoreWriter, StoredPassage,
};
use serde_json::{Map, Value};

/// The sample passages.
pub(crate) const PASSAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/passages.jsonl");

/// The default model's pinned revision, which is also the name of its cache directory.
const REVISION: &str = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf";

/// The default model's files on this machine.
pub(crate) fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        let found = Command::new(cargo_bin("semsearch")).args(["model", "path"]).output().unwrap();
        assert!(found.status.success(), "the tests need the default model: script/test brings it");
        PathBuf::from(String::from_utf8(found.stdout).unwrap().trim_end())
    })
}

/// A config file that holds what the tests expect whatever the processor is: the reference's precision.
fn config() -> &'static Path {
    static CONFIG: OnceLock<PathBuf> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config");
        let (file, content) = (config.join("semsearch/config.toml"), "precision = \"f32\"\n");
        fs::create_dir_all(config.join("semsearch")).unwrap();
        // Another run of the tests may be reading it.
        if fs::read_to_string(&file).ok().as_deref() != Some(content) {
            fs::write(&file, content).unwrap();
        }
        config
    })
}

/// A cache that holds the default model and nothing else.
pub(crate) fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        let link = cache.join("semsearch/models/sentence-transformers--all-MiniLM-L6-v2").join(REVISION);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        // Another run of the tests may be using it.
        if fs::read_link(&link).ok().as_deref() != Some(model()) {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(model(), &link).unwrap();
        }
        cache
    })
}

/// The path of data from outside the project. If the data is missing, prints that the test skips, and returns `None`.
pub(crate) fn shared_data(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not on this machine", path.display());
    None
}

/// A directory that is removed after the test, and the commands that run in it: without network and without the
/// settings of the person who runs the tests, but with the default model in the cache.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A sandbox with an index of the sample passages.
    pub(crate) fn with_index() -> Self {
        static INDEX: OnceLock<PathBuf> = OnceLock::new();
        let index = INDEX.get_or_init(|| {
            let sandbox = Self::new();
            sandbox.run(&["index", PASSAGES]).success();
            // Built once. Each test copies it.
            sandbox.dir.keep().join(".semsearch")
        });
        let sandbox = Self::new();
        copy(index, &sandbox.path(".semsearch"));
        sandbox
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The command, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("semsearch"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).env("XDG_CACHE_HOME", cache()).env("HF_HUB_OFFLINE", "1");
        if !self.path(".config").exists() {
            command.env("XDG_CONFIG_HOME", config());
        }
        command
    }

    /// The command with a limit that acts like a full disk: no file may grow over `bytes`.
    pub(crate) fn command_on_full_disk(&self, args: &[&str], bytes: usize) -> Command {
        let plain = self.command(args);
        let mut command = Command::new("sh");
        // The signal that would end the process is ignored, so a write fails with an error, as on a full disk.
        let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        command.arg("-c").arg(limited).arg(plain.get_program()).args(plain.get_args());
        command.current_dir(self.dir.path()).stdin(Stdio::null()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.ran(&self.command(args).output().unwrap())
    }

    /// Runs with `input` on standard input.
    pub(crate) fn pipe(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let file = self.write(".stdin", input);
        let stdin = fs::File::open(file).unwrap();
        self.ran(&self.command(args).stdin(stdin).output().unwrap())
    }

    /// What a run printed, with the sandbox's path as `[DIR]`.
    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let dir = self.dir.path().to_string_lossy();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*dir, "[DIR]");
        Ran {
            status: output.status.code(),
            signal: output.status.signal(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Every file below the sandbox's index with its bytes, to check that nothing changed. The lock and .gitignore do
    /// not count as content.
    pub(crate) fn index_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path(".semsearch"), &mut files);
        files.retain(|(path, _)| !path.ends_with("lock") && !path.ends_with(".gitignore"));
        files.sort();
        files
    }
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it printed, if it succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.status, Some(0), "{self}");
        self.stdout
    }

    /// Its lines of JSON, if it succeeded.
    #[track_caller]
    pub(crate) fn json_lines(self) -> Vec<serde_json::Value> {
        self.success().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// For snapshots: status, standard output and standard error together.
impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let killed = || format!("killed by signal {}", self.signal.unwrap_or_default());
        let status = self.status.map_or_else(killed, |status| status.to_string());
        write!(f, "status: {status}\nstdout:\n{}stderr:\n{}", self.stdout, self.stderr)
    }
}

/// Puts a document of one passage whose vector is given.
pub(crate) fn put(writer: &mut dyn StoreWriter, id: &str, text: &str, metadata: Map<String, Value>, vector: &[f32]) {
    let document = Document {
        id: id.into(),
        own_id: true,
        title: None,
        text: text.into(),
        metadata,
        place: Place::whole(&"test".into()),
        markup: None,
        layout: Layout::default(),
        is_row: false,
    };
    let compared = writer.compare(&document, None, Some(vector)).unwrap();
    let passage = NewPassage {
        text,
        chunk: None,
        metadata: &document.metadata,
        embedded: None,
        nameless: None,
        about: "",
        line: None,
        vector,
    };
    writer.put(&document, compared, &[passage]).unwrap();
}

/// Writes a complete BERT model of 8 components, whose weights depend only on `seed`. It loads quickly, and its
/// pooling, length and normalization differ from those of the default model.
pub(crate) fn tiny_model(dir: &Path, seed: u32) {
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "dog", "cat", "walk", "rain", "today", "##s"];
    let vocabulary: serde_json::Map<_, _> =
        words.iter().zip(0..).map(|(word, id)| ((*word).into(), id.into())).collect();
    let special = |id: usize| {
        serde_json::json!({"id": id, "content": words[id], "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false})
    };
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": (0..4).map(special).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary}});
    let config = serde_json::json!({"model_type": "bert", "vocab_size": words.len(), "hidden_size": 8,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "hidden_act": "gelu",
        "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0});
    let modules = serde_json::json!([
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]);
    let files = [
        ("config.json", config.to_string()),
        ("tokenizer.json", tokenizer.to_string()),
        ("modules.json", modules.to_string()),
        ("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#.into()),
        ("sentence_bert_config.json", r#"{"max_seq_length": 16}"#.into()),
    ];
    for (file, content) in files {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(dir.join("model.safetensors"), tiny_weights(words.len(), seed)).unwrap();
}

fn tiny_weights(vocabulary: usize, seed: u32) -> Vec<u8> {
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![vocabulary, 8]),
        ("embeddings.position_embeddings.weight".into(), vec![32, 8]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, 8]),
    ];
    let mut layer = |name: &str, out: usize, input: Option<usize>| {
        shapes.push((format!("{name}.weight"), input.map_or(vec![out], |input| vec![out, input])));
        shapes.push((format!("{name}.bias"), vec![out]));
    };
    layer("embeddings.LayerNorm", 8, None);
    for part in ["query", "key", "value"] {
        layer(&format!("encoder.layer.0.attention.self.{part}"), 8, Some(8));
    }
    layer("encoder.layer.0.attention.output.dense", 8, Some(8));
    layer("encoder.layer.0.attention.output.LayerNorm", 8, None);
    layer("encoder.layer.0.intermediate.dense", 16, Some(8));
    layer("encoder.layer.0.output.dense", 8, Some(16));
    layer("encoder.layer.0.output.LayerNorm", 8, None);

    // safetensors: the header's length in 8 bytes, the header as JSON, the bytes of all tensors.
    let (mut header, mut data, mut state) = (serde_json::Map::new(), Vec::new(), seed);
    for (name, shape) in shapes {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            data.extend_from_slice(&(((state >> 8) as f32 / (1 << 23) as f32) - 1.0).to_le_bytes());
        }
        let tensor = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name, tensor);
    }
    let header = serde_json::Value::Object(header).to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// The newest commit of the index at `dir`, opened with the library.
pub(crate) fn open(dir: &Path) -> Result<LocalSnapshot, StoreError> {
    LocalStore::new(dir).open()
}

/// A search for `k` candidates that pass a filter.
pub(crate) fn among(k: usize, filter: Option<&Filter>) -> Among<'_> {
    Among { k, filter, effort: Effort::default() }
}

/// The passages under `keys`, each read once.
pub(crate) fn passages_of(
    index: &LocalSnapshot,
    keys: impl IntoIterator<Item = u64>,
) -> Result<HashMap<u64, StoredPassage>, StoreError> {
    let mut keys: Vec<u64> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    let passages = index.passages(&keys)?;
    Ok(keys.into_iter().zip(passages).collect())
}
