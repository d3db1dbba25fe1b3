//! How a writer's work becomes a commit.
//!
//! A commit writes the vectors, then the documents, syncs both directories, and replaces the manifest; then it removes what the
//! new manifest does not name.

use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::LocalWriter;
use crate::compaction;
use crate::held::{Held, part};
use crate::manifest::Manifest;
use crate::manifest_file::{FORMAT_VERSION, mentions};
use crate::segment::Segment;
use crate::sound;
use crate::vectors::{self, Opening, SegmentBuilder, VectorSegment};
use crate::{CATALOG, VECTORS};
use semsearch_files::Dir;
use semsearch_store::StoreError;

impl LocalWriter {
    pub(super) fn commit_now(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.bury()?;
        if self.tidies {
            self.compact()?;
        }
        let vectors = self.held.directory(VECTORS)?;
        for segment in &mut self.next.segments {
            if vectors::lacks_sums(segment) {
                vectors::add_sums(&vectors, self.next.next_file, segment)?;
                self.next.next_file += 1;
            }
        }
        self.add_halves(&vectors)?;
        // The catalog's files record removed keys as deletions, so the documents are written last.
        let count = self.next.documents;
        let tidies = self.tidies;
        let documents = self.documents()?.flush(count, tidies)?;
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            config: self.next.config.clone(),
            segments: self.next.segments.clone(),
            trained: self.next.trained.clone(),
            documents,
            next_key: self.next.next_key,
            next_file: self.next.next_file,
            created: self.next.created.get_or_insert_with(|| now.clone()).clone(),
            updated: now,
        };
        manifest.format_version = manifest.needed_format();
        // What no reader would accept must never be committed.
        sound::check(&manifest).map_err(StoreError::Unsupported)?;
        for dir in [vectors, self.held.directory(CATALOG)?] {
            dir.sync().map_err(StoreError::write(dir.path()))?;
        }
        match self.held.commit(&manifest) {
            // The commit is in place all the same. The files of the commit before stay too, because they may be needed
            // again.
            Err(error @ StoreError::Unsynced { .. }) => {
                self.committed(manifest);
                return Err(error);
            }
            committed => committed?,
        }
        let unreadable = self.unreadable.take();
        let old = self.committed(manifest);
        let named = |name: &str| {
            old.as_ref().is_some_and(|old| old.names_somewhere(name))
                || unreadable.as_ref().is_some_and(|bytes| mentions(bytes, name))
        };
        let current = self.last.as_ref();
        self.held.sweep(named, |dir, name| current.is_some_and(|current| current.names(dir, name)))
    }

    /// Writes the bytes of large flat segments that an older release wrote, or that came from another index.
    fn add_halves(&mut self, vectors: &Dir) -> Result<(), StoreError> {
        for at in 0..self.next.segments.len() {
            let mut segment = self.next.segments[at].clone();
            if vectors::lacks_halves(&segment, self.next.config.dim) {
                let opened = VectorSegment::open(vectors, &self.next.config, &segment, Opening::default())?;
                let number = self.next.new_number();
                vectors::add_halves(vectors, number, &mut segment, &opened)?;
                self.next.segments[at] = segment;
            }
        }
        Ok(())
    }

    /// From here on `manifest` is the last commit, whatever else fails. Returns the commit before it.
    fn committed(&mut self, manifest: Manifest) -> Option<Manifest> {
        self.catalog = None;
        self.adopted = None;
        self.opened.clear();
        self.gone.clear();
        (self.changed, self.uncommitted, self.since) = (false, 0, Instant::now());
        self.written.commits += 1;
        self.afresh = false;
        self.last.replace(manifest)
    }

    /// Writes the pending vectors as a segment.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.pending_texts.clear();
        self.of_origin.clear();
        let mut pending = std::mem::take(&mut self.pending);
        pending.remove(&self.gone);
        if !pending.is_empty() {
            let segment = self.write(&pending)?;
            self.next.segments.push(segment);
        }
        Ok(())
    }

    fn write(&mut self, vectors: &SegmentBuilder) -> Result<Segment, StoreError> {
        let dir = self.held.directory(VECTORS)?;
        if self.next.needs_training && self.next.trained.is_none() {
            let number = self.next.new_number();
            self.next.trained = vectors.train(&dir, number, &self.next.config)?;
        }
        let number = self.next.new_number();
        vectors.write(&dir, number, &self.next.config, self.next.trained.as_ref())
    }

    /// Records removed keys as dead in the segments that hold them.
    fn bury(&mut self) -> Result<(), StoreError> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let gone = std::mem::take(&mut self.gone);
        for at in 0..self.next.segments.len() {
            let segment = self.next.segments[at].clone();
            if !gone.iter().any(|key| (segment.first_key..=segment.last_key).contains(key)) {
                continue;
            }
            let dead = self.opened(&segment)?.among(&gone);
            let segment = &mut self.next.segments[at];
            segment.dead.extend(dead);
            segment.dead.sort_unstable();
            segment.dead.dedup();
        }
        self.gone = gone;
        // The opened segments know only the keys that were dead before.
        self.opened.clear();
        Ok(())
    }

    /// Rewrites segments that are small and many, or that have many dead vectors, until there are none left.
    fn compact(&mut self) -> Result<(), StoreError> {
        let large = (self.segment_bytes() / (4 * self.next.config.dim)).max(1) as u64;
        loop {
            let size = |segment: &Segment| compaction::Size { all: segment.vectors, live: segment.live() };
            let sizes: Vec<_> = self.next.segments.iter().map(size).collect();
            let Some(group) = compaction::choose(&sizes, large) else { return Ok(()) };
            let dir = part(self.held.root(), VECTORS)?;
            let mut opened = Vec::with_capacity(group.len());
            for &at in &group {
                // The codes are about to get a new checksum, so all of them are checked before.
                vectors::check(&dir, &self.next.segments[at], true)?;
                opened.push(VectorSegment::open(&dir, &self.next.config, &self.next.segments[at], Opening::default())?);
            }
            let mut merged = SegmentBuilder::default();
            vectors::merged(&opened, |key, row| {
                merged.push(key, row);
                Ok::<_, StoreError>(())
            })?;
            opened.iter().try_for_each(VectorSegment::check_maps)?;
            drop(opened);
            let mut position = 0..;
            self.next.segments.retain(|_| position.next().is_some_and(|at: usize| !group.contains(&at)));
            self.written.compacted += group.len();
            if !merged.is_empty() {
                let segment = self.write(&merged)?;
                self.written.compacted_bytes += segment.file.bytes;
                self.next.segments.push(segment);
            }
        }
    }
}

/// Removes the files that the `old` commit or no commit names, except those that the `current` commit names.
pub(super) fn sweep(held: &Held, old: Option<&Manifest>, current: Option<&Manifest>) -> Result<(), StoreError> {
    held.sweep(
        |name| old.is_some_and(|old| old.names_somewhere(name)),
        |dir, name| current.is_some_and(|current| current.names(dir, name)),
    )
}
