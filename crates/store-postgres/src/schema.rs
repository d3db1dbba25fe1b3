//! The tables of a store.

use super::literal::{name, verbatim};
use super::session::in_schema;
use super::state::{FORMAT, NEVER};

/// The columns of `passages`, in their order. Those before the vector have a fixed size, so that a scan over vectors does
/// not have to look at the others.
pub(crate) const COLUMNS: [(&str, &str); 24] = [
    ("key", "bigint NOT NULL"),
    ("document", "bigint NOT NULL"),
    ("batch", "bigint NOT NULL"),
    ("added", "int NOT NULL"),
    ("removed", "int NOT NULL"),
    ("length", "int NOT NULL"),
    ("class", "int NOT NULL"),
    ("slot", "smallint NOT NULL"),
    ("embedding", "vector NOT NULL"),
    ("id", "text COLLATE \"C\" NOT NULL"),
    ("version", "bytea NOT NULL"),
    ("content", "bytea NOT NULL"),
    ("checksum", "int NOT NULL"),
    ("title", "text COLLATE \"C\""),
    ("text", "text COLLATE \"C\" NOT NULL"),
    ("metadata", "text COLLATE \"C\" NOT NULL"),
    ("chunk", "text COLLATE \"C\""),
    ("source", "text COLLATE \"C\""),
    ("origin", "text COLLATE \"C\" NOT NULL"),
    ("embedded", "bytea[] NOT NULL"),
    ("words", "text[] COLLATE \"C\" NOT NULL"),
    ("counts", "int[] NOT NULL"),
    ("facts", "bytea[] NOT NULL"),
    ("bm25", "sparsevec"),
];

/// The columns by which the planner chooses. Statistics of the others would tell it nothing, and to gather them from texts,
/// vectors and arrays takes a good part of the time of a large load.
const PLANNED: [&str; 9] = ["key", "document", "batch", "added", "removed", "length", "class", "slot", "id"];

/// The tables of the coordinator.
pub(crate) fn of_coordinator(schema: &str, partitions: u16) -> String {
    let table = |table| in_schema(schema, table);
    let (store, generations, batches, shards) =
        (table("store"), table("generations"), table("batches"), table("shards"));
    format!(
        "CREATE TABLE {store} (
             only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
             format int NOT NULL,
             identity uuid NOT NULL DEFAULT gen_random_uuid(),
             partitions int NOT NULL,
             config text,
             created timestamptz NOT NULL DEFAULT now(),
             committed int NOT NULL DEFAULT 0,
             oldest int NOT NULL DEFAULT 0,
             last_generation int NOT NULL DEFAULT 0,
             next_passage bigint NOT NULL DEFAULT 0,
             mean_length float8,
             settles bigint NOT NULL DEFAULT 0);
         CREATE TABLE {generations} (
             number int PRIMARY KEY,
             state text NOT NULL CHECK (state IN ('open', 'committed', 'aborted')),
             explicit boolean NOT NULL DEFAULT false,
             documents bigint NOT NULL DEFAULT 0,
             passages bigint NOT NULL DEFAULT 0,
             words bigint NOT NULL DEFAULT 0,
             longest float8 NOT NULL DEFAULT 0,
             settled bigint NOT NULL DEFAULT 0,
             began timestamptz NOT NULL DEFAULT now(),
             ended timestamptz);
         CREATE UNIQUE INDEX ON {generations} ((true)) WHERE state = 'open';
         CREATE TABLE {batches} (
             number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             generation int NOT NULL,
             sealed boolean NOT NULL DEFAULT false);
         CREATE TABLE {shards} (number int PRIMARY KEY, server text, slots smallint[] NOT NULL);
         INSERT INTO {generations} (number, state, ended) VALUES (0, 'committed', now());
         INSERT INTO {store} (format, partitions) VALUES ({FORMAT}, {partitions});"
    )
}

/// The tables of a shard, which is number `number` of the store `identity`, for these partitions.
pub(crate) fn of_shard(schema: &str, identity: &str, number: usize, slots: &[u16]) -> String {
    let table = |table| in_schema(schema, table);
    let (shard, passages, words, removals) = (table("shard"), table("passages"), table("words"), table("removals"));
    let terms = table("terms");
    let columns: Vec<String> = COLUMNS.iter().map(|(column, kind)| format!("{} {kind}", name(column))).collect();
    let mut sql = format!(
        "CREATE TABLE {shard} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), identity uuid NOT NULL, number int NOT NULL,
             settled bigint NOT NULL DEFAULT 0);
         INSERT INTO {shard} (identity, number) VALUES ({}::uuid, {number});
         CREATE TABLE {passages} ({}, PRIMARY KEY (key, slot)) PARTITION BY LIST (slot);",
        verbatim(identity),
        columns.join(", ")
    );
    for slot in slots {
        let part = in_schema(schema, &partition(*slot));
        sql.push_str(&format!(
            "CREATE TABLE {part} PARTITION OF {passages} FOR VALUES IN ({slot});
             ALTER TABLE {part} ALTER embedding SET STORAGE PLAIN;"
        ));
    }
    let unplanned = COLUMNS.iter().map(|(column, _)| column).filter(|column| !PLANNED.contains(column));
    let without: Vec<String> = unplanned.map(|column| format!("ALTER {} SET STATISTICS 0", name(column))).collect();
    sql.push_str(&format!(
        "ALTER TABLE {passages} {};
         CREATE INDEX ON {passages} USING hash (id);
         CREATE INDEX ON {passages} (added);
         CREATE INDEX ON {passages} (removed) WHERE removed < {NEVER};
         CREATE INDEX ON {passages} (origin) WHERE key = document;
         CREATE INDEX ON {passages} USING gin (words);
         CREATE INDEX ON {passages} USING gin (facts);
         CREATE TABLE {words} (word text COLLATE \"C\" NOT NULL, generation int NOT NULL, passages int NOT NULL,
             PRIMARY KEY (word, generation));
         CREATE TABLE {terms} (term bytea NOT NULL, generation int NOT NULL, passages int NOT NULL,
             PRIMARY KEY (term, generation));
         CREATE TABLE {removals} (generation int NOT NULL, batch bigint NOT NULL, document bigint NOT NULL,
             slot smallint NOT NULL, id text COLLATE \"C\" NOT NULL);
         CREATE INDEX ON {removals} (generation);",
        without.join(", ")
    ));
    sql
}

/// The name of the table of a partition.
pub(crate) fn partition(slot: u16) -> String {
    format!("passages_p{slot}")
}

/// The table of the coordinator through which passages and removals are written to a shard.
pub(crate) fn foreign(schema: &str, number: usize, server: &str) -> String {
    let columns: Vec<String> =
        COLUMNS.iter().map(|(column, kind)| format!("{} {}", name(column), kind.replace(" NOT NULL", ""))).collect();
    let there = in_schema(schema, &format!("passages_{number}"));
    format!(
        "CREATE FOREIGN TABLE {there} ({}) SERVER {} OPTIONS (schema_name {}, table_name 'passages');",
        columns.join(", "),
        name(server),
        verbatim(schema).trim_start(),
    )
}
