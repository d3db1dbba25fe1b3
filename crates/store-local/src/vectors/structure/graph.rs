//! Graphs: hierarchical navigable small worlds (Malkov and Yashunin 2016), as FAISS stores them.

use super::source::{Checked, Source, expect, same};
use super::{Header, IndexPlace, agree, codes, index};

pub(super) const KINDS: &[[u8; 4]] = &[*b"IHNf", *b"IHNs", *b"IHNp"];

/// The most levels of a graph.
const MAX_LEVELS: u64 = 64;

/// The most links of a vector on one level.
const MAX_LINKS: i32 = 1 << 12;

/// The most candidates that a search holds.
const MAX_CANDIDATES: i32 = 1 << 16;

/// Checks and skips what follows the header.
pub(super) fn check(source: &mut Source, kind: [u8; 4], header: Header, place: IndexPlace) -> Checked {
    expect("number of vectors", i32::try_from(header.vectors).is_ok())?;
    let links = Links::read(source)?;
    let levels = levels(source, &links, header.vectors)?;
    links.offsets(source, &levels)?;
    links.neighbours(source, &levels)?;
    entry(source, &levels)?;
    source.count("candidates while adding", MAX_CANDIDATES)?;
    source.count("candidates", MAX_CANDIDATES)?;
    // An unused number of older files.
    source.skip(4)?;
    let stored = if &kind == b"IHNp" {
        codes::product_in_graph(source)?
    } else {
        let stored = index(source, IndexPlace { in_graph: true, ..place.below() })?;
        let kinds: &[[u8; 4]] = if &kind == b"IHNs" { &[*b"IxSQ"] } else { &[*b"IxFI", *b"IxF2", *b"IxFl"] };
        expect("vectors of a graph", kinds.contains(&stored.kind))?;
        stored.header
    };
    agree(header, stored)
}

/// How many links a vector has: the links of level `l` begin at `cumulative[l]`.
struct Links {
    cumulative: Vec<i32>,
}

impl Links {
    /// Reads the probability that a vector reaches each level, and the numbers of links. FAISS computes all of them
    /// from one number.
    fn read(source: &mut Source) -> Checked<Self> {
        let chances: Vec<f64> = source.short("probabilities of levels", MAX_LEVELS)?;
        let cumulative: Vec<i32> = source.short("numbers of links", MAX_LEVELS + 1)?;
        expect("numbers of links", !chances.is_empty() && cumulative.len() == chances.len() + 1)?;
        expect("probabilities of levels", chances.iter().all(|chance| (0.0..=1.0).contains(chance)))?;
        let links = cumulative[1] / 2;
        expect("numbers of links", cumulative[..2] == [0, 2 * links] && (2..=MAX_LINKS).contains(&links))?;
        expect("numbers of links", cumulative[1..].windows(2).all(|pair| pair[1] - pair[0] == links))?;
        // The probabilities must be those that FAISS computes. With others, all new vectors could reach the highest
        // level.
        let chance = |level: usize| (links as f64).powi(-(level as i32)) * (1.0 - 1.0 / links as f64);
        let usual = |(level, found): (usize, &f64)| (found - chance(level)).abs() <= 1e-4 * chance(level);
        expect("probabilities of levels", chances.iter().enumerate().all(usual))?;
        Ok(Self { cumulative })
    }

    /// Checks where the links of each vector begin.
    fn offsets(&self, source: &mut Source, levels: &[u8]) -> Checked {
        let length = source.length("offsets of links", 8)?;
        same("offsets of links", length, levels.len() as u64 + 1)?;
        same("first offset of links", source.u64()?, 0)?;
        let (mut end, mut rest) = (0, levels);
        source.walk(levels.len() as u64, |offsets: &[u64]| {
            let (now, after) = rest.split_at(offsets.len());
            rest = after;
            let mut right = true;
            for (offset, level) in offsets.iter().zip(now) {
                end += self.cumulative[usize::from(*level)] as u64;
                right &= *offset == end;
            }
            expect("offsets of links", right)
        })
    }

    /// Checks that links lead to vectors, and that the links of a level lead to vectors that reach this level.
    fn neighbours(&self, source: &mut Source, levels: &[u8]) -> Checked {
        /// Links that are read at a time.
        const TOGETHER: usize = 1 << 15;
        let count = |level: &u8| self.cumulative[usize::from(*level)] as usize;
        let length = source.length("links", 4)?;
        same("links", length, levels.iter().map(|level| count(level) as u64).sum())?;
        let vectors = levels.len() as u32;
        let (mut links, mut rest) = (Vec::new(), levels);
        while !rest.is_empty() {
            let mut sum = 0;
            let some = rest.iter().take_while(|level| {
                sum += count(level);
                sum <= TOGETHER
            });
            let (now, after) = rest.split_at(some.count().max(1));
            rest = after;
            links.resize(now.iter().map(count).sum(), 0_i32);
            source.fill(&mut links)?;
            // A link of -1 means no link; here it becomes 0.
            let furthest = links.iter().fold(0, |most: u32, link| most.max((*link as u32).wrapping_add(1)));
            expect("links", furthest <= vectors)?;
            self.upper(&links, now, levels)?;
        }
        Ok(())
    }

    /// Checks the links above the lowest level: a vector that does not reach a level has none there.
    fn upper(&self, mut links: &[i32], of: &[u8], levels: &[u8]) -> Checked {
        for &reached in of {
            let (own, after) = links.split_at(self.cumulative[usize::from(reached)] as usize);
            links = after;
            for level in 1..reached {
                let range =
                    self.cumulative[usize::from(level)] as usize..self.cumulative[usize::from(level) + 1] as usize;
                let reaches = |link: &i32| levels.get(*link as usize).is_none_or(|there| *there > level);
                expect("links of a level", own[range].iter().all(reaches))?;
            }
        }
        Ok(())
    }
}

/// The number of levels that each vector reaches.
fn levels(source: &mut Source, links: &Links, vectors: u64) -> Checked<Vec<u8>> {
    let length = source.length("levels", 4)?;
    same("levels", length, vectors)?;
    let most = links.cumulative.len() as i32 - 1;
    let mut levels = Vec::with_capacity(vectors as usize);
    source.walk(vectors, |some: &[i32]| {
        expect("levels", some.iter().fold(true, |right, level| right & (1..=most).contains(level)))?;
        levels.extend(some.iter().map(|level| *level as u8));
        Ok(())
    })?;
    Ok(levels)
}

/// Checks the vector at which a search begins: one on the highest level.
fn entry(source: &mut Source, levels: &[u8]) -> Checked {
    let (entry, highest) = (source.i32()?, source.i32()?);
    let top = levels.iter().copied().max().map_or(0, i32::from);
    expect("highest level", highest == top - 1)?;
    let reached = usize::try_from(entry).ok().and_then(|entry| levels.get(entry)).copied();
    expect("entry point", if levels.is_empty() { entry == -1 } else { reached.map(i32::from) == Some(top) })
}
