//! Logins at a server on loopback that speaks just enough of the protocol.

mod server;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::{ServerAddress, Surroundings};
use server::Seen::{Password, SslRequest, Startup};
use server::{Authority, Behaviour, Seen, Server, certificate, self_signed};

/// Logs in at `address`, in which `PORT` stands for the server's port and `HOME` for the home directory.
async fn log_in(server: &Server, home: &Path, address: &str) -> Result<Client, String> {
    let address = address.replace("PORT", &server.port.to_string()).replace("HOME", &home.display().to_string());
    let surroundings = Surroundings::new(|_| None, Some(home.to_owned()), Some("me".into()));
    let login = address.parse::<ServerAddress>().unwrap().login(&surroundings).unwrap();
    let (client, connection) = login.connect().await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

/// A home directory with the certificate of an authority, in the file `root`.
fn home_with(certificate: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("root"), certificate).unwrap();
    home
}

const WITH_TLS: [Seen; 2] = [SslRequest, Startup { tls: true }];
const WITHOUT_TLS: [Seen; 1] = [Startup { tls: false }];

#[tokio::test]
async fn require_is_an_error_at_a_server_without_tls() {
    let server = Server::start(Behaviour::default());
    let home = home_with("");
    let error = log_in(&server, home.path(), "postgresql://127.0.0.1:PORT?sslmode=require").await.unwrap_err();
    let expected = "error performing TLS handshake: server does not support TLS";
    assert_eq!(error, format!("127.0.0.1, port {}: {expected}", server.port));
    assert_eq!(server.seen(), [SslRequest]);
}

#[tokio::test]
async fn disable_never_asks_for_tls() {
    let server = Server::start(Behaviour::with(&certificate(&["x"], None)));
    let home = home_with("");
    log_in(&server, home.path(), "postgresql://127.0.0.1:PORT?sslmode=disable").await.unwrap();
    assert_eq!(server.seen(), WITHOUT_TLS);
}

#[tokio::test]
async fn prefer_uses_tls_where_the_server_has_it() {
    let home = home_with("");
    let server = Server::start(Behaviour::default());
    log_in(&server, home.path(), "postgresql://127.0.0.1:PORT").await.unwrap();
    assert_eq!(server.seen(), [SslRequest, Startup { tls: false }]);
    let server = Server::start(Behaviour::with(&certificate(&["x"], None)));
    for mode in ["prefer", "require"] {
        log_in(&server, home.path(), &format!("postgresql://127.0.0.1:PORT?sslmode={mode}")).await.unwrap();
        assert_eq!(server.seen(), WITH_TLS, "{mode}");
    }
}

#[tokio::test]
async fn a_certificate_is_checked_as_far_as_the_mode_says() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::start(Behaviour::with(&certificate(&["db.example"], Some(&ours))));
    let (right, wrong) = (home_with(&ours.pem), home_with(&theirs.pem));
    let issuer = "invalid peer certificate: UnknownIssuer";
    let name = "invalid peer certificate: certificate not valid for name \"other.example\"";
    for (mode, host, home, failure) in [
        ("verify-full", "db.example", &right, None),
        ("verify-full", "other.example", &right, Some(name)),
        ("verify-full", "db.example", &wrong, Some(issuer)),
        ("verify-ca", "db.example", &right, None),
        ("verify-ca", "other.example", &right, None),
        ("verify-ca", "db.example", &wrong, Some(issuer)),
        ("require", "other.example", &right, None),
        ("require", "db.example", &wrong, Some(issuer)),
        ("prefer", "db.example", &wrong, None),
    ] {
        let address = format!("postgresql://{host}:PORT?hostaddr=127.0.0.1&sslmode={mode}&sslrootcert=HOME/root");
        let outcome = log_in(&server, home.path(), &address).await;
        let seen = server.seen();
        match (outcome, failure) {
            (Ok(_), None) => assert_eq!(seen, WITH_TLS, "{mode} {host}"),
            (Err(error), Some(failure)) => {
                assert!(error.contains(failure), "{mode} {host}: {error}");
                assert_eq!(seen, [SslRequest], "{mode} {host}");
            }
            (outcome, _) => panic!("{mode} {host}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn the_usual_file_of_certificates_is_used_where_it_exists() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::start(Behaviour::with(&certificate(&["127.0.0.1"], Some(&ours))));
    let home = home_with("");
    log_in(&server, home.path(), "postgresql://127.0.0.1:PORT?sslmode=require").await.unwrap();
    fs::create_dir(home.path().join(".postgresql")).unwrap();
    for (authority, is_right) in [(&theirs, false), (&ours, true)] {
        fs::write(home.path().join(".postgresql/root.crt"), &authority.pem).unwrap();
        for mode in ["require", "verify-ca", "verify-full"] {
            let outcome = log_in(&server, home.path(), &format!("postgresql://127.0.0.1:PORT?sslmode={mode}")).await;
            assert_eq!(outcome.is_ok(), is_right, "{mode}");
        }
    }
}

#[tokio::test]
async fn a_server_may_have_signed_its_own_certificate_if_the_file_has_exactly_this_one() {
    let (own, other) = (self_signed(&["db.example"], false), self_signed(&["db.example"], false));
    let old = self_signed(&["db.example"], true);
    for (with, in_file, host, is_good) in [
        (&own, &own, "db.example", true),
        (&own, &own, "other.example", false),
        (&own, &other, "db.example", false),
        (&old, &old, "db.example", false),
    ] {
        let server = Server::start(Behaviour::with(with));
        let home = home_with(&in_file.pem);
        let address = format!("postgresql://{host}:PORT?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=HOME/root");
        let outcome = log_in(&server, home.path(), &address).await;
        assert_eq!(outcome.is_ok(), is_good, "{host}: {outcome:?}");
    }
}

/// Somebody who has only the certificate, which is public, is not the server: also where no certificate is checked.
#[tokio::test]
async fn a_server_without_the_key_of_its_certificate_is_refused() {
    let mut stolen = certificate(&["x"], None);
    stolen.key = certificate(&["x"], None).key;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Server::start(Behaviour { versions: vec![version], ..Behaviour::with(&stolen) });
        let error = log_in(&server, home_with("").path(), "postgresql://127.0.0.1:PORT?sslmode=require").await;
        assert!(error.unwrap_err().contains("invalid peer certificate: BadSignature"), "{version:?}");
        assert_eq!(server.seen(), [SslRequest]);
    }
}

#[tokio::test]
async fn allow_and_prefer_try_the_other_way_if_the_server_wants_it() {
    let own = certificate(&["x"], None);
    let home = home_with("");
    let tls_only = Server::start(Behaviour { refuses: |tls| (!tls).then_some("28000"), ..Behaviour::with(&own) });
    log_in(&tls_only, home.path(), "postgresql://127.0.0.1:PORT?sslmode=allow").await.unwrap();
    assert_eq!(tls_only.seen(), [Startup { tls: false }, SslRequest, Startup { tls: true }]);
    let without_only = Server::start(Behaviour { refuses: |tls| tls.then_some("28000"), ..Behaviour::with(&own) });
    log_in(&without_only, home.path(), "postgresql://127.0.0.1:PORT").await.unwrap();
    assert_eq!(without_only.seen(), [SslRequest, Startup { tls: true }, Startup { tls: false }]);
    let error = log_in(&without_only, home.path(), "postgresql://127.0.0.1:PORT?sslmode=require").await.unwrap_err();
    assert!(error.ends_with("the server refuses the login: no"), "{error}");
    // A password that was wrong with TLS is not sent again without.
    let wrong = Server::start(Behaviour { refuses: |_| Some("28P01"), ..Behaviour::with(&own) });
    log_in(&wrong, home.path(), "postgresql://127.0.0.1:PORT").await.unwrap_err();
    assert_eq!(wrong.seen(), WITH_TLS);
}

#[tokio::test]
async fn the_next_host_is_tried_with_its_own_password_until_one_answers() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(Behaviour { asks_password: true, ..Behaviour::default() });
    let home = home_with("");
    let passwords = home.path().join(".pgpass");
    fs::write(&passwords, format!("*:{closed}:*:*:first\n*:{}:*:*:second", server.port)).unwrap();
    fs::set_permissions(&passwords, Permissions::from_mode(0o600)).unwrap();
    let address = format!("postgresql://127.0.0.1:{closed},127.0.0.1:PORT?sslmode=disable");
    log_in(&server, home.path(), &address).await.unwrap();
    assert_eq!(server.seen(), [Startup { tls: false }, Password("second".into())]);
    // After a refusal no other host is tried, unless the server is only starting.
    for (refuses, logins) in [((|_| Some("28P01")) as fn(bool) -> _, 0), (|_| Some("57P03"), 1)] {
        let first = Server::start(Behaviour { refuses, ..Behaviour::default() });
        let address = format!("postgresql://127.0.0.1:{},127.0.0.1:PORT?sslmode=disable", first.port);
        assert_eq!(log_in(&server, home.path(), &address).await.is_ok(), logins == 1);
        assert_eq!(server.seen().iter().filter(|seen| matches!(seen, Startup { .. })).count(), logins);
    }
}

#[tokio::test]
async fn every_host_that_failed_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::start(Behaviour::default());
    server.port = silent.local_addr().unwrap().port();
    let home = home_with("");
    let address = format!("postgresql://127.0.0.1:{closed},127.0.0.1:PORT?connect_timeout=1");
    let error = log_in(&server, home.path(), &address).await.unwrap_err();
    assert!(error.contains(&format!("127.0.0.1, port {closed}: error connecting to server: Connection refused")));
    assert!(error.ends_with(&format!("; 127.0.0.1, port {}: no answer in 1 s", server.port)), "{error}");
}

#[tokio::test]
async fn a_socket_of_this_machine_never_has_tls() {
    let home = home_with("");
    let server = Server::start_at(home.path(), Behaviour::default());
    log_in(&server, home.path(), "postgresql://me@/d?host=HOME&port=PORT&sslmode=verify-full").await.unwrap();
    assert_eq!(server.seen(), WITHOUT_TLS);
}

#[tokio::test]
async fn direct_tls_needs_no_request() {
    let server = Server::start(Behaviour { is_direct: true, ..Behaviour::with(&certificate(&["x"], None)) });
    let address = "postgresql://127.0.0.1:PORT?sslmode=require&sslnegotiation=direct";
    log_in(&server, home_with("").path(), address).await.unwrap();
    assert_eq!(server.seen(), [Startup { tls: true }]);
}

#[test]
fn connecting_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let surroundings = Surroundings::new(|_| None, None, Some("me".into()));
    let login = "postgresql://a".parse::<ServerAddress>().unwrap().login(&surroundings).unwrap();
    is_send(&login.connect());
}
