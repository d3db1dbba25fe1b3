//! Settings: options that have an environment variable. The config file has them by the options' names.
//!
//! The file's values replace the defaults of the options. For settings that an index records, the index's value has
//! precedence over the file's, so the file's values of these settings are kept separately ([`RECORDED`]).

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Args as _, Command, CommandFactory, FromArgMatches};

use super::Args;
use super::encoding::RecordedArgs;
use crate::cli::config_file::ConfigFile;

/// The settings that an index records, by the options' names.
const RECORDED: [&str; 8] =
    ["model", "revision", "pooling", "max-length", "precision", "factory", "metric", "language"];

/// Settings that the config file cannot have, because they hold for one run only.
const NOT_IN_FILE: [&str; 1] = ["no-normalize"];

/// An option that can be set elsewhere than on the command line.
pub(crate) struct SettingArg {
    pub(crate) name: String,
    /// The name of its environment variable.
    pub(crate) variable: String,
    /// The setting's value if nothing sets it.
    pub(crate) default: String,
}

/// Every setting, in the order of their names.
pub(crate) fn settings() -> Vec<SettingArg> {
    let command = Args::command();
    let own = command.get_arguments();
    let of_commands = command.get_subcommands().flat_map(Command::get_arguments);
    let by_name: BTreeMap<String, SettingArg> =
        own.chain(of_commands).filter_map(setting).map(|setting| (setting.name.clone(), setting)).collect();
    by_name.into_values().collect()
}

/// The names of the settings that the config file may have.
pub(crate) fn names_in_file() -> Vec<String> {
    let names = settings().into_iter().map(|setting| setting.name);
    names.filter(|name| !NOT_IN_FILE.contains(&name.as_str())).collect()
}

fn setting(arg: &Arg) -> Option<SettingArg> {
    let variable = arg.get_env()?.to_string_lossy().into_owned();
    let default = match arg.get_action() {
        ArgAction::SetTrue => "false".to_owned(),
        _ => arg.get_default_values().first().map_or("-".into(), |value| value.to_string_lossy().into_owned()),
    };
    Some(SettingArg { name: name(arg)?, variable, default })
}

/// The name of an option that is a setting.
fn name(arg: &Arg) -> Option<String> {
    arg.get_env().and(arg.get_long()).map(String::from)
}

/// The command line with the config file's values as its defaults.
pub(super) fn with_defaults(command: Command, config: &ConfigFile) -> Command {
    if config.values.is_empty() {
        return command;
    }
    let value = |arg: &Arg| {
        let name = name(arg).filter(|name| !RECORDED.contains(&name.as_str()))?;
        config.values.get(&name).cloned()
    };
    let with_own = |command: Command| {
        command.mut_args(|arg| match value(&arg) {
            Some(value) => arg.default_value(value),
            None => arg,
        })
    };
    with_own(command).mut_subcommands(with_own)
}

/// The config file's values of settings that an index records. They are checked like options; an error says what is
/// wrong.
pub(crate) fn recorded(config: &ConfigFile) -> Result<RecordedArgs, String> {
    if config.values.is_empty() {
        return Ok(RecordedArgs::default());
    }
    let words = RECORDED.iter().filter_map(|name| Some(format!("--{name}={}", config.values.get(*name)?)));
    let command = RecordedArgs::augment_args(Command::new("config"));
    let parsed = command.try_get_matches_from(std::iter::once("config".to_owned()).chain(words));
    parsed.and_then(|matches| RecordedArgs::from_arg_matches(&matches)).map_err(|error| {
        let rendered = error.render().to_string();
        rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
