//! What each input format implements.

use std::ops::ControlFlow;
use std::path::Path;

use super::content::InputContent;
use crate::Markup;
use crate::record::RecordSink;

/// Reads inputs of one format.
///
/// An input that is compressed is decompressed before a reader sees it. Readers stream: their memory does not grow with
/// the input, except for a format whose inputs are one record each.
pub(crate) trait Reader: Sync {
    /// Pushes the records of one input into `sink`. The reader takes the content in the way that its format needs: as a
    /// stream of text, as a whole, or with access to every place in it ([`InputContent`]).
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()>;

    /// How the text is written, if an input is one text; `None` for a format of data. Texts are cut into chunks unless
    /// the user says otherwise, data are not.
    fn markup(&self) -> Option<Markup> {
        None
    }

    /// Whether files of this format contain other bytes than text.
    fn is_binary(&self) -> bool {
        false
    }

    /// Whether an input without records is not an error.
    fn may_be_empty(&self) -> bool {
        false
    }

    /// The number of records in the file at `path`, if the file says it at a known place.
    fn count(&self, path: &Path) -> Option<u64> {
        let _ = path;
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{Input, ReadOptions, Record};

    /// All records of an input with these bytes, or the messages of its errors.
    pub(crate) fn read_all(reader: &dyn Reader, bytes: &[u8], input: &Input) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        let options = ReadOptions::default();
        let content = InputContent::new(input, &options, Box::new(Cursor::new(bytes)), None);
        let _ = reader.read(content, &mut |found| {
            all.push(found.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    /// The same for an input called `in`.
    pub(crate) fn read_bytes(reader: &dyn Reader, bytes: &[u8]) -> Vec<Result<Record, String>> {
        read_all(reader, bytes, &Input::File("in".into()))
    }
}
