//! The hosts of a login: each with its address, its port and its configuration.

use std::net::IpAddr;
use std::path::Path;

use tokio_postgres::Config;

use crate::settings::Settings;
use crate::{AddressError, Surroundings};

/// The port of a server, if nothing else is set.
const PORT: u16 = 5432;

/// One host.
#[derive(Clone)]
pub(crate) struct Target {
    /// The name of the host, or the directory of its socket.
    pub(crate) name: String,
    /// Its numeric address, if it is given.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    /// The configuration with this host, this port and the password for it.
    pub(crate) config: Config,
}

impl Target {
    /// Whether the server is reached over TCP, not over a socket of this machine.
    pub(crate) fn is_tcp(&self) -> bool {
        !self.name.starts_with('/')
    }

    /// The name that this host has in a password file. For the usual sockets this is `localhost`.
    pub(crate) fn name_of_password(&self, surroundings: &Surroundings) -> String {
        let usual = surroundings.socket_directories.iter().any(|directory| directory == Path::new(&self.name));
        if usual { "localhost".to_owned() } else { self.name.clone() }
    }

    /// Gives the host its configuration: what all hosts have, and what is its own.
    pub(crate) fn configure(&mut self, base: &Config, password: Option<Vec<u8>>) {
        self.config = base.clone();
        self.config.host(&self.name).port(self.port);
        if let Some(password) = password {
            self.config.password(password);
        }
    }
}

/// The hosts that the settings name, or the one that libpq takes if they name none. The configurations are empty.
pub(crate) fn targets(settings: &Settings, surroundings: &Surroundings) -> Result<Vec<Target>, AddressError> {
    let lists = [settings.list("host"), settings.list("hostaddr"), settings.list("port")];
    let [names, addresses, ports] = &lists;
    let hosts = names.len().max(addresses.len()).max(1);
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(AddressError::Count { hosts: names.len(), given: addresses.len(), what: "addresses (hostaddr)" });
    }
    if ports.len() > 1 && ports.len() != hosts {
        return Err(AddressError::Count { hosts, given: ports.len(), what: "ports" });
    }
    let target = |number: usize| {
        let of = |list: &[&str]| list.get(number).map(|one| (*one).to_owned()).filter(|one| !one.is_empty());
        let port = if ports.len() == 1 { ports.first().map(|port| (*port).to_owned()) } else { of(ports) };
        // The settings have been checked: each port and each address is valid.
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(PORT);
        let name = of(names).or_else(|| of(addresses)).unwrap_or_else(|| usual(surroundings, port));
        let address = of(addresses).and_then(|address| address.parse().ok());
        Target { name, address, port, config: Config::new() }
    };
    Ok((0..hosts).map(target).collect())
}

/// The directory with the socket of a server on this machine, or `localhost` if there is none.
fn usual(surroundings: &Surroundings, port: u16) -> String {
    let socket = format!(".s.PGSQL.{port}");
    let directory = surroundings.socket_directories.iter().find(|directory| directory.join(&socket).exists());
    directory.and_then(|directory| directory.to_str()).unwrap_or("localhost").to_owned()
}
