//! The daemon's TLS doors as other programs see them: `openssl s_client`, Python's `ssl`, and what
//! becomes of them when the certificate changes.

use parlance::store::{Accounts, Cost};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use socket2::SockRef;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::accounts_peer::{
    AccountsPeer, LIST, framed, listed, login, ok_login, refusal, register,
};
use crate::house::{self, until};
use crate::peer::Peer;
use crate::skip;
use crate::support::{Daemon, TempFolder, parlance, run, within_patience};
use crate::tls_client::Client;

/// A daemon with an `accounts` door, and the text of the certificate it made.
fn start() -> (Daemon, String) {
    let daemon = Daemon::start(&["-l", "accounts=127.0.0.1:0"]);
    let certificate = daemon.folder().at("certificate.pem");
    (daemon, certificate)
}

fn connect(daemon: &Daemon, certificate: &str) -> AccountsPeer {
    let trusted = CertificateDer::from_pem_file(certificate).expect("a certificate");
    AccountsPeer { client: Client::connect(daemon.address("accounts"), &trusted) }
}

/// Registers, enters, talks to itself, and leaves; prints each answer's text.
const PYTHON: &str = r#"
import json, socket, ssl, struct, sys
port, certificate, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=certificate)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
stream = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
assert stream.version() == version.replace("_", "."), stream.version()
file = stream.makefile("rwb")
def ask(**request):
    body = json.dumps(request).encode()
    file.write(struct.pack(">I", len(body)) + body)
    file.flush()
    length, = struct.unpack(">I", file.read(4))
    answer = json.loads(file.read(length))
    print(answer.get("message") or answer["data"])
    return answer
name = "harper_" + version[-1]
ask(type="register", data={"username": name, "password": "1234"})
ask(type="create", data={"room": "tech_talk_" + version[-1]})
ask(type="enter", data={"room": "tech_talk_" + version[-1]})
ask(type="msg", data={"from": name, "to": "public", "text": "Hello everyone!"})
ask(type="exit")
ask(type="logout")
"#;

#[test]
fn pythons_ssl_speaks_with_the_daemon_over_both_versions() {
    if !skip::has("python3") {
        return;
    }
    let (daemon, certificate) = start();
    let port = daemon.address("accounts").port().to_string();
    for version in ["TLSv1_2", "TLSv1_3"] {
        let output =
            run(Command::new("python3").args(["-c", PYTHON, &port, &certificate, version]));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let last = &version[6..];
        let expected = format!(
            "Registration successful\ntech_talk_{last} created successfully\nWelcome to \
             tech_talk_{last}\n{{'to': 'public', 'from': 'harper_{last}', 'text': 'Hello \
             everyone!'}}\nExited chatroom, returned to lobby\nLogged out\n"
        );
        assert_eq!(stdout, expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn openssl_trusts_the_certificate_by_its_names_and_knows_its_fingerprint() {
    if !skip::has_command("openssl", "version") {
        return;
    }
    let (daemon, certificate) = start();
    let address = daemon.address("accounts").to_string();
    let logged = daemon.wait_for_log("SHA-256 fingerprint");
    let shown = run(Command::new("openssl").args([
        "x509",
        "-in",
        &certificate,
        "-noout",
        "-fingerprint",
        "-sha256",
    ]));
    let shown = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
    let fingerprint = shown.split_once('=').expect("a fingerprint").1;
    assert!(logged.contains(fingerprint), "{logged} {shown}");

    let checks = ["-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"];
    for check in checks {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-connect", &address])
            .args(["-CAfile", &certificate])
            .args(check.split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let mut stdin = client.stdin.take().expect("stdin");
        let mut stdout = client.stdout.take().expect("stdout");
        stdin.write_all(&framed(r#"{"type":"probe"}"#)).expect("sent");
        let expected = framed(refusal("probe", "Unknown type"));
        let length = expected.len();
        let got = within_patience(move || {
            let mut got = vec![0; length];
            stdout.read_exact(&mut got).map(|()| got)
        });
        let _ = client.kill();
        let _ = client.wait();
        let got = got.expect("an answer in time").expect(check);
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expected));
    }
}

/// Writes a certificate and its key for `localhost`; gives their paths.
fn make(folder: &TempFolder, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let certificate = folder.write(&format!("{name}.crt"), &made.cert.pem());
    (certificate, folder.write(&format!("{name}.key"), &made.signing_key.serialize_pem()))
}

#[test]
fn a_reload_renews_the_certificate_and_keeps_the_old_one_if_the_new_one_is_bad() {
    let folder = TempFolder::new();
    let (certificate, key) = make(&folder, "current");
    let (new_certificate, new_key) = make(&folder, "new");
    let config = folder.write(
        "parlance.toml",
        "[accounts]\nlisten = '127.0.0.1:0'\n[tls]\ncert = 'current.crt'\nkey = 'current.key'\n",
    );
    let data = folder.at("data");
    let mut command = parlance(&["-c", &config, "-l", "accounts", "--data", &data]);
    let daemon = Daemon::start_command(&mut command, folder);
    let mut before = connect(&daemon, &certificate);
    before.ask(register("ann", "sesame"), ok_login("register", "ann", "lobby"));

    // A key that is not the certificate's.
    std::fs::copy(&new_key, &key).expect("copied");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("the certificate stays as it was");
    connect(&daemon, &certificate).probe();

    std::fs::copy(&new_certificate, &certificate).expect("copied");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("was read again");
    daemon.wait_for_log("was read again");
    connect(&daemon, &new_certificate).probe();
    before.ask(LIST, listed(r#"{"lobby":["ann"],"general":[]}"#));
}

#[test]
fn a_certificate_that_cannot_be_read_is_no_start() {
    let folder = TempFolder::new();
    let config =
        folder.write("parlance.toml", "[tls]\ncert = 'missing.crt'\nkey = 'missing.key'\n");
    let data = folder.at("data");
    let (code, _, log) =
        crate::support::ended(&["-c", &config, "-l", "accounts=127.0.0.1:0", "--data", &data]);
    assert_eq!(code, 1);
    assert!(log.contains("missing.crt cannot be read"), "{log}");
}

#[test]
fn any_door_may_have_tls_and_lose_it_again_where_it_stands() {
    let folder = TempFolder::new();
    let listener = std::net::TcpListener::bind("127.77.0.9:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let text = |tls: bool| format!("[jsonrpc]\nlisten = '{address}'\ntls = {tls}\n");
    let config = folder.write("parlance.toml", &text(false));
    let data = folder.at("data");
    let certificate = folder.at("data/certificate.pem");
    let mut command = parlance(&["-c", &config, "-l", "jsonrpc", "--data", &data]);
    let daemon = Daemon::start_command(&mut command, folder);
    let mut plain = crate::peer::Peer::connect(address);
    plain.probe();

    std::fs::write(&config, text(true)).expect("written");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("was read again");
    let trusted = CertificateDer::from_pem_file(&certificate).expect("a certificate");
    let mut secure = Client::connect(address, &trusted);
    secure.send(r#"{"method":"probe"}"#);
    secure.expect(crate::house::NOT_FOUND);
    plain.probe();

    std::fs::write(&config, text(false)).expect("written");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("was read again");
    crate::peer::Peer::connect(address).probe();
    secure.send(r#"{"method":"probe"}"#);
    secure.expect(crate::house::NOT_FOUND);
}

/// A ClientHello whose SNI is this text, and nothing else besides what one must have.
fn hello_to(host: &str) -> Vec<u8> {
    let counted = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let name = [&[0], &*counted(host.as_bytes())].concat();
    let extension = [&[0, 0], &*counted(&counted(&name))].concat();
    let hello =
        [&[3, 3], &[7; 32][..], &[0], &counted(&[0x13, 1]), &[1, 0], &counted(&extension)].concat();
    let message = [&[1, 0], &*counted(&hello)].concat();
    [&[22, 3, 1], &*counted(&message)].concat()
}

#[test]
fn nothing_that_a_stranger_sends_is_logged() {
    let (daemon, _) = start();
    for host in ["192.0.2.7", "not a \u{1b}[2J host"] {
        let mut peer = Peer::connect(daemon.address("accounts"));
        peer.send(hello_to(host));
        let (alert, _) = peer.take_all();
        assert_eq!(alert.first(), Some(&21), "an alert record: {alert:?}");
    }
    daemon.signal(Signal::TERM);
    let log = daemon.log_until("shutting down");
    assert!(!log.iter().any(|line| line.contains("rustls")), "{log:#?}");
}

#[test]
fn a_client_that_goes_while_its_password_is_hashed_is_no_error() {
    let daemon = Daemon::start(&["-l", "accounts=127.0.0.1:0", "-l", "jsonrpc=127.0.0.1:0"]);
    let certificate = daemon.folder().at("certificate.pem");
    let mut peer = connect(&daemon, &certificate);
    peer.probe();
    peer.send(register("ann", "sesame"));
    let stream = &peer.client.stream;
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("reset instead of ended");
    drop(peer);
    // In the database, and then known: till then the name is held, and a guest is suffixed.
    let accounts = Accounts::open(daemon.folder().path(), Cost::default()).expect("the accounts");
    until(|| accounts.list().expect("the accounts").len() == 1);
    until(|| {
        let mut guest = Peer::connect(daemon.address("jsonrpc"));
        guest.send([house::join("ann").as_str(), house::LEAVE].concat());
        guest.half_close();
        let (said, _) = guest.take_all();
        said.starts_with(house::refusal("Username already taken").as_bytes())
    });
    let mut other = connect(&daemon, &certificate);
    other.ask(login("ann", "sesame"), ok_login("login", "ann", "lobby"));
    daemon.signal(Signal::TERM);
    let log = daemon.log_until("shutting down");
    assert!(!log.iter().any(|line| line.contains("ERROR")), "{log:#?}");
}
