//! As much of Thrift's compact protocol as it takes to see what a Parquet file promises before a library believes it.
//!
//! Format: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>,
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

/// Structs in structs, at most; Parquet's own have five.
const DEPTH: usize = 32;

/// Types of fields.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const INTEGERS: [u8; 3] = [4, 5, 6];
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// What stands before a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// 0 a data page, 2 a dictionary, 3 a data page of the second version.
    pub(super) kind: i64,
    /// Bytes of the page when it is decompressed.
    pub(super) size: usize,
    /// Bytes of it as it lies in the file.
    pub(super) compressed: usize,
    /// Values of a dictionary.
    pub(super) values: usize,
    /// Bytes at its start that are not compressed.
    pub(super) levels: usize,
    /// Whether what follows them is.
    pub(super) is_compressed: bool,
}

/// A list of something.
struct List {
    kind: u8,
    length: usize,
}

/// Bytes that are read. `None`, of all that is read here, is for bytes that cannot be understood.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
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

    fn signed(&mut self) -> Option<i64> {
        let zigzag = self.unsigned()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.signed()?).ok()
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn list(&mut self) -> Option<List> {
        let header = self.byte()?;
        let short = u64::from(header >> 4);
        let length = if short == 15 { self.unsigned()? } else { short };
        // No element is less than a byte.
        let length = usize::try_from(length).ok().filter(|&length| length <= self.0.len())?;
        Some(List { kind: header & 0xf, length })
    }

    /// Hands every field of a struct to `each`, by its type and number, which reads it. Numbers rise: of a field that
    /// stood there twice, it would not be clear which one counts.
    fn each_field(&mut self, mut each: impl FnMut(&mut Self, u8, i64) -> Option<()>) -> Option<()> {
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

    /// Passes over a value of this type.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
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

    /// In a list a truth value takes a byte, in a struct it is the type itself.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, TRUE | FALSE) { self.pass(1) } else { self.skip(kind, depth) }
    }
}

/// The header that `bytes` begin with.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut header = PageHeader { is_compressed: true, ..PageHeader::default() };
    Reader(bytes).each_field(|reader, kind, number| match number {
        1 => reader.signed().map(|kind| header.kind = kind),
        2 => reader.size().map(|size| header.size = size),
        3 => reader.size().map(|size| header.compressed = size),
        7 if kind == STRUCT => reader.each_field(|reader, kind, number| match number {
            1 => reader.size().map(|values| header.values = values),
            _ => reader.skip(kind, DEPTH),
        }),
        8 if kind == STRUCT => reader.each_field(|reader, kind, number| match number {
            5 | 6 => reader.size().map(|size| header.levels += size),
            7 => {
                header.is_compressed = kind == TRUE;
                Some(())
            }
            _ => reader.skip(kind, DEPTH),
        }),
        _ => reader.skip(kind, DEPTH),
    })?;
    Some(header)
}

/// How deep groups stand in each other in the schema of a file with this footer.
pub(super) fn schema_depth(footer: &[u8]) -> Option<usize> {
    let mut deepest = None;
    Reader(footer).each_field(|reader, kind, number| match (number, kind) {
        (2, LIST) => {
            deepest = Some(depth_of_list(reader)?);
            Some(())
        }
        _ => reader.skip(kind, DEPTH),
    })?;
    deepest
}

/// The schema is a tree in the order of a walk, each group with the number of its children.
fn depth_of_list(reader: &mut Reader<'_>) -> Option<usize> {
    let List { kind, length } = reader.list()?;
    // Of each group that is not yet at its end, how many children are to come.
    let (mut open, mut deepest): (Vec<i64>, usize) = (Vec::new(), 0);
    for _ in 0..length {
        if kind != STRUCT {
            return None;
        }
        let mut children = 0;
        reader.each_field(|reader, kind, number| match number {
            5 => reader.signed().map(|count| children = count),
            _ => reader.skip(kind, DEPTH),
        })?;
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
            deepest = deepest.max(open.len());
        }
    }
    Some(deepest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_understood_and_none_with_a_field_twice() {
        // Type 0, 100 bytes, 50 compressed, and a header of its own with three fields.
        let header = [0x15, 0, 0x15, 200, 1, 0x15, 100, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0, 0, 0xff];
        let expected = PageHeader { kind: 0, size: 100, compressed: 50, values: 0, levels: 0, is_compressed: true };
        assert_eq!(page_header(&header), Some(expected));
        assert_eq!(page_header(&header[..10]), None);
        assert_eq!(page_header(&[0x15, 0, 0x15, 2, 0x15, 2, 0x05, 4, 200, 1, 0]), None);
    }

    #[test]
    fn depth_is_that_of_groups_in_groups() {
        // Each with a name, and a number of children.
        let element = |children: u8| [0x48, 1, b'a', 0x15, 2 * children, 0];
        let footer = |children: &[u8]| {
            let list: Vec<u8> = children.iter().flat_map(|&children| element(children)).collect();
            [&[0x15, 2, 0x19, 0xfc, children.len() as u8][..], &list, &[0]].concat()
        };
        assert_eq!(schema_depth(&footer(&[2, 0, 0])), Some(1));
        assert_eq!(schema_depth(&footer(&[2, 1, 1, 0, 1, 0])), Some(3));
        assert_eq!(schema_depth(&footer(&[1; 120])), Some(120));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_overflow_the_stack(bytes: Vec<u8>, nested in 0..9000usize) {
            page_header(&bytes);
            schema_depth(&bytes);
            page_header(&[0x1c].repeat(nested));
            page_header(&[0x19].repeat(nested));
        }
    }
}
