//! `modules.json`: the steps after the network.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use semsearch_files::{FileError, RelativePath};
use serde::Deserialize;
use serde_json::Value;

use super::files::{CONFIG, MODULES};
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
        let mut modules = Self { pooling: Pooling::Mean, normalized: listed.is_none(), there: listed.is_some() };
        for module in listed.iter().flatten() {
            match module.class() {
                "Transformer" => {}
                "Pooling" => modules.pooling = pooling_of(&dir.join(module.config(&path)?))?,
                "Normalize" => modules.normalized = true,
                other => {
                    let what = format!("module {other} is not supported, only Transformer, Pooling and Normalize");
                    return Err(EncoderError::Model { path, what, source: None });
                }
            }
        }
        Ok(modules)
    }
}

/// The path of the file that says how to pool, relative to the model's directory, if `modules.json` names one.
///
/// # Errors
/// `modules.json` is unreadable, or the path leads out of the model's directory.
pub(super) fn pooling_file(dir: &Path) -> Result<Option<RelativePath>, EncoderError> {
    let path = dir.join(MODULES);
    let modules: Option<Vec<Module>> = json::load(&path)?;
    let pooling = modules.into_iter().flatten().find(|module| module.class() == "Pooling");
    pooling.map(|module| module.config(&path)).transpose()
}

impl Module {
    /// The last part of the Python class's name.
    fn class(&self) -> &str {
        self.class_path.rsplit('.').next().unwrap_or(&self.class_path)
    }

    /// The path of the module's configuration, relative to the model's directory.
    fn config(&self, modules: &Path) -> Result<RelativePath, EncoderError> {
        let dir = self.path.strip_prefix("./").unwrap_or(&self.path);
        let dir = dir.strip_suffix('/').unwrap_or(dir);
        let file = if self.path.is_empty() { CONFIG.to_owned() } else { format!("{dir}/{CONFIG}") };
        RelativePath::new(&file).ok_or_else(|| {
            let what =
                format!("the path of its module {}, {:?}, leads out of the model's directory", self.class(), self.path);
            EncoderError::Model { path: modules.into(), what, source: None }
        })
    }
}

/// The one pooling mode that a `1_Pooling/config.json` switches on.
fn pooling_of(path: &Path) -> Result<Pooling, EncoderError> {
    let Some(all) = json::load::<BTreeMap<String, Value>>(path)? else {
        let source = ErrorKind::NotFound.into();
        return Err(FileError::Read { path: path.into(), source }.into());
    };
    let on = |(key, value): (&String, &Value)| {
        (value == &Value::Bool(true)).then(|| key.strip_prefix("pooling_mode_").map(String::from)).flatten()
    };
    let mut modes: Vec<String> = all.iter().filter_map(on).collect();
    modes.extend(all.get("pooling_mode").and_then(|mode| mode.as_str()).map(String::from));
    match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        _ => {
            let what = format!("pooling by {modes:?} is not supported, only one of mean, cls and max");
            Err(EncoderError::Model { path: path.into(), what, source: None })
        }
    }
}
