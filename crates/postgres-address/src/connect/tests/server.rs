//! A server on loopback that lets clients log in, and that tells the test what it saw.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// What a client did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    SslRequest,
    Startup { tls: bool },
    Password(String),
}

/// How the server acts.
pub(super) struct Behaviour {
    /// Its certificate. Without one it has no TLS.
    pub(super) certificate: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    /// Whether TLS begins without a request.
    pub(super) is_direct: bool,
    /// The code of the error with which it answers a login with TLS (`true`) or without.
    pub(super) refuses: fn(bool) -> Option<&'static str>,
    pub(super) asks_password: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        let versions = rustls::ALL_VERSIONS.to_vec();
        Self { certificate: None, versions, is_direct: false, refuses: |_| None, asks_password: false }
    }
}

impl Behaviour {
    pub(super) fn with(certificate: &Certificate) -> Self {
        let key = PrivateKeyDer::try_from(certificate.key.serialize_der()).unwrap();
        Self { certificate: Some((certificate.der.clone(), key)), ..Self::default() }
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        let (certificate, key) = self.certificate.as_ref()?;
        let key = ring::sign::any_supported_type(key).unwrap();
        let own = Own(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).unwrap().with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::new(own));
        if self.is_direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Some(Arc::new(config))
    }
}

/// One certificate for every client. Whether the key belongs to it is not checked.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

pub(super) struct Server {
    pub(super) port: u16,
    seen: Receiver<Seen>,
}

impl Server {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                // An error is that of the client, which the test sees.
                let _ = serve(stream, &behaviour, &sender);
            }
        });
        Self { port, seen }
    }

    /// A server with a socket in a directory.
    pub(super) fn start_at(directory: &Path, behaviour: Behaviour) -> Self {
        let port = 5432;
        let listener = UnixListener::bind(directory.join(format!(".s.PGSQL.{port}"))).unwrap();
        let (sender, seen) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, &behaviour, &sender);
            }
        });
        Self { port, seen }
    }

    /// What was seen since the last call.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

fn serve(mut stream: impl Read + Write, behaviour: &Behaviour, seen: &Sender<Seen>) -> io::Result<()> {
    let tls = behaviour.tls();
    if !behaviour.is_direct {
        let first = message(&mut stream)?;
        if first != SSL_REQUEST {
            return log_in(stream, behaviour, false, seen);
        }
        seen.send(Seen::SslRequest).unwrap();
        stream.write_all(if tls.is_some() { b"S" } else { b"N" })?;
    }
    let Some(tls) = tls else {
        message(&mut stream)?;
        return log_in(stream, behaviour, false, seen);
    };
    let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
    message(&mut stream)?;
    log_in(stream, behaviour, true, seen)
}

/// Answers a startup that has been read, and then waits until the client goes.
fn log_in(mut stream: impl Read + Write, behaviour: &Behaviour, tls: bool, seen: &Sender<Seen>) -> io::Result<()> {
    seen.send(Seen::Startup { tls }).unwrap();
    if let Some(code) = (behaviour.refuses)(tls) {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
        return send(&mut stream, b'E', fields.as_bytes());
    }
    if behaviour.asks_password {
        send(&mut stream, b'R', &3_u32.to_be_bytes())?;
        stream.read_exact(&mut [0])?;
        let password = String::from_utf8(message(&mut stream)?).unwrap();
        seen.send(Seen::Password(password.trim_end_matches('\0').to_owned())).unwrap();
    }
    send(&mut stream, b'R', &0_u32.to_be_bytes())?;
    send(&mut stream, b'Z', b"I")?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

/// The content of a message whose length comes first.
fn message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut content = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut content)?;
    Ok(content)
}

fn send(stream: &mut impl Write, kind: u8, content: &[u8]) -> io::Result<()> {
    let length = content.len() as u32 + 4;
    stream.write_all(&[&[kind], length.to_be_bytes().as_slice(), content].concat())?;
    stream.flush()
}

/// A certificate with its key.
pub(super) struct Certificate {
    der: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) key: KeyPair,
}

/// Whoever signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities have two names.
        parameters.distinguished_name.push(DnType::CommonName, format!("{:?}", key.public_key_raw()));
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }
}

/// A certificate for names, signed by an authority or by itself.
pub(super) fn certificate(names: &[&str], authority: Option<&Authority>) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let parameters = parameters(names);
    let certificate = match authority {
        Some(authority) => parameters.signed_by(&key, &authority.issuer),
        None => parameters.self_signed(&key),
    };
    let certificate = certificate.unwrap();
    Certificate { der: certificate.der().clone(), pem: certificate.pem(), key }
}

/// A certificate as `openssl req -x509` makes it: it says that it is an authority. It may be too old.
pub(super) fn self_signed(names: &[&str], is_old: bool) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let mut parameters = parameters(names);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if is_old {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    }
    let certificate = parameters.self_signed(&key).unwrap();
    Certificate { der: certificate.der().clone(), pem: certificate.pem(), key }
}

fn parameters(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}
