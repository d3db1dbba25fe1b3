//! The command line: what can be typed and what is shown. Only this module knows clap, anyhow, terminals and the
//! environment.
//!
//! `args` is the command line as clap sees it. `options` resolves it to plain structs, one for each command. Each command is a
//! file that takes its struct. `output` writes results, `terminal` writes notes and warnings, and `report` writes failures
//! with their hints (`hint`).

mod advice;
mod args;
mod config;
mod config_file;
mod documents;
mod embed;
mod environment;
mod errors;
mod eval;
mod export;
mod hint;
mod index;
mod info;
mod interrupt;
mod manual;
mod model;
mod model_loader;
mod named_fields;
mod options;
mod outcome;
mod output;
mod prompt;
mod query;
mod query_file;
mod records;
mod report;
mod reranked;
mod searcher;
#[cfg(feature = "serve")]
mod serve;
mod settings;
mod sim;
mod similar;
mod skipped;
mod store;
#[cfg(feature = "postgres")]
mod store_command;
mod terminal;
mod verify;
mod visible;

use std::process::ExitCode;

use args::{Action, Args, parse, setting, usage};
use config_file::ConfigFile;
use options::common;
use options::config::ConfigOptions;
use options::defaults::Defaults;
use options::documents::{GetOptions, LsOptions, RemoveOptions};
use options::embed::EmbedOptions;
use options::eval::EvalOptions;
use options::index::IndexOptions;
use options::inspect::{ExportOptions, InfoOptions};
use options::manual::{CompletionsOptions, ManOptions};
use options::model::ModelOptions;
use options::query::QueryOptions;
#[cfg(feature = "serve")]
use options::serve::ServeOptions;
use options::sim::SimOptions;
#[cfg(feature = "postgres")]
use options::store::StoreOptions;
use outcome::Outcome;

/// Parses, runs, reports.
pub(crate) fn main() -> ExitCode {
    report::defects();
    let (config, defaults) = match config() {
        Ok(config) => config,
        // Help is there in any case.
        Err(error) => {
            let none = ConfigFile::default();
            common::set_color(usage::color(&none));
            return match parse::asked_for_help() {
                Some(asked) => report::refusal(&usage::refusal(&asked, &none)),
                None => report::failure(&error),
            };
        }
    };
    let args = match parse::parse(&config) {
        Ok(args) => args,
        Err(error) => {
            common::set_color(usage::color(&config));
            return report::refusal(&usage::refusal(&error, &config));
        }
    };
    match run(args, &config, &defaults) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Err(error) => report::failure(&error),
    }
}

fn config() -> anyhow::Result<(ConfigFile, Defaults)> {
    let config = ConfigFile::load(setting::names_in_file)?;
    let defaults = Defaults::resolve(&config)?;
    Ok((config, defaults))
}

/// Resolves the options of the command, and runs it.
fn run(Args { common, command }: Args, config: &ConfigFile, defaults: &Defaults) -> anyhow::Result<Outcome> {
    let settings = &common::resolve(&common, command.index_use())?;
    match command {
        Action::Index(args) => index::run(&IndexOptions::resolve(&args, defaults)?, settings),
        Action::Query(args) => query::run(&QueryOptions::resolve(&args, defaults)?, settings),
        Action::Get(args) => documents::get(&GetOptions::resolve(args), settings),
        Action::Ls(args) => documents::ls(&LsOptions::resolve(&args)?, settings),
        Action::Remove(args) => documents::remove(&RemoveOptions::resolve(args)?, settings),
        Action::Embed(args) => embed::run(&EmbedOptions::resolve(&args, defaults)?, settings),
        Action::Sim(args) => sim::run(&SimOptions::resolve(&args, defaults), settings),
        Action::Eval(args) => eval::run(&EvalOptions::resolve(&args, defaults)?, settings),
        #[cfg(feature = "serve")]
        Action::Serve(args) => serve::serve(ServeOptions::resolve(&args, &common, defaults, settings)?, settings),
        #[cfg(feature = "serve")]
        Action::Mcp(args) => serve::agents(ServeOptions::of_agents(&args, &common, defaults, settings)?, settings),
        #[cfg(feature = "postgres")]
        Action::Store(args) => store_command::run(&StoreOptions::resolve(args), settings),
        Action::Info(args) => info::run(&InfoOptions::resolve(&args), settings),
        Action::Verify => verify::run(settings),
        Action::Export(args) => export::run(&ExportOptions::resolve(args), settings),
        Action::Model(args) => model::run(&ModelOptions::resolve(args, defaults), settings),
        Action::Config => config::run(&ConfigOptions::resolve(config), settings),
        Action::Completions(args) => manual::completions(&CompletionsOptions::resolve(&args)),
        Action::Man(args) => manual::run(&ManOptions::resolve(args)?),
    }
}
