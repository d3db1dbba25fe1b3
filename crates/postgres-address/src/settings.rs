//! The settings of a connection by the names that libpq gives them. An address, a section of a service file and the
//! environment are each a set of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{AddressError, Origin};

/// Each setting that is supported, with the environment variable that sets it.
pub(crate) const KEYS: [(&str, Option<&str>); 22] = [
    ("application_name", Some("PGAPPNAME")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("keepalives", None),
    ("keepalives_count", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("options", Some("PGOPTIONS")),
    ("passfile", Some("PGPASSFILE")),
    ("password", Some("PGPASSWORD")),
    ("port", Some("PGPORT")),
    ("service", Some("PGSERVICE")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("tcp_user_timeout", None),
    ("user", Some("PGUSER")),
];

/// The name of a setting as a constant, if there is such a setting.
pub(crate) fn key(name: &str) -> Option<&'static str> {
    KEYS.iter().map(|(key, _)| *key).find(|key| *key == name)
}

/// Settings, each with the place where it stands. It has no `Debug`, because one of them may be a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<&'static str, (String, Origin)>);

impl Settings {
    /// Sets `key` to `value`, over what it was. An empty value means that it is not set.
    pub(crate) fn set(&mut self, key: &'static str, value: String, origin: Origin) -> Result<(), AddressError> {
        if value.is_empty() {
            self.0.remove(key);
            return Ok(());
        }
        match check(key, &value) {
            Ok(()) => {
                self.0.insert(key, (value, origin));
                Ok(())
            }
            Err(expected) => Err(AddressError::Value { origin, key, expected }),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|(value, _)| value.as_str())
    }

    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.0.get(key).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Takes those of `others` that are not set here.
    pub(crate) fn fill(&mut self, others: Self) {
        for (key, value) in others.0 {
            self.0.entry(key).or_insert(value);
        }
    }

    /// The value of a setting that is a number, if it is set and positive.
    pub(crate) fn positive(&self, key: &str) -> Option<u64> {
        self.get(key)
            .and_then(|value| value.trim().parse::<i64>().ok())
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| *value > 0)
    }

    /// The values of a setting that is a list, one for each host.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        self.get(key).map(|value| value.split(',').collect()).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, (value, _))| (*key, value.as_str()))
    }
}

/// Whether `key` can have this value. If not, says what it can have.
fn check(key: &str, value: &str) -> Result<(), &'static str> {
    let one_of = |values: &[&str]| values.contains(&value);
    let (valid, expected) = match key {
        "sslmode" => (
            one_of(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
            "disable, allow, prefer, require, verify-ca or verify-full",
        ),
        "sslnegotiation" => (one_of(&["postgres", "direct"]), "postgres or direct"),
        "channel_binding" => (one_of(&["disable", "prefer", "require"]), "disable, prefer or require"),
        "target_session_attrs" => (one_of(&["any", "read-write", "read-only"]), "any, read-write or read-only"),
        // Encryption by GSS is never used.
        "gssencmode" => (one_of(&["disable", "prefer"]), "disable or prefer"),
        "port" => (value.split(',').all(is_port), "a number from 1 to 65535, or one for each host with commas between"),
        "host" => (value.split(',').all(is_host), "names of hosts or paths of directories"),
        "hostaddr" => (
            value.split(',').all(|one| one.is_empty() || one.parse::<IpAddr>().is_ok()),
            "a numeric IP address, or one for each host with commas between",
        ),
        "connect_timeout"
        | "keepalives"
        | "keepalives_count"
        | "keepalives_idle"
        | "keepalives_interval"
        | "tcp_user_timeout" => (value.trim().parse::<i32>().is_ok(), "a whole number"),
        _ => (true, ""),
    };
    // A zero byte would end the value where the server reads it.
    if value.contains('\0') {
        return Err("a text without a zero byte");
    }
    if valid { Ok(()) } else { Err(expected) }
}

fn is_port(port: &str) -> bool {
    port.is_empty()
        || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A socket with an abstract name, `@name`, is not supported.
fn is_host(host: &str) -> bool {
    !host.starts_with('@')
}
