//! Drops a store: the tables of every shard, then those of the coordinator.

use std::fmt::Write;
use std::time::Duration;

use semsearch_store::StoreError;

use super::cluster::{Cluster, Shard};
use super::generation::{Hold, lock};
use super::literal::{name, verbatim};
use super::session::in_schema;
use super::state::State;
use super::store::PostgresStore;

/// Removes a store: everything in it, on all servers.
///
/// # Errors
/// There is no store, another process writes it, or a server cannot be reached or refuses.
pub fn drop_store(store: &PostgresStore, wait: Duration) -> Result<(), StoreError> {
    let schema = &store.shared().schema;
    let mut session = store.shared().connect(None)?;
    let identity = State::read(&session, schema)?.identity;
    lock(&session, schema, Hold::Alone, wait)?;
    let cluster = Cluster::read(&session, schema)?;
    let remote: Vec<Shard> = cluster.shards.iter().filter(|shard| shard.server.is_some()).cloned().collect();
    // If one of them is away, nothing is dropped.
    session.ask_all("looking for the shards", &remote, "SELECT 1", "one int")?;
    session.run_on("dropping the shard", &remote, &drop_own_tables(schema, &identity))?;
    let mut sql = String::from("BEGIN;");
    for shard in &remote {
        let server = shard.server.as_deref().unwrap_or_default();
        let _ = write!(sql, "DROP FOREIGN TABLE IF EXISTS {};", cluster.table(&format!("passages_{}", shard.number)));
        let _ = write!(sql, "{} DROP SERVER {};", drop_mappings(server), name(server));
    }
    if remote.is_empty() {
        sql.push_str(&drop_of_shard(schema));
    }
    for table in ["store", "generations", "batches", "shards"] {
        let _ = write!(sql, "DROP TABLE {};", cluster.table(table));
    }
    sql.push_str(&drop_schema(schema));
    sql.push_str("COMMIT;");
    session.run("dropping the store", &sql)
}

/// Drops the tables of a shard of this store. A shard that was dropped before, by a run that was interrupted, has nothing
/// left. One that is not this store's stays.
pub(crate) fn drop_own_tables(schema: &str, identity: &str) -> String {
    let table = in_schema(schema, "shard");
    format!(
        "IF to_regclass({shard}) IS NOT NULL THEN
             IF (SELECT identity::text FROM {table}) <> {identity} THEN RAISE EXCEPTION 'it belongs to another store'; END IF;
             {drop}
         END IF;",
        shard = verbatim(&table),
        identity = verbatim(identity),
        drop = drop_tables(schema)
    )
}

/// Drops the tables of a shard, and the schema if nothing else is in it.
fn drop_tables(schema: &str) -> String {
    format!("{} {}", drop_of_shard(schema), drop_schema_inside(schema))
}

fn drop_of_shard(schema: &str) -> String {
    let tables = ["passages", "words", "terms", "removals", "shard"].map(|table| in_schema(schema, table));
    tables.iter().fold(String::new(), |sql, table| sql + &format!("DROP TABLE IF EXISTS {table};"))
}

fn drop_schema_inside(schema: &str) -> String {
    let name = name(schema);
    format!(
        "BEGIN DROP SCHEMA IF EXISTS {name} RESTRICT;
         EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL; END;"
    )
}

fn drop_schema(schema: &str) -> String {
    let block = format!("BEGIN {} END", drop_schema_inside(schema));
    format!("DO {};", super::session::dollar_quoted(&block))
}

/// Drops how users log in to a server.
fn drop_mappings(server: &str) -> String {
    let block = format!(
        "DECLARE one record; BEGIN FOR one IN SELECT usename, umuser FROM pg_user_mappings WHERE srvname = {} LOOP
             EXECUTE format('DROP USER MAPPING FOR %s SERVER %I',
                 CASE WHEN one.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(one.usename) END, {});
         END LOOP; END",
        verbatim(server),
        verbatim(server)
    );
    format!("DO {};", super::session::dollar_quoted(&block))
}
