//! Brings TLS to the client of PostgreSQL.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream as StreamOfClient};

use super::endpoint::tls_server_end_point;

/// The handshake failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TlsError(#[from] io::Error);

/// Makes the TLS connections of a login.
#[derive(Clone, Debug)]
pub struct TlsConnector(Option<Arc<ClientConfig>>);

impl TlsConnector {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self(Some(Arc::new(config)))
    }

    /// The connector of a login without TLS. The client does not use it.
    pub(super) fn none() -> Self {
        Self(None)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for TlsConnector {
    type Stream = TlsStream<S>;
    type TlsConnect = TlsHandshake;
    type Error = io::Error;

    /// This never fails, because the client asks for it also where it then uses no TLS.
    fn make_tls_connect(&mut self, host: &str) -> io::Result<TlsHandshake> {
        Ok(TlsHandshake { config: self.0.clone(), host: host.to_owned() })
    }
}

/// A handshake that can begin.
#[derive(Debug)]
pub struct TlsHandshake {
    config: Option<Arc<ClientConfig>>,
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for TlsHandshake {
    type Stream = TlsStream<S>;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream<S>, TlsError>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let config = self.config.ok_or_else(|| io::Error::other("TLS is off for this server"))?;
            // A host may have a name that no certificate can have. Then no name is sent, and none is the same.
            let name = ServerName::try_from(self.host).unwrap_or(ServerName::from(IpAddr::from(Ipv4Addr::UNSPECIFIED)));
            Ok(TlsStream(tokio_rustls::TlsConnector::from(config).connect(name, stream).await?))
        })
    }
}

/// A TLS connection.
#[derive(Debug)]
pub struct TlsStream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> StreamOfClient for TlsStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.get_ref().1.peer_certificates();
        certificates
            .and_then(|certificates| tls_server_end_point(certificates.first()?))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
