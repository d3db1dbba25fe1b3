//! Real servers, which end with the test that started them or with the whole process, and stores on them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::Sandbox;

/// The script that starts and stops servers.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/script/postgres");

/// A coordinator, called `coordinator`, and shards, called `shard1` and so on. They are stopped when this is dropped, or
/// when this process ends, however it ends.
pub(super) struct Servers {
    dir: PathBuf,
    ports: BTreeMap<String, u16>,
    holder: Child,
}

/// A path below the folder for temporary files that nobody else has. The user who runs the servers can reach it.
fn fresh_dir() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Path::new("/tmp").join(format!("semsearch-servers-{}-{count}", std::process::id()))
}

fn script(words: &[&str]) -> Command {
    let mut command = Command::new(SCRIPT);
    // Where the script installs PostgreSQL, unless the environment says so: two levels above the tests' own folder.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    command.args(words).env("CARGO_TARGET_DIR", target);
    command
}

impl Servers {
    /// Servers that several tests use, each in schemas of its own.
    pub(super) fn shared() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        SERVERS.get_or_init(|| Self::start(2))
    }

    /// Servers for one test.
    pub(super) fn start(shards: usize) -> Self {
        let dir = fresh_dir();
        let mut command = script(&["hold", dir.to_str().unwrap(), "--shards", &shards.to_string()]);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports = serde_json::from_str(&line).unwrap_or_else(|_| panic!("script/postgres starts no servers"));
        Self { dir, ports, holder }
    }

    /// The port of a server.
    pub(super) fn port(&self, name: &str) -> u16 {
        self.ports[name]
    }

    /// A file of a server.
    pub(super) fn file(&self, name: &str, file: &str) -> PathBuf {
        self.dir.join(name).join(file)
    }

    /// Runs SQL on a server's own database, and returns the rows.
    pub(super) fn sql(&self, name: &str, sql: &str) -> Vec<Vec<String>> {
        self.sql_in(name, "postgres", sql)
    }

    /// Runs SQL on a database of a server, and returns the rows. A null is empty.
    pub(super) fn sql_in(&self, name: &str, database: &str, sql: &str) -> Vec<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port(name)).user("semsearch").dbname(database);
        runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let answer = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            drop(client);
            connection.await.unwrap().unwrap();
            let row = |row: &tokio_postgres::SimpleQueryRow| {
                (0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect()
            };
            let rows = answer.iter().filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(found) => Some(row(found)),
                _ => None,
            });
            rows.collect()
        })
    }

    /// Runs SQL in a session that stays until the answer is dropped.
    pub(super) fn hold(&self, name: &str, sql: &str) -> Held {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port(name)).user("semsearch").dbname("postgres");
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
            client
        });
        Held { _client: client, _runtime: runtime }
    }

    /// The sum over all shards of what a statement counts in `{schema}`.
    pub(super) fn count(&self, schema: &str, counted: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM \"{schema}\".{counted}");
        let shards = self.ports.keys().filter(|name| name.starts_with("shard"));
        shards.map(|name| self.sql(name, &sql)[0][0].parse::<u64>().unwrap()).sum()
    }

    /// Does something to a server: `start`, `stop` or `kill`.
    pub(super) fn control(&self, action: &str, name: &str) {
        assert!(script(&[action, self.dir.to_str().unwrap(), name]).status().unwrap().success(), "{action} {name}");
    }

    /// Starts a copy of a server that follows it.
    pub(super) fn replica(&mut self, name: &str, of: &str) {
        assert!(script(&["replica", self.dir.to_str().unwrap(), name, of]).status().unwrap().success());
        self.ports = serde_json::from_slice(&std::fs::read(self.dir.join("servers.json")).unwrap()).unwrap();
    }

    /// The address of a schema on the coordinator.
    pub(super) fn address(&self, schema: &str) -> String {
        format!("postgresql://semsearch@127.0.0.1:{}/postgres?schema={schema}", self.port("coordinator"))
    }

    /// The shards, as `--servers` takes them.
    pub(super) fn shards(&self) -> String {
        let shards = self.ports.iter().filter(|(name, _)| name.starts_with("shard"));
        shards.map(|(_, port)| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// A new store that is sharded over all shards. Returns its address.
    pub(super) fn cluster(&self, sandbox: &Sandbox, schema: &str, partitions: u16) -> String {
        let address = self.address(schema);
        let (shards, partitions) = (self.shards(), partitions.to_string());
        let options = ["--servers", shards.as_str(), "--partitions", partitions.as_str()];
        sandbox.run(&[&["store", "create", "--store", &address, "-q"], &options[..]].concat()).success();
        address
    }

    /// A new store on the coordinator alone. Returns its address.
    pub(super) fn single(&self, sandbox: &Sandbox, schema: &str, partitions: u16) -> String {
        let (address, partitions) = (self.address(schema), partitions.to_string());
        sandbox.run(&["store", "create", "--store", &address, "--partitions", &partitions, "-q"]).success();
        address
    }
}

/// A session that is open.
pub(super) struct Held {
    _client: tokio_postgres::Client,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
