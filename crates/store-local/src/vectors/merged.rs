//! The living vectors of several segments, in the order of their keys.

use semsearch_store::StoreError;

use super::VectorSegment;

/// Hands over the living vectors of several segments with their keys, ascending over all.
pub(crate) fn merged<'a, E: From<StoreError>>(
    segments: impl IntoIterator<Item = &'a VectorSegment>,
    mut each: impl FnMut(u64, &[f32]) -> Result<(), E>,
) -> Result<(), E> {
    /// Vectors of a segment in memory at a time.
    const AHEAD: usize = 256;
    struct Cursor<'a> {
        segment: &'a VectorSegment,
        position: usize,
        /// The next ones, the nearest last.
        ahead: Vec<(u64, Vec<f32>)>,
    }
    impl Cursor<'_> {
        fn fill(&mut self) -> Result<(), StoreError> {
            while self.ahead.is_empty() && self.position < self.segment.len() {
                let count = AHEAD.min(self.segment.len() - self.position);
                self.ahead = self.segment.live(self.position, count)?;
                self.ahead.reverse();
                self.position += count;
            }
            Ok(())
        }
    }
    let cursor = |segment| Cursor { segment, position: 0, ahead: Vec::new() };
    let mut cursors: Vec<Cursor> = segments.into_iter().map(cursor).collect();
    loop {
        cursors.iter_mut().try_for_each(Cursor::fill)?;
        let next = cursors.iter_mut().filter(|cursor| !cursor.ahead.is_empty());
        let Some(cursor) = next.min_by_key(|cursor| cursor.ahead.last().map(|(key, _)| *key)) else { return Ok(()) };
        let Some((key, row)) = cursor.ahead.pop() else { return Ok(()) };
        each(key, &row)?;
    }
}
