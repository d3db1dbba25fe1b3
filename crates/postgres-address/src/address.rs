//! The address of a server: what a user writes, and nothing that stands elsewhere.

use std::fmt;
use std::str::FromStr;

use crate::percent::{decode, encode};
use crate::settings::{Settings, key};
use crate::{AddressError, Login, Origin, Surroundings, login};

/// The schema of an address that names none.
const SCHEMA: &str = "semsearch";

/// Where a PostgreSQL server is, and which database and schema of it are meant:
/// `postgresql://[user@]host[:port][,host[:port]…]/[database][?key=value&…]`.
///
/// The syntax and the keys are those of libpq. One key is our own: `schema`. A password is not allowed.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    settings: Settings,
    schema: String,
}

impl ServerAddress {
    /// Whether a text looks like the address of a PostgreSQL server.
    pub fn is_one(text: &str) -> bool {
        after_scheme(text).is_some()
    }

    /// The schema in which everything is stored.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Everything that is needed to log in. Like libpq, it takes each setting from the first place that has it: the
    /// address, the section of the service file, the environment. It reads files: the service file, the password
    /// file, and the file of certificates.
    ///
    /// # Errors
    /// A setting is not valid, or a file that is needed cannot be read.
    pub fn login(&self, surroundings: &Surroundings) -> Result<Login, AddressError> {
        login::login(self, surroundings)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The address with these settings. It must be valid as the address of a user would be.
    pub(crate) fn new(settings: Settings, schema: String) -> Self {
        Self { settings, schema }
    }
}

fn after_scheme(text: &str) -> Option<&str> {
    ["postgresql://", "postgres://"].into_iter().find_map(|scheme| text.strip_prefix(scheme))
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = after_scheme(text).ok_or(AddressError::Scheme)?;
        // In `user:1/2@host`, a part of a password would be read as a database or as a setting.
        let unclear = user(rest).is_none() && authority(rest).0.contains(':');
        match Self::parse(rest) {
            Ok(address) if !(unclear && before_query(rest).contains('@')) => Ok(address),
            Err(error) if !(unclear && rest.contains('@')) => Err(error),
            Err(AddressError::Password) => Err(AddressError::Password),
            _ => Err(AddressError::Syntax("an @ after the host is written %40, and there can be no password")),
        }
    }
}

/// The part before the first `@`, and what follows it, unless a slash comes before.
fn user(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['@', '/'])?;
    text[at..].strip_prefix('@').map(|after| (&text[..at], after))
}

fn before_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(before, _)| before)
}

/// The hosts and ports, and what follows them.
fn authority(text: &str) -> (&str, &str) {
    text.split_at(text.find(['/', '?']).unwrap_or(text.len()))
}

impl ServerAddress {
    /// Reads what follows the scheme.
    fn parse(mut rest: &str) -> Result<Self, AddressError> {
        let mut address = Self { settings: Settings::default(), schema: SCHEMA.to_owned() };
        if let Some((user, after)) = user(rest) {
            if user.contains(':') {
                return Err(AddressError::Password);
            }
            address.set("user", decode(user)?)?;
            rest = after;
        }
        let (authority, after) = authority(rest);
        address.hosts(authority)?;
        let (path, query) = after.split_once('?').map_or((after, None), |(path, query)| (path, Some(query)));
        if let Some(database) = path.strip_prefix('/') {
            address.set("dbname", decode(database)?)?;
        }
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            address.pair(pair)?;
        }
        address.pair_ports()?;
        Ok(address)
    }

    fn set(&mut self, key: &'static str, value: String) -> Result<(), AddressError> {
        self.settings.set(key, value, Origin::Address)
    }

    /// Reads `host[:port][,host[:port]…]`.
    fn hosts(&mut self, authority: &str) -> Result<(), AddressError> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for one in authority.split(',') {
            let (host, port) = match one.strip_prefix('[') {
                Some(bracketed) => {
                    let (host, after) = bracketed
                        .split_once(']')
                        .filter(|(host, _)| !host.is_empty())
                        .ok_or(AddressError::Syntax("an IPv6 address stands between [ and ]"))?;
                    let port = after.strip_prefix(':').or_else(|| after.is_empty().then_some(""));
                    (host, port.ok_or(AddressError::Syntax("only a port can follow the ] of an IPv6 address"))?)
                }
                None => one.split_once(':').unwrap_or((one, "")),
            };
            hosts.push(decode(host)?);
            ports.push(decode(port)?);
        }
        // Ports that are all missing are not set, so that the environment can set them.
        if ports.iter().any(|port| !port.is_empty()) {
            self.set("port", ports.join(","))?;
        }
        self.set("host", hosts.join(","))
    }

    /// Reads `key=value`.
    fn pair(&mut self, pair: &str) -> Result<(), AddressError> {
        if pair.is_empty() {
            return Ok(());
        }
        let (name, value) = pair.split_once('=').ok_or(AddressError::Syntax("a setting is written key=value"))?;
        let name = decode(name)?;
        if name == "password" {
            return Err(AddressError::Password);
        }
        if value.contains('=') {
            return Err(AddressError::Syntax("an = in a value is written %3D"));
        }
        let value = decode(value)?;
        match (name.as_str(), value.as_str()) {
            ("schema", _) if value.is_empty() || value.len() > 63 => Err(AddressError::Schema),
            ("schema", _) => {
                self.schema = value;
                Ok(())
            }
            // This is how JDBC writes it, and libpq accepts it.
            ("ssl", "true") => self.set("sslmode", "require".to_owned()),
            _ => {
                let key = key(&name).ok_or(AddressError::UnknownKey { origin: Origin::Address, key: name })?;
                self.set(key, value)
            }
        }
    }

    /// Gives each host its port, if there are hosts and a port for all. Ports that are all empty are none.
    fn pair_ports(&mut self) -> Result<(), AddressError> {
        let (hosts, ports) = (self.settings.list("host").len(), self.settings.list("port"));
        let all = match ports.as_slice() {
            [] => return Ok(()),
            _ if hosts == 0 => return Ok(()),
            [port] => vec![*port; hosts].join(","),
            ports if ports.len() != hosts => {
                return Err(AddressError::Count { hosts, given: ports.len(), what: "ports" });
            }
            ports if ports.iter().all(|port| port.is_empty()) => String::new(),
            ports => ports.join(","),
        };
        self.set("port", all)
    }

    /// Writes `host[:port][,host[:port]…]`, if there are hosts.
    fn write_hosts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.settings.list("port");
        for (number, host) in self.settings.list("host").into_iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let host = encode(host, ":");
            if host.contains(':') {
                write!(f, "{comma}[{host}]")?
            } else {
                write!(f, "{comma}{host}")?
            }
            if let Some(port) = ports.get(number).filter(|port| !port.is_empty()) {
                write!(f, ":{port}")?;
            }
        }
        Ok(())
    }
}

/// The address in one form, which reads as an equal one.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if let Some(user) = self.settings.get("user") {
            write!(f, "{}@", encode(user, ""))?;
        }
        self.write_hosts(f)?;
        if let Some(database) = self.settings.get("dbname") {
            write!(f, "/{}", encode(database, ""))?;
        }
        let has_host = self.settings.get("host").is_some();
        let before = |key: &str| ["user", "host", "dbname"].contains(&key) || (key == "port" && has_host);
        let schema = Some(("schema", self.schema.as_str())).filter(|(_, schema)| *schema != SCHEMA);
        let others = self.settings.iter().filter(|(key, _)| !before(key)).chain(schema);
        for (number, (key, value)) in others.enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", encode(value, "/,:"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddress({self})")
    }
}

#[cfg(test)]
mod tests;
