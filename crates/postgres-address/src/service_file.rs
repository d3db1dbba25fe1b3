//! Service files: sections with a name, each with settings for a connection.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use semsearch_files::{open_regular, read_bounded};

use crate::settings::{Settings, key};
use crate::{AddressError, Origin, Surroundings};

/// No service file is larger.
const LARGEST: u64 = 1 << 20;

/// What the section `service` sets, from the first file that has it.
pub(crate) fn settings(service: &str, surroundings: &Surroundings) -> Result<Settings, AddressError> {
    let own = match &surroundings.service_file {
        Some(file) => Some(file.clone()),
        None => surroundings.home.as_ref().map(|home| home.join(".pg_service.conf")),
    };
    let shared = surroundings.system_directory.as_ref().map(|directory| directory.join("pg_service.conf"));
    let files: Vec<PathBuf> = own.into_iter().chain(shared).collect();
    for file in &files {
        let text = match read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(source) => return Err(AddressError::File { file: file.clone(), source }),
        };
        if let Some(settings) = section(&text, service, file)? {
            return Ok(settings);
        }
    }
    Err(AddressError::NoService { service: service.to_owned(), files })
}

fn read(file: &Path) -> io::Result<String> {
    let bytes = read_bounded(open_regular(file)?, LARGEST)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8"))
}

/// What the first section with this name sets. Only its lines are checked.
fn section(text: &str, service: &str, file: &Path) -> Result<Option<Settings>, AddressError> {
    let mut found: Option<Settings> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if header.strip_suffix(']') == Some(service) {
                found = Some(Settings::default());
            }
        } else if let Some(settings) = &mut found {
            add(settings, line, Origin::Line { file: file.to_owned(), line: number + 1 })?;
        }
    }
    Ok(found)
}

/// Adds the setting of one line. As for libpq, the first line for a setting counts.
fn add(settings: &mut Settings, line: &str, origin: Origin) -> Result<(), AddressError> {
    let Some((name, value)) = line.split_once('=') else { return Err(AddressError::ServiceLine { origin }) };
    match key(name) {
        Some(key) if key != "service" => {
            if settings.get(key).is_some() {
                Ok(())
            } else {
                settings.set(key, value.to_owned(), origin)
            }
        }
        _ => Err(AddressError::UnknownKey { origin, key: name.to_owned() }),
    }
}
