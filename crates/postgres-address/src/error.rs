//! What can be wrong with an address or with what stands around it. No message repeats a password.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the address.
    Address,
    /// In an environment variable.
    Variable(&'static str),
    /// In a line of a file.
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line. The first line has the number 1.
        line: usize,
    },
    /// Nowhere: it is computed or it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("the address"),
            Self::Variable(name) => f.write_str(name),
            Self::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// Why there is no address, or no login for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not the address of a PostgreSQL server.
    #[error("the address of a PostgreSQL server begins with postgresql:// or postgres://")]
    Scheme,
    /// The address has a password. The message does not repeat it.
    #[error("a password in an address can be seen by others: put it into PGPASSWORD or ~/.pgpass")]
    Password,
    /// A part of the address is not well formed.
    #[error("the address is not well formed: {0}")]
    Syntax(&'static str),
    /// There is no such setting, or it is not supported here.
    #[error("{origin}: there is no setting {key:?}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// Its name.
        key: String,
    },
    /// A setting has a value that it cannot have. The message does not repeat the value.
    #[error("{origin}: {key} must be {expected}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// Its name.
        key: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// The name of the schema cannot be the name of a schema.
    #[error("the address: schema must be a name of 1 to 63 bytes")]
    Schema,
    /// There is not one port for each host.
    #[error("there are {given} {what} for {hosts} hosts: give one for each host")]
    Count {
        /// How many hosts there are.
        hosts: usize,
        /// How many of the other there are.
        given: usize,
        /// What there is too much of, or too little.
        what: &'static str,
    },
    /// No file defines the service.
    #[error("there is no service {service:?} in {}", list(.files))]
    NoService {
        /// The service.
        service: String,
        /// The files in which it was looked for.
        files: Vec<PathBuf>,
    },
    /// A line of a service file is not well formed.
    #[error("{origin}: a line of a service must be NAME=VALUE")]
    ServiceLine {
        /// Where the line stands.
        origin: Origin,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither the address nor anything else says which user logs in.
    #[error("the address names no user, and the name of the user of this system is not known")]
    NoUser,
    /// A file has no certificate.
    #[error("{} has no certificate in PEM format", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate is not valid.
    #[error("the certificates in {} are not valid", .file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system has no certificates.
    #[error("the system has no certificates of authorities: name a file with sslrootcert=FILE")]
    NoSystemCertificates,
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() { "any file: there is no home directory".to_owned() } else { files.join(" or ") }
}
