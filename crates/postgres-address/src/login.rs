//! Everything that is needed to log in, collected from all the places where it may stand.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslNegotiation, TargetSessionAttrs};

use crate::password_file::PasswordFile;
use crate::settings::Settings;
use crate::target::{Target, targets};
use crate::tls::{SslMode, Tls};
use crate::{AddressError, Origin, ServerAddress, Surroundings, TlsConnector, service_file};

/// How long to wait for a connection, in seconds, if nothing else is set.
const PATIENCE: u64 = 10;

/// A server, and how to log in there.
#[derive(Clone)]
pub struct Login {
    /// The servers to try, in this order.
    pub(crate) targets: Vec<Target>,
    pub(crate) tls: Tls,
    /// How long to wait for a connection with one address. `None` means forever.
    pub(crate) patience: Option<Duration>,
    address: ServerAddress,
    warnings: Vec<String>,
}

impl Login {
    /// The address with everything that was missing there: for messages. It has no secrets, and no setting but the
    /// schema.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// The name of the schema.
    pub fn schema(&self) -> &str {
        self.address.schema()
    }

    /// The name of the user.
    pub fn user(&self) -> &str {
        self.address.settings().get("user").unwrap_or_default()
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.address.settings().get("dbname").unwrap_or_default()
    }

    /// What the user should know: files that were ignored, variables without effect.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The configuration for each host, in the order in which they are tried. Each has one host, and the password for
    /// this host. How TLS is used is only partly in there: the rest is in [`Login::tls_connector`].
    pub fn configs(&self) -> impl Iterator<Item = &Config> {
        self.targets.iter().map(|target| &target.config)
    }

    /// What makes a TLS connection. It is needed to cancel a query, too.
    pub fn tls_connector(&self) -> TlsConnector {
        self.tls.connector.clone()
    }
}

/// Shows no password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = format_args!("{}", self.address);
        let mode = self.tls.mode;
        f.debug_struct("Login").field("address", &address).field("sslmode", &mode).finish_non_exhaustive()
    }
}

pub(crate) fn login(address: &ServerAddress, surroundings: &Surroundings) -> Result<Login, AddressError> {
    let settings = settings(address, surroundings)?;
    let mut warnings: Vec<String> =
        surroundings.without_effect.iter().map(|name| format!("{name} is set and has no effect here")).collect();
    let mut targets = targets(&settings, surroundings)?;
    let over_network = targets.iter().any(Target::is_tcp);
    let tls = if over_network { Tls::new(&settings, surroundings)? } else { Tls::none() };
    let base = config(&settings);
    let passwords = match settings.get("password") {
        Some(_) => None,
        None => password_file(&settings, surroundings, &mut warnings),
    };
    let names = (settings.get("dbname").unwrap_or_default(), settings.get("user").unwrap_or_default());
    for target in &mut targets {
        let password = match settings.get("password") {
            Some(password) => Some(password.as_bytes().to_vec()),
            None => passwords.as_ref().and_then(|file| {
                file.password([&target.name_of_password(surroundings), &target.port.to_string(), names.0, names.1])
            }),
        };
        target.configure(&base, password);
        target.config.ssl_mode(if target.is_tcp() { tls.mode.of_client() } else { SslMode::Disable.of_client() });
    }
    let address = shown(&settings, &targets, address.schema())?;
    Ok(Login { targets, tls, patience: patience(&settings), address, warnings })
}

/// The settings of the address, then of the service, then of the environment, with the user and the database.
fn settings(address: &ServerAddress, surroundings: &Surroundings) -> Result<Settings, AddressError> {
    let mut settings = address.settings().clone();
    let service = match settings.get("service") {
        Some(service) => Some(service.to_owned()),
        None => surroundings.variable("service")?.map(|(service, _)| service.to_owned()),
    };
    if let Some(service) = service {
        settings.fill(service_file::settings(&service, surroundings)?);
    }
    surroundings.fill(&mut settings)?;
    if settings.get("user").is_none() {
        let user = surroundings.user.clone().ok_or(AddressError::NoUser)?;
        settings.set("user", user, Origin::Default)?;
    }
    if settings.get("dbname").is_none() {
        let user = settings.get("user").unwrap_or_default().to_owned();
        settings.set("dbname", user, Origin::Default)?;
    }
    Ok(settings)
}

fn password_file(settings: &Settings, surroundings: &Surroundings, warnings: &mut Vec<String>) -> Option<PasswordFile> {
    let named = settings.get("passfile").map(PathBuf::from);
    let path = named.or_else(|| surroundings.home.as_ref().map(|home| home.join(".pgpass")))?;
    let (file, warning) = PasswordFile::read(&path);
    warnings.extend(warning);
    Some(file)
}

/// What is the same for each host.
fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .user(settings.get("user").unwrap_or_default())
        .dbname(settings.get("dbname").unwrap_or_default())
        .application_name(settings.get("application_name").unwrap_or("semsearch"));
    if let Some(options) = settings.get("options") {
        config.options(options);
    }
    if let Some(patience) = patience(settings) {
        config.connect_timeout(patience);
    }
    match settings.get("target_session_attrs") {
        Some("read-write") => config.target_session_attrs(TargetSessionAttrs::ReadWrite),
        Some("read-only") => config.target_session_attrs(TargetSessionAttrs::ReadOnly),
        _ => &mut config,
    };
    match settings.get("channel_binding") {
        Some("disable") => config.channel_binding(ChannelBinding::Disable),
        Some("require") => config.channel_binding(ChannelBinding::Require),
        _ => &mut config,
    };
    if settings.get("sslnegotiation") == Some("direct") {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    keep_alive(&mut config, settings);
    config
}

fn keep_alive(config: &mut Config, settings: &Settings) {
    if settings.get("keepalives").is_some_and(|value| value.trim().parse() == Ok(0)) {
        config.keepalives(false);
    }
    if let Some(seconds) = settings.positive("keepalives_idle") {
        config.keepalives_idle(Duration::from_secs(seconds));
    }
    if let Some(seconds) = settings.positive("keepalives_interval") {
        config.keepalives_interval(Duration::from_secs(seconds));
    }
    if let Some(count) = settings.positive("keepalives_count").and_then(|count| u32::try_from(count).ok()) {
        config.keepalives_retries(count);
    }
    if let Some(milliseconds) = settings.positive("tcp_user_timeout") {
        config.tcp_user_timeout(Duration::from_millis(milliseconds));
    }
}

/// How long to wait for a connection. As for libpq, zero means forever.
fn patience(settings: &Settings) -> Option<Duration> {
    match settings.get("connect_timeout") {
        Some(_) => settings.positive("connect_timeout").map(Duration::from_secs),
        None => Some(Duration::from_secs(PATIENCE)),
    }
}

/// The address that messages show.
fn shown(settings: &Settings, targets: &[Target], schema: &str) -> Result<ServerAddress, AddressError> {
    let mut shown = Settings::default();
    let list = |part: fn(&Target) -> String| targets.iter().map(part).collect::<Vec<_>>().join(",");
    let parts = [
        ("user", settings.get("user").unwrap_or_default().to_owned()),
        ("host", list(|target| target.name.clone())),
        ("port", list(|target| target.port.to_string())),
        ("dbname", settings.get("dbname").unwrap_or_default().to_owned()),
    ];
    for (key, value) in parts {
        shown.set(key, value, Origin::Default)?;
    }
    Ok(ServerAddress::new(shown, schema.to_owned()))
}

#[cfg(test)]
mod tests;
