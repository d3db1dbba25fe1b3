//! `semsearch completions` and `semsearch man`: what shells and man know of the command line.

use std::io::Write;

use semsearch::error::FileError;
use semsearch::files::make_directory;

use super::advice::Advice;
use super::options::manual::{CompletionsOptions, ManOptions, WantedPages};
use super::outcome::Outcome;
use super::output;
use super::records::write_file;

/// Prints a script for a shell.
pub(super) fn completions(options: &CompletionsOptions) -> anyhow::Result<Outcome> {
    print(&options.script)
}

/// Prints a page, or writes all of them into a directory.
pub(super) fn run(options: &ManOptions) -> anyhow::Result<Outcome> {
    match &options.wanted {
        WantedPages::One(command) => page(options, command.as_deref()),
        WantedPages::All(dir) => {
            make_directory(dir).map_err(|source| FileError::Write { path: dir.clone(), source })?;
            for page in &options.pages {
                write_file(&dir.join(format!("{}.1", page.name)), &page.roff)?;
            }
            Ok(Outcome::Done)
        }
    }
}

fn page(options: &ManOptions, command: Option<&str>) -> anyhow::Result<Outcome> {
    let name = command.map_or_else(|| "semsearch".into(), |command| format!("semsearch-{command}"));
    let Some(page) = options.pages.iter().find(|page| page.name == name) else {
        let message = format!("no command {:?}", command.unwrap_or_default());
        return Err(Advice { message, hint: "`semsearch --help` lists the commands".into() }.into());
    };
    print(&page.roff)
}

fn print(bytes: &[u8]) -> anyhow::Result<Outcome> {
    let mut out = output::raw();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(Outcome::Done)
}
