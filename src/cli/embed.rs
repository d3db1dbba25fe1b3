//! `semsearch embed`: records in, the same records with their vectors out.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use semsearch::corpus::{self, Document, Format, Record};
use semsearch::embedder::{Embedded, Embedder};
use semsearch::error::{Error, FileError};
use semsearch::files::write_whole;
use semsearch::model::Pooling;
use semsearch::passage::{Cutter, Piece};
#[cfg(feature = "parquet")]
use semsearch::vector_file::{TableRow, TableWriter};
use semsearch::vector_file::{VectorFormat, VectorWriter};
use serde_json::{Map, Value};

use super::args::{self, EmbeddingFormat, Long};
use super::records::{Filled, Window, cut, cutting, document_prompt, inputs, split_long};
use super::report::Advice;
use super::settings::Settings;
use super::skipped::Skipped;
use super::terminal::{Cuts, EncodingBar};
use super::{Outcome, output};

pub(super) fn run(args: &args::Embed, settings: &Settings) -> anyhow::Result<Outcome> {
    // As among inputs, - is the standard stream.
    let file = args.output.as_ref().filter(|path| *path != Path::new("-"));
    let format = output_format(args, file.map(|path| path.as_path()))?;
    let expanded = inputs(&args.inputs, &args.records, "embed", settings, false)?;
    let records =
        corpus::records(&expanded.inputs, if args.lines { Format::Lines } else { args.records.format.into() })?;
    let (_, embedder) = settings.embedder(&args.encoding, None, args.records.truncate_dim)?;
    if format != EmbeddingFormat::Jsonl && embedder.pooling() == Pooling::None {
        let message = "`--pooling none` gives each text a matrix of its own: only jsonl holds that".into();
        return Err(Error::Unsupported(message).into());
    }
    super::interrupt::exit_on_signal(&settings.terminal);
    let bar = match file {
        Some(_) => settings.terminal.encoding("texts", None),
        None => settings.terminal.encoding_beside_output("texts"),
    };
    let skipped = Skipped::new(args.records.on_error, &settings.terminal, &expanded);
    let prompt = document_prompt(&args.records, None, embedder.config());
    let cutter = Cutter { tokenizer: embedder.tokenizer(), with_title: !args.records.no_title, prompt: &prompt };
    let mut run = Run { options: &args.records, embedder: &embedder, cutter, bar, cuts: Cuts::default(), skipped };
    let records = records.take(args.records.limit.unwrap_or(usize::MAX));
    let dim = embedder.dim();
    match (file, vector_format(format)) {
        (None, Some(_)) => {
            let message = "this format says the number of rows at its start: it cannot go to standard output".into();
            return Err(Advice { message, hint: "`--output FILE` writes it to a file".into() }.into());
        }
        (None, None) if format == EmbeddingFormat::Parquet && io::stdout().is_terminal() => {
            let message = "Parquet is no text: a terminal cannot show it".into();
            return Err(Advice { message, hint: "`--output FILE` writes it to a file".into() }.into());
        }
        (None, None) if format == EmbeddingFormat::Parquet => {
            table(io::stdout(), Path::new(output::STDOUT), dim, |out| run.all(records, out))?;
        }
        (None, None) => run.all(records, &mut Lines { out: output::json(), path: Path::new(output::STDOUT) })?,
        (Some(path), Some(format)) => write_whole(path, |file| -> anyhow::Result<()> {
            let file =
                file.try_clone().map_err(|source| Error::File(FileError::Write { path: path.clone(), source }))?;
            let mut matrix = VectorWriter::create(file, path, format, dim)?;
            run.all(records, &mut matrix)?;
            Ok(matrix.finish()?)
        })?,
        (Some(path), None) => write_whole(path, |file| match format {
            EmbeddingFormat::Parquet => table(file, path, dim, |out| run.all(records, out)),
            _ => run.all(records, &mut Lines { out: BufWriter::new(file), path }),
        })?,
    }
    run.skipped.report();
    settings.terminal.warn_of_cuts(run.cuts, embedder.tokenizer().max_length());
    Ok(Outcome::Done)
}

/// How the output is written: as asked for, or as its file is called.
fn output_format(args: &args::Embed, output: Option<&Path>) -> anyhow::Result<EmbeddingFormat> {
    let by_name = output.map_or(Ok(EmbeddingFormat::Jsonl), by_extension);
    let format = args.output_format.map_or(by_name, Ok)?;
    if format == EmbeddingFormat::Parquet && cfg!(not(feature = "parquet")) {
        return Err(Error::NotBuiltIn { what: "to write Parquet".into(), feature: "parquet" }.into());
    }
    Ok(format)
}

fn by_extension(path: &Path) -> anyhow::Result<EmbeddingFormat> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "jsonl" | "ndjson" | "json" => Ok(EmbeddingFormat::Jsonl),
        "npy" => Ok(EmbeddingFormat::Npy),
        "safetensors" => Ok(EmbeddingFormat::Safetensors),
        "parquet" | "pq" => Ok(EmbeddingFormat::Parquet),
        _ => {
            let message = format!("{}: its name does not say how to write it", path.display());
            let hint = "end it with .jsonl, .npy, .safetensors or .parquet, or say `--output-format`".into();
            Err(Advice { message, hint }.into())
        }
    }
}

/// The format, if it is one of vectors alone.
fn vector_format(format: EmbeddingFormat) -> Option<VectorFormat> {
    match format {
        EmbeddingFormat::Npy => Some(VectorFormat::Npy),
        EmbeddingFormat::Safetensors => Some(VectorFormat::Safetensors),
        EmbeddingFormat::Jsonl | EmbeddingFormat::Parquet => None,
    }
}

/// A passage, and the record that it is of.
struct Taken<'a> {
    fields: &'a Fields,
    document: &'a Document,
    piece: Piece<'a>,
}

/// Where vectors go.
trait Sink {
    /// Takes passages with their vectors, in order.
    fn take(&mut self, passages: &[Taken<'_>], embedder: &Embedder, embedded: &Embedded) -> anyhow::Result<()>;
}

/// Records with their vectors, a line each, written to what messages call `path`.
struct Lines<'a, W> {
    out: W,
    path: &'a Path,
}

impl<W: Write> Sink for Lines<'_, W> {
    fn take(&mut self, passages: &[Taken<'_>], embedder: &Embedder, embedded: &Embedded) -> anyhow::Result<()> {
        let failed = |source| Error::File(FileError::Write { path: self.path.into(), source });
        for (row, passage) in passages.iter().enumerate() {
            write(&mut self.out, passage.record()?, embedder, embedded, row).map_err(failed)?;
        }
        Ok(self.out.flush().map_err(failed)?)
    }
}

impl Sink for VectorWriter {
    fn take(&mut self, _: &[Taken<'_>], _: &Embedder, embedded: &Embedded) -> anyhow::Result<()> {
        Ok(self.write(embedded.vectors.as_slice())?)
    }
}

/// Writes a Parquet table to `out`, which messages call `path`.
#[cfg(feature = "parquet")]
fn table<W: Write + Send>(
    out: W,
    path: &Path,
    dim: usize,
    fill: impl FnOnce(&mut TableWriter<W>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut table = TableWriter::new(out, path.into(), dim)?;
    fill(&mut table)?;
    Ok(table.finish()?.flush()?)
}

#[cfg(not(feature = "parquet"))]
fn table<W: Write>(
    _: W,
    _: &Path,
    _: usize,
    _: impl FnOnce(&mut Lines<'_, W>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    unreachable!("`output_format` refuses Parquet")
}

#[cfg(feature = "parquet")]
impl<W: Write + Send> Sink for TableWriter<W> {
    fn take(&mut self, passages: &[Taken<'_>], _: &Embedder, embedded: &Embedded) -> anyhow::Result<()> {
        for (Taken { document, piece, .. }, vector) in passages.iter().zip(embedded.vectors.iter()) {
            let mut metadata = piece.metadata.clone();
            if let Some(chunk) = piece.chunk {
                metadata.to_mut().insert("chunk".into(), serde_json::to_value(chunk)?);
            }
            let (id, title) = (document.id.as_str(), document.title.as_deref());
            self.write(TableRow { id, title, text: piece.text, metadata: &metadata }, vector)?;
        }
        Ok(())
    }
}

/// A run under way.
struct Run<'a> {
    options: &'a args::Records,
    embedder: &'a Embedder,
    cutter: Cutter<'a>,
    bar: EncodingBar,
    cuts: Cuts,
    skipped: Skipped<'a>,
}

/// A record's fields.
type Fields = Map<String, Value>;

/// A record's fields as they came, and what is embedded of it.
type Parsed = (Fields, Document);

impl Run<'_> {
    /// Embeds the records, a window at a time, and writes them in their order.
    fn all(&mut self, records: impl Iterator<Item = Result<Record, Error>>, out: &mut impl Sink) -> anyhow::Result<()> {
        let fields = self.options.fields();
        let limit = Window::of(self.embedder);
        let (mut window, mut filled) = (Vec::new(), Filled::default());
        for record in records {
            match record.and_then(|record| Ok((record.fields.clone(), fields.document(record)?))) {
                Ok((fields, document)) => {
                    self.skipped.met(&document.place.input);
                    filled.add(&document);
                    window.push((fields, document));
                }
                Err(error) => self.skipped.note(error)?,
            }
            if limit.is_full(filled) {
                filled = Filled::default();
                self.write(std::mem::take(&mut window), out)?;
            }
        }
        self.write(window, out)?;
        self.bar.finish();
        Ok(())
    }

    /// Embeds a window and writes it.
    fn write(&mut self, mut window: Vec<Parsed>, out: &mut impl Sink) -> anyhow::Result<()> {
        if self.options.long == Some(Long::Error) {
            let (fitting, long) = self.split_long(window)?;
            long.into_iter().try_for_each(|error| self.skipped.note(error))?;
            window = fitting;
        }
        let max_length = self.embedder.tokenizer().max_length();
        let mut passages = Vec::with_capacity(window.len());
        for (fields, document) in &window {
            let pieces = self.cutter.pieces(document, cut(document, cutting(self.options, None), max_length))?;
            passages.extend(pieces.into_iter().map(|piece| Taken { fields, document, piece }));
        }
        let texts: Vec<&str> = passages.iter().map(|passage| passage.piece.to_embed.as_ref()).collect();
        let embedded = self.embedder.embed_reporting(&texts, &mut self.bar)?;
        self.cuts.add(&embedded.tokenized.dropped);
        out.take(&passages, self.embedder, &embedded)
    }

    fn split_long(&self, window: Vec<Parsed>) -> Result<(Vec<Parsed>, Vec<Error>), Error> {
        let whole = |(_, document): &Parsed| -> Result<usize, Error> {
            let pieces = self.cutter.pieces(document, None)?;
            Ok(self.embedder.tokenizer().count(&[&pieces[0].to_embed])?[0])
        };
        split_long(window, self.embedder.tokenizer().max_length(), whole, |(_, document)| &document.place)
    }
}

impl Taken<'_> {
    /// The passage as a record: that of its document, or where that is cut one with the passage's own text and place.
    fn record(&self) -> anyhow::Result<Fields> {
        let mut fields = self.fields.clone();
        if let Some(chunk) = self.piece.chunk {
            let text = fields.iter_mut().find(|(_, value)| value.as_str() == Some(&self.document.text));
            match text {
                Some((_, text)) => *text = self.piece.text.into(),
                None => drop(fields.insert("text".into(), self.piece.text.into())),
            }
            fields.insert("chunk".into(), serde_json::to_value(chunk)?);
        }
        Ok(fields)
    }
}

/// One record with its vector, or with its tokens and their vectors.
fn write(
    out: &mut impl Write,
    mut fields: Map<String, Value>,
    embedder: &Embedder,
    embedded: &Embedded,
    row: usize,
) -> io::Result<()> {
    let pooling = embedder.pooling();
    let rows = embedded.rows(row, pooling);
    if pooling == Pooling::None {
        let tokens = embedder.tokenizer().tokens(embedded.tokenized.ids.get(row));
        fields.insert("tokens".into(), tokens.into());
    }
    fields.shift_remove("embedding");
    // The vectors are written by themselves: as JSON values they would be 64-bit floats, with digits that are not
    // theirs.
    let object = Value::Object(fields).to_string();
    let (open, _) = object.split_at(object.len() - 1);
    let comma = if open.len() > 1 { "," } else { "" };
    write!(out, "{open}{comma}\"embedding\":")?;
    if pooling == Pooling::None {
        let matrix: Vec<&[f32]> = rows.chunks_exact(embedder.dim()).collect();
        serde_json::to_writer(&mut *out, &matrix)?;
    } else {
        serde_json::to_writer(&mut *out, rows)?;
    }
    writeln!(out, "}}")
}

/// The texts of a file, one a line.
pub(super) fn texts(path: &Path) -> Result<Vec<String>, Error> {
    let field = |record: Record| record.fields.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    corpus::records(&[path.to_owned().into()], Format::Lines)?.map(|record| record.map(field)).collect()
}
