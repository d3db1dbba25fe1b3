//! Whether a page is HTML or XHTML. They differ for a tag that ends with `/>`: in XHTML, the element ends with it.

use std::path::Path;

use super::attributes::{Attribute, Attributes};
use super::element::Kind;
use crate::compression::bare_name;

/// The namespace of XHTML.
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) enum Syntax {
    /// HTML, unless the page says otherwise.
    Html,
    Xhtml,
}

impl Syntax {
    /// What the extension of a file says.
    pub(in crate::format) fn of(path: &Path) -> Self {
        let name = bare_name(path);
        let extension = name.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_xhtml = ["xhtml", "xht"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        if is_xhtml { Self::Xhtml } else { Self::Html }
    }

    /// The same, or what the first characters of the page say.
    pub(super) fn or_declared_in(self, source: &str) -> Self {
        if source.trim_start().starts_with("<?xml") { Self::Xhtml } else { self }
    }

    /// The same, or what the attributes of its `html` element say.
    pub(super) fn or_named_by(self, attributes: &Attributes) -> Self {
        if attributes.is(Attribute::Xmlns, XHTML) { Self::Xhtml } else { self }
    }

    /// Whether a tag that ends with `/>` closes an element of this kind.
    pub(super) fn closes(self, kind: Kind) -> bool {
        self == Self::Xhtml || matches!(kind, Kind::Svg | Kind::Math)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_xhtml() {
        for (name, expected) in [("a.xhtml", Syntax::Xhtml), ("a.XHT.gz", Syntax::Xhtml), ("xhtml.html", Syntax::Html)]
        {
            assert_eq!(Syntax::of(name.as_ref()), expected, "{name}");
        }
    }
}
