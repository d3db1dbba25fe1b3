//! The rows of a Parquet file.
//!
//! The record reader of the parquet crate puts rows together, from the pages of one row group at a time.
//! [`super::guard`] limits the memory that a file may take.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;
use ::parquet::record::Row;
use ::parquet::record::reader::TreeBuilder;
use bytes::Bytes;

use super::guard;
use super::value::object;
use crate::bounded::{self, LARGEST};
use crate::format::content::{InputContent, Seekable};
use crate::format::reader::Reader;
use crate::record::RecordSink;
use crate::{BadRecord, CorpusError, Record};
use semsearch_files::{Place, open_regular};

/// Reads each row as a record.
pub(in crate::format) struct ParquetReader;

impl Reader for ParquetReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let name = content.name();
        match content.seekable("Parquet") {
            Ok(Seekable::File(file)) => push_rows(file, &name, sink),
            Ok(Seekable::Memory(bytes)) => push_rows(Bytes::from(bytes), &name, sink),
            Err(error) => sink(Err(error)),
        }
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn count(&self, path: &Path) -> Option<u64> {
        let file = open_regular(path).ok()?;
        u64::try_from(metadata(&file).ok()?.file_metadata().num_rows()).ok()
    }
}

fn metadata(file: &impl ChunkReader) -> Result<ParquetMetaData, ParquetError> {
    guard::check_footer(file)?;
    ParquetMetaDataReader::new().parse_and_finish(file)
}

/// Pushes the record of every row.
fn push_rows<F: ChunkReader + 'static>(file: F, name: &Arc<str>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
    let bad = |place: Place, error: ParquetError| {
        Err(CorpusError::Format { place, expected: "a Parquet file that can be read", found: reason(&error) })
    };
    let file = Arc::new(file);
    let metadata = match metadata(&*file) {
        Ok(metadata) => metadata,
        Err(error) => return sink(bad(Place::whole(name), error)),
    };
    let rows = metadata.row_groups().iter().flat_map(|group| match rows_of(group, &file) {
        Ok(rows) => Box::new(rows) as Box<dyn Iterator<Item = Result<Row, ParquetError>>>,
        Err(error) => Box::new(std::iter::once(Err(error))),
    });
    for (number, row) in (1..).zip(rows) {
        let place = Place::line(name, number);
        match row {
            Ok(row) => sink(record(row, place))?,
            // The rows after a damaged one cannot be found.
            Err(error) => return sink(bad(place, error)),
        }
    }
    ControlFlow::Continue(())
}

/// The rows of a row group.
fn rows_of<F: ChunkReader + 'static>(
    group: &RowGroupMetaData,
    file: &Arc<F>,
) -> Result<impl Iterator<Item = Result<Row, ParquetError>> + use<F>, ParquetError> {
    let at_a_time = guard::check_group(group, file.len())?;
    let guarded = guard::GuardedRowGroup { file: Arc::clone(file), group, held: Arc::new(AtomicUsize::new(0)) };
    TreeBuilder::new().with_batch_size(at_a_time).as_iter(group.schema_descr_ptr(), &guarded)
}

fn record(row: Row, place: Place) -> Result<Record, CorpusError> {
    let fields = object(row);
    if bounded::weight(&fields) > 2 * LARGEST {
        return Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST }));
    }
    Ok(Record::of_data(fields, place))
}

/// The library's words, without the kind of error before them.
fn reason(error: &ParquetError) -> String {
    let message = error.to_string();
    let reason = message.split_once(": ").map_or(message.as_str(), |(_, reason)| reason);
    reason.strip_suffix('.').unwrap_or(reason).to_owned()
}
