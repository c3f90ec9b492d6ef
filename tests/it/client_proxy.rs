//! Something between a client and a server that can be cut like a bad line: on the client's side
//! alone, so that the server does not notice, or on both.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::support::PATIENCE;

/// A proxy for streams.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Connections are closed as soon as they come.
    down: bool,
    /// What the clients have got, in order.
    heard: Vec<u8>,
    pairs: Vec<Pair>,
    /// Ends of the server's that nobody is behind any more.
    ghosts: Vec<TcpStream>,
}

/// A connection's two ends.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    /// The server is not to be told of the client's end.
    unnoticed: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy for the server at this address, until the test ends.
    pub(crate) fn start(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = own.state.lock().expect("no panic");
                if state.down {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let clone = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                let unnoticed = Arc::new(AtomicBool::new(false));
                state.pairs.push(Pair {
                    client: clone(&client),
                    server: clone(&server),
                    unnoticed: Arc::clone(&unnoticed),
                });
                drop(state);
                let (from, to) = (clone(&client), clone(&server));
                thread::spawn(move || {
                    copy(from, &to, |_| {});
                    if !unnoticed.load(Ordering::SeqCst) {
                        let _ = to.shutdown(Shutdown::Write);
                    }
                });
                let own = Arc::clone(&own);
                thread::spawn(move || {
                    copy(server, &client, |bytes| {
                        own.state.lock().expect("no panic").heard.extend_from_slice(bytes);
                        own.changed.notify_all();
                    });
                    let _ = client.shutdown(Shutdown::Write);
                });
            }
        });
        Proxy { address, shared }
    }

    /// Cuts every connection, and lets no new one through.
    pub(crate) fn cut(&self) {
        let mut state = self.shared.state.lock().expect("no panic");
        state.down = true;
        for Pair { client, server, .. } in state.pairs.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.shared.state.lock().expect("no panic").down = false;
    }

    /// Cuts every connection, but so that the server does not notice.
    pub(crate) fn cut_unnoticed(&self) {
        let mut state = self.shared.state.lock().expect("no panic");
        state.heard.clear();
        for Pair { client, server, unnoticed } in std::mem::take(&mut state.pairs) {
            unnoticed.store(true, Ordering::SeqCst);
            state.ghosts.push(server);
            let _ = client.shutdown(Shutdown::Write);
        }
    }

    /// Lets the server notice.
    pub(crate) fn end_ghosts(&self) {
        for ghost in self.shared.state.lock().expect("no panic").ghosts.drain(..) {
            let _ = ghost.shutdown(Shutdown::Both);
        }
    }

    /// Waits until some client has got these bytes since the last cut.
    pub(crate) fn wait_for(&self, part: &[u8]) {
        let state = self.shared.state.lock().expect("no panic");
        let has = |state: &mut State| state.heard.windows(part.len()).any(|bytes| bytes == part);
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| !has(state));
        assert!(!waited.expect("no panic").1.timed_out(), "{:?}", String::from_utf8_lossy(part));
    }
}

/// Copies until one end fails, or the first has ended.
fn copy(mut from: TcpStream, mut to: &TcpStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
        && to.write_all(&buffer[..count]).is_ok()
    {
        see(&buffer[..count]);
    }
}
