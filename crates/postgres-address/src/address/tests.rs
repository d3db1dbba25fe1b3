use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> ServerAddress {
    text.parse().unwrap()
}

fn error(text: &str) -> String {
    text.parse::<ServerAddress>().unwrap_err().to_string()
}

#[test]
fn an_address_has_one_form() {
    for (written, shown) in [
        ("postgres://me@db.example:5432/search?schema=x", "postgresql://me@db.example:5432/search?schema=x"),
        ("postgresql://", "postgresql://"),
        ("postgresql:///search", "postgresql:///search"),
        ("postgresql://h/search?schema=semsearch", "postgresql://h/search"),
        ("postgresql://a:1,b,[::1]:3/d", "postgresql://a:1,b,[::1]:3/d"),
        ("postgresql://a,b/d?port=7", "postgresql://a:7,b:7/d"),
        ("postgresql://:5432/d", "postgresql:///d?port=5432"),
        ("postgresql://a:%2C,b/d?port=,", "postgresql://a,b/d"),
        ("postgresql:///d?host=/tmp&user=me%40realm", "postgresql://me%40realm@%2Ftmp/d"),
        ("postgresql://%2Fvar%2Frun/d", "postgresql://%2Fvar%2Frun/d"),
        ("postgresql://?service=s&&", "postgresql://?service=s"),
        ("postgresql://h?ssl=true", "postgresql://h?sslmode=require"),
        (
            "postgresql://h?sslmode=verify-full&connect_timeout=3",
            "postgresql://h?connect_timeout=3&sslmode=verify-full",
        ),
        ("postgresql://h?sslrootcert=/etc/a b.pem", "postgresql://h?sslrootcert=/etc/a%20b.pem"),
        ("postgresql://h?user=&dbname=", "postgresql://h"),
        ("postgresql://h?user=a&user=b", "postgresql://b@h"),
        ("postgresql://é@ü/ö", "postgresql://%C3%A9@%C3%BC/%C3%B6"),
    ] {
        assert_eq!(parsed(written).to_string(), shown, "{written}");
        assert_eq!(parsed(shown), parsed(written), "{written}");
    }
    assert!(ServerAddress::is_one("postgres://x") && !ServerAddress::is_one("postgresql:/x"));
}

#[test]
fn a_schema_is_a_name_of_1_to_63_bytes() {
    assert_eq!(parsed("postgresql://h").schema(), "semsearch");
    assert_eq!(parsed("postgresql://h?schema=a%22b%20%26%3D").schema(), "a\"b &=");
    assert_eq!(parsed(&format!("postgresql://h?schema={}", "x".repeat(63))).schema().len(), 63);
    for name in ["", &"x".repeat(64), &"é".repeat(32)] {
        assert_eq!(
            error(&format!("postgresql://h?schema={name}")),
            "the address: schema must be a name of 1 to 63 bytes"
        );
    }
    assert!(error("postgresql://h?schema=a%00").contains("zero byte"));
}

#[test]
fn a_password_in_an_address_is_an_error_that_does_not_repeat_it() {
    for text in [
        "postgresql://me:hunter2@h/d",
        "postgresql://me:hunt?er2@h/d",
        "postgresql://:hunter2@h/d",
        "postgresql://me:@h/d",
        "postgresql://h/d?password=hunter2",
        "postgresql://h/d?passw%6frd=hunter2",
    ] {
        assert!(error(text).starts_with("a password in an address can be seen by others"), "{text}");
    }
    // The password has a slash and is not encoded, so that it is not where a password is looked for.
    for text in [
        "postgresql://me:hunter2/x@h/d",
        "postgresql://me:12/hunter2@h/d",
        "postgresql://me:12/x?hunter2=5@h/d",
        "postgresql://me:12/x?hunter2@h/d",
    ] {
        let error = error(text);
        assert!(error.contains("there can be no password") && !error.contains("hunter2"), "{text}: {error}");
    }
    // Here an @ is what it is for libpq.
    assert_eq!(parsed("postgresql://h:1/d?user=me@realm").to_string(), "postgresql://me%40realm@h:1/d");
}

#[test]
fn an_error_says_what_is_wrong() {
    for (text, message) in [
        ("mysql://h", "the address of a PostgreSQL server begins with postgresql:// or postgres://"),
        ("postgresql://h?colour=1", "the address: there is no setting \"colour\""),
        ("postgresql://h?sslcert=1", "the address: there is no setting \"sslcert\""),
        (
            "postgresql://h?sslmode=on",
            "the address: sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
        ),
        ("postgresql://h?gssencmode=require", "the address: gssencmode must be disable or prefer"),
        ("postgresql://h?connect_timeout=x", "the address: connect_timeout must be a whole number"),
        (
            "postgresql://h:0",
            "the address: port must be a number from 1 to 65535, or one for each host with commas between",
        ),
        (
            "postgresql://h:+1",
            "the address: port must be a number from 1 to 65535, or one for each host with commas between",
        ),
        ("postgresql://a,b,c?port=1,2", "there are 2 ports for 3 hosts: give one for each host"),
        ("postgresql://[::1", "the address is not well formed: an IPv6 address stands between [ and ]"),
        ("postgresql://[]", "the address is not well formed: an IPv6 address stands between [ and ]"),
        ("postgresql://[::1]x", "the address is not well formed: only a port can follow the ] of an IPv6 address"),
        ("postgresql://h?schema", "the address is not well formed: a setting is written key=value"),
        ("postgresql://h?options=a=b", "the address is not well formed: an = in a value is written %3D"),
        ("postgresql://%zz", "the address is not well formed: two hexadecimal digits must follow each percent sign"),
        ("postgresql://%40abstract", "the address: host must be names of hosts or paths of directories"),
    ] {
        assert_eq!(error(text), message, "{text}");
    }
}

proptest! {
    #[test]
    fn an_address_shows_as_one_that_is_equal(
        user in "[^\0]{0,8}", host in "[^\0,@]{0,8}", port in proptest::option::of(1_u16..),
        database in "[^\0]{0,8}", schema in "[^\0]{1,15}",
    ) {
        let port_text = port.map(|port| format!(":{port}")).unwrap_or_default();
        let [user_text, host_text, database_text, schema_text] =
            [&user, &host, &database, &schema].map(|text| encode(text, ""));
        let text = format!("postgresql://{user_text}@{host_text}{port_text}/{database_text}?schema={schema_text}");
        let address = parsed(&text);
        let get = |key: &str| address.settings().get(key).unwrap_or_default().to_owned();
        let expected = (user, host, port.map(|port| port.to_string()).unwrap_or_default(), database, schema);
        prop_assert_eq!((get("user"), get("host"), get("port"), get("dbname"), address.schema().to_owned()), expected);
        prop_assert_eq!(parsed(&address.to_string()), address);
    }

    #[test]
    fn no_text_makes_reading_panic_and_what_is_read_shows_as_an_equal_address(
        text in "([a-c:@/?,&=\\[\\]1]|%2[Cc]|%3A|%5[BD]|%40|port=|host=|user=|dbname=|hostaddr=|schema=|.){0,24}",
    ) {
        if let Ok(address) = format!("postgresql://{text}").parse::<ServerAddress>() {
            prop_assert_eq!(parsed(&address.to_string()), address.clone());
            prop_assert!(address.to_string().is_ascii());
        }
    }
}
