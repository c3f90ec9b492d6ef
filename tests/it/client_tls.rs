//! Whom the client trusts.

use parlance::client::{Client, ConnectError, Fingerprint, Options, Trust, Url};

use crate::client_link::hasty;
use crate::support::{Daemon, TempFolder};

/// A daemon whose `ndjson` door has TLS, and the fingerprint that it logs.
fn daemon(folder: &TempFolder) -> (Daemon, Fingerprint) {
    let text = "[ndjson]\nlisten = \"127.0.0.1:0\"\ntls = true\n";
    let config = folder.write("parlance.toml", text);
    let daemon = Daemon::start(&["-c", &config, "-l", "ndjson"]);
    let line = daemon.wait_for_log("SHA-256 fingerprint ");
    let (_, fingerprint) = line.split_once("SHA-256 fingerprint ").expect("a fingerprint");
    (daemon, fingerprint.parse().expect("the form that the daemon uses"))
}

fn connect(url: &str, trust: Trust) -> Result<Client, ConnectError> {
    let url: Url = url.parse().expect("a URL");
    Client::connect_with(&url, &Options { trust, ..hasty() })
}

#[track_caller]
fn expect_works(result: Result<Client, ConnectError>) {
    let client = result.expect("trusted");
    client.join("tea", "ann").expect("joined");
    client.say("in private").expect("said");
}

#[track_caller]
fn expect_untrusted(result: Result<Client, ConnectError>, of: Fingerprint) -> String {
    match result {
        Err(ConnectError::Untrusted { fingerprint, reason }) => {
            assert_eq!(fingerprint, of.to_string());
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_is_trusted_by_its_fingerprint_or_by_a_file_and_not_otherwise() {
    let folder = TempFolder::new();
    let (daemon, fingerprint) = daemon(&folder);
    let address = daemon.address("ndjson");
    let by_address = format!("ndjson+tls://{address}");
    let by_name = format!("ndjson+tls://localhost:{}", address.port());
    let own = daemon.folder().at("certificate.pem");
    for url in [&by_address, &by_name] {
        expect_works(connect(url, Trust::Fingerprint(fingerprint)));
        expect_works(connect(url, Trust::Ca((&own).into())));
        expect_untrusted(connect(url, Trust::System), fingerprint);
        let mut another = fingerprint;
        another.0[31] ^= 1;
        let reason = expect_untrusted(connect(url, Trust::Fingerprint(another)), fingerprint);
        assert_eq!(reason, "it is another one than expected");
    }
    // Good for this machine's own names alone, unless it is the one that is meant.
    let (pem, _) = crate::tls_client::pem();
    let stranger = folder.write("stranger.pem", pem.certificate());
    expect_untrusted(connect(&by_name, Trust::Ca(stranger.into())), fingerprint);
    let nothing = folder.write("nothing.pem", "");
    let error = connect(&by_name, Trust::Ca((&nothing).into())).expect_err("no certificate");
    assert!(error.to_string().contains(&nothing), "{error}");
}

#[test]
fn a_door_without_tls_is_not_taken_for_one_with_it_nor_the_other_way_round() {
    let folder = TempFolder::new();
    let (daemon, _) = daemon(&folder);
    let plain = format!("ndjson://{}", daemon.address("ndjson"));
    let error = connect(&plain, Trust::System).expect_err("TLS is spoken there");
    assert!(matches!(error, ConnectError::NotThatDoor(_) | ConnectError::Io(_)), "{error:?}");
    let daemon = Daemon::start(&["-l", "ndjson=127.0.0.1:0"]);
    let secret = format!("ndjson+tls://{}", daemon.address("ndjson"));
    let error = connect(&secret, Trust::System).expect_err("nobody speaks TLS there");
    assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
}
