//! What lies between a browser and a server, and may fail. Its address stays the same when the server
//! has another one: while a server is down, its port may become somebody else's.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    server: SocketAddr,
    /// Whether it takes no connections.
    is_closed: bool,
    /// Whether what the server says is lost.
    is_deaf: bool,
    /// Both ends of what is open.
    near: Vec<TcpStream>,
    far: Vec<TcpStream>,
    /// The far ends of what is not open any more, of which the server has not heard.
    ghosts: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn open(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            server,
            is_closed: false,
            is_deaf: false,
            near: Vec::new(),
            far: Vec::new(),
            ghosts: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // What cannot be carried is closed: whoever comes tries again.
                let _ = join(&shared, near);
            }
        });
        Proxy { address, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    /// Takes no other connections.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    /// Takes no other connections and ends those there are.
    pub(crate) fn cut(&self) {
        self.cut_near();
        self.lay_ghosts();
    }

    /// The same, but the server does not hear of it.
    pub(crate) fn cut_near(&self) {
        let mut state = self.state();
        state.is_closed = true;
        end(&mut state.near);
        let far = std::mem::take(&mut state.far);
        state.ghosts.extend(far);
    }

    /// The server hears of those that were cut.
    pub(crate) fn lay_ghosts(&self) {
        end(&mut self.state().ghosts);
    }

    /// From now on nobody hears the server.
    pub(crate) fn deafen(&self) {
        self.state().is_deaf = true;
    }

    /// All is well again, for new connections.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        state.is_deaf = false;
        state.is_closed = false;
    }

    /// All is well again, with another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.state().server = server;
        self.mend();
    }
}

fn end(streams: &mut Vec<TcpStream>) {
    for stream in streams.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Carries a connection, unless there is none to be had.
fn join(shared: &Arc<Mutex<State>>, mut near: TcpStream) -> io::Result<()> {
    let mut state = shared.lock().expect("the state");
    if state.is_closed {
        return Ok(());
    }
    let mut far = TcpStream::connect(state.server)?;
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    let ends = (near.try_clone()?, far.try_clone()?);
    state.near.push(ends.0);
    state.far.push(ends.1);
    drop(state);
    thread::spawn(move || {
        // The far end stays as it is when the near one goes: whoever looks from there sees a ghost.
        let _ = io::copy(&mut from_near, &mut to_far);
    });
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = far.read(&mut buffer) {
            let is_lost = shared.lock().expect("the state").is_deaf;
            if !is_lost && near.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = near.shutdown(Shutdown::Both);
    });
    Ok(())
}
