//! `semsearch sim`: how similar texts are to each other.

use std::path::Path;

use semsearch::corpus::{self, Format, Record};
use semsearch::embedder::{Embedded, Embedder};
use semsearch::encoder::normalize;
use semsearch::error::{CorpusError, EncoderError};
use semsearch::model::Pooling;
use semsearch::plot::HeatMap;
use serde_json::Value;

use super::advice::Advice;
use super::model_loader;
use super::options::sim::{SimOptions, TextSource};
use super::outcome::Outcome;
use super::output::Similarities;
use super::records::write_file;
use super::settings::Settings;
use super::terminal::Terminal;
use semsearch::engine::Truncation;

pub(super) fn run(options: &SimOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let texts = match &options.texts {
        TextSource::Lines(path) => lines(path)?,
        TextSource::Given(texts) => texts.clone(),
    };
    if texts.len() < 2 {
        let hint = "`semsearch sim TEXT TEXT`, or `--lines FILE` with a text on each line".into();
        return Err(Advice { message: "nothing to compare: two texts are needed".into(), hint }.into());
    }
    let (_, embedder) = model_loader::load(settings, &options.encoding, None)?;
    if embedder.pooling() == Pooling::None {
        return Err(anyhow::Error::msg("a similarity needs one vector a text: choose another pooling"));
    }
    let similarities = Similarities { texts: &texts, rows: cosines(&texts, &embedder, &settings.terminal)? };
    if let Some(path) = &options.svg {
        let picture = HeatMap { texts: &texts, rows: &similarities.rows }.svg();
        write_file(path, picture.as_bytes())?;
    }
    (options.format.writer)(&similarities)?;
    model_loader::keep_prepared(&embedder, &settings.terminal);
    Ok(Outcome::Done)
}

/// The cosine of each pair of texts: a row for each text.
fn cosines(texts: &[String], embedder: &Embedder, terminal: &Terminal) -> Result<Vec<Vec<f32>>, EncoderError> {
    let Embedded { mut vectors, tokenized } = embedder.embed(texts)?;
    let mut cuts = Truncation::default();
    cuts.add(&tokenized.dropped);
    terminal.warn_of_cuts(cuts, embedder.tokenizer().max_length());
    // Vectors are normalized here whatever --no-normalize and the model say, because the results are cosines.
    vectors.iter_mut().for_each(normalize);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    Ok(vectors.iter().map(|row| vectors.iter().map(|other| dot(row, other)).collect()).collect())
}

/// The texts of a file, one a line.
fn lines(path: &Path) -> Result<Vec<String>, CorpusError> {
    let text = |record: Record| record.fields.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    corpus::records(&[path.to_owned().into()], Format::Lines)?.map(|record| record.map(text)).collect()
}
