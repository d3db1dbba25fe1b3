//! `semsearch completions` and `semsearch man`: what shells and man know of the command line, from clap's own knowledge.

use std::io::{self, Write};
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use semsearch::error::{Error, FileError};
use semsearch::files::make_directory;

use super::args::Args;
use super::records::write_file;
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
        make_directory(dir).map_err(|source| Error::File(FileError::Write { path: dir.into(), source }))?;
        for page in &pages {
            write_file(&dir.join(format!("{}.1", page.get_name())), &roff(page)?)?;
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

/// A command's page, named `name`, and those of its own commands. A page has room for what the short help leaves out.
fn collect(command: &Command, name: &str, pages: &mut Vec<Command>) {
    let whole = |arg: Arg| arg.hide_short_help(false).hide_env(false);
    pages.push(command.clone().name(name.to_owned()).mut_args(whole));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        collect(below, &format!("{name}-{}", below.get_name()), pages);
    }
}

fn roff(page: &Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let man = Man::new(page.clone());
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    man.render_synopsis_section(&mut bytes)?;
    man.render_description_section(&mut bytes)?;
    man.render_options_section(&mut bytes)?;
    if page.has_subcommands() {
        man.render_subcommands_section(&mut bytes)?;
    }
    let after = page.get_after_help().map(ToString::to_string).unwrap_or_default();
    for part in after.split("\n\n") {
        section(part, &mut bytes)?;
    }
    Ok(bytes)
}

/// A part of what stands after a command's help: examples, each on its line, or a sentence with its title before it.
fn section(part: &str, out: &mut impl Write) -> io::Result<()> {
    let Some((title, content)) = part.split_once(':') else { return Ok(()) };
    if title.starts_with("Example") {
        writeln!(out, ".SH EXAMPLES\n.nf")?;
        for line in content.lines().map(str::trim).filter(|line| !line.is_empty()) {
            writeln!(out, "{}", escaped(line))?;
        }
        return writeln!(out, ".fi");
    }
    writeln!(out, ".SH \"{}\"\n{}", title.to_uppercase(), escaped(content.trim()))
}

/// Text as roff takes it: it neither begins with a request, nor are its hyphens and quotes made typographic ones.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('`', "\\(ga");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &Command) -> String {
        String::from_utf8(roff(page).unwrap()).unwrap()
    }

    #[test]
    fn a_page_describes_every_option_its_values_and_its_variable() {
        for page in pages() {
            let text = text(&page);
            let options = text.split(".SH DESCRIPTION").nth(1).unwrap().split(".SH EXAMPLES").next().unwrap();
            let options = options.split(".SH SUBCOMMANDS").next().unwrap();
            let entries: Vec<&str> = options.split(".TP\n").skip(1).collect();
            let shown: Vec<&Arg> = page.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
            assert_eq!(entries.len(), shown.len(), "{}", page.get_name());
            for entry in &entries {
                let mut lines = entry.lines();
                let (header, help) = (lines.next().unwrap(), lines.next().unwrap_or_default());
                assert!(!help.is_empty() && !help.starts_with('.'), "{}: {header}", page.get_name());
                let values: Vec<&str> = entry.split(".IP \\(bu 2\n").skip(1).collect();
                let bare = values.iter().filter(|value| !value.lines().next().unwrap().contains(": ")).count();
                assert!(bare == 0 || header.contains("SHELL"), "{}: {entry}", page.get_name());
            }
            for variable in shown.iter().filter_map(|arg| arg.get_env()) {
                let variable = variable.to_string_lossy().replace('-', "\\-");
                assert!(text.contains(&*variable), "{}: {variable}", page.get_name());
            }
        }
    }

    #[test]
    fn examples_stand_under_their_usual_title_as_they_are_typed() {
        for page in pages() {
            let text = text(&page);
            assert!(text.contains("\n.SH EXAMPLES\n.nf\n"), "{text}");
            assert!(!text.contains(".SH EXTRA"));
        }
        let program = text(&pages()[0]);
        assert!(program.contains(".SH \"EXIT STATUS\"\n0 found or done, 1 nothing found, 2 error."), "{program}");
        assert_eq!(escaped("a -k 'b' \\n"), "a \\-k \\(aqb\\(aq \\en");
        assert_eq!(escaped(".TH"), "\\&.TH");
    }
}
