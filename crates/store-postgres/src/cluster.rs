//! The shards of a store, and which of them holds a passage.

use semsearch_store::StoreError;

use super::session::{Session, in_schema};
use super::slot;

/// A server that holds passages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) number: usize,
    /// The name of the foreign server, as the coordinator knows it; `None` for the coordinator itself.
    pub(crate) server: Option<String>,
    /// Where it is, for messages.
    pub(crate) address: String,
}

impl Shard {
    /// The name of the connection to it within a session.
    pub(crate) fn connection(&self) -> String {
        format!("semsearch_{}", self.number)
    }

    /// The shard in a message; nothing if there is only the coordinator.
    pub(crate) fn told(&self) -> String {
        match &self.server {
            Some(server) => format!(" on shard {server} ({})", self.address),
            None => String::new(),
        }
    }
}

/// All shards of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) schema: String,
    pub(crate) shards: Vec<Shard>,
    /// The shard of each partition.
    of_slot: Vec<usize>,
}

impl Cluster {
    /// Reads which shards there are.
    pub(crate) fn read(session: &Session, schema: &str) -> Result<Self, StoreError> {
        let shards = in_schema(schema, "shards");
        let sql = format!(
            "SELECT s.number, s.server, s.slots, (SELECT string_agg(h.host || ':' || p.port, '+' ORDER BY h.place) \
             FROM pg_foreign_server f, \
             LATERAL (SELECT option_value AS hosts FROM pg_options_to_table(f.srvoptions) WHERE option_name = 'host') hs, \
             LATERAL (SELECT option_value AS ports FROM pg_options_to_table(f.srvoptions) WHERE option_name = 'port') ps, \
             unnest(string_to_array(hosts, ',')) WITH ORDINALITY h(host, place), \
             unnest(string_to_array(ports, ',')) WITH ORDINALITY p(port, place) \
             WHERE f.srvname = s.server AND h.place = p.place) FROM {shards} s ORDER BY s.number"
        );
        let mut cluster = Self { schema: schema.into(), shards: Vec::new(), of_slot: Vec::new() };
        for row in session.query("reading which shards there are", &sql, &[])? {
            let slots: Vec<i16> = row.get(2);
            let number = cluster.shards.len();
            for slot in slots {
                let slot = slot as usize;
                if cluster.of_slot.len() <= slot {
                    cluster.of_slot.resize(slot + 1, 0);
                }
                cluster.of_slot[slot] = number;
            }
            let address = row.get::<_, Option<String>>(3).unwrap_or_default();
            cluster.shards.push(Shard { number, server: row.get(1), address });
        }
        Ok(cluster)
    }

    /// The number of partitions.
    pub(crate) fn partitions(&self) -> u16 {
        self.of_slot.len() as u16
    }

    /// The number of the shard that holds a partition.
    pub(crate) fn shard_of(&self, slot: u16) -> usize {
        self.of_slot.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// The most partitions of one shard.
    pub(crate) fn most_partitions(&self) -> usize {
        (0..self.shards.len()).map(|shard| self.of_slot.iter().filter(|of| **of == shard).count()).max().unwrap_or(1)
    }

    /// The name of a table of shards, with its schema.
    pub(crate) fn table(&self, table: &str) -> String {
        in_schema(&self.schema, table)
    }

    /// The table of the coordinator through which passages are copied to a shard.
    pub(crate) fn copied_into(&self, shard: &Shard) -> String {
        match shard.server {
            Some(_) => self.table(&format!("passages_{}", shard.number)),
            None => self.table("passages"),
        }
    }

    /// The keys of each shard, with their places in `keys`.
    pub(crate) fn by_shard(&self, keys: &[u64]) -> Vec<(usize, Vec<u64>)> {
        let mut of_shards = vec![Vec::new(); self.shards.len()];
        for &key in keys {
            of_shards[self.shard_of(slot::of_key(key))].push(key);
        }
        of_shards.into_iter().enumerate().filter(|(_, keys)| !keys.is_empty()).collect()
    }
}
