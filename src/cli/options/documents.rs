//! Options of `get`, `ls` and `remove`.

use std::time::Duration;

use semsearch::filter::Filter;

use super::ranking::filter;
use crate::cli::args::documents::{GetArgs, LsArgs, RemoveArgs};
use crate::cli::output::{DocumentFormat, ListFormat};

#[derive(Clone, Debug)]
pub(crate) struct GetOptions {
    pub(crate) ids: Vec<String>,
    pub(crate) format: &'static DocumentFormat,
}

impl GetOptions {
    pub(crate) fn resolve(args: GetArgs) -> Self {
        Self { ids: args.ids, format: args.format }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct LsOptions {
    pub(crate) filter: Option<Filter>,
    pub(crate) format: &'static ListFormat,
}

impl LsOptions {
    pub(crate) fn resolve(args: &LsArgs) -> anyhow::Result<Self> {
        Ok(Self { filter: args.filter.as_deref().map(filter).transpose()?, format: args.format })
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RemoveOptions {
    pub(crate) which: Which,
    /// How long to wait for another writer.
    pub(crate) wait: Duration,
}

/// Which documents are removed.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    Ids(Vec<String>),
    Matching(Filter),
}

impl RemoveOptions {
    pub(crate) fn resolve(args: RemoveArgs) -> anyhow::Result<Self> {
        let which = match args.filter {
            Some(expression) => Which::Matching(filter(&expression)?),
            None => Which::Ids(args.ids),
        };
        Ok(Self { which, wait: args.wait })
    }
}
