//! `semsearch embed`: records in, the same records with their vectors out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use semsearch::corpus::{self, Document, Input, Record};
use semsearch::embedder::{Embedded, Embedder};
use semsearch::error::{BadRecord, Error, Place};
use semsearch::model::Pooling;
use semsearch::passage::{Cutter, Piece};
use semsearch::vector_file::{VectorFormat, VectorWriter};
use serde_json::{Map, Value};

use super::args::{self, EmbeddingFormat, Long};
use super::records::{Skipped, TOKEN_WINDOW, WINDOW, cut, cutting, document_prompt, inputs, split_long, write_beside};
use super::report::Advice;
use super::settings::Settings;
use super::terminal::{Cuts, EncodingBar};
use super::{Outcome, output};

pub(super) fn run(args: &args::Embed, settings: &Settings) -> anyhow::Result<Outcome> {
    let inputs = inputs(&args.inputs, &args.records, "embed", &settings.terminal)?.inputs;
    let records: Box<dyn Iterator<Item = Result<Record, Error>>> = if args.lines {
        Box::new(lines(inputs)?)
    } else {
        Box::new(corpus::records(&inputs, args.records.format.into())?)
    };
    let (_, embedder) = settings.embedder(&args.encoding, None, args.records.truncate_dim)?;
    let format = vector_format(args, embedder.pooling())?;
    super::interrupt::exit_on_signal(&settings.terminal);
    let bar = match args.output {
        Some(_) => settings.terminal.encoding("texts", None),
        None => settings.terminal.encoding_beside_output("texts"),
    };
    let skipped = Skipped::new(args.records.on_error, &settings.terminal);
    let prompt = document_prompt(&args.records, None, embedder.config());
    let cutter = Cutter { tokenizer: embedder.tokenizer(), with_title: !args.records.no_title, prompt: &prompt };
    let mut run = Run { options: &args.records, embedder: &embedder, cutter, bar, cuts: Cuts::default(), skipped };
    let records = records.take(args.records.limit.unwrap_or(usize::MAX));
    match (&args.output, format) {
        (None, None) => run.all(records, &mut Lines(output::raw()))?,
        (None, Some(_)) => {
            let message = "this format says the number of rows at its start: it cannot go to standard output".into();
            return Err(Advice { message, hint: "`--output FILE` writes it to a file".into() }.into());
        }
        (Some(path), None) => write_beside(path, |beside| {
            let file = File::create(beside).map_err(|source| Error::Write { path: path.clone(), source })?;
            run.all(records, &mut Lines(BufWriter::new(file)))
        })?,
        (Some(path), Some(format)) => write_beside(path, |beside| {
            let mut matrix = VectorWriter::create(beside, format, embedder.dim())?;
            run.all(records, &mut matrix)?;
            Ok(matrix.finish()?)
        })?,
    }
    run.skipped.report();
    settings.terminal.warn_of_cuts(run.cuts, embedder.tokenizer().max_length());
    Ok(Outcome::Done)
}

/// The format of vectors alone; `None` for records with their vectors.
fn vector_format(args: &args::Embed, pooling: Pooling) -> anyhow::Result<Option<VectorFormat>> {
    let format = match args.output_format {
        Some(EmbeddingFormat::Jsonl) => None,
        Some(EmbeddingFormat::Npy) => Some(VectorFormat::Npy),
        Some(EmbeddingFormat::Safetensors) => Some(VectorFormat::Safetensors),
        None => args.output.as_deref().and_then(VectorFormat::of),
    };
    if format.is_some() && pooling == Pooling::None {
        let message = "`--pooling none` gives each text a matrix of its own: only jsonl holds that".into();
        return Err(Error::Unsupported(message).into());
    }
    Ok(format)
}

/// Where vectors go.
trait Sink {
    /// Takes records with their vectors, in order.
    fn take(&mut self, records: Vec<Fields>, embedder: &Embedder, embedded: &Embedded) -> anyhow::Result<()>;
}

/// Records with their vectors, a line each.
struct Lines<W>(W);

impl<W: Write> Sink for Lines<W> {
    fn take(&mut self, records: Vec<Fields>, embedder: &Embedder, embedded: &Embedded) -> anyhow::Result<()> {
        for (row, fields) in records.into_iter().enumerate() {
            write(&mut self.0, fields, embedder, embedded, row)?;
        }
        Ok(self.0.flush()?)
    }
}

impl Sink for VectorWriter {
    fn take(&mut self, _: Vec<Fields>, _: &Embedder, embedded: &Embedded) -> anyhow::Result<()> {
        Ok(self.write(embedded.vectors.as_slice())?)
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
        let size = if self.embedder.pooling() == Pooling::None { TOKEN_WINDOW } else { WINDOW };
        let mut window = Vec::with_capacity(size);
        for record in records {
            match record.and_then(|record| Ok((record.fields.clone(), fields.document(record)?))) {
                Ok(parsed) => window.push(parsed),
                Err(error) => self.skipped.note(error)?,
            }
            if window.len() == size {
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
        let (mut records, mut texts) = (Vec::with_capacity(window.len()), Vec::with_capacity(window.len()));
        for (fields, document) in &window {
            for piece in self.cutter.pieces(document, cut(document, cutting(self.options, None), max_length))? {
                records.push(of_piece(fields, document, &piece)?);
                texts.push(piece.to_embed);
            }
        }
        let embedded = self.embedder.embed_reporting(&texts, &mut self.bar)?;
        self.cuts.add(&embedded.tokenized.dropped);
        out.take(records, self.embedder, &embedded)
    }

    fn split_long(&self, window: Vec<Parsed>) -> Result<(Vec<Parsed>, Vec<Error>), Error> {
        let whole = |(_, document): &Parsed| -> Result<usize, Error> {
            let pieces = self.cutter.pieces(document, None)?;
            Ok(self.embedder.tokenizer().count(&[&pieces[0].to_embed])?[0])
        };
        split_long(window, self.embedder.tokenizer().max_length(), whole, |(_, document)| &document.place)
    }
}

/// The record of a passage: that of its document, or where that is cut one with the passage's own text and place.
fn of_piece(fields: &Fields, document: &Document, piece: &Piece) -> anyhow::Result<Fields> {
    let mut fields = fields.clone();
    if let Some(chunk) = piece.chunk {
        let text = fields.iter_mut().find(|(_, value)| value.as_str() == Some(&document.text));
        match text {
            Some((_, text)) => *text = piece.text.into(),
            None => drop(fields.insert("text".into(), piece.text.into())),
        }
        fields.insert("chunk".into(), serde_json::to_value(chunk)?);
    }
    Ok(fields)
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

/// Every line of the inputs as a record with a text.
fn lines(inputs: Vec<Input>) -> Result<impl Iterator<Item = Result<Record, Error>>, Error> {
    let open = |input: Input| -> Result<(Arc<str>, Box<dyn Read>), Error> {
        let name = input.name();
        match input {
            Input::Stdin => Ok((name, Box::new(io::stdin()))),
            Input::File(path) | Input::Found(path) => {
                let file = File::open(&path).map_err(|source| Error::Read { path, source })?;
                Ok((name, Box::new(file)))
            }
        }
    };
    let opened: Vec<_> = inputs.into_iter().map(open).collect::<Result<_, _>>()?;
    Ok(opened.into_iter().flat_map(|(name, bytes)| {
        let lines = BufReader::new(bytes).split(b'\n');
        (1..).zip(lines).map(move |(number, line)| {
            let place = Place::line(&name, number);
            let bytes = line.map_err(|source| Error::Input { place: place.clone(), source })?;
            let text = String::from_utf8(bytes).map_err(|error| Error::Record {
                place: place.clone(),
                problem: BadRecord::utf8(error.utf8_error()),
            })?;
            let text = text.strip_suffix('\r').unwrap_or(&text);
            let fields = Map::from_iter([("text".to_owned(), Value::from(text))]);
            Ok(Record { fields, place, titled: false, markup: None, cells: false })
        })
    }))
}

/// The texts of a file, one a line.
pub(super) fn texts(path: &Path) -> Result<Vec<String>, Error> {
    let field = |record: Record| record.fields.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    lines(vec![path.to_owned().into()])?.map(|record| record.map(field)).collect()
}
