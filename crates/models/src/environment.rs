//! Where models are looked for, as this user's environment says: the variables that Python's huggingface_hub reads too.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;

use semsearch_files::{FileError, open_regular, read_bounded};
use semsearch_hub::{Hub, Proxies, Token};

use super::Locations;

/// The Hub's address, unless `HF_ENDPOINT` names another.
const HUB: &str = "https://huggingface.co";

/// Bytes of a file that holds a token, at most.
const TOKEN: u64 = 64 << 10;

impl Locations {
    /// The places that the environment names. The network is not used if `offline` is set, or `HF_HUB_OFFLINE`.
    ///
    /// The second value is why a file that should hold a token for the Hub could not be read; there is no token then.
    pub fn of_environment(offline: bool) -> (Self, Option<FileError>) {
        let offline = offline || env::var("HF_HUB_OFFLINE").is_ok_and(|word| is_true(&word));
        let (token, problem) = match if offline { Ok(None) } else { hub_token() } {
            Ok(token) => (token, None),
            Err(problem) => (None, Some(problem)),
        };
        let endpoint = env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| HUB.into());
        let hub = Hub { cache: hub_cache(), endpoint, proxies: proxies(), token, offline };
        let ours = cache().join("semsearch");
        (Self { own: ours.join("models"), prepared: ours.join("prepared"), hub }, problem)
    }
}

/// The value of a variable that is set and not empty.
fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

fn cache() -> PathBuf {
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| env::temp_dir().join("cache"))
}

/// The Hugging Face cache, at the place that Python's huggingface_hub uses.
fn hub_cache() -> PathBuf {
    set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| hub_home().join("hub"))
}

fn hub_home() -> PathBuf {
    set("HF_HOME").unwrap_or_else(|| cache().join("huggingface"))
}

/// The values that huggingface_hub understands as true.
fn is_true(word: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&word.to_ascii_lowercase().as_str())
}

/// The token for the Hub, from the places that Python's huggingface_hub uses: `HF_TOKEN`, or a file of `hf auth login`.
fn hub_token() -> Result<Option<Token>, FileError> {
    if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some() {
        return Ok(None);
    }
    if let Some(word) = env::var("HF_TOKEN").ok().filter(|word| !word.is_empty()) {
        return Ok(Some(Token(word)));
    }
    let path = set("HF_TOKEN_PATH").unwrap_or_else(|| hub_home().join("token"));
    let word = match open_regular(&path).and_then(|file| read_bounded(file, TOKEN)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::read(&path)(error)),
    };
    Ok(Some(Token(word)).filter(|token| !token.0.is_empty()))
}

/// The proxies that the environment names, by the variables that curl and Python read too.
fn proxies() -> Proxies {
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
