//! Arguments of `serve` and `mcp`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ValueEnum, ValueHint};

use super::encoding::EncodingArgs;
use super::value::{bytes, positive, seconds};

/// Serve a search page, an API and tools for agents.
///
/// The model stays loaded, and a new commit of the index is served within a second. `-i` may be given several times, as
/// `-i NAME=DIR`; the first is the usual one. The page is at the address that is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch serve --open
  semsearch serve -i docs=docs/.semsearch -i mail=mail/.semsearch
  semsearch serve --bind 0.0.0.0:8765 --api-key-file keys.txt --allow-host search.example.org")]
pub(crate) struct ServeArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8765", env = "SEMSEARCH_BIND", hide_env = true)]
    pub(crate) bind: SocketAddr,
    /// Open the page in a browser
    #[arg(long)]
    pub(crate) open: bool,
    /// File with the keys, one a line; a request must bring one of them [or SEMSEARCH_API_KEY]
    #[arg(long, value_name = "FILE", env = "SEMSEARCH_API_KEY_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Serve other machines without a key
    #[arg(long, hide_short_help = true)]
    pub(crate) insecure_no_key: bool,
    /// Another name under which the server may be asked, for a proxy in front of it; may be given several times
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Origin whose pages may use the server, as https://example.org; may be given several times
    #[arg(long, hide_short_help = true, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Another name of the model in requests; may be given several times
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(crate) model_alias: Vec<String>,
    /// The largest body of a request
    #[arg(long, hide_short_help = true, value_name = "SIZE", default_value = "16MiB", env = "SEMSEARCH_MAX_BODY",
        hide_env = true, value_parser = bytes)]
    pub(crate) max_body: usize,
    /// The most connections at once
    #[arg(long, hide_short_help = true, value_name = "N", default_value = "1024", env = "SEMSEARCH_MAX_CONNECTIONS",
        hide_env = true, value_parser = positive)]
    pub(crate) max_connections: usize,
    /// Refuse a request that would wait longer, in seconds
    #[arg(long, hide_short_help = true, value_name = "SECONDS", default_value = "10", env = "SEMSEARCH_MAX_WAIT",
        hide_env = true, value_parser = seconds)]
    pub(crate) max_wait: Duration,
    /// How long requests that were begun may take when the server ends, in seconds
    #[arg(long, hide_short_help = true, value_name = "SECONDS", default_value = "25", env = "SEMSEARCH_DRAIN",
        hide_env = true, value_parser = seconds)]
    pub(crate) drain: Duration,
    /// Form of the log on standard error
    #[arg(
        long,
        hide_short_help = true,
        value_name = "FORM",
        default_value = "text",
        env = "SEMSEARCH_LOG",
        hide_env = true
    )]
    pub(crate) log: LogArg,
    /// Log what is searched for
    #[arg(long, hide_short_help = true)]
    pub(crate) log_queries: bool,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogArg {
    /// For people
    Text,
    /// An object a line
    Json,
}

/// Serve tools for agents on standard input and output (MCP).
///
/// The tools are `search`, `fetch` and `describe`. An agent's program starts this command; docs/server.md shows how
/// several of them are configured. `semsearch serve` has the same tools over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  claude mcp add semsearch -- semsearch mcp -i ~/notes/.semsearch")]
pub(crate) struct McpArgs {
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}
