//! The Hub's HTTP: what is known of a file, its bytes, and lists of files.
//!
//! A server may be anybody's. What it says is bounded in bytes and in time, and nothing that it says is a name or a place
//! here: names are checked where they are used ([`super::cache`]), and the token goes to the Hub's own address only.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, LINK, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::{Hub, Kind};
use semsearch_files::read_bounded;

/// How long a connection, an answer, or more of an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a request is made at most, where the Hub may soon be able to answer, and the first pause between two.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// How many redirects within the Hub are followed, as of a repository that was renamed.
const REDIRECTS: usize = 10;

/// Bytes of a list of files, at most, and what a page of it counts at least: a list ends, however small its pages.
const LIST: u64 = 128 << 20;
const PAGE: u64 = 64 << 10;

/// Why a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The server answers that it will not.
    #[error("HTTP error: {status} (url={url}{})", .code.as_ref().map(|code| format!(", error_code={code}")).unwrap_or_default())]
    Status {
        status: StatusCode,
        url: String,
        /// The Hub's own word for it.
        code: Option<String>,
    },
    /// The answer cannot be meant.
    #[error("the Hub's answer is not one: {0}")]
    Answer(String),
    /// There is no answer.
    #[error(transparent)]
    Request(#[from] reqwest::Error),
}

impl HttpError {
    pub(super) fn answer(what: impl Display) -> Self {
        Self::Answer(what.to_string())
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::NOT_FOUND, .. })
    }
}

/// What the Hub says of a file, unchecked.
pub(super) struct Head {
    pub(super) found: bool,
    pub(super) commit: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) size: Option<u64>,
}

/// One of a repository's entries in a list.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
}

/// A repository's addresses, and the way to them.
pub(super) struct Http {
    /// Follows redirects to wherever a large file is stored.
    client: Client,
    /// Follows none.
    direct: Client,
    token: Option<HeaderValue>,
    /// Where the repository's files are, and where it is described.
    files: Url,
    api: Url,
}

impl Http {
    /// # Errors
    /// The address or the token is none, or the system's TLS cannot be used.
    pub(super) fn new(hub: &Hub, kind: Kind, (owner, name): (&str, &str)) -> Result<Self, HttpError> {
        let endpoint =
            Url::parse(&hub.endpoint).map_err(|error| HttpError::answer(format!("{}: {error}", hub.endpoint)))?;
        let of_kind: &[&str] = if kind == Kind::Model { &[] } else { &["datasets"] };
        let files = below(&endpoint, of_kind.iter().copied().chain([owner, name]))?;
        let of_kind = if kind == Kind::Model { "models" } else { "datasets" };
        let api = below(&endpoint, ["api", of_kind, owner, name])?;
        let client = |redirects| {
            let agent = concat!("semsearch/", env!("CARGO_PKG_VERSION"));
            Client::builder().user_agent(agent).connect_timeout(PATIENCE).timeout(PATIENCE).redirect(redirects).build()
        };
        let token = hub.token.as_ref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.0))
                .map_err(|_| HttpError::answer("the token for the Hub has characters that no token has"))?;
            value.set_sensitive(true);
            Ok::<_, HttpError>(value)
        });
        Ok(Self {
            client: client(Policy::default())?,
            direct: client(Policy::none())?,
            token: token.transpose()?,
            files,
            api,
        })
    }

    /// The address of a file.
    pub(super) fn file(&self, revision: &str, path: &str) -> Result<Url, HttpError> {
        below(&self.files, ["resolve", revision].into_iter().chain(path.split('/')))
    }

    /// What the Hub knows of the file at `url`. Of a large file it says it together with the address of its bytes.
    pub(super) fn head(&self, url: &Url) -> Result<Head, HttpError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&self.direct, &Method::HEAD, &url)?;
            let (status, headers) = (response.status(), response.headers());
            if status.is_redirection()
                && let Some(next) = text(headers, LOCATION.as_str()).and_then(|location| within(&url, location))
            {
                url = next;
                continue;
            }
            if !status.is_success() && !status.is_redirection() && status != StatusCode::NOT_FOUND {
                return Err(refused(&response));
            }
            let etag = text(headers, "x-linked-etag").or_else(|| text(headers, ETAG.as_str()));
            let size = text(headers, "x-linked-size").or_else(|| text(headers, CONTENT_LENGTH.as_str()));
            return Ok(Head {
                found: status != StatusCode::NOT_FOUND,
                commit: text(headers, "x-repo-commit").map(String::from),
                etag: etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned()),
                size: size.and_then(|size| size.parse().ok()),
            });
        }
        Err(HttpError::answer(format!("over {REDIRECTS} redirects from {url}")))
    }

    /// The bytes at `url`, wherever the Hub says they are.
    pub(super) fn get(&self, url: &Url) -> Result<Response, HttpError> {
        let response = self.send(&self.client, &Method::GET, url)?;
        if response.status().is_success() { Ok(response) } else { Err(refused(&response)) }
    }

    /// The paths of all files at `revision`, unchecked.
    pub(super) fn list(&self, revision: &str) -> Result<Vec<String>, HttpError> {
        let mut first = below(&self.api, ["tree", revision])?;
        first.set_query(Some("recursive=true"));
        let (mut paths, mut room, mut next) = (Vec::new(), LIST, Some(first));
        while let Some(url) = next.take() {
            let response = self.get(&url)?;
            next = next_page(response.headers(), &url)?;
            let page = read_bounded(response, room)
                .map_err(|error| HttpError::answer(format!("the list of files: {error}")))?;
            room = room.saturating_sub(PAGE.max(page.len() as u64));
            let entries: Vec<Entry> = serde_json::from_slice(&page)
                .map_err(|error| HttpError::answer(format!("the list of files is damaged: {error}")))?;
            if entries.is_empty() {
                break;
            }
            paths.extend(entries.into_iter().filter(|entry| entry.kind == "file").map(|entry| entry.path));
        }
        Ok(paths)
    }

    /// Makes a request, again after a pause where that may help.
    fn send(&self, client: &Client, method: &Method, url: &Url) -> Result<Response, HttpError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            // Compressed on the way, a file would have another length than promised.
            let mut request = client.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, token.clone());
            }
            let outcome = request.send();
            let passing = match &outcome {
                Ok(response) => [408, 429, 500, 502, 503, 504].contains(&response.status().as_u16()),
                Err(error) => error.is_connect() || error.is_timeout(),
            };
            if !passing || attempt == ATTEMPTS {
                return Ok(outcome?);
            }
            thread::sleep(pause);
            (pause, attempt) = (pause * 2, attempt + 1);
        }
    }
}

/// The address below `url`; each name becomes one part of it, whatever characters it has.
fn below<'a>(url: &Url, names: impl IntoIterator<Item = &'a str>) -> Result<Url, HttpError> {
    let mut below = url.clone();
    let mut parts =
        below.path_segments_mut().map_err(|()| HttpError::answer(format!("{url} is no address of a server")))?;
    parts.pop_if_empty().extend(names);
    drop(parts);
    Ok(below)
}

/// Where a redirect leads, if it has no host and so stays at the Hub.
fn within(url: &Url, location: &str) -> Option<Url> {
    let relative = Url::parse(location).is_err();
    url.join(location).ok().filter(|next| relative && next.origin() == url.origin())
}

/// The page after this one. The token goes along, so it must be where this one was.
fn next_page(headers: &HeaderMap, url: &Url) -> Result<Option<Url>, HttpError> {
    let links = text(headers, LINK.as_str()).unwrap_or_default();
    let Some(link) = links.split(',').find(|link| link.contains("rel=\"next\"")) else { return Ok(None) };
    let address = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(address, _)| address);
    match url.join(address) {
        Ok(next) if next.origin() == url.origin() => Ok(Some(next)),
        _ => Err(HttpError::answer(format!("its list of files goes on elsewhere, at {address:?}"))),
    }
}

fn refused(response: &Response) -> HttpError {
    let code = text(response.headers(), "x-error-code").map(String::from);
    HttpError::Status { status: response.status(), url: response.url().to_string(), code }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_an_address_whatever_its_characters() {
        let hub = Url::parse("https://hub.example/mirror/").unwrap();
        let url = below(&hub, ["a", "b", "resolve", "refs/convert/x", "a #1?.bin"]).unwrap();
        assert_eq!(url.as_str(), "https://hub.example/mirror/a/b/resolve/refs%2Fconvert%2Fx/a%20%231%3F.bin");
    }

    #[test]
    fn a_redirect_or_a_next_page_stays_at_the_hub() {
        let url = Url::parse("https://hub.example/a").unwrap();
        assert_eq!(within(&url, "/b").unwrap().as_str(), "https://hub.example/b");
        for elsewhere in
            ["//evil.example/b", "/\\evil.example/b", "\\\\evil.example", "https://hub.example/b", "file:///etc"]
        {
            assert!(within(&url, elsewhere).is_none(), "{elsewhere}");
        }
        let page = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, HeaderValue::from_str(link).unwrap());
            next_page(&headers, &url).map(|next| next.map(String::from)).map_err(|error| error.to_string())
        };
        assert_eq!(page("<https://hub.example/c?p=2>; rel=\"next\""), Ok(Some("https://hub.example/c?p=2".into())));
        assert_eq!(page("<https://hub.example/c>; rel=\"prev\""), Ok(None));
        assert!(page("<https://evil.example/c>; rel=\"next\"").unwrap_err().contains("goes on elsewhere"));
    }
}
