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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TEXT: &str = "# all\n[one]\nhost=a\n host=b \n\npassword=secret word\n[two]\nhost\n[one]\nport=1\n";

    fn read(text: &str, service: &str) -> Result<Option<Settings>, String> {
        section(text, service, Path::new("f")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_section_with_a_name_counts_and_in_it_the_first_line_for_a_setting() {
        let settings = read(TEXT, "one").unwrap().unwrap();
        assert_eq!(settings.iter().collect::<Vec<_>>(), [("host", "a"), ("password", "secret word")]);
        assert_eq!(settings.origin("password").to_string(), "f:6");
        assert!(read(TEXT, "three").unwrap().is_none());
    }

    #[test]
    fn a_bad_line_is_an_error_that_names_its_place_and_not_its_value() {
        let error = |line: &str| read(&format!("[s]\n{line}"), "s").map(|_| ()).unwrap_err();
        assert_eq!(error("secret"), "f:2: a line of a service must be NAME=VALUE");
        assert_eq!(error("pasword=secret"), "f:2: there is no setting \"pasword\"");
        assert_eq!(error("service=other"), "f:2: there is no setting \"service\"");
        let expected = "f:2: port must be a number from 1 to 65535, or one for each host with commas between";
        assert_eq!(error("port=secret"), expected);
    }

    #[test]
    fn a_service_is_looked_for_in_the_own_file_and_then_in_the_one_of_the_system() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mut surroundings = Surroundings::new(|_| None, Some(at("")), None);
        surroundings.system_directory = Some(at("etc"));
        let error = settings("s", &surroundings).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no service \"s\" in /") && error.contains("etc/pg_service.conf"),
            "{error}"
        );
        fs::create_dir(at("etc")).unwrap();
        fs::write(at("etc/pg_service.conf"), "[s]\nuser=system").unwrap();
        let user = |surroundings: &Surroundings| settings("s", surroundings).unwrap().get("user").unwrap().to_owned();
        assert_eq!(user(&surroundings), "system");
        fs::write(at(".pg_service.conf"), "[s]\nuser=own").unwrap();
        assert_eq!(user(&surroundings), "own");
        surroundings.service_file = Some(at("mine"));
        assert_eq!(user(&surroundings), "system");
        fs::write(at("mine"), b"[s]\xff").unwrap();
        assert!(matches!(settings("s", &surroundings), Err(AddressError::File { .. })));
    }
}
