//! The fonts of a file. Each is read once, and only if its table of widths is not larger than any font needs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use hayro_font::{CMapResolverFn, Font, FontCache, FontQuery, FontResolverFn};
use hayro_syntax::object::{Array, Dict, ObjectIdentifier};

/// How many widths the fonts of a file may have. A font has at most 65,536 glyphs; a range of them takes only a few
/// bytes in the file, but the library makes an entry for each.
const MOST_WIDTHS: usize = 8 << 20;

/// The fonts that need not be in a file.
static STANDARD_FONTS: LazyLock<FontResolverFn> = LazyLock::new(|| {
    Arc::new(|query| match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(font) => Some(font.pick_standard_font().get_font_data()),
    })
});

/// Tables for East Asian fonts that are not in a file. They do not say which characters the glyphs are, so there is
/// none here.
static NO_TABLES: LazyLock<CMapResolverFn> = LazyLock::new(|| Arc::new(|_| None));

/// The fonts that were read.
#[derive(Default)]
pub(super) struct Fonts<'a> {
    cache: FontCache<'a>,
    known: HashMap<ObjectIdentifier, Option<Font<'a>>>,
    widths: usize,
}

impl<'a> Fonts<'a> {
    /// The font that a dictionary describes; `None` if it cannot be read.
    pub(super) fn font(&mut self, dict: &Dict<'a>) -> Result<Option<Font<'a>>, String> {
        let id = dict.obj_id();
        if let Some(font) = id.and_then(|id| self.known.get(&id)) {
            return Ok(font.clone());
        }
        for descendant in dict.get::<Array<'a>>(&b"DescendantFonts"[..]).iter().flat_map(Array::iter::<Dict<'a>>) {
            self.widths += widths(&descendant);
        }
        if self.widths > MOST_WIDTHS {
            return Err(format!("its fonts have more than {MOST_WIDTHS} widths"));
        }
        let font = self.cache.font(dict, &STANDARD_FONTS, &NO_TABLES);
        self.known.extend(id.map(|id| (id, font.clone())));
        Ok(font)
    }
}

/// At most so many widths does a font have. They are lists, or ranges that have one width.
fn widths(font: &Dict<'_>) -> usize {
    let mut count = 0_usize;
    for (key, others) in [(&b"W"[..], 1), (b"W2", 3)] {
        let Some(array) = font.get::<Array<'_>>(key) else { continue };
        let mut rest = array.flex_iter();
        loop {
            if let Some((_, list)) = rest.next::<(u32, Array<'_>)>() {
                count = count.saturating_add(list.data().len());
            } else if let Some((first, last)) = rest.next::<(u32, u32)>() {
                count = count.saturating_add(last.saturating_sub(first) as usize).saturating_add(1);
                (0..others).for_each(|_| _ = rest.next::<f32>());
            } else {
                break;
            }
        }
    }
    count
}
