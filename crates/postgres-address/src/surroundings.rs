//! What stands around an address: the environment, the home directory and the user of the system.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::settings::{KEYS, Settings};
use crate::{AddressError, Origin};

/// Variables of libpq that make a connection safer, and that are not supported here.
const NOT_SUPPORTED: [&str; 7] =
    ["PGREQUIREAUTH", "PGREQUIRESSL", "PGSSLCERT", "PGSSLCRL", "PGSSLCRLDIR", "PGSSLKEY", "PGSSLMINPROTOCOLVERSION"];

/// What a login may take from elsewhere than the address. This library reads no environment variable itself.
#[derive(Clone)]
pub struct Surroundings {
    /// The values of environment variables that set something.
    variables: Vec<(&'static str, &'static str, OsString)>,
    /// `PGSERVICEFILE`, and the directory `PGSYSCONFDIR`.
    pub(crate) service_file: Option<PathBuf>,
    pub(crate) system_directory: Option<PathBuf>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) user: Option<String>,
    /// Variables that are set and that have no effect here.
    pub(crate) without_effect: Vec<&'static str>,
    /// Where servers on this machine have their sockets.
    pub(crate) socket_directories: Vec<PathBuf>,
}

impl Surroundings {
    /// Takes the variables of libpq with `lookup`, which is usually `|name| std::env::var_os(name)`. `home` is the
    /// home directory, and `user` is the name by which the system knows the user.
    pub fn new(mut lookup: impl FnMut(&str) -> Option<OsString>, home: Option<PathBuf>, user: Option<String>) -> Self {
        // As for libpq, an empty variable is one that is not set.
        let mut value = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let variables = KEYS.iter().filter_map(|(key, name)| Some((*key, (*name)?, value((*name)?)?))).collect();
        Self {
            variables,
            service_file: value("PGSERVICEFILE").map(PathBuf::from),
            system_directory: value("PGSYSCONFDIR").map(PathBuf::from),
            home: home.filter(|home| !home.as_os_str().is_empty()),
            user: user.filter(|user| !user.is_empty()),
            without_effect: NOT_SUPPORTED.into_iter().filter(|name| value(name).is_some()).collect(),
            socket_directories: vec!["/var/run/postgresql".into(), "/tmp".into()],
        }
    }

    /// Sets what is not set and what the environment sets. What is set already is not looked at.
    pub(crate) fn fill(&self, settings: &mut Settings) -> Result<(), AddressError> {
        for (key, ..) in &self.variables {
            if settings.get(key).is_none()
                && let Some((value, origin)) = self.variable(key)?
            {
                settings.set(key, value.to_owned(), origin)?;
            }
        }
        Ok(())
    }

    /// What the environment says about one setting.
    pub(crate) fn variable(&self, key: &str) -> Result<Option<(&str, Origin)>, AddressError> {
        let Some((key, name, value)) = self.variables.iter().find(|(of, ..)| *of == key) else { return Ok(None) };
        let origin = Origin::Variable(name);
        match value.to_str() {
            Some(text) => Ok(Some((text, origin))),
            None => Err(AddressError::Value { origin, key, expected: "text in UTF-8" }),
        }
    }
}

/// Shows which variables are set, not what they are: one may be a password.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.iter().map(|(_, name, _)| *name).collect();
        f.debug_struct("Surroundings").field("variables", &names).field("home", &self.home).finish_non_exhaustive()
    }
}
