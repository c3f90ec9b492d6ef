//! What is served: the chat behind its listeners, from open to closed.
//!
//! Opening is separate from running, so that whatever goes wrong in it is told before `ready`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, SystemTime};

use crate::chat::dialect::chatmaster::ChatMasterSettings;
use crate::chat::dialect::jsonrpc::JsonRpcSettings;
use crate::chat::dialect::udp::UdpSettings;
use crate::chat::dialect::websocket::WebSocketSettings;
use crate::chat::dialect::{self, Desk, DeskSettings, House};
use crate::chat::{self, ChatServer, Timestamp};
use crate::config::{self, Config, Dialect, DuplicateNames, Listener};
use crate::rpc::framing::Compression;
use crate::rpc::{self, Effects, JsonLimits, ListenerId, ServiceId, Tls};
use crate::store::transcript::{Transcript, TranscriptError};
use crate::store::{Accounts, Cost};

use super::certificate::{self, CertificateError};
use super::error::RunError;
use super::signals::Signal;

/// Jobs that may wait for a worker thread.
const WORKER_QUEUE_MAX: usize = 64;

/// Everything that is open, waiting to be run.
pub(super) struct Server {
    server: rpc::Server<House>,
    doors: Doors,
    data_folder: PathBuf,
    signals: (Sender<Signal>, Receiver<Signal>),
}

/// The listeners that are open, and the services behind them.
struct Doors {
    services: Vec<(Dialect, ServiceId)>,
    /// The certificate, once a listener has needed it.
    tls: Option<Tls>,
    open: Vec<(Listener, ListenerId)>,
}

impl Server {
    /// Opens the accounts, the certificate where one is needed, and every listener.
    ///
    /// # Errors
    ///
    /// The first that cannot be opened.
    pub(super) fn open(config: &Config, data_folder: &Path) -> Result<Server, RunError> {
        let random = Box::new(|| getrandom::u64().expect("the system has random numbers"));
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(since.as_millis() as u64);
        let chat =
            ChatServer::new(chat_settings(config), now, random).map_err(RunError::DefaultRoom)?;
        let house = House::new(chat, dialect_settings(config));
        let mut server = rpc::Server::new(house).map_err(RunError::Loop)?;
        server.set_workers(config.workers, WORKER_QUEUE_MAX);

        let accounts = Accounts::open(data_folder, Cost::default()).map_err(RunError::Accounts)?;
        let (house, fx) = server.parts();
        let desk = Desk::new(accounts, desk_settings(config));
        house.open_desk(fx, desk).map_err(RunError::Accounts)?;
        house.transcript = open_transcript(config, data_folder).map_err(RunError::Transcript)?;
        fx.set_limits(transport_limits(config));
        let tls = load_certificate(config, data_folder).map_err(RunError::Certificate)?;
        let mut doors = Doors { services: Vec::new(), tls, open: Vec::new() };
        for listener in &config.listeners {
            let id = doors.listen(fx, listener)?;
            doors.open.push((listener.clone(), id));
        }
        let data_folder = data_folder.to_owned();
        Ok(Server { server, doors, data_folder, signals: mpsc::channel() })
    }

    /// Where each listener is, in the order of the configuration.
    pub(super) fn addresses(&mut self) -> Vec<(Dialect, SocketAddr)> {
        let fx = self.server.effects();
        let open = self.doors.open.iter();
        open.filter_map(|(listener, id)| Some((listener.dialect, fx.listener_addr(*id)?))).collect()
    }

    /// How another thread tells this server of a signal.
    pub(super) fn on_signal(&self) -> impl FnMut(Signal) + Send + 'static {
        let sender = self.signals.0.clone();
        let handle = self.server.handle();
        move |signal| {
            // Fails when the server has ended, which then needs no telling.
            if sender.send(signal).is_ok() {
                handle.post(|_, _| {});
            }
        }
    }

    /// Serves until told to stop. `reload` gives the new configuration, if there is a good one.
    ///
    /// # Errors
    ///
    /// The event queue fails.
    pub(super) fn run(
        mut self,
        mut reload: impl FnMut() -> Option<Config>,
    ) -> Result<(), RunError> {
        loop {
            match self.signals.1.try_recv() {
                Ok(Signal::Stop) => break,
                Ok(Signal::Reload) => {
                    if let Some(config) = reload() {
                        self.apply(&config);
                    }
                }
                Err(_) => self.server.turn(None).map_err(RunError::Loop)?,
            }
        }
        log::info!("shutting down");
        self.server.effects().stop();
        self.server.run().map_err(RunError::Loop)
    }

    /// Puts a new configuration in force; drops nobody.
    fn apply(&mut self, config: &Config) {
        let (house, fx) = self.server.parts();
        fx.set_limits(transport_limits(config));
        house.chat.set_settings(chat_settings(config));
        house.settings = dialect_settings(config);
        house.set_desk(desk_settings(config));
        if let Err(error) = change_transcript(&mut house.transcript, config, &self.data_folder) {
            log::error!("{error}; the transcript stays as it was");
        }
        match load_certificate(config, &self.data_folder) {
            Ok(tls) => self.doors.renew(tls),
            Err(error) => log::error!("{error}; the certificate stays as it was"),
        }
        self.doors.change(fx, &config.listeners);
        log::info!("the configuration was read again");
    }
}

impl Doors {
    fn listen(
        &mut self,
        fx: &mut Effects<House>,
        listener: &Listener,
    ) -> Result<ListenerId, RunError> {
        let dialect = listener.dialect;
        if listener.tls && self.tls.is_none() {
            return Err(RunError::NoCertificate { dialect, address: listener.address.clone() });
        }
        let service = match self.services.iter().find(|(known, _)| *known == dialect) {
            Some(&(_, service)) => service,
            None => {
                let service = service(fx, dialect);
                self.services.push((dialect, service));
                service
            }
        };
        let cannot =
            |source| RunError::Listen { dialect, address: listener.address.clone(), source };
        let places = listener.address.resolve().map_err(cannot)?;
        let opened = match dialect.is_datagrams() {
            false => fx.listen(&places[..], service),
            true => fx.listen_datagrams(&places[..], service),
        };
        let id = opened.map_err(|error| cannot(error.into()))?;
        self.secure(fx, id, listener);
        Ok(id)
    }

    /// Has a listener speak TLS or not, as it is configured.
    fn secure(&self, fx: &mut Effects<House>, id: ListenerId, listener: &Listener) {
        fx.set_tls(id, self.tls.as_ref().filter(|_| listener.tls));
    }

    /// Puts the certificate that was read again in force, for all listeners.
    fn renew(&mut self, tls: Option<Tls>) {
        match (&self.tls, tls) {
            (Some(old), Some(new)) => old.replace(new),
            (None, Some(new)) => self.tls = Some(new),
            (_, None) => {}
        }
    }

    /// Changes in place what changes in nothing but TLS: its address cannot be bound twice.
    fn change_tls(&mut self, fx: &mut Effects<House>, wanted: &[Listener]) {
        let mut open = std::mem::take(&mut self.open);
        for (listener, id) in &mut open {
            let other = wanted.iter().find(|wanted| {
                wanted.dialect == listener.dialect
                    && wanted.address == listener.address
                    && wanted.tls != listener.tls
            });
            // Port 0 is another port each time, so there it is no change but another listener.
            if let Some(other) = other.filter(|other| other.address.port != 0)
                && (self.tls.is_some() || !other.tls)
            {
                *listener = other.clone();
                self.secure(fx, *id, listener);
            }
        }
        self.open = open;
    }

    /// Opens what is new, then closes what is no longer wanted; where something new of a dialect
    /// cannot be opened, its old listeners stay.
    fn change(&mut self, fx: &mut Effects<House>, wanted: &[Listener]) {
        self.change_tls(fx, wanted);
        let mut failed = Vec::new();
        for listener in wanted {
            if self.open.iter().any(|(open, _)| open == listener) {
                continue;
            }
            match self.listen(fx, listener) {
                Ok(id) => {
                    log::info!("listening for {} on {}", listener.dialect, listener.address);
                    self.open.push((listener.clone(), id));
                }
                Err(error) => {
                    log::error!("{error}; what was listened on before stays");
                    failed.push(listener.dialect);
                }
            }
        }
        self.open.retain(|(listener, id)| {
            let keep = wanted.contains(listener) || failed.contains(&listener.dialect);
            if !keep {
                log::info!("no longer listening for {} on {}", listener.dialect, listener.address);
                fx.unlisten(*id);
            }
            keep
        });
    }
}

/// The service that speaks a dialect.
fn service(fx: &mut Effects<House>, dialect: Dialect) -> ServiceId {
    match dialect {
        Dialect::JsonRpc => fx.add_service(dialect::jsonrpc::service()),
        Dialect::WebSocket => fx.add_service(dialect::websocket::service()),
        Dialect::Accounts => fx.add_service(dialect::accounts::service()),
        Dialect::ChatMaster => fx.add_service(dialect::chatmaster::service()),
        Dialect::Ndjson => fx.add_service(dialect::ndjson::service()),
        Dialect::Udp => fx.add_service(dialect::udp::service()),
    }
}

/// The certificate, if a listener needs one.
fn load_certificate(config: &Config, data_folder: &Path) -> Result<Option<Tls>, CertificateError> {
    if !config.listeners.iter().any(|listener| listener.tls) {
        return Ok(None);
    }
    let files = config.tls.files();
    let files = files.as_ref().map(|files| (&*files.cert, &*files.key));
    certificate::load(files, data_folder).map(Some)
}

fn open_transcript(
    config: &Config,
    data_folder: &Path,
) -> Result<Option<Transcript>, TranscriptError> {
    let Config { transcript, .. } = config;
    let file = transcript.file(data_folder);
    file.map(|file| Transcript::open(&file, transcript.max_bytes, transcript.max_files)).transpose()
}

/// Reopens the transcript's file, or goes on in another one, or stops.
fn change_transcript(
    open: &mut Option<Transcript>,
    config: &Config,
    data_folder: &Path,
) -> Result<(), TranscriptError> {
    let Config { transcript, .. } = config;
    match (&mut *open, transcript.file(data_folder)) {
        (Some(open), Some(file)) => {
            open.configure(&file, transcript.max_bytes, transcript.max_files)
        }
        _ => {
            *open = open_transcript(config, data_folder)?;
            Ok(())
        }
    }
}

fn transport_limits(config: &Config) -> rpc::Limits {
    let limits = &config.limits;
    rpc::Limits {
        connections: limits.connections,
        outbox_low_bytes: limits.outbox_low_bytes,
        outbox_soft_bytes: limits.outbox_soft_bytes,
        outbox_soft: Duration::from_secs(limits.outbox_soft_s),
        outbox_hard_bytes: limits.outbox_hard_bytes,
        handshake: Duration::from_secs(limits.handshake_s),
        frame: Duration::from_secs(limits.frame_s),
        silence: Some(Duration::from_secs(limits.idle_before_join_s)),
        datagram_bytes: limits.datagram_bytes,
        datagrams_per_s: config.udp.datagrams_per_s,
        new_peers_per_s: config.udp.new_peers_per_s,
        ..rpc::Limits::default()
    }
}

fn chat_settings(config: &Config) -> chat::Settings {
    let limits = &config.limits;
    chat::Settings {
        default_room: config.default_room.clone(),
        rooms_max: limits.rooms,
        rooms_per_account_max: limits.rooms_per_account,
        presence_members_max: limits.presence_members,
        history_events_max: limits.history_events,
        history_bytes_max: limits.history_bytes,
        history_total_bytes_max: limits.history_total_bytes,
        ..chat::Settings::default()
    }
}

fn dialect_settings(config: &Config) -> dialect::Settings {
    let (limits, own, udp) = (&config.limits, &config.websocket, &config.udp);
    dialect::Settings {
        json: JsonLimits {
            frame_bytes: limits.frame_bytes,
            depth: u16::try_from(limits.json_depth).unwrap_or(u16::MAX),
            batch_items: limits.batch_items,
        },
        jsonrpc: JsonRpcSettings {
            suffix_duplicate_names: config.jsonrpc.duplicate_names == DuplicateNames::Suffix,
            show_addresses: config.jsonrpc.show_addresses,
        },
        chatmaster: ChatMasterSettings {
            compression: match config.chatmaster.compression {
                config::Compression::Auto => Compression::Auto,
                config::Compression::Always => Compression::Always,
                config::Compression::Off => Compression::Off,
            },
        },
        websocket: WebSocketSettings {
            origins: own.origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            hosts: own.hosts.iter().map(|host| host.as_str().to_owned()).collect(),
            deflate: own.deflate,
            ping: Duration::from_secs(own.ping_s),
        },
        udp: UdpSettings {
            datagram_bytes: limits.datagram_bytes,
            idle_timeout: Duration::from_secs(udp.idle_timeout_s),
            remembered_ids: udp.remembered_ids,
            require_token: udp.require_token,
        },
    }
}

fn desk_settings(config: &Config) -> DeskSettings {
    let accounts = &config.accounts;
    DeskSettings {
        password: accounts.password_rule(),
        login_failures_per_minute: accounts.login_failures_per_minute,
        registrations_per_minute: accounts.registrations_per_minute,
    }
}
