//! Options of `config`: each setting, with what sets it.

use std::env;

use crate::cli::args::setting::{self, SettingArg};
use crate::cli::config_file::ConfigFile;

#[derive(Clone, Debug)]
pub(crate) struct ConfigOptions {
    /// In the order of their names.
    pub(crate) settings: Vec<SettingOptions>,
}

/// A setting, and what sets it.
#[derive(Clone, Debug)]
pub(crate) struct SettingOptions {
    pub(crate) name: String,
    pub(crate) environment: Option<SetBy>,
    pub(crate) file: Option<SetBy>,
    pub(crate) default: String,
}

/// A value, and the variable or file that sets it.
#[derive(Clone, Debug)]
pub(crate) struct SetBy {
    pub(crate) value: String,
    pub(crate) source: String,
}

impl ConfigOptions {
    pub(crate) fn resolve(config: &ConfigFile) -> Self {
        let resolved = |SettingArg { name, variable, default }| {
            let set = env::var_os(&variable).filter(|value| !value.is_empty());
            let environment = set.map(|value| SetBy { value: value.to_string_lossy().into_owned(), source: variable });
            let source = || config.path.display().to_string();
            let file = config.values.get(&name).map(|value| SetBy { value: value.clone(), source: source() });
            SettingOptions { name, environment, file, default }
        };
        Self { settings: setting::settings().into_iter().map(resolved).collect() }
    }
}
