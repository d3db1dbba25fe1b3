//! Texts over the maximum length, for runs in which they are errors.

use semsearch_corpus::{BadRecord, CorpusError};
use semsearch_encoder::EncoderError;
use semsearch_files::Place;

/// Splits items into those with at most `max` tokens, and an error for each longer one.
///
/// # Errors
/// `tokens` fails.
pub fn split<T>(
    items: Vec<T>,
    max: usize,
    tokens: impl Fn(&T) -> Result<usize, EncoderError>,
    place: impl Fn(&T) -> &Place,
) -> Result<(Vec<T>, Vec<CorpusError>), EncoderError> {
    let (mut fitting, mut long) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match tokens(&item)? {
            tokens if tokens <= max => fitting.push(item),
            tokens => {
                let problem = BadRecord::TooLong { tokens, max };
                long.push(CorpusError::Record { place: place(&item).clone(), problem });
            }
        }
    }
    Ok((fitting, long))
}
