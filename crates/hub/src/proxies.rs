//! Which proxy a request to the Hub uses, if any. The rules are those of curl and of Python.

use std::fmt;

/// The proxies for each kind of address, and the hosts that need no proxy.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For addresses that begin with `http:`.
    pub http: Option<String>,
    /// For addresses that begin with `https:`.
    pub https: Option<String>,
    /// Hosts without a proxy, separated by commas. A domain includes all domains below it; `*` means every host; an
    /// address may be a network, as in `10.0.0.0/8`.
    pub direct: String,
}

/// A proxy's address may hold a password, so it is not shown.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies")
    }
}

#[cfg(feature = "download")]
mod choice {
    use std::net::IpAddr;

    use ureq::Proxy;
    use url::{Host, Url};

    use super::Proxies;
    use crate::http::HttpError;

    impl Proxies {
        /// The proxy for a request to `url`.
        ///
        /// # Errors
        /// The proxy's address is not valid.
        pub(crate) fn for_address(&self, url: &Url) -> Result<Option<Proxy>, HttpError> {
            let address = if url.scheme() == "https" { &self.https } else { &self.http };
            match address {
                Some(address) if !self.is_direct(url) => {
                    let proxy = Proxy::new(address);
                    let name = if url.scheme() == "https" { "HTTPS" } else { "HTTP" };
                    proxy.map(Some).map_err(|_| HttpError::Proxy(name))
                }
                _ => Ok(None),
            }
        }

        fn is_direct(&self, url: &Url) -> bool {
            let Some(host) = url.host() else { return false };
            self.direct.split(',').map(str::trim).any(|entry| entry == "*" || matches(entry, &host))
        }
    }

    fn matches(entry: &str, host: &Host<&str>) -> bool {
        match *host {
            Host::Domain(domain) => is_within(domain, entry.trim_start_matches('.')),
            Host::Ipv4(address) => is_in_network(address.into(), entry),
            Host::Ipv6(address) => is_in_network(address.into(), entry),
        }
    }

    /// Whether `domain` is `parent` or below it. A [`Url`]'s domain is in lower case.
    fn is_within(domain: &str, parent: &str) -> bool {
        let parent = parent.to_ascii_lowercase();
        let before = domain.strip_suffix(&parent).filter(|_| !parent.is_empty());
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    /// Whether `address` is the entry, or is in the network that the entry names, as in `10.0.0.0/8`.
    fn is_in_network(address: IpAddr, entry: &str) -> bool {
        let (network, length) = entry.split_once('/').unwrap_or((entry, "128"));
        let (Ok(network), Ok(length)) = (network.parse(), length.parse::<u32>()) else { return false };
        match (address, network) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                let differing = address.to_bits() ^ network.to_bits();
                differing.leading_zeros() >= length.min(32)
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= length.min(128)
            }
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn chosen(proxies: &Proxies, url: &str) -> Option<String> {
            let proxy = proxies.for_address(&Url::parse(url).unwrap()).unwrap();
            proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
        }

        #[test]
        fn the_scheme_of_an_address_chooses_its_proxy() {
            let proxies = Proxies {
                http: Some("plain.example:3128".into()),
                https: Some("socks5h://user:secret@tunnel.example".into()),
                direct: String::new(),
            };
            assert_eq!(chosen(&proxies, "http://hub.example/a").unwrap(), "plain.example:3128");
            assert_eq!(chosen(&proxies, "https://hub.example/a").unwrap(), "tunnel.example:1080");
            assert_eq!(chosen(&Proxies::default(), "https://hub.example/a"), None);
            assert_eq!(format!("{proxies:?}"), "Proxies");
        }

        #[test]
        fn hosts_domains_and_networks_can_be_reached_without_a_proxy() {
            let direct = "localhost, .corp.example,Lab.example,127.0.0.1,10.0.0.0/8,fd00::/8,::1";
            let proxies = Proxies { http: Some("http://proxy.example".into()), https: None, direct: direct.into() };
            let is_direct = |host: &str| chosen(&proxies, &format!("http://{host}/")).is_none();
            for host in
                ["localhost:8080", "corp.example", "a.corp.example", "LAB.example", "x.lab.example", "127.0.0.1"]
            {
                assert!(is_direct(host), "{host}");
            }
            assert!(is_direct("10.1.2.3:80") && is_direct("[fd12::1]") && is_direct("[::1]"));
            for host in
                ["hub.example", "notlab.example", "corp.example.org", "127.0.0.2", "11.0.0.1", "[fe80::1]", "example"]
            {
                assert!(!is_direct(host), "{host}");
            }
            let every = Proxies { direct: "*".into(), ..proxies };
            assert_eq!(chosen(&every, "http://hub.example/"), None);
        }

        #[test]
        fn a_proxy_that_is_no_address_is_an_error_that_does_not_show_it() {
            let proxies = Proxies { https: Some("gopher://me:secret@x".into()), ..Proxies::default() };
            let error = proxies.for_address(&Url::parse("https://hub.example").unwrap()).unwrap_err();
            assert_eq!(error.to_string(), "the proxy for HTTPS is not a valid address");
        }
    }
}
