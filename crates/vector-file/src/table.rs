//! Texts and their vectors as a Parquet table. Its columns are always `id`, `title`, `text`, `metadata` (JSON) and
//! `embedding` (a list of 32-bit floats). So any records fit into it, and every table is read in the same way.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::ColumnPath;
use serde_json::{Map, Value};

use super::VectorFileError;
use semsearch_files::FileError;

const SCHEMA: &str = "message texts {
    required binary id (UTF8);
    optional binary title (UTF8);
    required binary text (UTF8);
    required binary metadata (JSON);
    required group embedding (LIST) { repeated group list { required float element; } }
}";

/// Rows of a row group. They are held in memory until they are written: about 25 MB for vectors of 384 components.
const GROUP: usize = 16 * 1024;

/// The columns of a row, except its vector.
#[derive(Clone, Copy, Debug)]
pub struct TableRow<'a> {
    /// The document's id.
    pub id: &'a str,
    /// The document's title, if it has one.
    pub title: Option<&'a str>,
    /// The text that was embedded, without title and prompt.
    pub text: &'a str,
    /// All other fields of the document.
    pub metadata: &'a Map<String, Value>,
}

/// Writes a table, row by row.
pub struct TableWriter<W: Write + Send> {
    path: PathBuf,
    file: SerializedFileWriter<W>,
    dim: usize,
    group: RowGroup,
}

/// The columns of the next row group.
#[derive(Default)]
struct RowGroup {
    ids: Vec<ByteArray>,
    /// The titles that are present, and for each row 1 if it has one and 0 if not.
    titles: (Vec<ByteArray>, Vec<i16>),
    texts: Vec<ByteArray>,
    metadata: Vec<ByteArray>,
    embeddings: Vec<f32>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table of vectors of `dim` components. It is complete after [`TableWriter::finish`]. `path` is the name
    /// of `output` in messages.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(output: W, path: PathBuf, dim: usize) -> Result<Self, VectorFileError> {
        let schema = parse_message_type(SCHEMA).expect("the schema above is one");
        let embedding = ColumnPath::from(vec!["embedding".into(), "list".into(), "element".into()]);
        // Vectors are all different, so a dictionary of them would be a second copy.
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_column_dictionary_enabled(embedding, false)
            .set_created_by(concat!("semsearch ", env!("CARGO_PKG_VERSION")).into());
        let file = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties.build()));
        let file = file.map_err(|error| failed(&path, error))?;
        Ok(Self { path, file, dim, group: RowGroup::default() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A row group is full and cannot be written.
    ///
    /// # Panics
    /// If `embedding` does not have the table's number of components.
    pub fn write(&mut self, row: TableRow<'_>, embedding: &[f32]) -> Result<(), VectorFileError> {
        assert_eq!(embedding.len(), self.dim, "components of the table");
        self.group.ids.push(row.id.into());
        self.group.titles.0.extend(row.title.map(ByteArray::from));
        self.group.titles.1.push(row.title.is_some().into());
        self.group.texts.push(row.text.into());
        let metadata = serde_json::to_vec(row.metadata).expect("JSON can be written as JSON");
        self.group.metadata.push(metadata.into());
        self.group.embeddings.extend_from_slice(embedding);
        if self.group.ids.len() < GROUP { Ok(()) } else { self.flush() }
    }

    /// Writes the rest of the rows, and the end of the table.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self) -> Result<W, VectorFileError> {
        self.flush()?;
        self.file.into_inner().map_err(|error| failed(&self.path, error))
    }

    fn flush(&mut self) -> Result<(), VectorFileError> {
        let group = std::mem::take(&mut self.group);
        if group.ids.is_empty() {
            return Ok(());
        }
        self.write_group(&group).map_err(|error| failed(&self.path, error))
    }

    fn write_group(&mut self, group: &RowGroup) -> Result<(), ParquetError> {
        let mut writer = self.file.next_row_group()?;
        let mut bytes = |values: &[ByteArray], there: Option<&[i16]>| {
            let mut column = writer.next_column()?.expect("the schema has this column");
            column.typed::<ByteArrayType>().write_batch(values, there, None)?;
            SerializedColumnWriter::close(column)
        };
        bytes(&group.ids, None)?;
        bytes(&group.titles.0, Some(&group.titles.1))?;
        bytes(&group.texts, None)?;
        bytes(&group.metadata, None)?;
        // Dremel's levels: each value is present (1), and it begins a row (0) or continues one (1).
        let there = vec![1; group.embeddings.len()];
        let repeats: Vec<i16> = (0..group.embeddings.len()).map(|at| i16::from(at % self.dim != 0)).collect();
        let mut column = writer.next_column()?.expect("the schema has this column");
        column.typed::<FloatType>().write_batch(&group.embeddings, Some(&there), Some(&repeats))?;
        column.close()?;
        writer.close().map(drop)
    }
}

fn failed(path: &std::path::Path, error: ParquetError) -> VectorFileError {
    let source = match error {
        ParquetError::External(cause) => match cause.downcast() {
            Ok(source) => *source,
            Err(cause) => std::io::Error::other(cause),
        },
        other => std::io::Error::other(other),
    };
    VectorFileError::File(FileError::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use semsearch_corpus::{Format, Input, records};

    #[test]
    fn rows_come_back_as_they_went_in() {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        let mut table = TableWriter::new(file.reopen().unwrap(), file.path().into(), 2).unwrap();
        let metadata = json!({"year": 1990, "tags": ["a"]});
        let metadata = metadata.as_object().unwrap();
        // More than a row group.
        for number in 0..GROUP + 3 {
            let title = (number % 2 == 0).then_some("Bees");
            let row = TableRow { id: &number.to_string(), title, text: "bees dance", metadata };
            table.write(row, &[number as f32, 0.1]).unwrap();
        }
        table.finish().unwrap();
        let read: Vec<_> = records(&[Input::File(file.path().into())], Format::Auto).unwrap().collect();
        assert_eq!(read.len(), GROUP + 3);
        for number in [0, 1, GROUP, GROUP + 2] {
            let fields = &read[number].as_ref().unwrap().fields;
            let title = if number % 2 == 0 { json!("Bees") } else { Value::Null };
            let expected = json!({
                "id": number.to_string(),
                "title": title,
                "text": "bees dance",
                "metadata": "{\"year\":1990,\"tags\":[\"a\"]}",
                "embedding": [number as f64, 0.1],
            });
            assert_eq!(Value::from(fields.clone()), expected);
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let table = TableWriter::new(full, "t.parquet".into(), 1);
        let mut table = table.unwrap();
        let row = TableRow { id: "1", title: None, text: "bees", metadata: &Map::new() };
        let outcome = table.write(row, &[1.0]).and_then(|()| table.finish().map(drop));
        assert_eq!(outcome.unwrap_err().to_string(), "t.parquet: cannot write");
    }
}
