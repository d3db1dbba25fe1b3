//! Pages of the manual and completions for shells, made from clap's description of the command line.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Args;

/// A page of the manual.
pub(crate) struct ManualPage {
    /// As man calls it: `semsearch-query`.
    pub(crate) name: String,
    /// Its text in man's language.
    pub(crate) roff: Vec<u8>,
}

/// The pages of the program and of each of its commands.
pub(crate) fn pages() -> io::Result<Vec<ManualPage>> {
    commands().iter().map(|page| Ok(ManualPage { name: page.get_name().to_owned(), roff: roff(page)? })).collect()
}

/// A script that completes the command line in a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "semsearch", &mut script);
    script
}

/// The program and each of its commands, by the names of their pages.
fn commands() -> Vec<Command> {
    let mut program = Args::command();
    // So the page of each command also lists the options that all commands share.
    program.build();
    let mut pages = Vec::new();
    collect(&program, "semsearch", &mut pages);
    pages
}

/// Adds the page of a command, named `name`, and the pages of its subcommands. A page includes what the short help
/// omits.
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

/// A section for a part of the text after a command's help: examples, one on each line, or a sentence after its title.
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

/// Escapes text for roff: no line is taken for a request, and hyphens and quotes stay as they are.
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
        for page in commands() {
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
        for page in commands() {
            let text = text(&page);
            assert!(text.contains("\n.SH EXAMPLES\n.nf\n"), "{text}");
            assert!(!text.contains(".SH EXTRA"));
        }
        let program = text(&commands()[0]);
        assert!(program.contains(".SH \"EXIT STATUS\"\n0 found or done, 1 nothing found, 2 error."), "{program}");
        assert_eq!(escaped("a -k 'b' \\n"), "a \\-k \\(aqb\\(aq \\en");
        assert_eq!(escaped(".TH"), "\\&.TH");
    }
}
