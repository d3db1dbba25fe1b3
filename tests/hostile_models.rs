//! Crafted models: a seed decides how the files of a model are changed, in their structure or their bytes. Whatever the
//! change, the program must end by itself, soon, in bounded memory, with finite numbers or an error, and it must write
//! only to its own cache.
//!
//! Some are tried by default; `SEMSEARCH_HOSTILE=all` tries 2,000, `SEMSEARCH_HOSTILE=SEED` the one of that seed.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use serde_json::{Map, Value, json};

use crate::family::{Family, file};
use crate::support::{Sandbox, tiny_model};

/// KiB of address space. Mapped files count, and a pool of threads takes a third of it.
const MEMORY: usize = 1_500_000;

/// The time limit. Even on a busy machine, a model of 8 components needs less.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 30 });

/// Numbers that sizes, ids and lengths may be changed to.
const NUMBERS: [u64; 18] =
    [0, 1, 2, 3, 4, 7, 8, 9, 16, 31, 255, 1000, 65_536, 1 << 20, 1 << 31, u32::MAX as u64, 1 << 62, u64::MAX];

/// A generator of random numbers. Each seed gives another model, and always the same one.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Steele et al. 2014, SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// A value of a type that is not expected at its place.
fn anything(random: &mut Random) -> Value {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    match random.below(18) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(-1e308),
        4 => json!(1e308),
        5 => json!(0.5),
        6 => json!(""),
        7 => json!("../../victim"),
        8 => json!("/etc/passwd"),
        9 => json!("a\u{0}b\u{1b}[31m\u{202e}"),
        10 => json!("x".repeat(100_000)),
        11 => json!([]),
        12 => json!({}),
        13 => deep,
        14 => json!(vec![0; 10_000]),
        _ => json!(random.one(&NUMBERS)),
    }
}

/// Changes one place somewhere in a JSON value.
fn change(value: &mut Value, random: &mut Random) {
    let inside = random.below(5) > 0;
    match value {
        Value::Object(fields) if inside && !fields.is_empty() => {
            let key = fields.keys().nth(random.below(fields.len())).unwrap().clone();
            match random.below(12) {
                0 => drop(fields.shift_remove(&key)),
                1 => {
                    let moved = fields.shift_remove(&key).unwrap();
                    fields.insert(format!("{key}x"), moved);
                }
                2 => {
                    let other = fields.values().nth(random.below(fields.len())).unwrap().clone();
                    fields[&key] = other;
                }
                _ => change(&mut fields[&key], random),
            }
        }
        Value::Array(items) if inside && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(8) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                2 => *items = vec![items[at].clone(); 2000],
                _ => change(&mut items[at], random),
            }
        }
        other => *other = anything(random),
    }
}

/// Parts of a tokenizer that the library knows, in combinations that nobody would use.
fn tokenizer_part(random: &mut Random) -> (&'static str, Value) {
    let number = random.one(&NUMBERS);
    let replace = json!({"type": "Replace", "pattern": {"Regex": random.one(&["", "a*", "(a*)*b", "(?=a)", "[", ".{0,100000}"])},
        "content": random.one(&["", "a", "aa aa", "[CLS]"])});
    let special = json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": number}});
    let template = |single: Vec<Value>, ids: Value| {
        json!({"type": "TemplateProcessing", "single": single, "pair": [text("A"), text("B")],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": ids, "tokens": ["[CLS]"]}}})
    };
    let sequence = |kind: &str, items: Vec<Value>| {
        let name = if kind == "post_processor" {
            "processors"
        } else if kind == "normalizer" {
            "normalizers"
        } else {
            "pretokenizers"
        };
        json!({"type": "Sequence", name: items})
    };
    let table: String = (0..random.below(400)).map(|_| random.one(b"ABCxyz019+/w=") as char).collect();
    match random.below(24) {
        0 => ("normalizer", sequence("normalizer", vec![replace; 1 + random.below(40)])),
        1 => ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": table})),
        2 => ("normalizer", json!({"type": "Prepend", "prepend": "a".repeat(random.below(100_000))})),
        3 => (
            "normalizer",
            json!({"type": random.one(&["NFKD", "StripAccents", "Nmt", "ByteLevel", "Lowercase", "None"])}),
        ),
        4 => ("normalizer", json!({"pattern": {"String": ""}, "content": "aaaa"})),
        5 => ("normalizer", Value::Null),
        6 => ("pre_tokenizer", json!({"type": "FixedLength", "length": number})),
        7 => (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": replace["pattern"], "behavior": "Isolated", "invert": number.is_multiple_of(2)}),
        ),
        8 => (
            "pre_tokenizer",
            json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        ),
        9 => (
            "pre_tokenizer",
            json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true}),
        ),
        10 => {
            ("pre_tokenizer", sequence("pre_tokenizer", vec![json!({"type": "WhitespaceSplit"}); random.below(3000)]))
        }
        11 => ("pre_tokenizer", Value::Null),
        12 => ("post_processor", template(vec![special.clone(), text("B")], json!([2]))),
        13 => ("post_processor", template(vec![text("A"), text("A")], json!([2]))),
        14 => (
            "post_processor",
            template(vec![special; 1 + random.below(2000)], json!(vec![number as u32; random.below(3000)])),
        ),
        15 => {
            let twice = template(vec![text("A"), special], json!([2]));
            ("post_processor", sequence("post_processor", vec![twice; random.below(60)]))
        }
        16 => ("post_processor", Value::Null),
        17 => ("post_processor", json!({"type": "BertProcessing", "sep": ["[SEP]", number], "cls": ["[CLS]", number]})),
        18 => (
            "model",
            json!({"type": "BPE", "vocab": {"a": 0, "b": number}, "merges": random.one(&[json!([]), json!(["a b"]), json!([["a", "b"]])]), "unk_token": "a", "byte_fallback": true}),
        ),
        19 => (
            "model",
            json!({"type": "Unigram", "unk_id": number, "vocab": [["a", -1e308], ["", 0.0], ["ab", 1e308]], "byte_fallback": false}),
        ),
        20 => (
            "model",
            json!({"type": "WordLevel", "vocab": {"a": number as u32}, "unk_token": random.one(&["a", "none"])}),
        ),
        21 => (
            "model",
            json!({"type": "WordPiece", "vocab": {"a": number as u32, "": 1, "##": 2, "[UNK]": 1}, "unk_token": "[UNK]",
            "continuing_subword_prefix": random.one(&["", "##", "\u{1f980}"]), "max_input_chars_per_word": number}),
        ),
        22 => (
            "added_tokens",
            json!(vec![
                json!({"id": number as u32, "content": random.one(&["", "a", " ", "dog"]), "special": true,
            "single_word": false, "lstrip": true, "rstrip": true, "normalized": number.is_multiple_of(2)});
                random.below(3000)
            ]),
        ),
        _ => ("truncation", json!({"max_length": number, "strategy": "LongestFirst", "stride": number})),
    }
}

/// Changes the bytes of a file.
fn scramble(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend(vec![random.next() as u8; random.below(5000)]),
            2 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ if !bytes.is_empty() => bytes[at] = random.next() as u8,
            _ => {}
        }
    }
}

/// Changes model.safetensors: its header's length, its header, its numbers.
fn change_weights(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some((mut header, mut data)) = parted(bytes) else { return scramble(bytes, random) };
    let name = header.keys().nth(random.below(header.len())).unwrap().clone();
    match random.below(9) {
        0 => return bytes[..8].copy_from_slice(&random.one(&NUMBERS).to_le_bytes()),
        1 => {
            header[&name]["dtype"] =
                json!(random.one(&["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F4", "C64", "X"]))
        }
        2 => {
            header[&name]["shape"] =
                random.one(&[json!([]), json!([0]), json!([u64::MAX, 2]), json!([8, 8]), json!([1_u64 << 40])])
        }
        3 => header[&name]["data_offsets"] = json!([random.one(&NUMBERS), random.one(&NUMBERS)]),
        4 => {
            let at = random.below(data.len() / 4) * 4;
            let number = random.one(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 4.0]);
            let many = 4 * (1 + random.below(40));
            data[at..]
                .chunks_exact_mut(4)
                .take(many / 4)
                .for_each(|float| float.copy_from_slice(&number.to_le_bytes()));
        }
        5 => data.fill(random.one(&[0, 0x7f, 0xff])),
        6 => {
            let moved = header.shift_remove(&name).unwrap();
            let older = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
            header.insert(if older == name { format!("bert.{name}") } else { older }, moved);
        }
        7 => {
            let mut whole = Value::Object(header);
            change(&mut whole, random);
            header = whole.as_object().cloned().unwrap_or_default();
        }
        _ => scramble(&mut data, random),
    }
    *bytes = joined(&header, &data);
}

/// The header and the data of a safetensors file, if it still has them.
fn parted(bytes: &[u8]) -> Option<(Map<String, Value>, Vec<u8>)> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
    let header: Map<String, Value> = serde_json::from_slice(bytes[8..].get(..length)?).ok()?;
    let whole = !header.is_empty() && bytes.len() > 8 + length + 100;
    (whole && header.values().all(Value::is_object)).then(|| (header, bytes[8 + length..].to_vec()))
}

fn joined(header: &Map<String, Value>, data: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

const FILES: [&str; 8] = [
    "config.json",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "model.safetensors",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
];

/// Networks of every kind, and cross-encoders.
const FAMILIES: [&str; 14] = [
    "roberta",
    "xlm-roberta",
    "mpnet",
    "distilbert",
    "modernbert",
    "nomic_bert",
    "nomic-bert-original",
    "model2vec",
    "model2vec-weights",
    "rerank-bert",
    "rerank-roberta",
    "rerank-mpnet",
    "rerank-distilbert",
    "rerank-modernbert",
];

/// Makes a model that is as it should be: BERT, or for every second seed one of the other kinds, some with a linear layer
/// after the pooling. Returns its name.
fn sound(dir: &Path, random: &mut Random) -> &'static str {
    if random.below(2) == 0 {
        tiny_model(dir, 1);
        return "bert";
    }
    let name = random.one(&FAMILIES);
    fs::create_dir_all(dir).unwrap();
    serde_json::from_slice::<Family>(&file(name)).unwrap().write(dir);
    if !name.starts_with("rerank") && random.below(2) == 0 {
        let modules = json!([{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"},
            {"path": "2_Dense", "type": "Dense"}]);
        let dense = json!({"in_features": 32, "out_features": 3, "activation_function": "torch.nn.Tanh"});
        let header = json!({"linear.weight": {"dtype": "F32", "shape": [3, 32], "data_offsets": [0, 384]},
            "linear.bias": {"dtype": "F32", "shape": [3], "data_offsets": [384, 396]}});
        for (file, bytes) in [
            ("modules.json", modules.to_string().into_bytes()),
            ("1_Pooling/config.json", json!({"pooling_mode_lasttoken": true}).to_string().into_bytes()),
            ("2_Dense/config.json", dense.to_string().into_bytes()),
            ("2_Dense/model.safetensors", joined(header.as_object().unwrap(), &[0x3d; 396])),
        ] {
            fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
            fs::write(dir.join(file), bytes).unwrap();
        }
    }
    name
}

/// Replaces a file by something else.
fn change_kind(path: &Path, random: &mut Random) {
    fs::remove_file(path).unwrap();
    match random.below(7) {
        0 => {}
        1 => fs::create_dir(path).unwrap(),
        2 => nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        3 => symlink(path.file_name().unwrap(), path).unwrap(),
        4 => symlink("/dev/zero", path).unwrap(),
        5 => File::create(path).unwrap().set_len(random.one(&[0, 1, 7, 8, 9, 1 << 20, 40 << 20, 5 << 30])).unwrap(),
        _ => symlink("../victim", path).unwrap(),
    }
}

/// Makes the model of this seed. Returns a description of the changes.
fn make(dir: &Path, random: &mut Random) -> String {
    let _ = fs::remove_dir_all(dir);
    let mut done = vec![sound(dir, random).to_owned()];
    for _ in 0..1 + random.below(3) {
        let file = FILES[[0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 7][random.below(15)]];
        let path = dir.join(file);
        let Ok(mut bytes) =
            fs::metadata(&path).and_then(|there| if there.is_file() { fs::read(&path) } else { Ok(Vec::new()) })
        else {
            continue;
        };
        let how = random.below(20);
        done.push(format!("{file} {how}"));
        let parsed: Option<Value> = serde_json::from_slice(&bytes).ok();
        match (how, parsed) {
            (0, _) if path.is_file() => {
                change_kind(&path, random);
                continue;
            }
            (1..4, _) => scramble(&mut bytes, random),
            (4..12, Some(mut value)) if file == "tokenizer.json" && value.is_object() => {
                let (part, new) = tokenizer_part(random);
                value[part] = new;
                bytes = value.to_string().into_bytes();
            }
            (4..12, Some(mut value)) if file == "config.json" && value.is_object() => {
                let is_number = |(key, value): (&String, &Value)| value.is_number().then(|| key.clone());
                let mut sizes: Vec<String> = value.as_object().unwrap().iter().filter_map(is_number).collect();
                sizes.extend(["pad_token_id", "hidden_act", "local_attention"].map(String::from));
                let new = random.one(&NUMBERS);
                let size = random.one(&sizes);
                value[&size] =
                    if size == "hidden_act" { json!(random.one(&["relu", "gelu_new", "silu"])) } else { json!(new) };
                bytes = value.to_string().into_bytes();
            }
            (_, Some(mut value)) => {
                (0..1 + random.below(3)).for_each(|_| change(&mut value, random));
                bytes = value.to_string().into_bytes();
            }
            (_, None) if file.ends_with("model.safetensors") => change_weights(&mut bytes, random),
            (_, None) => scramble(&mut bytes, random),
        }
        if path.is_file() && !path.is_symlink() {
            fs::write(&path, bytes).unwrap();
        }
    }
    done.join(", ")
}

/// Ways to use a model.
fn commands(random: &mut Random) -> Vec<&'static str> {
    let embed = ["embed", "--lines", "texts.txt", "--model", "m"];
    let rerank = ["query", "a dog", "-i", "base", "--mode", "lexical", "--rerank", "m", "-f", "jsonl"];
    let more: &[&str] = match random.below(16) {
        0 => &["--encoder", "candle"],
        1 => &["--precision", "int8"],
        2 => &["--precision", "bf16"],
        3 => &["--pooling", "max"],
        4 => &["--pooling", "none"],
        5 => &["--max-length", "1"],
        6 => return vec!["model", "import", "m", "--model", "a/b"],
        7 => return vec!["sim", "a dog", "a cat walks", "--model", "m"],
        8 => return vec!["index", "in.jsonl", "--model", "m", "--rebuild"],
        9..12 => return rerank.to_vec(),
        12 => return [&rerank[..], &["--encoder", "candle"]].concat(),
        _ => &[],
    };
    [&embed[..], more].concat()
}

/// Runs a command in bounded memory; `None` if it does not end.
fn run(sandbox: &Sandbox, args: &[&str]) -> Option<(ExitStatus, String, String)> {
    let plain = sandbox.command(args);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY}; ulimit -c 0; exec \"$0\" \"$@\""))
        .arg(plain.get_program())
        .args(args);
    command.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("XDG_CACHE_HOME", sandbox.path("cache")).env("SEMSEARCH_THREADS", "2");
    let [out, err] = ["out", "err"].map(|name| sandbox.path(name));
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(3));
    };
    let text = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Some((status, text(out), text(err)))
}

/// What is wrong with how a command ended, if anything.
fn fault(ended: Option<(ExitStatus, String, String)>, args: &[&str]) -> Option<String> {
    let Some((status, out, err)) = ended else { return Some("it does not end".into()) };
    if let Some(signal) = status.signal() {
        return Some(format!("signal {signal}: {err}"));
    }
    if err.contains("defect") || err.contains("panicked") {
        return Some(err);
    }
    match status.code() {
        // JSON cannot contain NaN, so it would be written as null.
        Some(0) if args[0] == "embed" && (out.contains("null") || out.lines().count() != 3) => {
            Some(format!("answers {out}"))
        }
        Some(0) if args[0] == "query" && out.contains("null") => Some(format!("answers {out}")),
        Some(0) if args[0] == "sim" && (out.contains("NaN") || out.contains("inf")) => Some(format!("answers {out}")),
        Some(0) => None,
        Some(2) if err.lines().any(|line| line.starts_with("error: ")) => None,
        _ => Some(format!("status {status}: {err}")),
    }
}

/// Tries the model of this seed. Returns the status, or what is wrong.
fn try_one(sandbox: &Sandbox, seed: u64) -> Result<bool, String> {
    let mut random = Random(seed.wrapping_mul(0x1_0000_0001));
    let done = make(&sandbox.path("m"), &mut random);
    let args = commands(&mut random);
    let ended = run(sandbox, &args);
    let answered = ended.as_ref().is_some_and(|(status, ..)| status.success());
    let victim = fs::read_to_string(sandbox.path("victim")).unwrap_or_default();
    let mut names: Vec<_> = fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| {
        ![".semsearch", "base", "cache", "err", "in.jsonl", "m", "out", "texts.txt", "tiny", "victim"]
            .iter()
            .any(|known| name == known)
    });
    let told = |what: String| {
        let what: String = what.chars().take(600).collect();
        format!("seed {seed} ({done}; {}): {what}", args.join(" "))
    };
    if victim != "theirs" || !names.is_empty() {
        return Err(told(format!("it wrote {names:?}, victim: {victim:?}")));
    }
    fault(ended, &args).map_or(Ok(answered), |what| Err(told(what)))
}

fn hostile(seeds: &[u64]) -> (usize, Vec<String>) {
    let sandbox = Sandbox::new();
    sandbox.write("victim", "theirs");
    sandbox.write("texts.txt", "a dog\na cat walks in the rain today, a b c\n\u{e9}\u{1f980}\n");
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"text\":\"a dog\"}\n{\"_id\":\"2\",\"text\":\"rain today\"}\n");
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.run(&["index", "in.jsonl", "-i", "base", "--model", "tiny"]).success();
    let mut found = (0, Vec::new());
    for &seed in seeds {
        match try_one(&sandbox, seed) {
            Ok(answered) => found.0 += usize::from(answered),
            Err(what) => found.1.push(what),
        }
    }
    found
}

#[test]
fn a_hostile_model_is_an_error_or_an_answer_in_bounded_time_and_memory() {
    let wanted = env::var("SEMSEARCH_HOSTILE").unwrap_or_default();
    let seeds: Vec<u64> = match (wanted.as_str(), wanted.parse()) {
        ("all", _) => (0..2000).collect(),
        (_, Ok(seed)) => vec![seed],
        _ => (0..2000).step_by(33).collect(),
    };
    let parts: Vec<&[u64]> = seeds.chunks(seeds.len().div_ceil(2)).collect();
    let found: Vec<(usize, Vec<String>)> = thread::scope(|scope| {
        let running: Vec<_> = parts.iter().map(|&part| scope.spawn(move || hostile(part))).collect();
        running.into_iter().map(|part| part.join().unwrap()).collect()
    });
    let answered: usize = found.iter().map(|(answered, _)| answered).sum();
    let faults: Vec<String> = found.into_iter().flat_map(|(_, faults)| faults).collect();
    eprintln!("{} models: {answered} answered, {} refused", seeds.len(), seeds.len() - answered - faults.len());
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), seeds.len(), faults.join("\n"));
    // Some of the models must still run, or the test would prove little.
    assert!(seeds.len() == 1 || answered > seeds.len() / 20, "only {answered} answered");
}

/// Changes a file of the sandbox's model `m`.
fn edit(sandbox: &Sandbox, file: &str, change: impl FnOnce(&mut Value)) {
    let path = sandbox.path("m").join(file);
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

/// Changes its weights.
fn edit_weights(sandbox: &Sandbox, change: impl FnOnce(&mut Map<String, Value>, &mut [u8])) {
    let path = sandbox.path("m/model.safetensors");
    let (mut header, mut data) = parted(&fs::read(&path).unwrap()).unwrap();
    change(&mut header, &mut data);
    fs::write(path, joined(&header, &data)).unwrap();
}

#[test]
fn a_model_whose_norms_are_called_gamma_and_beta_gives_the_same_vectors() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("m"), 1);
    let vectors = |encoder: &str| {
        sandbox.pipe(&["embed", "--lines", "--model", "m", "--encoder", encoder], "a dog\na cat walks\n").success()
    };
    let before = ["packed", "candle"].map(vectors);
    edit_weights(&sandbox, |header, _| {
        let older = |name: &String| name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta");
        *header = header.iter().map(|(name, tensor)| (older(name), tensor.clone())).collect();
        assert!(header.keys().any(|name| name.ends_with("gamma")));
    });
    assert_eq!(["packed", "candle"].map(vectors), before);
}

#[test]
fn a_weight_that_is_no_number_is_named_whichever_it_is_and_whatever_is_computed() {
    let sandbox = Sandbox::new();
    let parts = [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ];
    let in_layer = parts.map(|part| format!("encoder.layer.0.{part}.weight"));
    // The word `a`, and the first position.
    let words = ["embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"].map(String::from);
    for name in in_layer.iter().chain(&words) {
        for number in [f32::NAN, f32::INFINITY] {
            tiny_model(&sandbox.path("m"), 1);
            edit_weights(&sandbox, |header, data| {
                let start = header[name]["data_offsets"][0].as_u64().unwrap() as usize;
                let at = start + if name.contains("word_") { 4 * 8 * 4 } else { 0 };
                data[at..at + 4].copy_from_slice(&number.to_le_bytes());
            });
            for more in [
                &[][..],
                &["--precision", "int8"],
                &["--precision", "bf16"],
                &["--pooling", "max"],
                &["--encoder", "candle"],
            ] {
                // One text uses weights that are packed as they are used; several texts use weights that are packed
                // beforehand.
                for texts in ["a\n".to_owned(), "a b c a b c a b c\n".repeat(30)] {
                    let args = [&["embed", "--lines", "--model", "m"][..], more].concat();
                    let ran = sandbox.pipe(&args, texts);
                    assert_eq!(ran.status, Some(2), "{name} {number} {more:?}: {ran}");
                    let expected = format!("m/model.safetensors: damaged weights: {name} has {number} at ");
                    assert!(ran.stderr.contains(&expected), "{name} {number} {more:?}: {ran}");
                }
            }
        }
    }
}

#[test]
fn each_kind_of_unusable_model_has_its_own_message() {
    let sandbox = Sandbox::new();
    let said = |change: &dyn Fn(&Sandbox)| {
        let _ = fs::remove_dir_all(sandbox.path("m"));
        tiny_model(&sandbox.path("m"), 1);
        change(&sandbox);
        let (status, _, error) = run(&sandbox, &["sim", "a dog", "a cat", "--model", "m"]).unwrap();
        assert_eq!(status.code(), Some(2), "{error}");
        let dir = sandbox.path("m").canonicalize().unwrap();
        let first = error.lines().next().unwrap_or_default();
        first.replace(&*dir.to_string_lossy(), "m").replace(&*sandbox.path("").to_string_lossy(), "")
    };
    let pipe = |file: &'static str| {
        move |sandbox: &Sandbox| {
            let path = sandbox.path("m").join(file);
            fs::remove_file(&path).unwrap();
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
    };
    let config = |name: &'static str, value: u64| {
        move |sandbox: &Sandbox| edit(sandbox, "config.json", |config| config[name] = json!(value))
    };
    let all = [
        said(&pipe("tokenizer.json")),
        said(&pipe("modules.json")),
        said(&config("hidden_size", 0)),
        said(&config("vocab_size", 1 << 40)),
        said(&config("num_hidden_layers", 2)),
        said(&|sandbox| edit(sandbox, "tokenizer.json", |tokenizer| tokenizer["post_processor"] = Value::Null)),
        said(&|sandbox| edit(sandbox, "tokenizer.json", |tokenizer| tokenizer["model"]["vocab"]["dog"] = json!(99))),
        said(&|sandbox| edit(sandbox, "sentence_bert_config.json", |config| config["max_seq_length"] = json!(0))),
        said(&|sandbox| {
            edit(sandbox, "tokenizer.json", |tokenizer| {
                // A table with an index beyond its end, over which the library panics.
                tokenizer["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "CAAAAGEEAAAFAACA"});
            })
        }),
        said(&|sandbox| {
            edit(sandbox, "tokenizer.json", |tokenizer| {
                tokenizer["model"] = json!({"type": "WordLevel", "vocab": {"a": 1}, "unk_token": "none"});
            })
        }),
        said(&|sandbox| {
            edit(sandbox, "tokenizer.json", |tokenizer| {
                tokenizer["normalizer"] = json!([{"pattern": {"String": "a"}, "content": "a".repeat(100)}]);
            })
        }),
        said(&|sandbox| File::create(sandbox.path("m/config.json")).unwrap().set_len(5 << 30).unwrap()),
        said(&|sandbox| File::create(sandbox.path("m/tokenizer.json")).unwrap().set_len(5 << 30).unwrap()),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    error: m: the model has no tokenizer.json
    error: m/modules.json: cannot read: not a regular file
    error: m/config.json: hidden_size is 0, expected 1 to 16384
    error: m/config.json: vocab_size is 1099511627776, expected 1 to 10000000
    error: m/model.safetensors: there is no tensor encoder.layer.1.attention.self.query.weight
    error: m/tokenizer.json: damaged tokenizer: it adds no special tokens, as [CLS] and [SEP], around a text
    error: the tokenizer makes token 99, and the model has 13 words: these files do not belong together
    error: a maximum length of 0 leaves no room beside 2 special tokens
    error: m/tokenizer.json: damaged tokenizer: the library that reads it failed: index out of bounds: the len is 2 but the index is 96
    error: m/tokenizer.json: the tokenizer fails on a text: WordLevel error: Missing [UNK] token from the vocabulary
    error: m/tokenizer.json: damaged tokenizer: its normalizer makes a text more than 64 times as long
    error: m/config.json: cannot read: larger than 1048576 bytes, which is not expected here
    error: m/tokenizer.json: cannot read: larger than 33554432 bytes, which is not expected here
    ");
}

#[test]
fn too_many_open_files_are_said() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("m"), 1);
    sandbox.write("in.jsonl", "{\"text\":\"a\"}\n");
    let plain = sandbox.command(&["index", "in.jsonl", "--model", "m"]);
    let mut command = Command::new("sh");
    // Loading the program needs a fourth open file, and writing an index needs several. What this process may have
    // inherited as open is closed.
    command
        .arg("-c")
        .arg("exec 3>&- 4>&- 5>&-; ulimit -n 4; exec \"$0\" \"$@\"")
        .arg(plain.get_program())
        .args(plain.get_args());
    command.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = sandbox.ran(&command.output().unwrap());
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("Too many open files") && !ran.stderr.contains("defect"), "{ran}");
}
