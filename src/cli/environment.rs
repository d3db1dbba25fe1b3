//! Environment variables that are not options: the user's directories, and a server's key.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The value of a variable that is set and not empty.
fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

/// `$XDG_CONFIG_HOME`, or `~/.config`.
pub(super) fn config_home() -> PathBuf {
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).unwrap_or_default()
}

/// `$XDG_STATE_HOME`, or `~/.local/state`; `None` if there is no such place.
pub(super) fn state_home() -> Option<PathBuf> {
    let home = || env::home_dir().filter(|home| !home.as_os_str().is_empty());
    set("XDG_STATE_HOME").or_else(|| home().map(|home| home.join(".local/state")))
}

/// A key that clients of a server must bring. It is no option: other users of a machine see a command's arguments.
#[cfg(feature = "serve")]
pub(super) fn api_key() -> Option<String> {
    env::var("SEMSEARCH_API_KEY").ok().filter(|key| !key.trim().is_empty()).map(|key| key.trim().to_owned())
}

/// The name of the user of this process.
#[cfg(feature = "postgres")]
pub(super) fn user() -> Option<String> {
    let known = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).ok().flatten();
    known.map(|user| user.name).or_else(|| env::var("USER").ok())
}
