//! Texts and their vectors, as a Parquet table.

use semsearch::error::CorpusError;

use super::writer::{Destination, EmbeddingFormat, EmbeddingOutput, EmbeddingWriter};

pub(super) const FORMAT: EmbeddingFormat = EmbeddingFormat {
    name: "parquet",
    help: "A table of texts and vectors",
    writer: EmbeddingOutput {
        extensions: &["parquet", "pq"],
        holds_tokens: false,
        check_built_in: || if cfg!(feature = "parquet") { Ok(()) } else { Err(not_built_in()) },
        check_stdout: |is_terminal| match is_terminal {
            true => Err("Parquet is no text: a terminal cannot show it"),
            false => Ok(()),
        },
        open,
    },
};

fn not_built_in() -> CorpusError {
    CorpusError::NotBuiltIn { what: "to write Parquet".into(), feature: "parquet" }
}

#[cfg(not(feature = "parquet"))]
fn open(_: Destination<'_>, _: usize) -> anyhow::Result<Box<dyn EmbeddingWriter + '_>> {
    Err(not_built_in().into())
}

#[cfg(feature = "parquet")]
fn open(destination: Destination<'_>, dim: usize) -> anyhow::Result<Box<dyn EmbeddingWriter + '_>> {
    enabled::open(destination, dim)
}

#[cfg(feature = "parquet")]
mod enabled {
    use std::borrow::Cow;
    use std::io::{self, Write};
    use std::path::Path;

    use semsearch::vector_file::{TableRow, TableWriter};

    use super::super::writer::{Destination, EmbeddedPassage, EmbeddingWriter};
    use crate::cli::output::stdout::STDOUT;

    pub(super) fn open(destination: Destination<'_>, dim: usize) -> anyhow::Result<Box<dyn EmbeddingWriter + '_>> {
        Ok(match destination {
            Destination::Stdout => Box::new(TableWriter::new(io::stdout(), Path::new(STDOUT).into(), dim)?),
            Destination::File(file, path) => Box::new(TableWriter::new(file, path.into(), dim)?),
        })
    }

    impl<W: Write + Send> EmbeddingWriter for TableWriter<W> {
        fn write(&mut self, passages: &mut dyn Iterator<Item = EmbeddedPassage<'_>>) -> anyhow::Result<()> {
            for EmbeddedPassage { document, piece, embedding, .. } in passages {
                let mut metadata = Cow::Borrowed(piece.metadata(document));
                if let Some(chunk) = piece.chunk {
                    metadata.to_mut().insert("chunk".into(), serde_json::to_value(chunk)?);
                }
                let (id, title) = (document.id.as_str(), document.title.as_deref());
                TableWriter::write(
                    self,
                    TableRow { id, title, text: piece.text(document), metadata: &metadata },
                    embedding,
                )?;
            }
            Ok(())
        }

        fn finish(self: Box<Self>) -> anyhow::Result<()> {
            Ok(TableWriter::finish(*self)?.flush()?)
        }
    }
}
