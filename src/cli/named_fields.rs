//! Tells of fields that options name and no record has, because such a name may be misspelled.

use std::collections::BTreeSet;

use semsearch::corpus::{FieldNames, Record};

use super::similar::meant;
use super::terminal::Terminal;

/// The most fields that are kept to find one that may be meant, and the longest name, in bytes.
const MOST: usize = 1000;
const LONGEST: usize = 256;

/// The fields that options name, and which of them a record had.
pub(super) struct NamedFields<'a> {
    named: Vec<NamedField<'a>>,
    /// Fields that records have.
    known: BTreeSet<String>,
    /// Whether there was a record.
    any: bool,
}

struct NamedField<'a> {
    option: &'static str,
    path: &'a str,
    was_seen: bool,
}

impl<'a> NamedFields<'a> {
    pub(super) fn new(fields: &'a FieldNames) -> Self {
        let ids = fields.id.iter().map(|path| ("--id-field", path));
        let texts = fields.text.iter().map(|path| ("--text-field", path));
        let all = ids.chain(texts).chain(fields.title.iter().map(|path| ("--title-field", path)));
        let named = all.map(|(option, path)| NamedField { option, path, was_seen: false }).collect();
        Self { named, known: BTreeSet::new(), any: false }
    }

    /// Takes note of the fields of a record. Files of text have no fields that count.
    pub(super) fn see(&mut self, record: &Record) {
        if record.markup.is_some() || self.named.iter().all(|field| field.was_seen) {
            return;
        }
        self.any = true;
        for field in &mut self.named {
            field.was_seen |= record.has_field(field.path);
        }
        for name in record.fields.keys() {
            if self.known.len() < MOST && name.len() <= LONGEST && !self.known.contains(name) {
                self.known.insert(name.clone());
            }
        }
    }

    /// Warns of each field that no record had, if there were records. Call it when all of them were read.
    pub(super) fn report(&self, terminal: &Terminal) {
        for NamedField { option, path, .. } in self.named.iter().filter(|field| self.any && !field.was_seen) {
            let meant = meant(path, &self.known);
            terminal.warn(&format!("no record that was read has the field `{path}` of {option}{meant}"));
        }
    }
}
