//! The words of a vocabulary and their ids, in one run of numbers. It can be written to a file as it is, and used where the
//! file is mapped, without being read first.
//!
//! ```text
//! header   slots   entries   text
//! ```
//!
//! The text has all words, one after the other. An entry says where a word is, and its id. The slots are a hash table with
//! open addressing (Knuth, *The Art of Computer Programming*, volume 3, 6.4, algorithm L): each has the number of an entry,
//! counted from 1, or 0. At least half of them are empty.

use std::fmt;
use std::ops::{Deref, Range};

use ahash::RandomState;
use bytemuck::{Pod, Zeroable};
use semsearch_files::Map;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::wordpiece::JsonString;

/// The number of this layout.
pub(crate) const VOCABULARY_LAYOUT: u32 = 1;

/// What is hashed to see whether a table was made with the hash function that this process has.
const PROBE: &str = "semsearch";

/// Words and their ids.
pub(super) struct Vocabulary {
    numbers: Numbers,
    header: Header,
    hasher: RandomState,
}

/// The run of numbers: this process made it, or it is in a mapped file.
enum Numbers {
    Owned(Vec<u32>),
    /// These bytes of the file, which are whole and aligned numbers.
    Mapped(Map, Range<usize>),
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Header {
    /// The seeds of the hash function, and what it makes of [`PROBE`].
    seeds: [u64; 4],
    probe: u64,
    /// How many slots there are, a power of two, and how many entries.
    slots: u32,
    entries: u32,
    /// The bytes of the text, and of its longest word.
    text: u32,
    longest: u32,
}

/// The length of the header in numbers.
const HEADER: usize = size_of::<Header>() / size_of::<u32>();

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Entry {
    start: u32,
    length: u32,
    id: u32,
}

/// The length of an entry in numbers.
const ENTRY: usize = size_of::<Entry>() / size_of::<u32>();

impl Deref for Numbers {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Self::Owned(numbers) => numbers,
            Self::Mapped(map, bytes) => bytemuck::cast_slice(&map[bytes.clone()]),
        }
    }
}

impl Header {
    fn hasher(&self) -> RandomState {
        let [first, second, third, fourth] = self.seeds;
        RandomState::with_seeds(first, second, third, fourth)
    }

    fn numbers(&self) -> usize {
        HEADER + self.slots as usize + ENTRY * self.entries as usize + (self.text as usize).div_ceil(4)
    }
}

impl Vocabulary {
    /// The vocabulary with these bytes, which [`Vocabulary::bytes`] gave; `None` if they are others.
    pub(super) fn mapped(map: &Map, bytes: Range<usize>) -> Option<Self> {
        let numbers = bytemuck::try_cast_slice::<u8, u32>(map.get(bytes.clone())?).ok()?;
        let header: Header = bytemuck::pod_read_unaligned(bytemuck::cast_slice(numbers.get(..HEADER)?));
        let hasher = header.hasher();
        let fits = header.numbers() == numbers.len() && header.slots.is_power_of_two() && header.slots > header.entries;
        (fits && hasher.hash_one(PROBE) == header.probe).then(|| Self {
            numbers: Numbers::Mapped(map.clone(), bytes),
            header,
            hasher,
        })
    }

    /// The vocabulary as bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.numbers)
    }

    fn new(text: &str, entries: &[Entry]) -> Self {
        let random = RandomState::new();
        let mut header = Header {
            seeds: [0_u64, 1, 2, 3].map(|number| random.hash_one(number)),
            probe: 0,
            slots: (2 * entries.len() + 1).next_power_of_two() as u32,
            entries: entries.len() as u32,
            text: text.len() as u32,
            longest: entries.iter().map(|entry| entry.length).max().unwrap_or(0),
        };
        let hasher = header.hasher();
        header.probe = hasher.hash_one(PROBE);
        let mut numbers = Vec::with_capacity(header.numbers());
        numbers.extend_from_slice(bytemuck::cast_slice(&[header]));
        numbers.resize(HEADER + header.slots as usize, 0);
        numbers.extend_from_slice(bytemuck::cast_slice(entries));
        numbers.resize(header.numbers(), 0);
        let at = numbers.len() - text.len().div_ceil(4);
        bytemuck::cast_slice_mut(&mut numbers[at..])[..text.len()].copy_from_slice(text.as_bytes());
        let mask = header.slots as usize - 1;
        for (number, entry) in (1..).zip(entries) {
            let word = &text.as_bytes()[entry.start as usize..][..entry.length as usize];
            let mut slot = hasher.hash_one(word) as usize & mask;
            while numbers[HEADER + slot] != 0 {
                slot = (slot + 1) & mask;
            }
            numbers[HEADER + slot] = number;
        }
        Self { numbers: Numbers::Owned(numbers), header, hasher }
    }

    /// The slots, the entries and the text.
    fn parts(&self) -> (&[u32], &[Entry], &[u8]) {
        let (slots, rest) = self.numbers[HEADER..].split_at(self.header.slots as usize);
        let (entries, text) = rest.split_at(ENTRY * self.header.entries as usize);
        (slots, bytemuck::cast_slice(entries), &bytemuck::cast_slice(text)[..self.header.text as usize])
    }

    /// The id of a word.
    pub(super) fn get(&self, word: &str) -> Option<u32> {
        let (slots, entries, text) = self.parts();
        let mut slot = self.hasher.hash_one(word.as_bytes()) as usize & (slots.len() - 1);
        // Half of the slots are empty, so this ends. In a damaged file it ends after the last slot.
        for _ in 0..slots.len() {
            let entry = entries.get((slots[slot] as usize).checked_sub(1)?)?;
            if word_of(entry, text) == Some(word.as_bytes()) {
                return Some(entry.id);
            }
            slot = (slot + 1) & (slots.len() - 1);
        }
        None
    }

    /// The words and their ids, in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        let (_, entries, text) = self.parts();
        entries.iter().filter_map(move |entry| Some((str::from_utf8(word_of(entry, text)?).ok()?, entry.id)))
    }

    /// The number of words.
    pub(super) fn len(&self) -> usize {
        self.header.entries as usize
    }

    /// The length of the longest word, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.header.longest as usize
    }
}

fn word_of<'a>(entry: &Entry, text: &'a [u8]) -> Option<&'a [u8]> {
    text.get(entry.start as usize..)?.get(..entry.length as usize)
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VocabularyVisitor;

        impl<'de> Visitor<'de> for VocabularyVisitor {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words with their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                // This is enough for the words of most models. Growing would move all of them several times.
                let (mut text, mut entries) = (String::with_capacity(1 << 18), Vec::with_capacity(1 << 15));
                while let Some((JsonString(word), id)) = map.next_entry::<JsonString<'de>, u32>()? {
                    entries.push(Entry { start: text.len() as u32, length: word.len() as u32, id });
                    text.push_str(&word);
                }
                Ok(Vocabulary::new(&text, &entries))
            }
        }

        deserializer.deserialize_map(VocabularyVisitor)
    }
}
