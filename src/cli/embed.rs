//! `semsearch embed`: records in, the same records with their vectors out.

use semsearch::corpus::{self, Document, Record};
use semsearch::embedder::{Embedded, Embedder};
use semsearch::engine::{Cutter, Filled, Window, chunk_size, long_texts};
use semsearch::error::{CorpusError, EncoderError};
use semsearch::files::write_whole;
use semsearch::index::ChunkPolicy;
use semsearch::model::Pooling;
use serde_json::{Map, Value};

use super::model_loader;
use super::named_fields::NamedFields;
use super::options::embed::EmbedOptions;
use super::options::passage::LongTexts;
use super::outcome::Outcome;
use super::output::{Destination, EmbeddedPassage, EmbeddingWriter};
use super::records::inputs;
use super::settings::Settings;
use super::skipped::SkipReport;
use super::terminal::{EncodingBar, Terminal};
use semsearch::engine::Truncation;

pub(super) fn run(options: &EmbedOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let terminal = &settings.terminal;
    let expanded = inputs(&options.input, settings)?;
    let records = corpus::records(&expanded.inputs, options.input.reading(None))?;
    let (_, embedder) = model_loader::load(settings, &options.encoding, None)?;
    if embedder.pooling() == Pooling::None && !options.format.writer.holds_tokens {
        let message = "`--pooling none` gives each text a matrix of its own: only jsonl holds that";
        return Err(anyhow::Error::msg(message));
    }
    super::interrupt::exit_on_signal(terminal);
    let prompt = options.passages.document_prompt(None, embedder.config());
    let mut embedding = Embedding {
        options,
        embedder: &embedder,
        cutter: Cutter {
            tokenizer: embedder.tokenizer(),
            with_title: options.passages.with_title,
            with_context: options.passages.with_title,
            prompt: &prompt,
        },
        chunks: options.passages.chunks(None),
        bar: match options.output {
            Some(_) => terminal.encoding("texts", None),
            None => terminal.encoding_beside_output("texts"),
        },
        cuts: Truncation::default(),
        skipped: SkipReport::new(options.input.on_error, terminal, &expanded),
        terminal,
    };
    embedding.output(records.take(options.input.limit.unwrap_or(usize::MAX)))?;
    embedding.skipped.report(false);
    terminal.warn_of_cuts(embedding.cuts, embedder.tokenizer().max_length());
    model_loader::keep_prepared(&embedder, terminal);
    Ok(Outcome::Done)
}

/// A run of the command.
struct Embedding<'a> {
    options: &'a EmbedOptions,
    embedder: &'a Embedder,
    cutter: Cutter<'a>,
    chunks: ChunkPolicy,
    bar: EncodingBar,
    cuts: Truncation,
    skipped: SkipReport<'a>,
    terminal: &'a Terminal,
}

/// A record's fields as they were read, and its document.
type FieldsAndDocument = (Map<String, Value>, Document);

impl Embedding<'_> {
    /// Embeds the records and writes them to standard output, or to a file that appears when it is complete.
    fn output(&mut self, records: impl Iterator<Item = Result<Record, CorpusError>>) -> anyhow::Result<()> {
        let (options, dim) = (self.options, self.embedder.dim());
        let write = |destination: Destination<'_>| -> anyhow::Result<()> {
            let mut out = (options.format.writer.open)(destination, dim)?;
            self.all(records, &mut *out)?;
            out.finish()
        };
        match &options.output {
            None => write(Destination::Stdout),
            Some(path) => write_whole(path, |file| write(Destination::File(file, path))),
        }
    }

    /// Embeds the records, a window at a time, and writes them in their order.
    fn all(
        &mut self,
        records: impl Iterator<Item = Result<Record, CorpusError>>,
        out: &mut dyn EmbeddingWriter,
    ) -> anyhow::Result<()> {
        let fields = &self.options.input.fields;
        let limit = Window::of(self.embedder);
        let (mut window, mut filled) = (Vec::new(), Filled::default());
        let mut named = NamedFields::new(fields);
        for record in records.inspect(|record| record.iter().for_each(|record| named.see(record))) {
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
        named.report(self.terminal);
        Ok(())
    }

    /// Embeds a window and writes it.
    fn write(&mut self, mut window: Vec<FieldsAndDocument>, out: &mut dyn EmbeddingWriter) -> anyhow::Result<()> {
        if self.options.passages.long == Some(LongTexts::Error) {
            let (fitting, long) = self.split_long(window)?;
            long.into_iter().try_for_each(|error| self.skipped.note(error))?;
            window = fitting;
        }
        let max_length = self.embedder.tokenizer().max_length();
        let mut passages = Vec::with_capacity(window.len());
        for (fields, document) in &window {
            let pieces = self.cutter.pieces(document, chunk_size(document, self.chunks, max_length))?;
            passages.extend(pieces.into_iter().map(|piece| (fields, document, piece)));
        }
        let texts: Vec<&str> = passages.iter().map(|(_, document, piece)| piece.to_embed(document)).collect();
        let embedded = self.embedder.embed_reporting(&texts, &mut self.bar)?;
        self.cuts.add(&embedded.tokenized.dropped);
        let passages = passages.iter().enumerate();
        out.write(&mut passages.map(|(row, (fields, document, piece))| EmbeddedPassage {
            fields,
            document,
            piece,
            tokens: self.tokens(&embedded, row),
            embedding: embedded.rows(row, self.embedder.pooling()),
            dim: self.embedder.dim(),
        }))
    }

    /// The tokens of a text, if each token has a vector.
    fn tokens(&self, embedded: &Embedded, row: usize) -> Option<Vec<String>> {
        let ids = embedded.tokenized.ids.get(row);
        (self.embedder.pooling() == Pooling::None).then(|| self.embedder.tokenizer().tokens(ids))
    }

    fn split_long(
        &self,
        window: Vec<FieldsAndDocument>,
    ) -> Result<(Vec<FieldsAndDocument>, Vec<CorpusError>), EncoderError> {
        let whole = |(_, document): &FieldsAndDocument| self.cutter.tokens(document);
        long_texts::split(window, self.embedder.tokenizer().max_length(), whole, |(_, document)| &document.place)
    }
}
