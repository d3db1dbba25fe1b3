//! `semsearch completions` and `semsearch man`: what shells and man know of the command line, from clap's own knowledge.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use semsearch::error::Error;

use super::args::Args;
use super::report::Advice;
use super::{Outcome, output};

pub(super) fn completions(shell: Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "semsearch", &mut script);
    let mut out = output::raw();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Prints a page, or writes all of them into a directory.
pub(super) fn run(name: Option<&str>, dir: Option<&Path>) -> anyhow::Result<Outcome> {
    let pages = pages();
    if let Some(dir) = dir {
        fs::create_dir_all(dir).map_err(|source| Error::Write { path: dir.into(), source })?;
        for page in &pages {
            let path = dir.join(format!("{}.1", page.get_name()));
            fs::write(&path, roff(page)?).map_err(|source| Error::Write { path: path.clone(), source })?;
        }
        return Ok(Outcome::Done);
    }
    let wanted = name.map_or_else(|| "semsearch".into(), |name| format!("semsearch-{name}"));
    let Some(page) = pages.iter().find(|page| page.get_name() == wanted) else {
        let hint = "`semsearch --help` lists the commands".into();
        return Err(Advice { message: format!("no command {:?}", name.unwrap_or_default()), hint }.into());
    };
    let mut out = output::raw();
    out.write_all(&roff(page)?)?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The program and each of its commands, by the names of their pages.
fn pages() -> Vec<Command> {
    let mut program = Args::command();
    // So that the options of all commands stand on each one's page.
    program.build();
    let mut pages = Vec::new();
    collect(&program, "semsearch", &mut pages);
    pages
}

/// A command's page, named `name`, and those of its own commands.
fn collect(command: &Command, name: &str, pages: &mut Vec<Command>) {
    pages.push(command.clone().name(name.to_owned()));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        collect(below, &format!("{name}-{}", below.get_name()), pages);
    }
}

fn roff(page: &Command) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Man::new(page.clone()).render(&mut bytes)?;
    Ok(bytes)
}
