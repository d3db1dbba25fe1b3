//! Options of `serve` and `mcp`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use semsearch::files::{open_regular, read_bounded};
use semsearch_server::{LogFormat, LogOptions, ServerOptions};

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use crate::cli::advice::Advice;
use crate::cli::args::common::CommonArgs;
use crate::cli::args::serve::{LogArg, McpArgs, ServeArgs};
use crate::cli::environment;
use crate::cli::settings::Settings;

/// The most bytes of a file of keys.
const KEYS: u64 = 1 << 20;

/// An index that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedIndex {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

pub(crate) struct ServeOptions {
    pub(crate) server: ServerOptions,
    pub(crate) indexes: Vec<ServedIndex>,
    pub(crate) encoding: EncodingOptions,
    /// Whether the page is opened in a browser.
    pub(crate) open: bool,
}

impl ServeOptions {
    /// # Errors
    /// Two indexes have one name, or other machines could search without a key.
    pub(crate) fn resolve(
        args: &ServeArgs,
        common: &CommonArgs,
        defaults: &Defaults,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let keys = keys(args.api_key_file.as_deref())?;
        if keys.is_empty() && !args.bind.ip().is_loopback() && !args.insecure_no_key {
            let message = format!("--bind {}: other machines could search without a key", args.bind);
            let hint = "`--api-key-file FILE` names a file of keys; `--insecure-no-key` serves without one".into();
            return Err(Advice { message, hint }.into());
        }
        for origin in &args.allow_origin {
            let host = origin.split_once("://").map(|(_, host)| host.trim_end_matches('/'));
            if !host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' '])) {
                let message = format!("--allow-origin {origin}: this is no origin");
                return Err(Advice { message, hint: "an origin is as https://example.org".into() }.into());
            }
        }
        if let Some(host) = args.allow_host.iter().find(|host| host.contains(['/', '*', ' ']) || host.is_empty()) {
            let message = format!("--allow-host {host}: this is no name of a host");
            return Err(Advice { message, hint: "a name is as search.example.org or 192.168.1.5".into() }.into());
        }
        let log = LogOptions {
            format: if args.log == LogArg::Json { LogFormat::Json } else { LogFormat::Text },
            queries: args.log_queries,
            quiet: common.quiet,
        };
        let server = ServerOptions {
            bind: args.bind,
            keys,
            hosts: args.allow_host.clone(),
            origins: args.allow_origin.clone(),
            max_body: args.max_body,
            max_connections: args.max_connections,
            max_wait: args.max_wait,
            drain: args.drain,
            log,
            model_aliases: args.model_alias.clone(),
            threads: threads(settings),
        };
        let encoding = EncodingOptions::resolve(&args.encoding, defaults);
        Ok(Self { server, indexes: indexes(&common.index, settings)?, encoding, open: args.open })
    }

    /// The options of a server for agents alone.
    ///
    /// # Errors
    /// Two indexes have one name.
    pub(crate) fn of_agents(
        args: &McpArgs,
        common: &CommonArgs,
        defaults: &Defaults,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let server = ServerOptions {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: Vec::new(),
            hosts: Vec::new(),
            origins: Vec::new(),
            max_body: usize::MAX,
            max_connections: 1,
            max_wait: Duration::from_secs(60),
            drain: Duration::ZERO,
            log: LogOptions { quiet: true, ..LogOptions::default() },
            model_aliases: Vec::new(),
            threads: threads(settings),
        };
        let encoding = EncodingOptions::resolve(&args.encoding, defaults);
        // As everywhere but in `serve`, the last index counts.
        let last = &common.index[common.index.len().saturating_sub(1)..];
        Ok(Self { server, indexes: indexes(last, settings)?, encoding, open: false })
    }
}

fn threads(settings: &Settings) -> usize {
    settings.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

/// The keys of a file, one a line, and that of the environment.
fn keys(file: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let mut keys: Vec<String> = environment::api_key().into_iter().collect();
    if let Some(path) = file {
        let read = open_regular(path).and_then(|file| read_bounded(file, KEYS));
        let read = read.and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        let text = read.with_context(|| format!("{}: the keys cannot be read", path.display()))?;
        let of_file = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        keys.extend(of_file.map(String::from));
        if keys.is_empty() {
            anyhow::bail!("{}: there is no key in this file", path.display());
        }
    }
    Ok(keys)
}

/// The indexes that `-i` names, each as `DIR` or `NAME=DIR`; without one, the usual index.
fn indexes(named: &[PathBuf], settings: &Settings) -> anyhow::Result<Vec<ServedIndex>> {
    let usual = [settings.index.clone()];
    let named = if named.is_empty() { &usual[..] } else { named };
    let mut indexes: Vec<ServedIndex> = Vec::new();
    for path in named {
        let index = index(path);
        if let Some(other) = indexes.iter().find(|other| other.name == index.name) {
            let (first, second) = (other.dir.display(), index.dir.display());
            let message = format!("{first} and {second} would both be the index {:?}", index.name);
            return Err(Advice { message, hint: "`-i NAME=DIR` names an index".into() }.into());
        }
        indexes.push(index);
    }
    Ok(indexes)
}

fn index(path: &Path) -> ServedIndex {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') && !path.exists()
    };
    if let Some((name, dir)) = path.to_str().and_then(|text| text.split_once('=')).filter(|(name, _)| is_name(name)) {
        return ServedIndex { name: name.into(), dir: dir.into() };
    }
    // `.semsearch` says nothing: the directory that holds it does.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let hidden = |name: &&std::ffi::OsStr| !name.to_string_lossy().starts_with('.');
    let own = whole.file_name().filter(hidden).or_else(|| whole.parent()?.file_name());
    let name = own.map_or_else(|| "index".into(), |name| name.to_string_lossy().into_owned());
    ServedIndex { name, dir: path.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_the_name_that_it_was_given_or_that_of_its_directory() {
        let named = |path: &str| {
            let ServedIndex { name, dir } = index(Path::new(path));
            (name, dir.display().to_string())
        };
        assert_eq!(named("docs=/x/.semsearch"), ("docs".into(), "/x/.semsearch".into()));
        assert_eq!(named("/x/notes/.semsearch"), ("notes".into(), "/x/notes/.semsearch".into()));
        assert_eq!(named("/x/mail"), ("mail".into(), "/x/mail".into()));
        assert_eq!(named("./a=b/c"), ("c".into(), "./a=b/c".into()));
    }
}
