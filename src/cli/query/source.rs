//! Where queries come from: the command line, a file, a stream or a person.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use semsearch::corpus::Input;
use semsearch::engine::Query;
use semsearch::error::{CorpusError, EngineError};

use crate::cli::options::query::QuerySource;
use crate::cli::prompt::Prompt;
use crate::cli::query_file::queries;
use crate::cli::terminal::Terminal;

/// How many queries are answered together, at most, when they come faster than they are answered.
const BATCH: usize = 4096;

/// Queries in batches. Queries of a file or stream are answered as they come.
pub(super) enum Queries {
    Given(Option<Vec<Query>>, usize),
    Read(Receiver<Result<Query, CorpusError>>),
    Asked(Box<Prompt>),
}

impl Queries {
    pub(super) fn open(source: &QuerySource, terminal: &Terminal) -> anyhow::Result<Self> {
        Ok(match source {
            QuerySource::Texts(texts) => Self::given(texts)?,
            QuerySource::File(path) => {
                let input = Input::from(path.clone());
                Self::read(input.bytes()?, input.name())
            }
            QuerySource::Stdin => Self::read(Input::Stdin.bytes()?, Input::Stdin.name()),
            QuerySource::Prompt => Self::Asked(Box::new(Prompt::open(terminal)?)),
        })
    }

    fn given(texts: &[String]) -> Result<Self, EngineError> {
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(EngineError::EmptyQuery);
        }
        let numbered =
            (1..).zip(texts).map(|(number, text): (usize, _)| Query { id: number.to_string(), text: text.clone() });
        Ok(Self::Given(Some(numbered.collect()), texts.len()))
    }

    /// Reads on a thread of its own: a query is answered when it comes, and many that come together are answered
    /// together.
    fn read(input: impl BufRead + Send + 'static, name: Arc<str>) -> Self {
        let (sender, receiver) = sync_channel(BATCH);
        thread::spawn(move || {
            for query in queries(input, &name) {
                let failed = query.is_err();
                if sender.send(query).is_err() || failed {
                    return;
                }
            }
        });
        Self::Read(receiver)
    }

    /// The queries that are known before any is read.
    pub(super) fn known(&self) -> &[Query] {
        match self {
            Self::Given(Some(queries), _) => queries,
            _ => &[],
        }
    }

    /// Whether there may be more than one query.
    pub(super) fn several(&self) -> bool {
        match self {
            Self::Given(_, count) => *count > 1,
            Self::Read(_) => true,
            // Each query is shown above its hits as it was typed.
            Self::Asked(_) => false,
        }
    }
}

impl Iterator for Queries {
    type Item = anyhow::Result<Vec<Query>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Given(queries, _) => queries.take().map(Ok),
            Self::Read(queries) => {
                // Waits for one query, and takes the others that have arrived by then.
                let first = queries.recv().ok()?;
                let all = std::iter::once(first).chain(queries.try_iter().take(BATCH - 1));
                Some(all.collect::<Result<_, _>>().map_err(Into::into))
            }
            Self::Asked(prompt) => prompt.ask().transpose().map(|query| Ok(vec![query?])),
        }
    }
}
