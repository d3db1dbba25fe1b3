//! The parts of a page: its main part, its article, what stands around them.

use super::element::Kind;

/// Where in a page a text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Region(u8);

impl Region {
    /// In the first main part.
    pub(super) const MAIN: Self = Self(1);
    /// In the first article.
    pub(super) const ARTICLE: Self = Self(2);
    /// In a header of the page.
    pub(super) const HEADER: Self = Self(4);
    /// In a footer of the page, or beside its text.
    pub(super) const MARGIN: Self = Self(8);
    /// In any main part or article.
    const CONTENT: Self = Self(16);
    const SECTION: Self = Self(32);
    /// What the choice of the text depends on.
    const CHOICE: u8 = Self::MAIN.0 | Self::ARTICLE.0 | Self::HEADER.0 | Self::MARGIN.0;

    /// Whether the place is in one of the regions.
    pub(super) fn is_in(self, regions: &[Self]) -> bool {
        regions.iter().any(|region| self.0 & region.0 != 0)
    }

    /// Whether two places are chosen or left out together.
    pub(super) fn is_like(self, other: Self) -> bool {
        (self.0 ^ other.0) & Self::CHOICE == 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// How many main parts and articles a page has, those inside of others not counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Regions {
    pub(super) mains: usize,
    pub(super) articles: usize,
}

impl Regions {
    /// The region in an element of this kind that stands in the region `around`.
    pub(super) fn enter(&mut self, kind: Kind, is_main: bool, around: Region) -> Region {
        let mut region = around;
        if is_main {
            self.mains += usize::from(!around.is_in(&[Region::MAIN]));
            region.add(Region::CONTENT);
            if self.mains == 1 {
                region.add(Region::MAIN);
            }
        }
        match kind {
            Kind::Article => {
                self.articles += usize::from(!around.is_in(&[Region::ARTICLE]));
                region.add(Region::CONTENT);
                if self.articles == 1 {
                    region.add(Region::ARTICLE);
                }
            }
            Kind::Section => region.add(Region::SECTION),
            Kind::Aside if !around.is_in(&[Region::CONTENT]) => region.add(Region::MARGIN),
            Kind::Margin { header } if !around.is_in(&[Region::CONTENT, Region::SECTION]) => {
                region.add(if header { Region::HEADER } else { Region::MARGIN });
            }
            _ => {}
        }
        region
    }
}
