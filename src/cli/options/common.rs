//! The settings that all commands share, from the common options.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use semsearch::error::FileError;
use semsearch::index;
use semsearch::model::Locations;

use crate::cli::advice::Advice;
use crate::cli::args::IndexUse;
use crate::cli::args::common::{ColorArg, CommonArgs};
use crate::cli::settings::Settings;
use crate::cli::store;
use crate::cli::terminal::{Terminal, Verbosity};

/// Resolves the common options. If no index is named and the command uses one, `.semsearch` is looked for.
pub(crate) fn resolve(common: &CommonArgs, index_use: IndexUse) -> anyhow::Result<Settings> {
    set_color(common.color);
    let terminal = Terminal::new(match (common.quiet, common.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Usual,
    });
    let index = match common.last_index() {
        Some(address) if store::is_address(address) => {
            store::check_address(address)?;
            address.clone()
        }
        Some(dir) if index_use == IndexUse::Opened => named_index(dir)?,
        Some(dir) => dir.clone(),
        None if index_use == IndexUse::None => index::DIRECTORY.into(),
        None => usual_index(&terminal)?,
    };
    let (places, problem) = Locations::of_environment(common.offline);
    if let Some(FileError::Read { path, source } | FileError::Write { path, source }) = problem {
        terminal.warn(&format!("{}: no token for the Hub from there: {source}", path.display()));
    }
    Ok(Settings { index, index_named: common.last_index().is_some(), places, terminal, threads: common.threads })
}

/// Sets for the whole process when output is coloured.
pub(crate) fn set_color(color: ColorArg) {
    let choice = match color {
        ColorArg::Always => anstream::ColorChoice::Always,
        ColorArg::Never => anstream::ColorChoice::Never,
        ColorArg::Auto => anstream::ColorChoice::Auto,
    };
    choice.write_global();
}

/// The index that `-i` names. A file cannot be an index; it was probably meant as input.
fn named_index(path: &Path) -> anyhow::Result<PathBuf> {
    if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
        let message = format!("{}: this is a file, and an index is a directory", path.display());
        let hint = "`-i DIR` names the index; inputs need no option, as in `semsearch index FILE -i DIR`".into();
        return Err(Advice { message, hint }.into());
    }
    Ok(path.to_owned())
}

/// `.semsearch` in the working directory or the nearest parent that has one; else in the working directory.
fn usual_index(terminal: &Terminal) -> anyhow::Result<PathBuf> {
    let here = env::current_dir().context("cannot tell the working directory")?;
    let found = index::find(&here);
    let own = here.join(index::DIRECTORY);
    let advice = |dir: &Path| format!("`-i {}` uses it all the same", dir.display());
    if found.index.is_none() && found.passed_over.contains(&own) {
        let message = format!("{}: this index belongs to another user", own.display());
        return Err(Advice { message, hint: advice(Path::new(index::DIRECTORY)) }.into());
    }
    for dir in &found.passed_over {
        terminal.warn(&format!("{} belongs to another user and is passed over ({})", dir.display(), advice(dir)));
    }
    let found = found.index.filter(|found| *found != own);
    Ok(found.unwrap_or_else(|| index::DIRECTORY.into()))
}
