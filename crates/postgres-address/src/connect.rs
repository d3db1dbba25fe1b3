//! Connects: tries each host, each of its addresses, and each way that the mode of TLS allows.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::SslMode as ModeOfClient;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, Config, Error, Socket};

use crate::target::Target;
use crate::tls::{SslMode, TlsError};
use crate::{Login, TlsStream};

/// What exchanges the messages with the server. It is a future, which must run while the client is in use, and which
/// ends when the client is dropped or when the connection breaks.
pub type Connection = tokio_postgres::Connection<Socket, TlsStream<Socket>>;

/// Why no server could be reached, or why the login failed.
#[derive(Debug)]
pub struct ConnectError {
    /// For each attempt, where it went and why it failed.
    attempts: Vec<(String, Failure)>,
}

#[derive(Debug)]
enum Failure {
    Lookup(io::Error),
    Timeout(Duration),
    Client(Error),
}

impl ConnectError {
    /// What the server answered, if a server refused the login.
    pub fn answer(&self) -> Option<&DbError> {
        self.attempts.iter().rev().find_map(|(_, failure)| match failure {
            Failure::Client(error) => error.as_db_error(),
            _ => None,
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (host, failure)) in self.attempts.iter().enumerate() {
            write!(f, "{}{host}: {failure}", if number > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => write!(f, "the name of the host is not known: {error}"),
            Self::Timeout(patience) => write!(f, "no answer in {} s", patience.as_secs()),
            Self::Client(error) => match (error.as_db_error(), error.source()) {
                (Some(answer), _) => write!(f, "the server refuses the login: {}", answer.message()),
                (None, Some(cause)) => write!(f, "{error}: {cause}"),
                (None, None) => write!(f, "{error}"),
            },
        }
    }
}

impl Login {
    /// Connects and logs in. The connection must run, usually with `tokio::spawn`.
    ///
    /// # Errors
    /// No host could be reached, or the first that could refused the login.
    pub async fn connect(&self) -> Result<(Client, Connection), ConnectError> {
        let mut attempts = Vec::new();
        for target in &self.targets {
            let addresses = match self.within(addresses(target)).await.and_then(|found| found.map_err(Failure::Lookup))
            {
                Ok(addresses) => addresses,
                Err(failure) => {
                    attempts.push((target.name.clone(), failure));
                    continue;
                }
            };
            for address in addresses {
                match self.connect_to(target, address).await {
                    Ok(connected) => return Ok(connected),
                    Err(failure) => {
                        let ends = failure.ends();
                        attempts.push((place(target, address), failure));
                        if ends {
                            return Err(ConnectError { attempts });
                        }
                    }
                }
            }
        }
        Err(ConnectError { attempts })
    }

    /// Connects with one address: first with TLS and then without for `prefer`, and the other way for `allow`.
    async fn connect_to(&self, target: &Target, address: Option<IpAddr>) -> Result<(Client, Connection), Failure> {
        let (first, second) = match (target.is_tcp(), self.tls.mode) {
            (false, _) | (_, SslMode::Disable) => (ModeOfClient::Disable, None),
            (_, SslMode::Allow) => (ModeOfClient::Disable, Some(ModeOfClient::Require)),
            (_, SslMode::Prefer) => (ModeOfClient::Prefer, Some(ModeOfClient::Disable)),
            (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => (ModeOfClient::Require, None),
        };
        match (self.attempt(target, address, first).await, second) {
            (Err(failure), Some(second)) if failure.is_of_mode() => {
                // If the server has no TLS, its first answer says more.
                self.attempt(target, address, second).await.map_err(|other| if other.is_db() { other } else { failure })
            }
            (outcome, _) => outcome,
        }
    }

    async fn attempt(
        &self,
        target: &Target,
        address: Option<IpAddr>,
        mode: ModeOfClient,
    ) -> Result<(Client, Connection), Failure> {
        let mut config: Config = target.config.clone();
        config.ssl_mode(mode);
        if let Some(address) = address {
            config.hostaddr(address);
        }
        self.within(config.connect(self.tls_connector())).await?.map_err(Failure::Client)
    }

    /// Waits for something as long as the login allows.
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        match self.patience {
            Some(patience) => timeout(patience, work).await.map_err(|_| Failure::Timeout(patience)),
            None => Ok(work.await),
        }
    }
}

impl Failure {
    fn is_db(&self) -> bool {
        matches!(self, Self::Client(error) if error.as_db_error().is_some())
    }

    /// Whether no other host is tried. As for libpq, this is so if a server refuses the login, unless it is starting.
    fn ends(&self) -> bool {
        matches!(self, Self::Client(error)
            if error.as_db_error().is_some_and(|answer| *answer.code() != SqlState::CANNOT_CONNECT_NOW))
    }

    /// Whether it may help to use TLS where it was not used, or the other way. A wrong password is not such a failure.
    fn is_of_mode(&self) -> bool {
        let Self::Client(error) = self else { return false };
        match error.as_db_error() {
            Some(answer) => *answer.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            None => error.source().is_some_and(|cause| cause.is::<TlsError>()),
        }
    }
}

/// The addresses of a host. A socket of this machine has none.
async fn addresses(target: &Target) -> io::Result<Vec<Option<IpAddr>>> {
    if !target.is_tcp() {
        return Ok(vec![None]);
    }
    if target.address.is_some() {
        return Ok(vec![target.address]);
    }
    let found = tokio::net::lookup_host((target.name.as_str(), target.port)).await?;
    let mut addresses: Vec<Option<IpAddr>> = Vec::new();
    for address in found.map(|found| Some(found.ip())) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Where an attempt went, for messages.
fn place(target: &Target, address: Option<IpAddr>) -> String {
    let Target { name, port, .. } = target;
    match address {
        Some(address) if address.to_string() != *name => format!("{name} ({address}), port {port}"),
        _ => format!("{name}, port {port}"),
    }
}

#[cfg(test)]
mod tests;
