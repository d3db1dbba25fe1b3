//! The guard before all routes: who may ask, and under which name.
//!
//! A page of another site must not use a server on this machine through the browser, so the headers `Host` (DNS
//! rebinding) and `Origin` are checked on every route.

use axum::http::{HeaderMap, Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::error::ApiError;
use super::options::ServerOptions;

/// Names of the loopback interface.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Routes that need no key: somebody who watches whether the server is well should not need one.
const OPEN: [&str; 2] = ["/health", "/ready"];

/// Decides which requests may pass.
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
    /// The keys' digests, which have one length.
    keys: Vec<[u8; 32]>,
}

impl Guard {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let bound = options.bind.ip();
        let bound = if bound.is_ipv6() { format!("[{bound}]") } else { bound.to_string() };
        let hosts = LOOPBACK.map(String::from).into_iter().chain([bound]).chain(options.hosts.iter().cloned());
        Self {
            hosts: hosts.map(|host| host.to_ascii_lowercase()).collect(),
            origins: options.origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect(),
            keys: options.keys.iter().map(|key| digest(key.as_bytes())).collect(),
        }
    }

    /// Lets a request pass, or says why not. A page of another origin that may use the server is named.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<Option<String>, ApiError> {
        let headers = request.headers();
        let host = self.host(request)?;
        let foreign = self.origin(headers, &host)?;
        let path = request.uri().path();
        let is_preflight = request.method() == Method::OPTIONS && foreign.is_some();
        if !self.keys.is_empty() && !is_preflight && !OPEN.contains(&path) {
            self.key(headers)?;
        }
        Ok(foreign)
    }

    /// Whether pages of this origin may use the server.
    pub(crate) fn may_ask(&self, origin: &str) -> bool {
        self.origins.contains(&origin.to_ascii_lowercase())
    }

    /// The host that the request names.
    fn host<B>(&self, request: &Request<B>) -> Result<String, ApiError> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(ApiError::invalid("a request needs one `Host` header"));
        };
        let host = host.to_str().unwrap_or_default().to_ascii_lowercase();
        // A request may name its host in the address too, and both must agree.
        let same = request.uri().authority().is_none_or(|named| named.as_str().eq_ignore_ascii_case(&host));
        if same && (self.hosts.contains(&host) || self.hosts.iter().any(|known| known == without_port(&host))) {
            return Ok(host);
        }
        let error = ApiError::forbidden("this server does not answer under this `Host`");
        Err(error.hint("`--allow-host NAME` allows another name").code("host_not_allowed"))
    }

    /// The origin of the page that asks, if it is another than this server's.
    fn origin(&self, headers: &HeaderMap, host: &str) -> Result<Option<String>, ApiError> {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = named.next() else { return Ok(None) };
        let origin = origin.to_str().unwrap_or_default();
        let lower = origin.to_ascii_lowercase();
        let own = ["http://", "https://"].iter().any(|scheme| lower.strip_prefix(scheme) == Some(host));
        if named.next().is_none() && own {
            return Ok(None);
        }
        if self.may_ask(origin) {
            return Ok(Some(origin.to_owned()));
        }
        let error = ApiError::forbidden("pages of this `Origin` may not use this server");
        Err(error.hint("`--allow-origin ORIGIN` allows them").code("origin_not_allowed"))
    }

    /// Checks the key: as a bearer token, or as the password of a browser.
    fn key(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let hint = "send it as `Authorization: Bearer KEY`";
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, rest)) = value.and_then(|value| value.split_once(' ')) else {
            return Err(ApiError::unauthorized("this server needs a key").hint(hint));
        };
        let rest = rest.trim();
        let key = if scheme.eq_ignore_ascii_case("bearer") {
            rest.as_bytes().to_vec()
        } else if scheme.eq_ignore_ascii_case("basic") {
            let pair = STANDARD.decode(rest).unwrap_or_default();
            pair.splitn(2, |&byte| byte == b':').nth(1).unwrap_or_default().to_vec()
        } else {
            Vec::new()
        };
        let given = digest(&key);
        let known = self.keys.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&given));
        if bool::from(known) { Ok(()) } else { Err(ApiError::unauthorized("this key is not known").hint(hint)) }
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// A host without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::options;
    use super::*;

    fn checked(options: &ServerOptions, path: &str, headers: &[(&str, &str)]) -> Result<Option<String>, u16> {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        Guard::new(options).check(&request.body(()).unwrap()).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn only_known_hosts_pass() {
        let options = ServerOptions { hosts: vec!["Search.example.org".into()], ..options() };
        let of = |host| checked(&options, "/", &[("host", host)]);
        for host in
            ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:80", "search.example.org", "search.example.org:443"]
        {
            assert_eq!(of(host), Ok(None), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil:80", "[::1", "", "localhost:80:80x"] {
            assert_eq!(of(host), Err(403), "{host}");
        }
        assert_eq!(checked(&options, "/", &[]), Err(400));
        assert_eq!(checked(&options, "/", &[("host", "localhost"), ("host", "localhost")]), Err(400));
        assert_eq!(checked(&options, "http://evil.example/", &[("host", "localhost")]), Err(403));
    }

    #[test]
    fn pages_of_other_origins_pass_only_if_they_are_named() {
        let options = ServerOptions { origins: vec!["https://app.example.org".into()], ..options() };
        let of = |origin| checked(&options, "/", &[("host", "localhost:8765"), ("origin", origin)]);
        assert_eq!(of("http://localhost:8765"), Ok(None));
        assert_eq!(of("https://app.example.org"), Ok(Some("https://app.example.org".into())));
        for origin in ["http://localhost:1", "https://evil.example", "null", "", "https://app.example.org.evil"] {
            assert_eq!(of(origin), Err(403), "{origin}");
        }
    }

    #[test]
    fn a_key_is_needed_if_there_are_keys_but_not_to_watch() {
        let options = ServerOptions { keys: vec!["first".into(), "second".into()], ..options() };
        let of = |path, key: Option<&str>| {
            let host = ("host", "localhost");
            checked(
                &options,
                path,
                &[Some(host), key.map(|key| ("authorization", key))].into_iter().flatten().collect::<Vec<_>>(),
            )
        };
        assert_eq!(of("/v1/search", None), Err(401));
        assert_eq!(of("/health", None), Ok(None));
        assert_eq!(of("/v1/search", Some("Bearer second")), Ok(None));
        assert_eq!(of("/v1/search", Some("bearer first")), Ok(None));
        assert_eq!(of("/", Some(&format!("Basic {}", STANDARD.encode("me:first")))), Ok(None));
        for wrong in
            ["Bearer", "Bearer ", "Bearer firs", "Bearer firstsecond", "Basic Zmlyc3Q=", "first", "Digest first"]
        {
            assert_eq!(of("/v1/search", Some(wrong)), Err(401), "{wrong}");
        }
    }
}
