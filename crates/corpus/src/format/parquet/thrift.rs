//! The part of Thrift's compact protocol that is needed to see what a Parquet file promises, before a library believes
//! it.
//!
//! Format: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>,
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

/// The deepest nesting of structs that is read. Parquet's own has five levels.
pub(super) const DEPTH: usize = 32;

// The types of fields.
pub(super) const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const INTEGERS: [u8; 3] = [4, 5, 6];
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;

/// The head of a list.
pub(super) struct List {
    pub(super) kind: u8,
    pub(super) length: usize,
}

/// Bytes that are being read. All methods return `None` for bytes that cannot be understood.
pub(super) struct ThriftReader<'a>(pub(super) &'a [u8]);

impl ThriftReader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let zigzag = self.unsigned()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.signed()?).ok()
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    pub(super) fn list(&mut self) -> Option<List> {
        let header = self.byte()?;
        let short = u64::from(header >> 4);
        let length = if short == 15 { self.unsigned()? } else { short };
        // Each element takes at least one byte.
        let length = usize::try_from(length).ok().filter(|&length| length <= self.0.len())?;
        Some(List { kind: header & 0xf, length })
    }

    /// Calls `each` with the type and number of every field of a struct; `each` reads the field. The numbers must
    /// increase: if a field came twice, it would not be clear which one counts.
    pub(super) fn each_field(&mut self, mut each: impl FnMut(&mut Self, u8, i64) -> Option<()>) -> Option<()> {
        let mut last = 0;
        loop {
            let header = self.byte()?;
            if header & 0xf == 0 {
                return Some(());
            }
            let step = i64::from(header >> 4);
            let number = if step == 0 { self.signed()? } else { last + step };
            if number <= last {
                return None;
            }
            last = number;
            each(self, header & 0xf, number)?;
        }
    }

    /// Skips a value of this type.
    pub(super) fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.pass(1),
            DOUBLE => self.pass(8),
            BINARY => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            LIST | SET => {
                let List { kind, length } = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, deeper))
            }
            MAP => {
                let length = self.unsigned()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(kinds >> 4, deeper)?;
                    self.skip_element(kinds & 0xf, deeper)
                })
            }
            STRUCT => self.each_field(|reader, kind, _| reader.skip(kind, deeper)),
            integer if INTEGERS.contains(&integer) => self.unsigned().map(drop),
            _ => None,
        }
    }

    /// Skips an element of a list. A boolean takes a byte there; in a struct its type is also its value.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, TRUE | FALSE) { self.pass(1) } else { self.skip(kind, depth) }
    }
}
