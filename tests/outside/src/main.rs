//! Indexes the texts of a file, asks one question, and prints the id of the best hit: `outside MODEL FILE INDEX QUESTION`.

use std::error::Error;
use std::path::PathBuf;

use semsearch_corpus::{FieldNames, Format, Input, records};
use semsearch_encoder::embedder::{Embedder, Options};
use semsearch_encoder::model::ModelFiles;
use semsearch_engine::passage::Cutter;
use semsearch_engine::{Query, Searcher, Wanted};
use semsearch_store_local::{Index, IndexWriter, ModelIdentity, Recipe, Store, WriteOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, index, question] = &arguments[..] else { return Err("four arguments are needed".into()) };
    let index = PathBuf::from(index);
    let model = ModelFiles { dir: model.into(), id: model.clone(), revision: None };
    let embedder = Embedder::load(&model, &Options::default())?;

    let recipe = Recipe::new(ModelIdentity::of(&model)?, &embedder, Store::default());
    let cutter = Cutter { tokenizer: embedder.tokenizer(), with_title: true, prompt: "" };
    let mut writer = IndexWriter::open(&index, recipe.clone(), WriteOptions::default())?;
    for record in records(&[Input::File(file.into())], Format::Auto)? {
        let document = FieldNames::default().document(record?)?;
        let compared = writer.compare(&document, None, None)?;
        let pieces = cutter.pieces(&document, None)?;
        let embedded = embedder.embed(&[&pieces[0].to_embed])?;
        writer.put(&document, compared, &[pieces[0].with(embedded.vectors.row(0))])?;
    }
    writer.commit()?;

    let searcher = Searcher::new(Index::open(&index)?, embedder, &recipe)?;
    let query = Query { id: "1".into(), text: question.clone() };
    let found = searcher.search(&[query], Wanted::default(), &mut ())?;
    println!("{}", found.hits[0][0].document.id);
    Ok(())
}
