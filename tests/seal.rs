//! Makes a hostile index: changes its files, and then corrects every checksum.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A manifest that was taken apart.
pub(crate) struct Manifest {
    path: PathBuf,
    version: u64,
    pub(crate) commit: Value,
}

impl Manifest {
    pub(crate) fn read(index: &Path) -> Self {
        let path = index.join("manifest.json");
        let envelope: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        Self { path, version: envelope["format_version"].as_u64().unwrap(), commit: envelope["commit"].clone() }
    }

    /// Writes the manifest with a checksum that matches its content.
    pub(crate) fn seal(&self) {
        let commit = self.commit.to_string();
        let crc32 = crc32(&[&(self.version as u32).to_le_bytes(), commit.as_bytes()]);
        let version = self.version;
        let sealed = format!("{{\"format_version\":{version},\"crc32\":{crc32},\"commit\":{commit}}}\n");
        fs::write(&self.path, sealed).unwrap();
    }

    /// Replaces the content of a file of vectors or of the catalog, and corrects its length and checksums in the
    /// commit.
    pub(crate) fn replace(&mut self, file: &Path, bytes: &[u8]) {
        fs::write(file, bytes).unwrap();
        let named = file.file_name().unwrap().to_str().unwrap();
        self.named(named, &mut |entry| {
            entry["bytes"] = bytes.len().into();
            entry["crc32"] = crc32(&[bytes]).into();
            let codes = &entry["codes"];
            if let (Some(start), Some(length)) = (codes["start"].as_u64(), codes["bytes"].as_u64()) {
                let (start, end) = (start as usize, (start + length) as usize);
                entry["codes"] = match bytes.get(end..) {
                    Some(after) => {
                        json!({"start": start, "bytes": length, "rest_crc32": crc32(&[&bytes[..start], after])})
                    }
                    None => Value::Null,
                };
            }
        });
    }

    fn named(&mut self, name: &str, change: &mut dyn FnMut(&mut Value)) {
        fn walk(value: &mut Value, name: &str, change: &mut dyn FnMut(&mut Value)) {
            match value {
                Value::Object(_) if value["name"] == name && value["crc32"].is_u64() => change(value),
                Value::Object(entries) => entries.iter_mut().for_each(|(_, entry)| walk(entry, name, change)),
                Value::Array(entries) => entries.iter_mut().for_each(|entry| walk(entry, name, change)),
                _ => {}
            }
        }
        walk(&mut self.commit, name, change);
    }
}

fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.finalize()
}
