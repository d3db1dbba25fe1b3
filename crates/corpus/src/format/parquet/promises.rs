//! What a Parquet file promises: the sizes in the header of a page, and the depth of the schema.

use super::thrift::{DEPTH, LIST, List, STRUCT, TRUE, ThriftReader};

/// The header of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// 0 for a data page, 2 for a dictionary, 3 for a data page of the second version.
    pub(super) kind: i64,
    /// Bytes of the page when it is decompressed.
    pub(super) size: usize,
    /// Bytes of the page in the file.
    pub(super) compressed: usize,
    /// The number of values, if the page is a dictionary.
    pub(super) values: usize,
    /// Bytes at its start that are not compressed.
    pub(super) levels: usize,
    /// Whether the bytes after those are compressed.
    pub(super) is_compressed: bool,
}

/// The header that `bytes` begin with.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut header = PageHeader { is_compressed: true, ..PageHeader::default() };
    ThriftReader(bytes).each_field(|reader, kind, number| match number {
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

/// How deeply groups are nested in the schema of a file with this footer.
pub(super) fn schema_depth(footer: &[u8]) -> Option<usize> {
    let mut deepest = None;
    ThriftReader(footer).each_field(|reader, kind, number| match (number, kind) {
        (2, LIST) => {
            deepest = Some(depth_of_list(reader)?);
            Some(())
        }
        _ => reader.skip(kind, DEPTH),
    })?;
    deepest
}

/// The schema is a tree in the order of a walk, each group with the number of its children.
fn depth_of_list(reader: &mut ThriftReader<'_>) -> Option<usize> {
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
