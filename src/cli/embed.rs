//! `semsearch embed`: records in, the same records with their vectors out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use semsearch::corpus::{self, Document, Input, Record};
use semsearch::embedder::{Embedded, Embedder};
use semsearch::error::{BadRecord, Error, Place};
use semsearch::model::Pooling;
use serde_json::{Map, Value};

use super::args::{self, Long, OnError};
use super::index::{WINDOW, inputs};
use super::settings::Settings;
use super::{Outcome, output};

pub(super) fn run(args: &args::Embed, settings: &Settings) -> anyhow::Result<Outcome> {
    let inputs = inputs(&args.inputs, "embed")?;
    let records: Box<dyn Iterator<Item = Result<Record, Error>>> = if args.lines {
        Box::new(lines(inputs)?)
    } else {
        Box::new(corpus::records(&inputs, args.records.format.into())?)
    };
    let (_, embedder) = settings.embedder(&args.encoding, None)?;
    super::interrupt::exit_on_signal(&settings.terminal);
    let records = records.take(args.records.limit.unwrap_or(usize::MAX));
    match &args.output {
        None => all(args, settings, &embedder, records, &mut output::raw())?,
        Some(path) => {
            let beside = path.with_extension("part");
            let failed = |source| Error::Write { path: path.clone(), source };
            let file = File::create(&beside).map_err(failed)?;
            all(args, settings, &embedder, records, &mut BufWriter::new(file))?;
            std::fs::rename(&beside, path).map_err(failed)?;
        }
    }
    Ok(Outcome::Done)
}

/// Embeds the records, a window at a time, and writes them in their order.
fn all(
    args: &args::Embed,
    settings: &Settings,
    embedder: &Embedder,
    records: impl Iterator<Item = Result<Record, Error>>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut bar = settings.terminal.encoding(None);
    let (mut window, mut cut, mut skipped) = (Vec::with_capacity(WINDOW), 0, 0);
    let mut records = records.peekable();
    while let Some(record) = records.next() {
        let fields = args.records.fields();
        let parsed = record.and_then(|record| Ok((record.fields.clone(), fields.document(record)?)));
        match parsed {
            Ok(pair) => window.push(pair),
            Err(Error::Record { .. }) if args.records.on_error == OnError::Skip => skipped += 1,
            Err(error) => return Err(error.into()),
        }
        if window.len() < WINDOW && records.peek().is_some() {
            continue;
        }
        let texts: Vec<_> = window.iter().map(|(_, document)| document.to_embed(!args.records.no_title)).collect();
        let tokenized = embedder.tokenizer().tokenize(&texts)?;
        cut += tokenized.dropped.iter().filter(|&&dropped| dropped > 0).count();
        if args.records.long == Long::Error {
            refuse_long(embedder, &window, &tokenized.dropped)?;
        }
        let embedded = embedder.embed_tokenized(tokenized, &mut bar)?;
        for (row, (fields, _)) in window.drain(..).enumerate() {
            write(out, fields, embedder, &embedded, row)?;
        }
        out.flush()?;
    }
    bar.finish();
    if cut > 0 {
        let max = embedder.tokenizer().max_length();
        settings.terminal.warn(&format!("{cut} texts are longer than {max} tokens and were cut there"));
    }
    if skipped > 0 {
        settings.terminal.warn(&format!("{skipped} bad records were skipped"));
    }
    Ok(())
}

/// The first text that is longer than the maximum, as an error.
fn refuse_long(embedder: &Embedder, window: &[(Map<String, Value>, Document)], dropped: &[usize]) -> Result<(), Error> {
    let max = embedder.tokenizer().max_length();
    match window.iter().zip(dropped).find(|&(_, &dropped)| dropped > 0) {
        None => Ok(()),
        Some(((_, document), dropped)) => Err(Error::Record {
            place: document.place.clone(),
            problem: BadRecord::TooLong { tokens: max + dropped, max },
        }),
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

/// Every line of the inputs as a record with a text.
fn lines(inputs: Vec<Input>) -> Result<impl Iterator<Item = Result<Record, Error>>, Error> {
    let open = |input: Input| -> Result<(Arc<str>, Box<dyn Read>), Error> {
        let name = input.name();
        match input {
            Input::Stdin => Ok((name, Box::new(io::stdin()))),
            Input::File(path) => {
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
                problem: BadRecord::Utf8 { byte: error.utf8_error().valid_up_to() + 1 },
            })?;
            let text = text.strip_suffix('\r').unwrap_or(&text);
            let fields = Map::from_iter([("text".to_owned(), Value::from(text))]);
            Ok(Record { fields, place, titled: false })
        })
    }))
}

/// The texts of a file, one a line.
pub(super) fn texts(path: &Path) -> Result<Vec<String>, Error> {
    let field = |record: Record| record.fields.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    lines(vec![path.to_owned().into()])?.map(|record| record.map(field)).collect()
}
