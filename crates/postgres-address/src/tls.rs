//! TLS as libpq's `sslmode` describes it, with rustls.

mod certificates;
mod connector;
mod endpoint;
mod verifier;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use tokio_postgres::config::SslMode as ModeOfClient;

use crate::settings::Settings;
use crate::{AddressError, Surroundings};

use certificates::Roots;
pub use connector::{TlsConnector, TlsError, TlsHandshake, TlsStream};
use verifier::{Check, Verifier};

/// How much TLS is wanted. `Allow` and `Prefer` also work without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    /// The mode for the client, which knows fewer. The rest is done by [`TlsConnector`] and by the order of attempts.
    pub(crate) fn of_client(self) -> ModeOfClient {
        match self {
            Self::Disable => ModeOfClient::Disable,
            Self::Allow | Self::Prefer => ModeOfClient::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => ModeOfClient::Require,
        }
    }
}

/// The mode, and what makes the connections.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) mode: SslMode,
    pub(crate) connector: TlsConnector,
}

impl Tls {
    pub(crate) fn none() -> Self {
        Self { mode: SslMode::Disable, connector: TlsConnector::none() }
    }

    pub(crate) fn new(settings: &Settings, surroundings: &Surroundings) -> Result<Self, AddressError> {
        let mode = mode(settings)?;
        if mode == SslMode::Disable {
            return Ok(Self::none());
        }
        let direct = settings.get("sslnegotiation") == Some("direct");
        if direct && matches!(mode, SslMode::Allow | SslMode::Prefer) {
            let expected = "require, verify-ca or verify-full where sslnegotiation is direct";
            return Err(AddressError::Value { origin: settings.origin("sslmode"), key: "sslmode", expected });
        }
        let provider = Arc::new(ring::default_provider());
        let check = match (mode, Roots::of(mode, settings, surroundings)) {
            (_, None) => Check::Nothing,
            (SslMode::VerifyFull, Some(roots)) => Check::Name(roots.load()?),
            (_, Some(roots)) => Check::Chain(roots.load()?),
        };
        let verifier = Verifier::new(check, provider.clone());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder
            .map_err(AddressError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        if direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Self { mode, connector: TlsConnector::new(config) })
    }
}

/// The mode that is set. The certificates of the system are many, so libpq uses them only to verify everything.
fn mode(settings: &Settings) -> Result<SslMode, AddressError> {
    let of_system = settings.get("sslrootcert") == Some("system");
    match settings.get("sslmode") {
        None if of_system => Ok(SslMode::VerifyFull),
        Some("verify-full") => Ok(SslMode::VerifyFull),
        Some(_) if of_system => Err(AddressError::Value {
            origin: settings.origin("sslmode"),
            key: "sslmode",
            expected: "verify-full where sslrootcert is system",
        }),
        Some("disable") => Ok(SslMode::Disable),
        Some("allow") => Ok(SslMode::Allow),
        Some("require") => Ok(SslMode::Require),
        Some("verify-ca") => Ok(SslMode::VerifyCa),
        // Each value has been checked before: what is left is `prefer`.
        Some(_) | None => Ok(SslMode::Prefer),
    }
}
