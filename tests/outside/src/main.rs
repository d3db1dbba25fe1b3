//! Indexes the texts of a file, asks one question, and prints the id of the best hit: `outside MODEL FILE INDEX QUESTION`.

use std::error::Error;
use std::sync::Arc;

use semsearch_corpus::{FieldNames, Format, Input, records};
use semsearch_encoder::embedder::{Embedder, Options};
use semsearch_encoder::model::ModelFiles;
use semsearch_engine::{Indexer, IndexerOptions, LoadedModel, Query, SearchRequest, Searcher, identity};
use semsearch_store::{IndexConfig, IndexSettings, Store, WriteOptions};
use semsearch_store_local::LocalStore;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, index, question] = &arguments[..] else { return Err("four arguments are needed".into()) };
    let files = ModelFiles { dir: model.into(), id: model.clone(), revision: None };
    let model = LoadedModel {
        embedder: Arc::new(Embedder::load(&files, &Options::default())?),
        identity: identity(&files)?,
    };

    let store = LocalStore::new(index);
    let config = IndexConfig::new(model.identity.clone(), &model.embedder, IndexSettings::default());
    let writer = store.writer(config.clone(), WriteOptions::default())?;
    let mut indexer = Indexer::new(&model.embedder, &config, writer, IndexerOptions::default());
    let documents = records(&[Input::File(file.into())], Format::Auto)?;
    indexer.run(documents.map(|record| FieldNames::default().document(record?)), &mut ())?;
    indexer.commit()?;

    let searcher = Searcher::new(Arc::new(store.clone()), store.snapshot()?, model)?;
    let queries = vec![Query { id: "1".into(), text: question.clone() }];
    let found = searcher.search(&SearchRequest { queries, ..SearchRequest::default() }, &mut ())?;
    println!("{}", found.hits[0][0].document.id);
    Ok(())
}
