//! An index in PostgreSQL, as the command line and the environment name it.

use std::env;
use std::path::Path;

use semsearch::postgres::{Login, PostgresStore, ServerAddress, ShardServer, StoreOptions, Surroundings};

use super::Computing;
use crate::cli::advice::Advice;
use crate::cli::environment;
use crate::cli::settings::Settings;

/// Whether an index is named by an address.
pub(crate) fn is_address(index: &Path) -> bool {
    index.to_str().is_some_and(ServerAddress::is_one)
}

/// Checks that an address can be understood, and has no password in it.
pub(crate) fn check_address(index: &Path) -> anyhow::Result<()> {
    address(index).map(drop)
}

fn address(index: &Path) -> anyhow::Result<ServerAddress> {
    let text = index.to_string_lossy();
    text.parse().map_err(|error| {
        let hint = "an address is `postgresql://HOST:PORT/DATABASE`; passwords are in PGPASSWORD or ~/.pgpass";
        Advice { message: format!("{error}"), hint: hint.into() }.into()
    })
}

fn surroundings() -> Surroundings {
    Surroundings::new(|name| env::var_os(name), env::home_dir(), environment::user())
}

fn login(address: &ServerAddress, settings: &Settings) -> anyhow::Result<Login> {
    let login = address.login(&surroundings())?;
    login.warnings().iter().for_each(|warning| settings.terminal.warn(warning));
    Ok(login)
}

/// The store that the settings name.
pub(crate) fn open_postgres(settings: &Settings, computing: Computing) -> anyhow::Result<PostgresStore> {
    let usual = StoreOptions::default();
    let options = StoreOptions { partial: computing.partial, isa: computing.isa.unwrap_or(usual.isa), ..usual };
    Ok(PostgresStore::new(login(&address(&settings.index)?, settings)?, options)?)
}

/// The password for a shard, from where the environment keeps passwords.
fn password((host, port): &(String, u16), database: &str, user: &str) -> anyhow::Result<Option<String>> {
    let encoded = |part: &str| part.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let (host, database, user) = (encoded(host), encoded(database), encoded(user));
    let address: ServerAddress = format!("postgresql://{user}@{host}:{port}/{database}").parse()?;
    let login = address.login(&surroundings())?;
    let password = login.configs().find_map(|config| config.get_password());
    Ok(password.map(|password| String::from_utf8_lossy(password).into_owned()))
}

/// The servers that `--servers` names, each as `HOST:PORT`, with its replicas after a plus sign.
pub(crate) fn shard_servers(named: &[String], settings: &Settings) -> anyhow::Result<Vec<ShardServer>> {
    let own = login(&address(&settings.index)?, settings)?;
    let bad = |server: &str| {
        let message = format!("--servers: {server:?} is not HOST:PORT");
        Advice { message, hint: "as in `--servers db1:5432,db2:5432`; `db1:5432+db1b:5432` names a replica".into() }
    };
    let mut servers = Vec::new();
    for server in named {
        let (places, database) = match server.split_once('/') {
            Some((places, database)) => (places, database),
            None => (server.as_str(), own.database()),
        };
        let mut hosts = Vec::new();
        for place in places.split('+') {
            let (host, port) = place.rsplit_once(':').unwrap_or((place, "5432"));
            let port = port.parse().ok().filter(|port| *port > 0);
            let (Some(port), false) = (port, host.is_empty() || host.contains(',')) else {
                return Err(bad(server).into());
            };
            hosts.push((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port));
        }
        let first = &hosts[0];
        let user = own.user().to_owned();
        let password = password(first, database, &user)?;
        servers.push(ShardServer { hosts, database: database.into(), user, password });
    }
    Ok(servers)
}
