//! Options of `store`.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::store::{StoreAction, StoreArgs, StoreCopyArgs, StoreWaitArgs};

/// What is done with a store.
#[derive(Clone, Debug)]
pub(crate) enum StoreOptions {
    Create { servers: Vec<String>, partitions: u16 },
    Begin { wait: Duration },
    Commit { wait: Duration },
    Abort { wait: Duration },
    Info { json: bool },
    Push(StoreCopy),
    Pull(StoreCopy),
    Vacuum { wait: Duration },
    Drop { wait: Duration },
}

/// A copy from or into a directory.
#[derive(Clone, Debug)]
pub(crate) struct StoreCopy {
    pub(crate) dir: PathBuf,
    pub(crate) wait: Duration,
}

impl StoreOptions {
    pub(crate) fn resolve(args: StoreArgs) -> Self {
        let copy = |StoreCopyArgs { dir, wait: StoreWaitArgs { wait } }| StoreCopy { dir, wait };
        match args.action {
            StoreAction::Create { servers, partitions } => Self::Create { servers, partitions },
            StoreAction::Begin(StoreWaitArgs { wait }) => Self::Begin { wait },
            StoreAction::Commit(StoreWaitArgs { wait }) => Self::Commit { wait },
            StoreAction::Abort(StoreWaitArgs { wait }) => Self::Abort { wait },
            StoreAction::Info { json } => Self::Info { json },
            StoreAction::Push(args) => Self::Push(copy(args)),
            StoreAction::Pull(args) => Self::Pull(copy(args)),
            StoreAction::Vacuum(StoreWaitArgs { wait }) => Self::Vacuum { wait },
            StoreAction::Drop(StoreWaitArgs { wait }) => Self::Drop { wait },
        }
    }
}
