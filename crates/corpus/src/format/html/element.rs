//! What each element of HTML is for the text of a page.

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a sentence: `b`, `span`.
    Phrase,
    /// Not an element of HTML, such as `my-app`. It is part of a sentence too.
    Other,
    Link,
    /// Base text with readings of it.
    Ruby,
    /// A reading in a ruby: browsers draw it small above the base text.
    Reading,
    /// Text of its own: `div`, `blockquote`.
    Block,
    /// The line of a `details` element that is always shown.
    Summary,
    Section,
    Paragraph,
    /// `h1` to `h6`.
    Heading(u8),
    List,
    ListItem,
    /// `dt` or `dd`.
    Term,
    Table,
    Caption,
    RowGroup,
    Row,
    Cell,
    HeaderCell,
    /// Text that keeps its white space.
    Preformatted,
    Main,
    Article,
    /// `header` or `footer`.
    Margin {
        header: bool,
    },
    Aside,
    /// Links to other pages or places: `nav`, `search`.
    Navigation,
    /// What a browser shows instead of something: `noscript`, the content of `video`.
    Substitute,
    Dialog,
    Template,
    Button,
    /// A control of a form with words in it, such as `select`.
    Control,
    /// A part of a control that is not closed: `option`.
    Choice,
    /// Another form of a formula, for programs.
    Annotation,
    Svg,
    Math,
    /// An element of SVG or MathML that contains HTML or text.
    Integration,
    /// Its content is no markup.
    Raw(Raw),
    Html,
    /// `head` or `body`: open wherever it is needed.
    Root,
    Break,
    Rule,
    Image,
    Meta,
    /// Any other element without content.
    Void,
}

/// How the content of an element is read that has no elements in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// The title of the page.
    Title,
    /// The value of a control: character references, no tags.
    Value,
    Script,
    /// A style sheet or a frame.
    Style,
    /// Text as it is.
    Example,
    /// Text as it is, up to the end of the page.
    Plain,
}

/// The name of an element: what it is, and a number that tells names of the same kind apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) kind: Kind,
    hash: u64,
}

impl Name {
    /// The element whose name in lower case is `name`.
    pub(super) fn of(name: &[u8]) -> Self {
        // FNV-1a. Names that are made to have the same number are taken for one another; nothing else depends on it.
        let hash = name
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self { kind: kind(name), hash }
    }
}

/// What the element of this name is.
fn kind(name: &[u8]) -> Kind {
    match name {
        b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => Kind::Heading(name[1] - b'0'),
        b"p" => Kind::Paragraph,
        b"ul" | b"ol" | b"menu" | b"dir" | b"dl" => Kind::List,
        b"li" => Kind::ListItem,
        b"dt" | b"dd" => Kind::Term,
        b"address" | b"blockquote" | b"center" | b"details" | b"div" | b"fieldset" | b"figcaption" | b"figure"
        | b"form" | b"hgroup" | b"legend" => Kind::Block,
        b"summary" => Kind::Summary,
        b"section" => Kind::Section,
        b"main" => Kind::Main,
        b"article" => Kind::Article,
        b"header" | b"footer" => Kind::Margin { header: name == b"header" },
        b"aside" => Kind::Aside,
        b"nav" | b"search" => Kind::Navigation,
        b"pre" | b"listing" => Kind::Preformatted,
        b"html" => Kind::Html,
        b"head" | b"body" | b"frameset" => Kind::Root,
        _ => table_kind(name).or_else(|| void_kind(name)).or_else(|| left_out_kind(name)).unwrap_or(phrase_kind(name)),
    }
}

fn table_kind(name: &[u8]) -> Option<Kind> {
    Some(match name {
        b"table" => Kind::Table,
        b"caption" => Kind::Caption,
        b"thead" | b"tbody" | b"tfoot" => Kind::RowGroup,
        b"tr" => Kind::Row,
        b"td" => Kind::Cell,
        b"th" => Kind::HeaderCell,
        _ => return None,
    })
}

/// The kinds of elements without content.
fn void_kind(name: &[u8]) -> Option<Kind> {
    Some(match name {
        b"br" => Kind::Break,
        b"hr" => Kind::Rule,
        b"img" => Kind::Image,
        b"meta" => Kind::Meta,
        b"area" | b"base" | b"basefont" | b"bgsound" | b"col" | b"colgroup" | b"embed" | b"frame" | b"input"
        | b"keygen" | b"link" | b"param" | b"source" | b"track" | b"wbr" => Kind::Void,
        _ => return None,
    })
}

/// The kinds of elements whose content is mostly left out.
fn left_out_kind(name: &[u8]) -> Option<Kind> {
    Some(match name {
        b"title" => Kind::Raw(Raw::Title),
        b"textarea" => Kind::Raw(Raw::Value),
        b"script" => Kind::Raw(Raw::Script),
        b"style" | b"iframe" | b"noembed" => Kind::Raw(Raw::Style),
        b"xmp" => Kind::Raw(Raw::Example),
        b"plaintext" => Kind::Raw(Raw::Plain),
        b"noscript" | b"noframes" | b"object" | b"audio" | b"video" | b"canvas" => Kind::Substitute,
        b"dialog" => Kind::Dialog,
        b"template" => Kind::Template,
        b"button" => Kind::Button,
        b"select" | b"datalist" | b"meter" | b"progress" => Kind::Control,
        b"option" | b"optgroup" => Kind::Choice,
        b"annotation" | b"annotation-xml" => Kind::Annotation,
        b"svg" => Kind::Svg,
        b"math" => Kind::Math,
        b"rt" | b"rtc" | b"rp" => Kind::Reading,
        _ => return None,
    })
}

fn phrase_kind(name: &[u8]) -> Kind {
    match name {
        b"a" => Kind::Link,
        b"ruby" => Kind::Ruby,
        b"foreignobject" | b"desc" | b"mi" | b"mo" | b"mn" | b"ms" | b"mtext" => Kind::Integration,
        b"b" | b"big" | b"code" | b"em" | b"i" | b"nobr" | b"s" | b"small" | b"span" | b"strike" | b"strong"
        | b"sub" | b"sup" | b"tt" | b"u" | b"var" => Kind::Phrase,
        _ => Kind::Other,
    }
}

impl Kind {
    /// Whether the element stands between two lines of text, not in a sentence.
    pub(super) fn is_block(self) -> bool {
        matches!(
            self,
            Self::Block | Self::Summary | Self::Section | Self::Paragraph | Self::Heading(_) | Self::List | Self::Table
        ) || matches!(self, Self::Caption | Self::Preformatted | Self::Main | Self::Article | Self::Margin { .. })
            || matches!(self, Self::Aside | Self::Navigation | Self::Dialog | Self::Rule)
            || matches!(self, Self::Raw(Raw::Example | Raw::Plain))
    }

    /// Whether the start of the element ends an open paragraph.
    pub(super) fn ends_paragraph(self) -> bool {
        (self.is_block() && self != Self::Caption) || matches!(self, Self::ListItem | Self::Term)
    }

    /// Whether the element cannot be part of a heading. If a heading with words is open, it was not closed.
    pub(super) fn ends_heading(self) -> bool {
        self.is_block() && !matches!(self, Self::Block | Self::Summary | Self::Heading(_))
    }

    /// Whether the end tag of an element outside of this one says nothing about what is in this one.
    pub(super) fn is_boundary(self) -> bool {
        self.is_cell() || matches!(self, Self::Table | Self::Caption | Self::Template | Self::Integration)
    }

    pub(super) fn is_cell(self) -> bool {
        matches!(self, Self::Cell | Self::HeaderCell)
    }

    pub(super) fn is_table_part(self) -> bool {
        self.is_cell() || matches!(self, Self::Caption | Self::RowGroup | Self::Row)
    }

    /// How deep in a table a part of it stands.
    pub(super) fn table_rank(self) -> Option<u8> {
        Some(match self {
            Self::RowGroup => 1,
            Self::Row => 2,
            Self::Cell | Self::HeaderCell | Self::Caption => 3,
            _ => return None,
        })
    }

    /// Whether the element is part of a sentence: its end tag ends nothing but other parts of that sentence.
    pub(super) fn is_phrase(self) -> bool {
        matches!(self, Self::Phrase | Self::Other | Self::Link | Self::Ruby | Self::Reading | Self::Annotation)
            || matches!(self, Self::Integration | Self::Button | Self::Choice)
    }

    /// Whether the start of the element ends SVG and formulas: their authors forgot to close them.
    pub(super) fn ends_foreign(self) -> bool {
        self.ends_paragraph() || matches!(self, Self::Phrase | Self::Ruby | Self::Break | Self::Image | Self::Root)
    }

    /// Whether nothing can be in the element.
    pub(super) fn is_void(self) -> bool {
        matches!(self, Self::Break | Self::Rule | Self::Image | Self::Meta | Self::Void)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_an_element_is() {
        assert_eq!(Name::of(b"h3").kind, Kind::Heading(3));
        assert_eq!(Name::of(b"h7").kind, Kind::Other);
        assert_eq!(Name::of(b"footer").kind, Kind::Margin { header: false });
        assert_ne!(Name::of(b"dt"), Name::of(b"dd"));
        assert_eq!(Name::of(b"my-app"), Name::of(b"my-app"));
    }
}
