//! Questions typed one after the other, while model and index stay loaded. Lines are edited and remembered as a shell's.

use std::env;
use std::fs;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Behavior, Config, Editor};
use semsearch::search::Query;

use super::settings::set;
use super::terminal::Terminal;

const PROMPT: &str = "semsearch> ";

/// Lines remembered.
const REMEMBERED: usize = 1000;

/// A person who asks.
pub(super) struct Prompt {
    editor: Editor<(), FileHistory>,
    /// Where the questions are remembered, if there is such a place.
    history: Option<PathBuf>,
    asked: usize,
}

impl Prompt {
    pub(super) fn open(terminal: &Terminal) -> anyhow::Result<Self> {
        // By way of the terminal itself: standard output may go elsewhere, and holds data alone.
        let config = Config::builder().behavior(Behavior::PreferTerm).auto_add_history(true);
        let config = config.max_history_size(REMEMBERED)?.history_ignore_dups(true)?.history_ignore_space(true);
        let mut editor = Editor::with_config(config.build())?;
        let history = history();
        if let Some(path) = &history {
            // The first time there is none.
            let _ = editor.load_history(path);
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
                    if let Some(path) = &self.history {
                        // A question that is not remembered is answered all the same.
                        let _ = self.editor.append_history(path);
                    }
                    self.asked += 1;
                    return Ok(Some(Query { id: self.asked.to_string(), text: line.trim().into() }));
                }
                // As in a shell: the line is given up, not the session.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `$XDG_STATE_HOME/semsearch/history`, or the same below `~/.local/state`.
fn history() -> Option<PathBuf> {
    let state = set("XDG_STATE_HOME").or_else(|| env::home_dir().map(|home| home.join(".local/state")))?;
    let dir = state.join("semsearch");
    fs::create_dir_all(&dir).ok()?;
    Some(dir.join("history"))
}
