//! The archive that a DOCX file is, and the parts in it.

use std::io::{self, BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::xml::{Node, Xml};

/// How many bytes may come out of all parts together. A document of a thousand pages has a few megabytes.
const MOST: u64 = 64 << 20;

/// The start of the kind of file that older Word versions write, and newer ones for a document with a password.
const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// An open DOCX file.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// How many bytes may still come out of parts.
    left: u64,
}

/// A part that is being read.
pub(super) type Part<'a, 'b> = BufReader<Metered<'a, ZipFile<'a, Cursor<&'b [u8]>>>>;

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.starts_with(COMPOUND_FILE) {
            return Err("it is encrypted, or a DOC file of an older Word".into());
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| zip_reason(&error))?;
        Ok(Self { archive, left: MOST })
    }

    /// The XML of the part `name`; `None` if there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Xml<Part<'_, 'a>>>, String> {
        match self.archive.by_name(name.trim_start_matches('/')) {
            Ok(file) => Ok(Some(Xml::new(BufReader::new(Metered { source: file, left: &mut self.left })))),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(error) => Err(zip_reason(&error)),
        }
    }

    /// The parts to which the package itself, or one of its parts, is related: the last word of each relation's kind,
    /// as in `officeDocument`, and the name of the part.
    pub(super) fn relations(&mut self, of: &str) -> Result<Vec<(String, String)>, String> {
        let (folder, file) = of.rsplit_once('/').unwrap_or(("", of));
        let path = if folder.is_empty() { format!("_rels/{file}.rels") } else { format!("{folder}/_rels/{file}.rels") };
        let (mut found, Some(mut part)) = (Vec::new(), self.part(&path)?) else { return Ok(Vec::new()) };
        while let Some(node) = part.next()? {
            let Node::Start(element) = node else { continue };
            let (kind, target) = (element.attribute("Type"), element.attribute("Target"));
            let (Some(kind), Some(target)) = (kind, target) else { continue };
            let kind = kind.rsplit('/').next().unwrap_or_default();
            found.push((kind.to_owned(), within(folder, &target)));
        }
        Ok(found)
    }
}

/// The name of the part `target`, which is meant as seen from `folder`.
fn within(folder: &str, target: &str) -> String {
    match target.strip_prefix('/') {
        Some(whole) => whole.to_owned(),
        None if folder.is_empty() => target.to_owned(),
        None => format!("{folder}/{target}"),
    }
}

/// A source of which only so many bytes may be read.
pub(super) struct Metered<'a, R> {
    source: R,
    left: &'a mut u64,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        *self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let said = format!("its parts are more than {} MiB when they are decompressed", MOST >> 20);
            io::Error::new(io::ErrorKind::QuotaExceeded, said)
        })?;
        Ok(count)
    }
}

fn zip_reason(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => "it is encrypted".into(),
        error => format!("its archive is damaged: {error}"),
    }
}
