//! What the commands that read records share.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use semsearch::corpus::{self, Expanded, Input};
use semsearch::error::{CorpusError, FileError, HubError};
use semsearch::files::write_whole;
use semsearch::hub::data_set::DataSet;

use super::options::input::{InputOptions, hub_address};
use super::settings::Settings;

/// All inputs, named and listed, with data sets downloaded and directories walked. A directory with nothing to read is an
/// error, unless `may_be_empty` is set.
pub(super) fn inputs(options: &InputOptions, settings: &Settings) -> anyhow::Result<Expanded> {
    let mut inputs = options.named.clone();
    if let Some(list) = &options.files_from {
        inputs.extend(corpus::files_from(list)?);
    }
    let split = options.split.as_deref();
    let inputs: Vec<Input> = inputs
        .into_iter()
        .map(|input| match input.path().and_then(hub_address) {
            Some(address) => from_hub(address, split, settings),
            None => Ok(vec![input]),
        })
        .collect::<Result<Vec<_>, HubError>>()?
        .concat();
    let expanded = corpus::expand(&inputs, &options.globs, &options.reading(None))?;
    if let Some(input) = expanded.empty.first().filter(|_| !options.may_be_empty) {
        return Err(CorpusError::NoFiles { input: Arc::clone(input) }.into());
    }
    Ok(expanded)
}

/// The files of a data set, downloaded if need be.
fn from_hub(address: &str, split: Option<&str>, settings: &Settings) -> Result<Vec<Input>, HubError> {
    let data_set: DataSet = address.parse()?;
    let is_data = |path: &Path| {
        corpus::Format::of(path).is_some_and(|format| !format.is_prose())
            && !path.file_name().is_some_and(|name| name == "dataset_infos.json" || name == "dataset_dict.json")
    };
    let files = data_set.fetch(split, &settings.places.hub, is_data, &settings.terminal.download())?;
    Ok(files.into_iter().map(|(name, path)| Input::Copy { name, path }).collect())
}

/// Writes `content` to a temporary file and renames it to `path`.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), FileError> {
    write_whole(path, |mut file| {
        file.write_all(content).map_err(|source| FileError::Write { path: path.into(), source })
    })
}
