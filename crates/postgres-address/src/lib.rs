//! Where a PostgreSQL server is and how to log in there, as libpq would find it out.
//!
//! A [`ServerAddress`] is what a user writes: `postgresql://user@host/database?schema=name`. It has no password.
//! [`Surroundings`] are what the environment says. Together they give a [`Login`], which knows the hosts, the password
//! and the certificates, and which connects. No message and no `Debug` output of this crate shows a password.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use semsearch_postgres_address::{ServerAddress, Surroundings};
//!
//! let surroundings = Surroundings::new(|name| std::env::var_os(name), std::env::home_dir(), Some("me".into()));
//! let address: ServerAddress = "postgresql://db.example/search?sslmode=verify-full".parse()?;
//! let login = address.login(&surroundings)?;
//! let (client, connection) = login.connect().await?;
//! tokio::spawn(connection);
//! client.simple_query("SELECT 1").await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod connect;
mod error;
mod login;
mod password_file;
mod percent;
mod service_file;
mod settings;
mod surroundings;
mod target;
mod tls;

pub use address::ServerAddress;
pub use connect::{ConnectError, Connection};
pub use error::{AddressError, Origin};
pub use login::Login;
pub use surroundings::Surroundings;
pub use tls::{TlsConnector, TlsError, TlsHandshake, TlsStream};
