//! Vectors alone, as one matrix in a file: for NumPy, and as a tensor.

use semsearch::error::FileError;
use semsearch::vector_file::{VectorFormat, VectorWriter};

use super::writer::{Destination, EmbeddedPassage, EmbeddingFormat, EmbeddingOutput, EmbeddingWriter};

pub(super) const NPY: EmbeddingFormat = EmbeddingFormat {
    name: "npy",
    help: "The vectors alone, for NumPy",
    writer: EmbeddingOutput {
        extensions: &["npy"],
        holds_tokens: false,
        check_built_in: || Ok(()),
        check_stdout: |_| Err(NOT_TO_STDOUT),
        open: |destination, dim| open(destination, VectorFormat::Npy, dim),
    },
};

pub(super) const SAFETENSORS: EmbeddingFormat = EmbeddingFormat {
    name: "safetensors",
    help: "The vectors alone, as one tensor",
    writer: EmbeddingOutput {
        extensions: &["safetensors"],
        holds_tokens: false,
        check_built_in: || Ok(()),
        check_stdout: |_| Err(NOT_TO_STDOUT),
        open: |destination, dim| open(destination, VectorFormat::Safetensors, dim),
    },
};

const NOT_TO_STDOUT: &str = "this format says the number of rows at its start: it cannot go to standard output";

fn open(
    destination: Destination<'_>,
    format: VectorFormat,
    dim: usize,
) -> anyhow::Result<Box<dyn EmbeddingWriter + '_>> {
    let Destination::File(file, path) = destination else {
        return Err(anyhow::Error::msg(NOT_TO_STDOUT));
    };
    let file = file.try_clone().map_err(|source| FileError::Write { path: path.into(), source })?;
    Ok(Box::new(VectorWriter::create(file, path, format, dim)?))
}

impl EmbeddingWriter for VectorWriter {
    fn write(&mut self, passages: &mut dyn Iterator<Item = EmbeddedPassage<'_>>) -> anyhow::Result<()> {
        for passage in passages {
            VectorWriter::write(self, passage.embedding)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(VectorWriter::finish(*self)?)
    }
}
