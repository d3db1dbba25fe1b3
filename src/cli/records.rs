//! What the commands that read records share.

use std::io::IsTerminal;
use std::path::PathBuf;

use semsearch::corpus::Input;
use semsearch::error::{BadRecord, Error, Place};

use super::args::OnError;
use super::report::Advice;

/// Records embedded together: many, so that texts of like length meet; not so many that their vectors weigh.
pub(super) const WINDOW: usize = 512;

/// The inputs named; standard input if none is and something is piped in.
pub(super) fn inputs(named: &[PathBuf], command: &str) -> anyhow::Result<Vec<Input>> {
    if named.is_empty() && std::io::stdin().is_terminal() {
        let (message, hint) = ("no input".into(), format!("`semsearch {command} FILE`, or - for standard input"));
        return Err(Advice { message, hint }.into());
    }
    if named.is_empty() {
        return Ok(vec![Input::Stdin]);
    }
    Ok(named.iter().cloned().map(Input::from).collect())
}

/// Whether a record may be passed over for `error`: `true`, or the error itself.
pub(super) fn tolerated(error: Error, on_error: OnError) -> Result<bool, Error> {
    match error {
        Error::Record { .. } if on_error == OnError::Skip => Ok(true),
        fatal => Err(fatal),
    }
}

/// The items whose texts were not cut, and an error for each of the others. `dropped` has, for each item, the tokens
/// over `max`.
pub(super) fn split_long<T>(
    items: Vec<T>,
    dropped: &[usize],
    max: usize,
    place: impl Fn(&T) -> &Place,
) -> (Vec<T>, Vec<Error>) {
    let (mut fitting, mut long) = (Vec::with_capacity(items.len()), Vec::new());
    for (item, &over) in items.into_iter().zip(dropped) {
        if over == 0 {
            fitting.push(item);
        } else {
            let problem = BadRecord::TooLong { tokens: max + over, max };
            long.push(Error::Record { place: place(&item).clone(), problem });
        }
    }
    (fitting, long)
}
