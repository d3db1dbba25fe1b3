//! The id of a record that has none: computed from its content, so that the same record is the same document the next
//! time.

use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The id of a record without one: 128 bits of the SHA-256 of its JSON, in hexadecimal.
pub(crate) fn content_id(fields: &Map<String, Value>) -> String {
    let mut digest = BufWriter::new(Digesting(Sha256::new()));
    // Neither computing a digest nor writing to a buffer can fail.
    let _ = serde_json::to_writer(&mut digest, fields).map(|()| digest.flush());
    hex::encode(&digest.get_ref().0.clone().finalize()[..16])
}

/// Computes the digest of what is written.
struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
