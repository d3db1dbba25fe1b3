//! Which store an index is in: a directory, or a database that an address names.

use std::env;
use std::path::Path;
use std::sync::Arc;

use nix::unistd::{Uid, User};
use semsearch_store::Store;
use semsearch_store_local::LocalStore;
use semsearch_store_postgres::{PostgresStore, ServerAddress, StoreOptions, Surroundings};

use super::errors::Raised;

/// The store at a path, or at an address such as `postgresql://host/database`.
pub(crate) fn store_at(path: &Path) -> Result<Arc<dyn Store>, Raised> {
    let Some(address) = path.to_str().filter(|text| ServerAddress::is_one(text)) else {
        return Ok(Arc::new(LocalStore::new(path)));
    };
    let hint = "an address is postgresql://HOST:PORT/DATABASE; passwords are in PGPASSWORD or ~/.pgpass";
    let refused = |error: &dyn std::fmt::Display| Raised::new("StoreError", error.to_string(), Some(hint));
    let address: ServerAddress = address.parse().map_err(|error| refused(&error))?;
    let user = User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name);
    let surroundings = Surroundings::new(|name| env::var_os(name), env::home_dir(), user);
    let login = address.login(&surroundings).map_err(|error| refused(&error))?;
    Ok(Arc::new(PostgresStore::new(login, StoreOptions::default())?))
}
