//! The config file, and what is in force.
//!
//! A setting is an option that has an environment variable, by the option's name. The file's values stand where an option's
//! default would. Those that an index records come after what it recorded, so they are kept apart ([`Config::recorded`]).

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Arg, ArgAction, Args as _, Command, CommandFactory, FromArgMatches};
use semsearch::error::{Error, FileError};
use semsearch::files::{open_regular, read_bounded};
use semsearch::index::{self, Recipe};
use toml::Value;

use super::args::{Args, Recorded};
use super::report::Advice;
use super::settings::{Settings, set};
use super::{Outcome, output};

/// Bytes of the file, at most.
const MAX: u64 = 1 << 20;

/// What an index records of itself, by the options' names.
const RECORDED: [&str; 8] =
    ["model", "revision", "pooling", "max-length", "precision", "factory", "metric", "language"];

/// Settings of one run, which a file of all runs had better not have: an index that is built is not asked otherwise.
const NOT_IN_FILE: [&str; 1] = ["no-normalize"];

/// The config file's settings.
#[derive(Clone, Debug)]
pub(super) struct Config {
    path: PathBuf,
    values: BTreeMap<String, String>,
    /// Those that an index records.
    pub(super) recorded: Recorded,
}

impl Config {
    /// Reads `$XDG_CONFIG_HOME/semsearch/config.toml`, or the same below `~/.config`, if it is there.
    pub(super) fn load() -> anyhow::Result<Self> {
        let path = path();
        let read = open_regular(&path).and_then(|file| read_bounded(file, MAX));
        let text = match read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::File(FileError::Read { path, source }).into()),
        };
        let table: toml::Table = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let message = format!("{}:{line}: {}", path.display(), error.message());
            Advice {
                message,
                hint: "a line is `name = value`, as in `top-k = 5` or `model = \"intfloat/e5-base-v2\"`".into(),
            }
        })?;
        let settings = settings();
        let mut values = BTreeMap::new();
        for (name, value) in table {
            let option = name.replace('_', "-");
            let shown = match value {
                Value::String(word) => Some(word),
                Value::Integer(number) => Some(number.to_string()),
                Value::Float(number) => Some(number.to_string()),
                Value::Boolean(whether) => Some(whether.to_string()),
                _ => None,
            };
            let possible = |name: &&String| !NOT_IN_FILE.contains(&name.as_str());
            let Some(shown) = shown.filter(|_| settings.keys().filter(possible).any(|known| *known == option)) else {
                let known = settings.keys().filter(possible).map(String::as_str).collect::<Vec<_>>().join(", ");
                let message = format!("{}: no setting `{name}` with a plain value", path.display());
                return Err(Advice { message, hint: format!("settings are {known}") }.into());
            };
            values.insert(option, shown);
        }
        let recorded = recorded(&values, &path)?;
        Ok(Self { path, values, recorded })
    }

    /// A setting as the file has it, for messages.
    pub(super) fn place(&self, name: &str) -> Option<String> {
        self.values.contains_key(name).then(|| format!("`{name}` in {}", self.path.display()))
    }

    /// The command line with these values as its defaults.
    pub(super) fn defaults(&self, command: Command) -> Command {
        let with_own = |command: Command| -> Command {
            let names: Vec<String> = command
                .get_arguments()
                .filter_map(|arg| Some((arg.get_id().to_string(), setting(arg)?)))
                .filter(|(_, name)| self.values.contains_key(name) && !RECORDED.contains(&name.as_str()))
                .map(|(id, _)| id)
                .collect();
            names.into_iter().fold(command, |command, id| {
                command.mut_arg(id, |arg| match setting(&arg).and_then(|name| self.values.get(&name)) {
                    Some(value) => arg.default_value(value.clone()),
                    None => arg,
                })
            })
        };
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let command = with_own(command);
        names.iter().fold(command, |command, name| command.mut_subcommand(name, with_own))
    }
}

/// The recorded settings' values, checked as the options are.
fn recorded(values: &BTreeMap<String, String>, path: &std::path::Path) -> anyhow::Result<Recorded> {
    let words = RECORDED.iter().filter_map(|name| Some(format!("--{name}={}", values.get(*name)?)));
    let command = Recorded::augment_args(Command::new("config"));
    let parsed = command.try_get_matches_from(std::iter::once("config".to_owned()).chain(words));
    let parsed = parsed.and_then(|matches| Recorded::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let rendered = error.render().to_string();
        let first = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Advice {
            message: format!("{}: {first}", path.display()),
            hint: "`semsearch index --help` says what is possible".into(),
        }
        .into()
    })
}

fn path() -> PathBuf {
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).unwrap_or_default();
    config.join("semsearch").join("config.toml")
}

/// The name of an option that is a setting.
fn setting(arg: &Arg) -> Option<String> {
    arg.get_env().and(arg.get_long()).map(String::from)
}

/// Every setting: its environment variable and its default.
fn settings() -> BTreeMap<String, (String, String)> {
    let command = Args::command();
    let own = command.get_arguments();
    let of_commands = command.get_subcommands().flat_map(Command::get_arguments);
    let told = |arg: &Arg| {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        let default = match arg.get_action() {
            ArgAction::SetTrue => "false".to_owned(),
            _ => arg.get_default_values().first().map_or("-".into(), |value| value.to_string_lossy().into_owned()),
        };
        Some((setting(arg)?, (variable, default)))
    };
    own.chain(of_commands).filter_map(told).collect()
}

/// Shows every setting in force, and where its value comes from.
pub(super) fn run(config: &Config, settings_in_force: &Settings) -> anyhow::Result<Outcome> {
    let recipe = index::recorded(&settings_in_force.index).ok().flatten().map(|manifest| manifest.recipe);
    let mut rows = Vec::new();
    for (name, (variable, default)) in settings() {
        let of_index = recipe.as_ref().and_then(|recipe| of_index(&name, recipe));
        let (value, from) = if let Some(value) = env::var_os(&variable).filter(|value| !value.is_empty()) {
            (value.to_string_lossy().into_owned(), variable)
        } else if let Some(value) = of_index {
            (value, settings_in_force.index.display().to_string())
        } else if let Some(value) = config.values.get(&name) {
            (value.clone(), config.path.display().to_string())
        } else if name == "index" {
            (settings_in_force.index.display().to_string(), "default".into())
        } else {
            (default, "default".into())
        };
        rows.push([name, value, from]);
    }
    let mut out = output::raw();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, values) = (width(0), width(1).min(60));
    for [name, value, from] in &rows {
        writeln!(out, "{name:<names$}  {value:<values$}  {from}")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// What the index recorded of a setting.
fn of_index(name: &str, recipe: &Recipe) -> Option<String> {
    Some(match name {
        "model" => recipe.model.id.clone(),
        "revision" => recipe.model.revision.clone()?,
        "pooling" => recipe.pooling.to_string(),
        "max-length" => recipe.max_length.to_string(),
        "no-normalize" => (!recipe.normalized).to_string(),
        "precision" => recipe.precision.to_string(),
        "factory" => recipe.factory.clone(),
        "metric" => recipe.metric.to_string(),
        "language" => recipe.language?.to_string(),
        _ => return None,
    })
}
