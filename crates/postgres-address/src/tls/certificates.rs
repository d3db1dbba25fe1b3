//! The certificates of the authorities that a login trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use semsearch_files::{open_regular, read_bounded};

use super::SslMode;
use crate::settings::Settings;
use crate::{AddressError, Surroundings};

/// No file of certificates is larger.
const LARGEST: u64 = 16 << 20;

/// Where trusted certificates stand.
pub(super) enum Roots {
    System,
    File(PathBuf),
}

/// Trusted certificates.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) store: Arc<RootCertStore>,
    /// The certificates of a file that the user named. A server may use one of them as its own.
    pub(super) own: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Which certificates are trusted, if any is checked. Without a setting this is libpq's usual file, if it exists.
    /// If it does not, `require` checks nothing and `verify-ca` and `verify-full` trust whom the system trusts.
    pub(super) fn of(mode: SslMode, settings: &Settings, surroundings: &Surroundings) -> Option<Self> {
        // Who also works without TLS gains nothing from a check.
        if matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            return None;
        }
        let usual = surroundings.home.as_ref().map(|home| home.join(".postgresql/root.crt"));
        match settings.get("sslrootcert") {
            Some("system") => Some(Self::System),
            Some(file) => Some(Self::File(PathBuf::from(file))),
            None => match usual.filter(|file| file.exists()) {
                Some(file) => Some(Self::File(file)),
                None => (mode != SslMode::Require).then_some(Self::System),
            },
        }
    }

    pub(super) fn load(self) -> Result<Trusted, AddressError> {
        match self {
            Self::File(file) => of_file(&file),
            Self::System => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() {
                    return Err(AddressError::NoSystemCertificates);
                }
                Ok(Trusted { store: Arc::new(store), own: Vec::new() })
            }
        }
    }
}

fn of_file(file: &Path) -> Result<Trusted, AddressError> {
    let bytes = open_regular(file)
        .and_then(|open| read_bounded(open, LARGEST))
        .map_err(|source| AddressError::File { file: file.to_owned(), source })?;
    let invalid = |source| AddressError::Certificate { file: file.to_owned(), source };
    let mut store = RootCertStore::empty();
    let mut own = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| invalid(error.into()))?;
        store.add(certificate.clone()).map_err(|error| invalid(error.into()))?;
        own.push(certificate);
    }
    if own.is_empty() {
        return Err(AddressError::NoCertificate(file.to_owned()));
    }
    Ok(Trusted { store: Arc::new(store), own })
}
