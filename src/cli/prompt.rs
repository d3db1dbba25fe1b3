//! A prompt for questions, one after the other, while model and index stay loaded. Lines are edited and remembered as
//! in a shell.

mod history;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Behavior, Config, Editor};
use semsearch::engine::Query;

use super::terminal::Terminal;
use history::History;

const PROMPT: &str = "semsearch> ";

/// How many lines are remembered.
const REMEMBERED: usize = 1000;

/// A terminal at which a person asks questions.
pub(super) struct Prompt {
    editor: Editor<(), MemHistory>,
    /// Where the questions are remembered, if there is such a place.
    history: Option<History>,
    asked: usize,
}

impl Prompt {
    pub(super) fn open(terminal: &Terminal) -> anyhow::Result<Self> {
        // The prompt uses the terminal itself, because standard output may go elsewhere and contains only data.
        let config = Config::builder().behavior(Behavior::PreferTerm);
        let config = config.max_history_size(REMEMBERED)?.history_ignore_dups(true)?.history_ignore_space(true);
        let config = config.build();
        let memory = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, memory)?;
        let history = History::open(REMEMBERED).unwrap_or_else(|error| {
            terminal.warn(&format!("questions are not remembered: {error}"));
            None
        });
        for line in history.iter().flat_map(History::lines) {
            editor.add_history_entry(line)?;
        }
        terminal.note("a question a line; Ctrl-D ends, the arrow keys bring back earlier ones");
        Ok(Self { editor, history, asked: 0 })
    }

    /// The next question; `None` at the end.
    pub(super) fn ask(&mut self) -> anyhow::Result<Option<Query>> {
        loop {
            match self.editor.readline(PROMPT) {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    if self.editor.add_history_entry(&line)?
                        && let Some(history) = &mut self.history
                    {
                        // A question that cannot be remembered is still answered.
                        let _ = history.remember(&line);
                    }
                    self.asked += 1;
                    return Ok(Some(Query { id: self.asked.to_string(), text: line.trim().into() }));
                }
                // As in a shell, Ctrl-C discards the line but does not end the session.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
