//! `semsearch sim`: how similar texts are, each to each.

use std::io::{IsTerminal, stdin};
use std::path::Path;

use semsearch::embedder::Embedded;
use semsearch::encoder::normalize;
use semsearch::error::Error;
use semsearch::model::Pooling;
use semsearch::plot::HeatMap;

use super::Outcome;
use super::args::{self, MatrixFormat};
use super::embed;
use super::output::{self, Matrix};
use super::records::write_file;
use super::report::Advice;
use super::settings::Settings;
use super::terminal::Cuts;

pub(super) fn run(args: &args::Sim, settings: &Settings) -> anyhow::Result<Outcome> {
    let texts = match &args.lines {
        Some(path) => embed::texts(path)?,
        None if args.texts.is_empty() && !stdin().is_terminal() => embed::texts(Path::new("-"))?,
        None => args.texts.clone(),
    };
    if texts.len() < 2 {
        let hint = "`semsearch sim TEXT TEXT`, or `--lines FILE` with a text on each line".into();
        return Err(Advice { message: "nothing to compare: two texts are needed".into(), hint }.into());
    }
    let (_, embedder) = settings.embedder(&args.encoding, None, None)?;
    if embedder.pooling() == Pooling::None {
        return Err(Error::Unsupported("a similarity needs one vector a text: choose another pooling".into()).into());
    }
    let Embedded { mut vectors, tokenized } = embedder.embed(&texts)?;
    let mut cuts = Cuts::default();
    cuts.add(&tokenized.dropped);
    settings.terminal.warn_of_cuts(cuts, embedder.tokenizer().max_length());
    // Cosines, whatever --no-normalize and the model say of other uses.
    vectors.iter_mut().for_each(normalize);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    let rows = vectors.iter().map(|row| vectors.iter().map(|other| dot(row, other)).collect()).collect();
    let matrix = Matrix { texts: &texts, rows };
    if let Some(path) = &args.svg {
        let picture = HeatMap { texts: &texts, rows: &matrix.rows }.svg();
        write_file(path, picture.as_bytes())?;
    }
    match args.format {
        MatrixFormat::Text => matrix.text(&mut output::styled())?,
        MatrixFormat::Json => matrix.json(&mut output::json())?,
        MatrixFormat::Csv => matrix.csv(&mut output::raw())?,
    }
    Ok(Outcome::Done)
}
