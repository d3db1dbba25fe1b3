//! The attributes of a tag that matter for the text of a page.
//!
//! Others are not kept, so that a tag of a million attributes costs no more than its bytes.

/// An attribute that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Alt,
    AriaHidden,
    Charset,
    Content,
    Hidden,
    Href,
    HttpEquiv,
    Lang,
    Name,
    Open,
    Role,
    ShadowRootMode,
    Style,
    Xmlns,
}

const COUNT: usize = Attribute::Xmlns as usize + 1;

/// The attributes of the tag that is being read.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    values: [Option<String>; COUNT],
    /// The one whose value comes next.
    current: Option<Attribute>,
    /// Whether there is a value.
    any: bool,
}

impl Attributes {
    /// Forgets the attributes of the tag before.
    pub(super) fn clear(&mut self) {
        if self.any {
            self.values = Default::default();
            self.any = false;
        }
        self.current = None;
    }

    /// Adds an attribute with an empty value, unless the tag has one of this name already.
    pub(super) fn add(&mut self, name: &[u8]) {
        self.current = attribute(name).filter(|&found| self.get(found).is_none());
        if let Some(found) = self.current {
            self.values[found as usize] = Some(String::new());
            self.any = true;
        }
    }

    /// Sets the value of the attribute that was added last.
    pub(super) fn set(&mut self, value: &[u8]) {
        if let Some(found) = self.current.take() {
            self.values[found as usize] = Some(String::from_utf8_lossy(value).into_owned());
        }
    }

    /// The value of an attribute; empty if the tag has only its name.
    pub(super) fn get(&self, attribute: Attribute) -> Option<&str> {
        self.values[attribute as usize].as_deref()
    }

    /// The value of an attribute, unless it is blank.
    pub(super) fn words(&self, attribute: Attribute) -> Option<&str> {
        self.get(attribute).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether an attribute has the value, in upper or lower case.
    pub(super) fn is(&self, attribute: Attribute, value: &str) -> bool {
        self.words(attribute).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }
}

fn attribute(name: &[u8]) -> Option<Attribute> {
    Some(match name {
        b"alt" => Attribute::Alt,
        b"aria-hidden" => Attribute::AriaHidden,
        b"charset" => Attribute::Charset,
        b"content" => Attribute::Content,
        b"hidden" => Attribute::Hidden,
        b"href" => Attribute::Href,
        b"http-equiv" => Attribute::HttpEquiv,
        b"lang" => Attribute::Lang,
        b"name" => Attribute::Name,
        b"open" => Attribute::Open,
        b"role" => Attribute::Role,
        b"shadowrootmode" => Attribute::ShadowRootMode,
        b"style" => Attribute::Style,
        b"xmlns" => Attribute::Xmlns,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attribute_of_a_name_counts() {
        let mut attributes = Attributes::default();
        for (name, value) in [("alt", "one"), ("id", "x"), ("alt", "two")] {
            attributes.add(name.as_bytes());
            attributes.set(value.as_bytes());
        }
        attributes.add(b"hidden");
        assert_eq!(attributes.get(Attribute::Alt), Some("one"));
        assert_eq!((attributes.get(Attribute::Hidden), attributes.words(Attribute::Hidden)), (Some(""), None));
        attributes.clear();
        assert_eq!(attributes.get(Attribute::Alt), None);
    }
}
