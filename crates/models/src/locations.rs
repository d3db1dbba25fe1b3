//! Where models are looked for.

use std::path::PathBuf;

use semsearch_hub::Hub;

/// The places models are looked for.
#[derive(Clone, Debug)]
pub struct Locations {
    /// semsearch's own cache of models.
    pub own: PathBuf,
    /// Where prepared forms of models are kept.
    pub prepared: PathBuf,
    /// The Hub and its cache.
    pub hub: Hub,
}
