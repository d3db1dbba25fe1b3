use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use tokio_postgres::config::{Host, SslMode as ModeOfClient};

use super::*;

/// A home directory, and the variables of an environment.
struct World {
    home: TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl World {
    fn new(variables: &[(&'static str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| (*name, value.into())).collect();
        Self { home: tempfile::tempdir().unwrap(), variables }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    fn surroundings(&self) -> Surroundings {
        let value = |name: &str| self.variables.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone());
        let mut surroundings = Surroundings::new(value, Some(self.home.path().to_owned()), Some("me".into()));
        surroundings.socket_directories = vec![self.path("run"), self.path("tmp")];
        surroundings
    }

    fn login(&self, address: &str) -> Result<Login, String> {
        address.parse::<ServerAddress>().unwrap().login(&self.surroundings()).map_err(|error| error.to_string())
    }

    fn passwords(&self, address: &str) -> Vec<Option<String>> {
        let password = |config: &Config| config.get_password().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        self.login(address).unwrap().configs().map(password).collect()
    }
}

#[test]
fn without_any_setting_the_server_is_on_this_machine() {
    let world = World::new(&[]);
    let login = world.login("postgresql://").unwrap();
    assert_eq!(login.address().to_string(), "postgresql://me@localhost:5432/me");
    assert_eq!((login.user(), login.database(), login.schema()), ("me", "me", "semsearch"));
    let config = login.configs().next().unwrap();
    assert_eq!(config.get_application_name(), Some("semsearch"));
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(10)));
    assert_eq!(config.get_ssl_mode(), ModeOfClient::Prefer);
    for (directory, port) in [("tmp", 5432), ("run", 5433)] {
        fs::create_dir(world.path(directory)).unwrap();
        fs::write(world.path(directory).join(format!(".s.PGSQL.{port}")), "").unwrap();
        let login = world.login(&format!("postgresql://:{port}")).unwrap();
        let config = login.configs().next().unwrap();
        assert_eq!(config.get_hosts(), [Host::Unix(world.path(directory))]);
        // A socket has no TLS, whatever the mode is.
        assert_eq!(config.get_ssl_mode(), ModeOfClient::Disable);
    }
}

#[test]
fn a_setting_comes_from_the_address_then_from_the_service_then_from_the_environment() {
    let service = "[s]\nuser=of_service\ndbname=of_service\nport=2\npassword=of_service";
    let mut world = World::new(&[("PGSERVICE", "s"), ("PGUSER", "of_env"), ("PGHOST", "env.example")]);
    world.variables.extend([("PGPASSWORD", "of_env".into()), ("PGAPPNAME", "of_env".into()), ("PGPORT", "no".into())]);
    world.write(".pg_service.conf", service);
    let login = world.login("postgresql:///of_address?schema=x").unwrap();
    assert_eq!(login.address().to_string(), "postgresql://of_service@env.example:2/of_address?schema=x");
    assert_eq!(login.configs().next().unwrap().get_application_name(), Some("of_env"));
    assert_eq!(world.passwords("postgresql://"), [Some("of_service".into())]);
    // The service that the address names counts, not the one of the environment.
    world.write(".pg_service.conf", &format!("{service}\n[t]\nhost=t\nport=3"));
    assert_eq!(world.login("postgresql://?service=t").unwrap().address().to_string(), "postgresql://of_env@t:3/of_env");
    assert_eq!(world.passwords("postgresql://?service=t"), [Some("of_env".into())]);
    // A variable that is used must be valid.
    assert!(world.login("postgresql://h:1?service=t").is_ok());
    world.write(".pg_service.conf", "[t]\n");
    assert!(world.login("postgresql://?service=t").unwrap_err().starts_with("PGPORT: port must be a number"));
    let error = world.login("postgresql://").unwrap_err();
    assert!(error.starts_with("there is no service \"s\" in /") && error.ends_with(".pg_service.conf"), "{error}");
}

#[test]
fn each_host_has_the_password_that_the_file_gives_it() {
    let world = World::new(&[]);
    world.write(".pgpass", "a:1:d:me:one\n[::1]:*:*:*:no\n\\:\\:1:*:*:*:three\nlocalhost:*:*:*:socket\n");
    assert_eq!(world.passwords("postgresql://a:1,b:2,[::1]:3/d"), [Some("one".into()), None, Some("three".into())]);
    // The usual sockets are called localhost there; others have their path.
    let usual = format!("postgresql:///d?host={}", world.path("run").display());
    assert_eq!(world.passwords(&usual), [Some("socket".into())]);
    assert_eq!(world.passwords("postgresql:///d?host=/elsewhere"), [None]);
    world.write("other", "*:*:*:*:other");
    let other = world.path("other");
    assert_eq!(world.passwords(&format!("postgresql://a?passfile={}", other.display())), [Some("other".into())]);
    let world = World { variables: vec![("PGPASSFILE", other.into())], ..world };
    assert_eq!(world.passwords("postgresql://a:1/d"), [Some("other".into())]);
}

#[test]
fn a_warning_names_what_is_ignored() {
    let world = World::new(&[("PGREQUIREAUTH", "scram-sha-256")]);
    world.write(".pgpass", "*:*:*:*:secret");
    fs::set_permissions(world.path(".pgpass"), Permissions::from_mode(0o644)).unwrap();
    let login = world.login("postgresql://a").unwrap();
    let [variable, file] = login.warnings() else { panic!("{:?}", login.warnings()) };
    assert_eq!(variable, "PGREQUIREAUTH is set and has no effect here");
    assert!(file.ends_with("/.pgpass is ignored: others may read it, so set its permissions to 0600"), "{file}");
    assert_eq!(world.passwords("postgresql://a"), [None]);
}

#[test]
fn no_message_shows_a_password() {
    let mut world = World::new(&[("PGPASSWORD", "hunter2"), ("PGUSER", "u")]);
    let login = world.login("postgresql://a/d?schema=s").unwrap();
    assert_eq!(world.passwords("postgresql://a/d"), [Some("hunter2".into())]);
    for shown in [
        format!("{login:?}"),
        format!("{login:#?}"),
        format!("{:?}", world.surroundings()),
        format!("{:?}", login.address()),
        format!("{:?}", login.configs().collect::<Vec<_>>()),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    world.variables = vec![("PGPASSWORD", OsString::from_vec(b"hunter2\xff".to_vec()))];
    assert_eq!(world.login("postgresql://a").unwrap_err(), "PGPASSWORD: password must be text in UTF-8");
}

#[test]
fn settings_reach_the_configuration() {
    let world = World::new(&[("PGOPTIONS", "-c x=y"), ("PGCONNECT_TIMEOUT", "")]);
    let login = world
        .login("postgresql://a?connect_timeout=0&keepalives=0&channel_binding=require&target_session_attrs=read-write")
        .unwrap();
    let config = login.configs().next().unwrap();
    assert_eq!(config.get_options(), Some("-c x=y"));
    assert_eq!((config.get_connect_timeout(), login.patience), (None, None));
    assert!(!config.get_keepalives());
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    let login = world.login("postgresql://a?keepalives_idle=7&keepalives_count=3&tcp_user_timeout=1500").unwrap();
    let config = login.configs().next().unwrap();
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(7));
    assert_eq!(config.get_keepalives_retries(), Some(3));
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(1500)));
}

#[test]
fn addresses_and_ports_belong_to_hosts_by_their_order() {
    let world = World::new(&[("PGPORT", "7,8")]);
    let login = world.login("postgresql://a,b/d?hostaddr=10.0.0.1,::1").unwrap();
    assert_eq!(login.address().to_string(), "postgresql://me@a:7,b:8/d");
    assert_eq!(login.targets[1].address, "::1".parse().ok());
    let login = world.login("postgresql://?hostaddr=10.0.0.1,10.0.0.2").unwrap();
    assert_eq!(login.address().to_string(), "postgresql://me@10.0.0.1:7,10.0.0.2:8/me");
    assert!(world.login("postgresql://a").unwrap_err().starts_with("there are 2 ports for 1 hosts"));
    assert!(
        world
            .login("postgresql://a,b?hostaddr=10.0.0.1")
            .unwrap_err()
            .starts_with("there are 1 addresses (hostaddr) for 2 hosts")
    );
}

#[test]
fn a_mode_of_tls_that_cannot_be_is_an_error() {
    let world = World::new(&[]);
    let error = |address: &str| world.login(address).map(|_| ()).unwrap_err();
    for mode in ["require", "verify-ca", "disable"] {
        let address = format!("postgresql://a?sslrootcert=system&sslmode={mode}");
        assert_eq!(error(&address), "the address: sslmode must be verify-full where sslrootcert is system");
    }
    assert!(error("postgresql://a?sslnegotiation=direct").ends_with("where sslnegotiation is direct"));
    assert_eq!(error("postgresql://a?sslmode=require&sslrootcert=/none"), "cannot read /none");
    world.write("empty", "no certificate");
    let empty = format!("postgresql://a?sslmode=verify-ca&sslrootcert={}", world.path("empty").display());
    assert!(error(&empty).ends_with("/empty has no certificate in PEM format"));
    // The usual file counts where it exists.
    fs::create_dir(world.path(".postgresql")).unwrap();
    world.write(".postgresql/root.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(error("postgresql://a?sslmode=require").ends_with("/root.crt are not valid"));
    // Without TLS no file is read.
    for address in
        ["postgresql://a?sslmode=disable", "postgresql://a?sslmode=prefer", "postgresql://%2Ftmp?sslmode=require"]
    {
        assert!(world.login(address).is_ok(), "{address}");
    }
}

#[test]
fn without_a_user_there_is_no_login() {
    let surroundings = Surroundings::new(|_| None, None, None);
    let error = |address: &str| address.parse::<ServerAddress>().unwrap().login(&surroundings).map(|_| ()).unwrap_err();
    assert!(matches!(error("postgresql://a"), AddressError::NoUser));
    assert!(error("postgresql://u@a?service=s").to_string().contains("there is no home directory"));
}
