//! Environment variables that are not options: the user's directories, and how to reach the Hub.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;

use semsearch::files::{open_regular, read_bounded};
use semsearch::hub::{Proxies, Token};

use super::terminal::Terminal;

/// The Hub's address, unless `HF_ENDPOINT` names another.
const HUB: &str = "https://huggingface.co";

/// Bytes of a file that holds a token, at most.
const TOKEN: u64 = 64 << 10;

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

/// Models of semsearch's own: `$XDG_CACHE_HOME/semsearch/models`, or the same below `~/.cache`.
pub(super) fn own_cache() -> PathBuf {
    cache().join("semsearch").join("models")
}

fn cache() -> PathBuf {
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| env::temp_dir().join("cache"))
}

/// The Hugging Face cache, at the place that Python's huggingface_hub uses.
pub(super) fn hub_cache() -> PathBuf {
    set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| hub_home().join("hub"))
}

fn hub_home() -> PathBuf {
    set("HF_HOME").unwrap_or_else(|| cache().join("huggingface"))
}

/// The Hub's address.
pub(super) fn hub_endpoint() -> String {
    env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| HUB.into())
}

/// Whether `HF_HUB_OFFLINE` forbids the network.
pub(super) fn is_offline() -> bool {
    env::var("HF_HUB_OFFLINE").is_ok_and(|word| is_true(&word))
}

/// The values that huggingface_hub understands as true.
fn is_true(word: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&word.to_ascii_lowercase().as_str())
}

/// A key that clients of a server must bring. It is no option: other users of a machine see a command's arguments.
#[cfg(feature = "serve")]
pub(super) fn api_key() -> Option<String> {
    env::var("SEMSEARCH_API_KEY").ok().filter(|key| !key.trim().is_empty()).map(|key| key.trim().to_owned())
}

/// The token for the Hub, from the places that Python's huggingface_hub uses: `HF_TOKEN`, or a file of `hf auth login`.
pub(super) fn hub_token(terminal: &Terminal) -> Option<Token> {
    if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some() {
        return None;
    }
    if let Some(word) = env::var("HF_TOKEN").ok().filter(|word| !word.is_empty()) {
        return Some(Token(word));
    }
    let path = set("HF_TOKEN_PATH").unwrap_or_else(|| hub_home().join("token"));
    let read = open_regular(&path).and_then(|file| read_bounded(file, TOKEN));
    let word = match read {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            terminal.warn(&format!("{}: no token for the Hub from there: {error}", path.display()));
            return None;
        }
    };
    Some(Token(word)).filter(|token| !token.0.is_empty())
}

/// The proxies that the environment names, by the variables that curl and Python read too.
pub(super) fn proxies() -> Proxies {
    let word = |upper: &str| {
        let names = [upper.to_owned(), upper.to_lowercase()];
        names.iter().find_map(|name| env::var(name).ok()).filter(|word| !word.is_empty())
    };
    let every = word("ALL_PROXY");
    Proxies {
        http: word("HTTP_PROXY").or_else(|| every.clone()),
        https: word("HTTPS_PROXY").or(every),
        direct: word("NO_PROXY").unwrap_or_default(),
    }
}
