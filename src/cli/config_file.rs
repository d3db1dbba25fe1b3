//! The config file: names of settings and their values, as words.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use semsearch::error::FileError;
use semsearch::files::{open_regular, read_bounded};
use toml::Value;

use super::advice::Advice;
use super::environment;

/// Bytes of the file, at most.
const MAX: u64 = 1 << 20;

/// The config file's values, by the names of the options.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) values: BTreeMap<String, String>,
}

impl ConfigFile {
    /// Reads `$XDG_CONFIG_HOME/semsearch/config.toml`, or `~/.config/semsearch/config.toml`, if it exists. Settings other than
    /// those in `known` are an error. `known` is asked only if there is a setting.
    pub(super) fn load(known: impl FnOnce() -> Vec<String>) -> anyhow::Result<Self> {
        let path = environment::config_home().join("semsearch").join("config.toml");
        let mut values = BTreeMap::new();
        let table = table(&path)?;
        if table.is_empty() {
            return Ok(Self { path, values });
        }
        let known = known();
        for (name, value) in table {
            let option = name.replace('_', "-");
            let Some(word) = word(value).filter(|_| known.contains(&option)) else {
                let message = format!("{}: no setting `{name}` with a plain value", path.display());
                return Err(Advice { message, hint: format!("settings are {}", known.join(", ")) }.into());
            };
            values.insert(option, word);
        }
        Ok(Self { path, values })
    }

    /// Where the file sets this option, for messages.
    pub(super) fn place(&self, name: &str) -> Option<String> {
        self.values.contains_key(name).then(|| format!("`{name}` in {}", self.path.display()))
    }
}

/// The file's content; an empty table if there is no file.
fn table(path: &Path) -> anyhow::Result<toml::Table> {
    let read = open_regular(path).and_then(|file| read_bounded(file, MAX));
    let text = match read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(FileError::Read { path: path.into(), source }.into()),
    };
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let message = format!("{}:{line}: {}", path.display(), error.message());
        let hint = "a line is `name = value`, as in `top-k = 5` or `model = \"intfloat/e5-base-v2\"`".into();
        Advice { message, hint }.into()
    })
}

/// A plain value as it would be typed.
fn word(value: Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(whether) => Some(whether.to_string()),
        _ => None,
    }
}
