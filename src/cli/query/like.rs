//! `semsearch query --like` and `--like-file`: what resembles a document.

use std::path::Path;

use semsearch::corpus::{self, FieldNames, Input, ReadOptions};
use semsearch::engine::{Query, Searcher, Subject};
use semsearch::error::CorpusError;
use semsearch::index::FileIds;

use super::presentation;
use crate::cli::advice::Advice;
use crate::cli::documents::known_id;
use crate::cli::options::query::{LikeSource, QueryOptions};
use crate::cli::outcome::Outcome;
use crate::cli::output::Answer;
use crate::cli::searcher;
use crate::cli::settings::Settings;
use crate::cli::store;

/// Shows what resembles `source`.
pub(super) fn run(source: &LikeSource, options: &QueryOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let (ranking, would_rerank) = options.ranking.unreranked();
    if would_rerank {
        settings.terminal.note("what resembles a document is not reranked");
    }
    let searcher = searcher::open(&ranking, &options.encoding, &[], settings)?;
    let mut out = (options.output.open)(presentation(options, &searcher, false, settings));
    let mut bar = settings.terminal.encoding_beside_output("documents");
    let (subject, text) = match source {
        LikeSource::Document(id) => (document(&searcher, id, settings)?, id.clone()),
        LikeSource::File(path) => (file(&searcher, path, settings)?, path.to_string_lossy().into_owned()),
    };
    let answers = searcher.search_like(&ranking.request, &subject, &mut bar)?;
    bar.finish();
    let query = Query { id: "1".into(), text };
    out.write(&mut answers.hits.iter().map(|hits| Answer { query: &query, hits }))?;
    out.finish()?;
    searcher::tell_missing(&searcher, &settings.terminal);
    let found = answers.hits.iter().any(|hits| !hits.is_empty());
    std::mem::forget(searcher);
    Ok(if found { Outcome::Done } else { Outcome::Nothing })
}

fn document(searcher: &Searcher, id: &str, settings: &Settings) -> anyhow::Result<Subject> {
    let known = known_id(&*searcher.snapshot(), id, settings)?;
    searcher.document_subject(&known)?.ok_or_else(|| {
        searcher::tell_missing(searcher, &settings.terminal);
        let message = format!("{}: no document {id:?}", settings.index.display());
        Advice { message, hint: "`semsearch ls` lists the documents; `--like-file` takes a file".into() }.into()
    })
}

/// The first record of a file. If the file is in the index, it is the document there.
fn file(searcher: &Searcher, path: &Path, settings: &Settings) -> anyhow::Result<Subject> {
    let from_root = searcher.snapshot().facts().config.file_ids == FileIds::FromRoot;
    let root = from_root.then(|| store::root(&settings.index));
    let input = Input::File(path.to_owned());
    let mut records = corpus::records(std::slice::from_ref(&input), ReadOptions { root, ..ReadOptions::default() })?;
    let record = records.next().unwrap_or_else(|| Err(CorpusError::NoRecords { input: input.name() }))?;
    Ok(searcher.file_subject(&FieldNames::default().document(record)?)?)
}
