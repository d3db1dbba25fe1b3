//! Documents that are made by a rule, and what an index keeps of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use semsearch_corpus::{Document, Layout};
use semsearch_files::Place;
use semsearch_store::{
    Analysis, Change, ChunkPlace, ChunkSize, Compared, CopiedPassage, IndexConfig, Language, Metric, NewPassage,
    Source, Splitting, StoreWriter, Version, content_digest, digest_of,
};
use serde_json::{Map, Value, json};

use crate::testing;
use semsearch_words::words_of;

const DIM: usize = 4;

/// Words of all kinds: stemmed, with parts, in capitals, and without spaces between them.
const WORDS: [&str; 12] = [
    "the",
    "running",
    "runs",
    "HTTPServer",
    "half-time",
    "1,200",
    "Violin",
    "strings",
    "café",
    "東京タワーで",
    "read_to_end",
    "a",
];

/// A vector with every kind of number that a vector may have.
const NUMBERS: [f32; 8] = [0.0, -0.0, 1.0, -2.5, f32::MIN_POSITIVE, 1e-42, f32::MAX, 0.1];

fn analysis() -> Analysis {
    Analysis { language: "english".parse::<Language>().unwrap(), splitting: Splitting::Parts }
}

/// The config of an index of made documents.
pub(super) fn config() -> IndexConfig {
    let Analysis { language, splitting } = analysis();
    IndexConfig { language: Some(language), splitting, ..testing::config(DIM, Metric::Ip, "Flat") }
}

/// A passage of a made document.
struct Piece {
    text: String,
    chunk: Option<ChunkPlace>,
    metadata: Map<String, Value>,
    embedded: Option<String>,
    nameless: Option<String>,
    about: String,
    line: Option<u64>,
    vector: Vec<f32>,
}

/// A document with its passages.
pub(super) struct Made {
    pub(super) document: Document,
    chunks: Option<ChunkSize>,
    pieces: Vec<Piece>,
    version: Version,
}

/// Numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn text(&mut self, most: usize) -> String {
        let count = self.roll(most + 1);
        (0..count).map(|_| WORDS[self.roll(WORDS.len())]).collect::<Vec<_>>().join(" ")
    }
}

impl Made {
    /// The document `id` in one of its variants, from one of the `inputs`.
    pub(super) fn new(id: u8, variant: u64, inputs: &[Arc<str>]) -> Self {
        let mut dice = Dice(u64::from(id) << 32 | variant);
        dice.roll(1);
        let chunk_count = 1 + dice.roll(4);
        let metadata = metadata(&mut dice);
        let texts: Vec<String> = (0..chunk_count).map(|_| dice.text(30)).collect();
        let document = Document {
            id: format!("d{id}"),
            own_id: false,
            title: (dice.roll(3) > 0).then(|| dice.text(3)),
            text: texts.join("\n"),
            metadata,
            place: Place::line(&inputs[dice.roll(inputs.len())], u64::from(id) + 1),
            markup: None,
            layout: Layout::default(),
            is_row: dice.roll(2) == 0,
        };
        let is_cut = chunk_count > 1;
        let chunks = is_cut.then_some(ChunkSize { tokens: 30, overlap: 0 });
        let pieces = texts.into_iter().enumerate();
        let pieces =
            pieces.map(|(index, text)| Piece::new(&document, text, is_cut.then_some(index), &mut dice)).collect();
        let version = Version::of(&document, chunks, None);
        Self { document, chunks, pieces, version }
    }

    /// Puts the document, unless it is there already. Returns how it differed.
    pub(super) fn put(&self, writer: &mut dyn StoreWriter) -> Change {
        let compared = self.compare(writer);
        let passages: Vec<NewPassage<'_>> = self.pieces.iter().map(Piece::passage).collect();
        writer.put(&self.document, compared, &passages).unwrap();
        compared.change
    }

    pub(super) fn compare(&self, writer: &mut dyn StoreWriter) -> Compared {
        writer.compare(&self.document, self.chunks, None).unwrap()
    }

    /// What an index keeps of the document, if its first passage has the key `first`.
    pub(super) fn kept(&self, first: u64) -> Vec<CopiedPassage> {
        let origin = self.origin();
        let kept = |(key, piece): (u64, &Piece)| {
            let mut embedded: Vec<_> = piece.embedded.iter().map(|text| content_digest(text.as_bytes())).collect();
            embedded.extend(piece.nameless.iter().map(|text| digest_of(&[Some(b"nameless"), Some(text.as_bytes())])));
            embedded.sort_unstable();
            CopiedPassage {
                key,
                first,
                id: self.document.id.clone(),
                title: self.document.title.clone(),
                text: piece.text.clone(),
                metadata: serde_json::to_string(&piece.metadata).unwrap(),
                chunk: piece.chunk,
                source: Some(Source { path: origin.clone(), line: piece.line }),
                origin: origin.clone(),
                version: self.version,
                embedded,
                words: self.words(piece),
                facts: match self.document.is_row {
                    true => semsearch_filter::terms_of_row(&piece.metadata),
                    false => semsearch_filter::terms(&piece.metadata),
                },
                vector: piece.vector.clone(),
            }
        };
        (first..).zip(&self.pieces).map(kept).collect()
    }

    /// The number of its passages.
    pub(super) fn len(&self) -> u64 {
        self.pieces.len() as u64
    }

    pub(super) fn origin(&self) -> String {
        let input = &*self.document.place.input;
        std::fs::canonicalize(input).map_or_else(|_| input.into(), |path| path.to_string_lossy().into_owned())
    }

    /// The texts that were embedded, with and without the file's name, each with its vector.
    pub(super) fn embedded(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>, &[f32])> {
        self.pieces.iter().map(|piece| (piece.embedded.as_deref(), piece.nameless.as_deref(), piece.vector.as_slice()))
    }

    fn words(&self, piece: &Piece) -> Vec<(String, u32)> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for text in [self.document.title.as_deref().unwrap_or_default(), &piece.about, &piece.text] {
            words_of(analysis(), text).into_iter().for_each(|word| *counts.entry(word.stem).or_default() += 1);
        }
        counts.into_iter().collect()
    }
}

impl Piece {
    fn new(document: &Document, text: String, index: Option<usize>, dice: &mut Dice) -> Self {
        let mut metadata = document.metadata.clone();
        if let Some(index) = index {
            metadata.insert("heading".into(), json!(format!("Part {index}")));
        }
        let name = format!("{} {index:?} {text}", document.id);
        Self {
            chunk: index.map(|index| ChunkPlace { index, start: index * 10, end: index * 10 + 10 }),
            metadata,
            embedded: (dice.roll(4) > 0).then(|| format!("passage: {name}")),
            nameless: (dice.roll(4) == 0).then_some(name),
            about: dice.text(2),
            line: (dice.roll(3) > 0).then(|| dice.roll(1000) as u64),
            vector: (0..DIM).map(|_| NUMBERS[dice.roll(NUMBERS.len())]).collect(),
            text,
        }
    }

    fn passage(&self) -> NewPassage<'_> {
        let Self { text, chunk, metadata, embedded, nameless, about, line, vector } = self;
        let (embedded, nameless) = (embedded.as_deref(), nameless.as_deref());
        NewPassage { text, chunk: *chunk, metadata, embedded, nameless, vector, about, line: *line }
    }
}

fn metadata(dice: &mut Dice) -> Map<String, Value> {
    let all = json!({
        "year": 1990 + dice.roll(5),
        "lang": (["de", "en"][dice.roll(2)]),
        "price": "12.50",
        "tags": [WORDS[dice.roll(3)], WORDS[dice.roll(3)]],
        "date": "2024-05-01",
        "deep": {"big": 123_456_789_012_345_678_901_234_567_890_f64, "none": null},
    });
    let Value::Object(all) = all else { return Map::new() };
    all.into_iter().filter(|_| dice.roll(3) > 0).collect()
}
