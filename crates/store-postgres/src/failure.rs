//! What went wrong on a server, as an error of a store.

use std::path::Path;

use semsearch_postgres_address::ConnectError;
use semsearch_store::{ServerFailure, StoreError};
use tokio_postgres::error::{DbError, SqlState};

/// The error of a statement at this place, while `what` was being done.
pub(crate) fn failed(place: &Path, what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> StoreError {
    let (place, what) = (place.to_owned(), what.into());
    move |error| StoreError::Server { place, what, failure: kind(&error), source: Some(told(&error).into()) }
}

/// The error of a login at this place.
pub(crate) fn unconnected(place: &Path) -> impl FnOnce(ConnectError) -> StoreError {
    let place = place.to_owned();
    move |error| {
        let told = error.to_string();
        let failure = match error.answer() {
            Some(answer) => kind_of_server(answer),
            None if told.contains("TLS") || told.contains("certificate") => ServerFailure::Encryption,
            None if told.contains("password") => ServerFailure::Login,
            None => ServerFailure::Unreachable,
        };
        StoreError::Server { place, what: "connecting".into(), failure, source: Some(told.into()) }
    }
}

/// An error that is not one of a statement.
pub(crate) fn refused(place: &Path, what: impl Into<String>, failure: ServerFailure) -> StoreError {
    StoreError::Server { place: place.to_owned(), what: what.into(), failure, source: None }
}

/// The kind of an error.
pub(crate) fn kind(error: &tokio_postgres::Error) -> ServerFailure {
    match error.as_db_error() {
        Some(error) => kind_of_server(error),
        None if causes(error).any(|cause| cause.contains("TLS") || cause.contains("certificate")) => {
            ServerFailure::Encryption
        }
        None if causes(error).any(|cause| cause.contains("password missing")) => ServerFailure::Login,
        None => ServerFailure::Unreachable,
    }
}

fn kind_of_server(error: &DbError) -> ServerFailure {
    let code = error.code();
    let class = &code.code()[..2];
    match code {
        &SqlState::INSUFFICIENT_PRIVILEGE if error.message().contains("create extension") => ServerFailure::Extension,
        &SqlState::INSUFFICIENT_PRIVILEGE => ServerFailure::Privileges,
        &SqlState::DISK_FULL => ServerFailure::Full,
        &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => ServerFailure::Slow,
        &SqlState::READ_ONLY_SQL_TRANSACTION => ServerFailure::ReadOnly,
        // "no pg_hba.conf entry for host …, no encryption" is how a server asks for TLS.
        &SqlState::INVALID_AUTHORIZATION_SPECIFICATION if error.message().contains("no encryption") => {
            ServerFailure::Encryption
        }
        // Of these, postgres_fdw and dblink report a shard that refuses the login.
        &SqlState::SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION
            if error.detail().is_some_and(|detail| detail.contains("authentication failed")) =>
        {
            ServerFailure::Login
        }
        &SqlState::INVALID_CATALOG_NAME => ServerFailure::Login,
        &SqlState::FEATURE_NOT_SUPPORTED | &SqlState::UNDEFINED_FILE if error.message().contains("extension") => {
            ServerFailure::Extension
        }
        _ if class == "28" => ServerFailure::Login,
        _ if class == "08" || class == "57" => ServerFailure::Unreachable,
        _ if error.message().contains("No space left on device") => ServerFailure::Full,
        _ => ServerFailure::Other,
    }
}

/// Whether a statement failed because a connection broke, so that it may succeed over a new one.
pub(crate) fn is_of_connection(error: &StoreError) -> bool {
    matches!(error, StoreError::Server { failure: ServerFailure::Unreachable, .. })
}

/// Whether the kind of a failure is not known.
pub(crate) fn is_unclear(error: &StoreError) -> bool {
    matches!(error, StoreError::Server { failure: ServerFailure::Other, .. })
}

/// What the server says, in one line.
fn told(error: &tokio_postgres::Error) -> String {
    let Some(error) = error.as_db_error() else {
        return causes(error).collect::<Vec<_>>().join(": ");
    };
    let mut told = error.message().to_owned();
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        told.push_str(": ");
        told.push_str(more);
    }
    // libpq, with which a shard is reached, writes several lines.
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn causes(error: &tokio_postgres::Error) -> impl Iterator<Item = String> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string)
}
