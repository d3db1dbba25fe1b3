//! The pages of a column, with the length of each row checked before it becomes a value.

use ::parquet::basic::Encoding;
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::Result;

use super::limits::{MOST_PREFIXED, refuse};
use crate::bounded::MOST_VALUES;

/// The pages of a column. Pages in which a row has more values than a record may have are refused.
pub(super) struct Pages<P> {
    pages: P,
    /// The highest level of repetition: 0 where a row has one value.
    deepest_list: i16,
    /// Values of the current row.
    length: usize,
}

impl<P> Pages<P> {
    pub(super) fn new(pages: P, deepest_list: i16) -> Self {
        Self { pages, deepest_list, length: 0 }
    }
}

impl<P: PageReader> Pages<P> {
    fn check(&mut self, page: &Page) -> Result<()> {
        if page.encoding() == Encoding::DELTA_BYTE_ARRAY && page.buffer().len() > MOST_PREFIXED {
            return refuse(format!("a page of shared prefixes of more than {} MiB", MOST_PREFIXED >> 20));
        }
        if self.deepest_list == 0 {
            return Ok(());
        }
        let levels = match page {
            Page::DictionaryPage { .. } => return Ok(()),
            Page::DataPage { buf, .. } => {
                let length =
                    buf.get(..4).map_or(0, |length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
                buf.get(4..4 + length as usize)
            }
            Page::DataPageV2 { buf, rep_levels_byte_len, .. } => buf.get(..*rep_levels_byte_len as usize),
        };
        let width = 16 - (self.deepest_list as u16).leading_zeros() as usize;
        let longest = longest_row(levels.unwrap_or_default(), width, page.num_values() as usize, &mut self.length);
        if longest > MOST_VALUES {
            return refuse(format!("a row of more than {MOST_VALUES} values"));
        }
        Ok(())
    }
}

/// The number of values in the longest row of a page with these levels of repetition. Each level 0 begins a row.
/// `length` is first the length of the row that the page before began, then that of the last row of this page. (Levels
/// in the old bit packing, which writers have not used for many years, are counted wrong. That is no worse than not
/// counting them.)
fn longest_row(levels: &[u8], width: usize, values: usize, length: &mut usize) -> usize {
    let (mut rest, mut left, mut longest) = (levels, values, *length);
    let mut add = |level: usize, count: usize| {
        *length = if level == 0 { 1 } else { length.saturating_add(count) };
        longest = longest.max(*length);
    };
    while left > 0 {
        let Some((run, bytes)) = unsigned(rest) else { break };
        rest = &rest[bytes..];
        let count = (run >> 1) as usize;
        if run & 1 == 0 {
            let bytes = width.div_ceil(8).min(rest.len());
            let level = rest[..bytes].iter().rev().fold(0, |level, &byte| level << 8 | usize::from(byte));
            rest = &rest[bytes..];
            add(level, count.min(left));
            left -= count.min(left);
        } else {
            let packed = &rest[..count.saturating_mul(width).min(rest.len())];
            rest = &rest[packed.len()..];
            for number in 0..(packed.len() * 8 / width).min(left) {
                let bit = |bit: usize| packed[bit / 8] >> (bit % 8) & 1;
                add((number * width..(number + 1) * width).map(|at| usize::from(bit(at))).sum(), 1);
            }
            left -= count.saturating_mul(8).min(left);
        }
    }
    longest
}

/// A number in groups of seven bits, and the bytes it takes.
fn unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (number, &byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((value, number + 1));
        }
    }
    None
}

impl<P: PageReader> Iterator for Pages<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<P: PageReader> PageReader for Pages<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_row_is_found_in_runs_and_in_packed_levels_and_across_pages() {
        let mut length = 0;
        // One 0, then a run of 999 times 1, then eight packed levels of one bit.
        let levels = [2, 0, 0xce, 0x0f, 1, 3, 0b1111_0111];
        assert_eq!(longest_row(&levels, 1, 1008, &mut length), 1003);
        assert_eq!(length, 5);
        assert_eq!(longest_row(&[0x14, 1], 1, 10, &mut length), 15);
        // A run that promises more than the page has.
        assert_eq!(longest_row(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 1], 1, 20, &mut length), 35);
        assert_eq!(longest_row(&[], 1, 20, &mut length), 35);
    }
}
