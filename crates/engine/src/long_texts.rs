//! Texts over the maximum length, where those are errors.

use semsearch_error::{BadRecord, Error, Place};

/// Splits items into those of at most `max` tokens, and an error for each longer one.
///
/// # Errors
/// `tokens` fails.
pub fn split<T>(
    items: Vec<T>,
    max: usize,
    tokens: impl Fn(&T) -> Result<usize, Error>,
    place: impl Fn(&T) -> &Place,
) -> Result<(Vec<T>, Vec<Error>), Error> {
    let (mut fitting, mut long) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match tokens(&item)? {
            tokens if tokens <= max => fitting.push(item),
            tokens => {
                let problem = BadRecord::TooLong { tokens, max };
                long.push(Error::Record { place: place(&item).clone(), problem });
            }
        }
    }
    Ok((fitting, long))
}
