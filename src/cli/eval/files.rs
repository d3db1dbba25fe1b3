//! The files of an evaluation: judgements, runs, queries.

use std::path::Path;

use semsearch::corpus::Input;
use semsearch::engine::Query;
use semsearch::eval::{Qrels, Run};

use crate::cli::advice::Advice;
use crate::cli::query_file::queries;

pub(super) fn qrels_file(path: &Path) -> anyhow::Result<Qrels> {
    let input = Input::from(path.to_owned());
    Ok(Qrels::read(input.bytes()?, &input.name())?)
}

pub(super) fn run_file(path: &Path) -> anyhow::Result<Run> {
    let input = Input::from(path.to_owned());
    Ok(Run::read(input.bytes()?, &input.name())?)
}

/// The queries of a file that have judgements. The others cannot be measured.
pub(super) fn judged_queries(path: &Path, qrels: &Qrels) -> anyhow::Result<Vec<Query>> {
    let input = Input::from(path.to_owned());
    let all: Vec<Query> = queries(input.bytes()?, &input.name()).collect::<Result<_, _>>()?;
    let count = all.len();
    let judged: Vec<Query> = all.into_iter().filter(|query| qrels.grades(&query.id).is_some()).collect();
    if judged.is_empty() {
        let message = format!("{}: none of its {count} queries has judgements", path.display());
        return Err(Advice { message, hint: "queries and judgements are matched by `_id`".into() }.into());
    }
    Ok(judged)
}
