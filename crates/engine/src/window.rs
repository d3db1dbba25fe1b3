//! How many documents are embedded together.

use semsearch_corpus::Document;
use semsearch_encoder::embedder::Embedder;
use semsearch_encoder::model::Pooling;

/// The most documents that are embedded together. With many texts, texts of similar length share a batch, and cores
/// seldom wait for each other. With too many, memory fills and commits come late.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The most records.
    pub records: usize,
    /// The most bytes of their texts.
    pub bytes: usize,
}

impl Window {
    /// The window for a CPU: about 15 seconds of work on a slow one.
    const CPU: Self = Self { records: 2048, bytes: 512 << 10 };

    /// The most bytes that records may take in memory, with their metadata.
    const WEIGHT: usize = 32 << 20;

    /// The most records if each token has a vector.
    const TOKENS: usize = 64;

    /// The window for an embedder. A GPU takes several times as much as a CPU.
    pub fn of(embedder: &Embedder) -> Self {
        let bytes = (2 * embedder.part_bytes()).max(Self::CPU.bytes);
        let records = match embedder.pooling() {
            Pooling::None => Self::TOKENS,
            _ => Self::CPU.records * (bytes / Self::CPU.bytes),
        };
        Self { records, bytes }
    }

    /// Whether the window is full.
    pub fn is_full(&self, filled: Filled) -> bool {
        filled.records >= self.records || filled.bytes >= self.bytes || filled.weight >= Self::WEIGHT
    }
}

/// How much a window holds already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filled {
    records: usize,
    bytes: usize,
    weight: usize,
}

impl Filled {
    /// Adds a document to the count.
    pub fn add(&mut self, document: &Document) {
        self.records += 1;
        self.bytes += document.text.len();
        self.weight += document.weight();
    }
}
