//! Options of `embed`.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use semsearch::corpus::Format;

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use super::input::InputOptions;
use super::passage::PassageOptions;
use crate::cli::advice::Advice;
use crate::cli::args::embed::EmbedArgs;
use crate::cli::output::{EMBEDDING_FORMATS, EmbeddingFormat};

#[derive(Clone, Debug)]
pub(crate) struct EmbedOptions {
    pub(crate) input: InputOptions,
    pub(crate) passages: PassageOptions,
    pub(crate) encoding: EncodingOptions,
    pub(crate) format: &'static EmbeddingFormat,
    /// The file to write; standard output, if `None`.
    pub(crate) output: Option<PathBuf>,
}

impl EmbedOptions {
    pub(crate) fn resolve(args: &EmbedArgs, defaults: &Defaults) -> anyhow::Result<Self> {
        // As among inputs, - is the standard stream.
        let output = args.output.clone().filter(|path| path != Path::new("-"));
        let by_name = || output.as_deref().map_or(Ok(&EMBEDDING_FORMATS[0]), by_extension);
        let format = args.output_format.map_or_else(by_name, Ok)?;
        (format.writer.check_built_in)()?;
        let input = InputOptions::resolve(&args.inputs, &args.records, "embed")?;
        let encoding = EncodingOptions::resolve(&args.encoding, defaults);
        if output.is_none() {
            (format.writer.check_stdout)(stdout().is_terminal()).map_err(|message| Advice {
                message: message.into(),
                hint: "`--output FILE` writes it to a file".into(),
            })?;
        }
        Ok(Self {
            input: if args.lines { InputOptions { format: Format::Lines, ..input } } else { input },
            passages: PassageOptions::resolve(&args.records),
            encoding: EncodingOptions { truncate_dim: args.records.truncate_dim, ..encoding },
            format,
            output,
        })
    }
}

/// The format that a file's name stands for.
fn by_extension(path: &Path) -> anyhow::Result<&'static EmbeddingFormat> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let known = |format: &&EmbeddingFormat| format.writer.extensions.contains(&extension.as_str());
    EMBEDDING_FORMATS.iter().find(known).ok_or_else(|| {
        let message = format!("{}: its name does not say how to write it", path.display());
        let hint = "end it with .jsonl, .npy, .safetensors or .parquet, or say `--output-format`".into();
        Advice { message, hint }.into()
    })
}
