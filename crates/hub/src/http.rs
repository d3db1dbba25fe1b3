//! The Hub's HTTP interface: facts about a file, its bytes, and lists of files.
//!
//! Any server may claim to be the Hub. What it sends is limited in bytes and in time. No word of it is used as a name
//! or a path before it is checked ([`super::cache`] checks names), and the token is sent only to the Hub's own address.

use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, LINK, LOCATION};
use ureq::http::{Method, Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

use super::{Hub, Proxies, RepositoryKind};
use semsearch_files::read_bounded;

/// How long to wait for a connection, for an answer, and for each further part of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most attempts for a request that the Hub may soon be able to answer, and the first pause between two attempts.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// The most redirects that are followed: within the Hub for a renamed repository, and one to the place where a large
/// file is stored.
const REDIRECTS: usize = 10;

/// The most bytes of a list of files. A page counts as `PAGE` bytes or more, so that a list ends, however small its
/// pages are.
const LIST: u64 = 128 << 20;
const PAGE: u64 = 64 << 10;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The server refuses the request.
    #[error("HTTP error: {status} (url={url}{})", .code.as_ref().map(|code| format!(", error_code={code}")).unwrap_or_default())]
    Status {
        status: StatusCode,
        url: String,
        /// The Hub's own code for the error.
        code: Option<String>,
    },
    /// The answer is not valid.
    #[error("the Hub's answer is not valid: {0}")]
    Answer(String),
    /// The proxy setting for this protocol is not an address.
    #[error("the proxy for {0} is not a valid address")]
    Proxy(&'static str),
    /// There is no answer.
    #[error("no answer from {host}")]
    Request { host: String, source: Box<dyn StdError + Send + Sync> },
}

impl HttpError {
    pub(super) fn answer(what: impl Display) -> Self {
        Self::Answer(what.to_string())
    }

    fn request(url: &Url, error: ureq::Error) -> Self {
        let source = match error {
            ureq::Error::Io(error) => error.into(),
            other => other.into(),
        };
        Self::Request { host: url.host_str().unwrap_or_default().to_owned(), source }
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::NOT_FOUND, .. })
    }
}

/// What the Hub says about a file, unchecked.
pub(super) struct ResponseHead {
    pub(super) found: bool,
    pub(super) commit: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) size: Option<u64>,
}

/// An entry in the list of a repository.
#[derive(Deserialize)]
struct ListEntry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
}

/// A repository's addresses, and the client that reaches them.
pub(super) struct Http {
    /// This client follows no redirect: the code here decides where a redirect may lead, and whether the token is sent
    /// there.
    agent: Agent,
    proxies: Proxies,
    token: Option<HeaderValue>,
    /// The address of the repository's files, and the address of its description.
    files: Url,
    api: Url,
}

impl Http {
    /// # Errors
    /// The endpoint is not an address, or the token has characters that are not allowed in a header.
    pub(super) fn new(hub: &Hub, kind: RepositoryKind, (owner, name): (&str, &str)) -> Result<Self, HttpError> {
        let endpoint =
            Url::parse(&hub.endpoint).map_err(|error| HttpError::answer(format!("{}: {error}", hub.endpoint)))?;
        let of_kind: &[&str] = if kind == RepositoryKind::Model { &[] } else { &["datasets"] };
        let files = below(&endpoint, of_kind.iter().copied().chain([owner, name]))?;
        let of_kind = if kind == RepositoryKind::Model { "models" } else { "datasets" };
        let api = below(&endpoint, ["api", of_kind, owner, name])?;
        let token = hub.token.as_ref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.0))
                .map_err(|_| HttpError::answer("the token for the Hub has characters that are not allowed"))?;
            value.set_sensitive(true);
            Ok::<_, HttpError>(value)
        });
        Ok(Self { agent: agent(PATIENCE), proxies: hub.proxies.clone(), token: token.transpose()?, files, api })
    }

    /// The address of a file.
    pub(super) fn file(&self, revision: &str, path: &str) -> Result<Url, HttpError> {
        below(&self.files, ["resolve", revision].into_iter().chain(path.split('/')))
    }

    /// What the Hub knows about the file at `url`. For a large file, the answer that says so also redirects to the
    /// address of its bytes.
    pub(super) fn head(&self, url: &Url) -> Result<ResponseHead, HttpError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&Method::HEAD, &url)?;
            let (status, headers) = (response.status(), response.headers());
            if status.is_redirection()
                && let Some(next) = text(headers, LOCATION.as_str()).and_then(|location| within(&url, location))
            {
                url = next;
                continue;
            }
            if !status.is_success() && !status.is_redirection() && status != StatusCode::NOT_FOUND {
                return Err(refused(&response, &url));
            }
            let etag = text(headers, "x-linked-etag").or_else(|| text(headers, ETAG.as_str()));
            let size = text(headers, "x-linked-size").or_else(|| text(headers, CONTENT_LENGTH.as_str()));
            return Ok(ResponseHead {
                found: status != StatusCode::NOT_FOUND,
                commit: text(headers, "x-repo-commit").map(String::from),
                etag: etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned()),
                size: size.and_then(|size| size.parse().ok()),
            });
        }
        Err(HttpError::answer(format!("over {REDIRECTS} redirects from {url}")))
    }

    /// The bytes at `url`, wherever the Hub stores them.
    pub(super) fn get(&self, url: &Url) -> Result<Response<Body>, HttpError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&Method::GET, &url)?;
            if let Some(next) = redirect(&response, &url) {
                url = next;
            } else if response.status().is_success() {
                return Ok(response);
            } else {
                return Err(refused(&response, &url));
            }
        }
        Err(HttpError::answer(format!("over {REDIRECTS} redirects from {url}")))
    }

    /// The paths of all files at `revision`, unchecked.
    pub(super) fn list(&self, revision: &str) -> Result<Vec<String>, HttpError> {
        let mut first = below(&self.api, ["tree", revision])?;
        first.set_query(Some("recursive=true"));
        let (mut paths, mut room, mut next) = (Vec::new(), LIST, Some(first));
        while let Some(url) = next.take() {
            let response = self.get(&url)?;
            next = next_page(response.headers(), &url)?;
            let page = read_bounded(response.into_body().into_reader(), room)
                .map_err(|error| HttpError::answer(format!("the list of files: {error}")))?;
            room = room.saturating_sub(PAGE.max(page.len() as u64));
            let entries: Vec<ListEntry> = serde_json::from_slice(&page)
                .map_err(|error| HttpError::answer(format!("the list of files is damaged: {error}")))?;
            if entries.is_empty() {
                break;
            }
            paths.extend(entries.into_iter().filter(|entry| entry.kind == "file").map(|entry| entry.path));
        }
        Ok(paths)
    }

    /// Makes a request, and repeats it after a pause if that may help. The token is sent only to the Hub's own address.
    fn send(&self, method: &Method, url: &Url) -> Result<Response<Body>, HttpError> {
        let proxy = self.proxies.for_address(url)?;
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let request =
                if *method == Method::HEAD { self.agent.head(url.as_str()) } else { self.agent.get(url.as_str()) };
            let mut request = request.config().proxy(proxy.clone()).build();
            if let Some(token) = self.token.as_ref().filter(|_| url.origin() == self.files.origin()) {
                request = request.header(AUTHORIZATION, token.clone());
            }
            let outcome = request.call();
            let passing = match &outcome {
                Ok(response) => [408, 429, 500, 502, 503, 504].contains(&response.status().as_u16()),
                Err(error) => is_passing(error),
            };
            if !passing || attempt == ATTEMPTS {
                return outcome.map_err(|error| HttpError::request(url, error));
            }
            thread::sleep(pause);
            (pause, attempt) = (pause * 2, attempt + 1);
        }
    }
}

/// A client that waits no longer than `patience` for anything, and trusts the certificates that the system trusts.
fn agent(patience: Duration) -> Agent {
    let patience = Some(patience);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder()
        .user_agent(concat!("semsearch/", env!("CARGO_PKG_VERSION")))
        // A file that is compressed for transfer would not have the promised length.
        .accept_encoding("identity")
        .tls_config(tls)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_resolve(patience)
        .timeout_connect(patience)
        .timeout_send_request(patience)
        .timeout_recv_response(patience)
        .timeout_per_read(patience)
        .build()
        .new_agent()
}

/// Whether the same request may soon succeed.
fn is_passing(error: &ureq::Error) -> bool {
    use ureq::Error::{ConnectProxyFailed, ConnectionFailed, HostNotFound, Io, Timeout};
    matches!(error, Io(_) | Timeout(_) | HostNotFound | ConnectionFailed | ConnectProxyFailed(_))
}

/// The address below `url`. Each name becomes one part of it, whatever characters the name has.
fn below<'a>(url: &Url, names: impl IntoIterator<Item = &'a str>) -> Result<Url, HttpError> {
    let mut below = url.clone();
    let mut parts =
        below.path_segments_mut().map_err(|()| HttpError::answer(format!("{url} is not the address of a server")))?;
    parts.pop_if_empty().extend(names);
    drop(parts);
    Ok(below)
}

/// Where an answer redirects to, if it is a redirect.
fn redirect(response: &Response<Body>, url: &Url) -> Option<Url> {
    let location = text(response.headers(), LOCATION.as_str())?;
    let redirects = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    url.join(location).ok().filter(|next| redirects && ["http", "https"].contains(&next.scheme()))
}

/// Where a redirect leads, if it has no host and so stays at the Hub.
fn within(url: &Url, location: &str) -> Option<Url> {
    let relative = Url::parse(location).is_err();
    url.join(location).ok().filter(|next| relative && next.origin() == url.origin())
}

/// The address of the next page. The token is sent there, so it must be at the same place as this page.
fn next_page(headers: &HeaderMap, url: &Url) -> Result<Option<Url>, HttpError> {
    let links = text(headers, LINK.as_str()).unwrap_or_default();
    let Some(link) = links.split(',').find(|link| link.contains("rel=\"next\"")) else { return Ok(None) };
    let address = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(address, _)| address);
    match url.join(address) {
        Ok(next) if next.origin() == url.origin() => Ok(Some(next)),
        _ => Err(HttpError::answer(format!("its list of files continues at another server, at {address:?}"))),
    }
}

fn refused(response: &Response<Body>, url: &Url) -> HttpError {
    let code = text(response.headers(), "x-error-code").map(String::from);
    HttpError::Status { status: response.status(), url: url.to_string(), code }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::Token;

    /// A server on loopback that gives every request the same answer and then keeps the connection open. Returns its
    /// address, and the head of each request.
    fn server(answer: String) -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (heads, received) = channel();
        thread::spawn(move || {
            let mut open = Vec::new();
            for mut connection in listener.incoming().flatten() {
                let lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                connection.write_all(answer.as_bytes()).unwrap();
                heads.send(head.join("\n").to_lowercase()).unwrap();
                open.push(connection);
            }
        });
        (address, received)
    }

    fn http(endpoint: String) -> Http {
        let token = Some(Token("hf_secret".into()));
        let hub = Hub { endpoint, cache: "".into(), offline: false, token, proxies: Proxies::default() };
        let http = Http::new(&hub, RepositoryKind::Model, ("a", "b")).unwrap();
        Http { agent: agent(Duration::from_millis(300)), ..http }
    }

    #[test]
    fn a_redirect_to_another_server_is_followed_without_the_token() {
        let (storage, stored) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into());
        let (hub, asked) = server(format!("HTTP/1.1 302 Found\r\nLocation: {storage}/x\r\nContent-Length: 0\r\n\r\n"));
        let http = http(hub);
        let answer = http.get(&http.file("main", "x").unwrap()).unwrap();
        assert_eq!(answer.into_body().read_to_string().unwrap(), "ok");
        assert!(asked.recv().unwrap().contains("authorization: bearer hf_secret"));
        let head = stored.recv().unwrap();
        assert!(head.starts_with("get /x ") && head.contains("accept-encoding: identity"), "{head}");
        assert!(!head.contains("authorization"), "{head}");
    }

    #[test]
    fn redirects_without_an_end_are_an_error() {
        let (hub, asked) =
            server("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into());
        let http = http(hub);
        let url = http.file("main", "x").unwrap();
        assert!(http.get(&url).unwrap_err().to_string().contains("over 10 redirects"));
        assert!(http.head(&url).err().unwrap().to_string().contains("over 10 redirects"));
        assert_eq!(asked.try_iter().count(), 22);
    }

    #[test]
    fn a_body_that_stops_coming_is_given_up() {
        let (hub, _asked) = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".into());
        let http = http(hub);
        let mut body = http.get(&http.file("main", "x").unwrap()).unwrap().into_body().into_reader();
        let mut arrived = Vec::new();
        let error = body.read_to_end(&mut arrived).unwrap_err();
        assert_eq!((arrived.as_slice(), error.to_string().contains("timeout")), (&b"half"[..], true), "{error}");
    }

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
        assert!(page("<https://evil.example/c>; rel=\"next\"").unwrap_err().contains("continues at another server"));
    }
}
