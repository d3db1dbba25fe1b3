//! `modules.json`: the steps after the network.

use std::collections::BTreeMap;
use std::path::Path;

use semsearch_files::RelativePath;
use serde::Deserialize;
use serde_json::Value;

use super::dense::DenseSpec;
use super::files::{CONFIG, MODULES, WEIGHTS};
use crate::error::EncoderError;
use crate::json;
use crate::pooling::Pooling;

/// One module of sentence-transformers.
#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    class_path: String,
}

/// How token vectors become a text's vector.
pub(super) struct Modules {
    /// The pooling. It is the mean if the files do not name one.
    pub(super) pooling: Pooling,
    /// The linear layers after the pooling, in order.
    pub(super) dense: Vec<DenseSpec>,
    /// Whether vectors are scaled to length 1. They are if there is no `modules.json`.
    pub(super) normalized: bool,
    /// Whether there is a `modules.json`.
    pub(super) there: bool,
}

impl Modules {
    /// Reads `modules.json` and the files that it names.
    ///
    /// # Errors
    /// A file is unreadable or damaged, or a module is not supported.
    pub(super) fn load(dir: &Path) -> Result<Self, EncoderError> {
        let path = dir.join(MODULES);
        let listed: Option<Vec<Module>> = json::load(&path)?;
        let (normalized, there) = (listed.is_none(), listed.is_some());
        let mut modules = Self { pooling: Pooling::Mean, dense: Vec::new(), normalized, there };
        for module in listed.iter().flatten() {
            modules.add(dir, &path, module)?;
        }
        Ok(modules)
    }

    fn add(&mut self, dir: &Path, path: &Path, module: &Module) -> Result<(), EncoderError> {
        let refused = |what| Err(EncoderError::Model { path: path.into(), what, source: None });
        match module.class() {
            "Transformer" | "StaticEmbedding" => {}
            "Pooling" => self.pooling = pooling_of(&dir.join(module.file(path, CONFIG)?))?,
            "Dense" if self.normalized => return refused("a module Dense after Normalize is not supported".into()),
            "Dense" => self
                .dense
                .push(DenseSpec::load(dir.join(module.file(path, CONFIG)?), dir.join(module.file(path, WEIGHTS)?))?),
            "Normalize" => self.normalized = true,
            other => {
                let known = "Transformer, StaticEmbedding, Pooling, Dense and Normalize";
                return refused(format!("module {other} is not supported, only {known}"));
            }
        }
        Ok(())
    }
}

/// The files of the modules after the network, relative to the model's directory.
///
/// # Errors
/// `modules.json` is unreadable, or a path leads out of the model's directory.
pub(super) fn module_files(dir: &Path) -> Result<Vec<RelativePath>, EncoderError> {
    let path = dir.join(MODULES);
    let modules: Option<Vec<Module>> = json::load(&path)?;
    let mut files = Vec::new();
    for module in modules.iter().flatten() {
        let of_module: &[&str] = match module.class() {
            "Pooling" => &[CONFIG],
            "Dense" => &[CONFIG, WEIGHTS],
            _ => &[],
        };
        for file in of_module {
            files.push(module.file(&path, file)?);
        }
    }
    Ok(files)
}

impl Module {
    /// The last part of the Python class's name.
    fn class(&self) -> &str {
        self.class_path.rsplit('.').next().unwrap_or(&self.class_path)
    }

    /// The path of one of the module's files, relative to the model's directory.
    fn file(&self, modules: &Path, name: &str) -> Result<RelativePath, EncoderError> {
        let dir = self.path.strip_prefix("./").unwrap_or(&self.path);
        let dir = dir.strip_suffix('/').unwrap_or(dir);
        let file = if self.path.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        RelativePath::new(&file).ok_or_else(|| {
            let what =
                format!("the path of its module {}, {:?}, leads out of the model's directory", self.class(), self.path);
            EncoderError::Model { path: modules.into(), what, source: None }
        })
    }
}

/// The one pooling mode that a `1_Pooling/config.json` switches on.
fn pooling_of(path: &Path) -> Result<Pooling, EncoderError> {
    let all: BTreeMap<String, Value> = json::load_required(path)?;
    if all.get("include_prompt") == Some(&Value::Bool(false)) {
        let what = "pooling without the prompt's tokens is not supported (include_prompt)".into();
        return Err(EncoderError::Model { path: path.into(), what, source: None });
    }
    let on = |(key, value): (&String, &Value)| {
        (value == &Value::Bool(true)).then(|| key.strip_prefix("pooling_mode_").map(String::from)).flatten()
    };
    let mut modes: Vec<String> = all.iter().filter_map(on).collect();
    modes.extend(all.get("pooling_mode").and_then(|mode| mode.as_str()).map(String::from));
    match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        ["lasttoken"] => Ok(Pooling::Last),
        _ => {
            let what = format!("pooling by {modes:?} is not supported, only one of mean, cls, max and lasttoken");
            Err(EncoderError::Model { path: path.into(), what, source: None })
        }
    }
}
