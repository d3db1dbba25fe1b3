//! Checks the certificate of a server as far as the mode demands. The signature of the handshake is always checked.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificates::Trusted;

/// What is checked.
#[derive(Debug)]
pub(super) enum Check {
    Nothing,
    /// That an authority that is trusted has signed the certificate.
    Chain(Trusted),
    /// The chain, and that the certificate is for the name of the host.
    Name(Trusted),
}

#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(check: Check, provider: Arc<CryptoProvider>) -> Self {
        Self { check, provider }
    }

    /// Checks that a trusted authority has signed the certificate, and that it is not too old.
    fn verify_chain(
        &self,
        trusted: &Trusted,
        (own, parsed): (&CertificateDer<'_>, &ParsedCertificate<'_>),
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(parsed, &trusted.store, others, now, algorithms) {
            // Many servers use a certificate that they signed themselves. It says of itself that it is an authority,
            // which a server is not allowed to use. It is good if the user's file has exactly this certificate; its
            // dates have been checked before the rest.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if trusted.own.iter().any(|one| one == own) => {
                Ok(())
            }
            checked => checked,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Check::Chain(trusted) | Check::Name(trusted) = &self.check {
            let parsed = ParsedCertificate::try_from(own)?;
            self.verify_chain(trusted, (own, &parsed), others, now)?;
            if matches!(self.check, Check::Name(_)) {
                verify_server_name(&parsed, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, own, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, own, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
