//! The full screen's loop: everything comes in through one mailbox, is handed to the [`App`], and
//! what changed is drawn once.

use std::io::{self, BufWriter, Stdout, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime};

use crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::client::Client;

use super::app::{App, End, Now, Setup};
use super::job::{self, Place};
use super::mailbox::{Item, Mailbox};
use super::restore::{self, Guard};
use super::view;

/// The least time between two drawings: what comes in between is drawn together.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(10);

/// How often it is looked, in the background, whether the terminal is ours again: not every shell tells
/// who was running all the time.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long putting the terminal back may take when there is no time for anything.
const PUTTING_BACK: Duration = Duration::from_secs(1);

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Runs until somebody quits or the client gives up; gives which.
///
/// # Errors
///
/// The terminal cannot be made ready, or is gone.
pub(super) fn run(client: Client, mailbox: &Arc<Mailbox>, setup: Setup) -> io::Result<End> {
    watch_signals(mailbox)?;
    let guard = Guard::enter()?;
    let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
    let result = Terminal::new(backend).and_then(|screen| {
        let keys = Keys::watch(mailbox)?;
        watch_terminal(mailbox)?;
        let start = Instant::now();
        let app = App::new(setup);
        let place = Place::Foreground;
        let client = &client;
        Turns { client, mailbox, screen, keys, app, start, drawn: None, is_stale: true, place }
            .run()
    });
    drop(guard);
    // Only then, for saying goodbye may take a moment.
    mailbox.close();
    client.disconnect();
    result
}

/// One turn after another: what came is handled, what changed is drawn.
struct Turns<'a> {
    client: &'a Client,
    mailbox: &'a Arc<Mailbox>,
    screen: Screen,
    keys: Keys,
    app: App,
    start: Instant,
    /// When it was drawn last.
    drawn: Option<Instant>,
    /// Whether it is to be drawn again.
    is_stale: bool,
    place: Place,
}

impl Turns<'_> {
    fn run(mut self) -> io::Result<End> {
        let size = self.screen.size()?;
        self.app.resize(size.width, size.height);
        self.app.start(self.now());
        loop {
            if restore::is_given_up() {
                return Err(io::Error::other("a part of the program has failed"));
            }
            self.app.tick(self.now());
            self.make_calls();
            if let Some(end) = self.app.is_over.take() {
                return Ok(end);
            }
            if self.place == Place::Background && job::is_in_foreground() {
                self.come_back()?;
            }
            let patience = self.draw_in_time()?;
            for item in self.mailbox.take(patience) {
                if let Some(end) = self.take(item)? {
                    return Ok(end);
                }
            }
        }
    }

    fn now(&self) -> Now {
        Now { at: SystemTime::now(), since: self.start.elapsed() }
    }

    fn make_calls(&mut self) {
        for (tag, call) in self.app.take_calls() {
            let mailbox = Arc::clone(self.mailbox);
            self.client.submit(call, move |result| mailbox.put(Item::Answer(tag, result)));
        }
    }

    fn take(&mut self, item: Item) -> io::Result<Option<End>> {
        let now = self.now();
        match item {
            Item::Event(event) => self.app.event(event, now),
            Item::Answer(tag, result) => self.app.answer(tag, result, now),
            Item::Terminal(input) => take_input(&mut self.app, input, now),
            // Which one is asked before each drawing.
            Item::Resized => self.app.touch(),
            Item::Suspend => self.suspend()?,
            Item::Continued => self.go_on()?,
            Item::Input => {}
            Item::End => return Ok(Some(End::Quit)),
        }
        Ok(None)
    }

    /// Draws if something has changed and it is time; gives how long there is nothing to be done.
    fn draw_in_time(&mut self) -> io::Result<Duration> {
        self.is_stale |= self.app.take_dirty();
        let now = self.now();
        let mut patience = self.app.deadline(now).saturating_sub(now.since);
        match self.place {
            Place::Foreground if self.is_stale => {
                let since = self.drawn.map_or(BETWEEN_DRAWINGS, |drawn| drawn.elapsed());
                let due = BETWEEN_DRAWINGS.saturating_sub(since);
                if due.is_zero() {
                    draw(&mut self.app, now, &mut self.screen)?;
                    self.drawn = Some(Instant::now());
                    self.is_stale = false;
                } else {
                    patience = patience.min(due);
                }
            }
            Place::Foreground | Place::Stopping => {}
            Place::Background => patience = patience.min(LOOK_EVERY),
        }
        Ok(patience)
    }

    /// Gives the terminal back and stops; what comes next is that it goes on.
    fn suspend(&mut self) -> io::Result<()> {
        if !job::can_stop() {
            self.app.complain("there is no shell to go back to".into(), self.now());
            self.keys.go_on();
            return Ok(());
        }
        self.make_calls();
        self.keys.hold();
        restore::restore();
        self.app.focus(false);
        self.place = Place::Stopping;
        match job::stop() {
            Ok(()) => Ok(()),
            Err(_) => self.come_back(),
        }
    }

    /// After any stop, of which nothing may have been known before: whoever had the terminal meanwhile
    /// has drawn on it.
    fn go_on(&mut self) -> io::Result<()> {
        if job::is_in_foreground() {
            return self.come_back();
        }
        self.keys.hold();
        restore::lose();
        self.place = Place::Background;
        Ok(())
    }

    fn come_back(&mut self) -> io::Result<()> {
        restore::take(self.app.has_mouse)?;
        self.place = Place::Foreground;
        self.keys.go_on();
        self.app.focus(true);
        self.app.wants_redraw = true;
        Ok(())
    }
}

fn take_input(app: &mut App, input: Input, now: Now) {
    match input {
        Input::Key(key) => app.key(key, now),
        Input::Paste(text) => app.paste(&text, now),
        Input::Resize(..) => app.touch(),
        Input::FocusGained => app.focus(true),
        Input::FocusLost => app.focus(false),
        Input::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => app.wheel(true),
            MouseEventKind::ScrollDown => app.wheel(false),
            _ => {}
        },
    }
}

fn draw(app: &mut App, now: Now, screen: &mut Screen) -> io::Result<()> {
    if std::mem::take(&mut app.wants_bell) {
        screen.backend_mut().write_all(b"\x07")?;
    }
    if std::mem::take(&mut app.wants_mouse_told) {
        screen.backend_mut().write_all(restore::mouse(app.has_mouse).as_bytes())?;
    }
    if std::mem::take(&mut app.wants_redraw) {
        let size = screen.size()?;
        // Not `clear`, which asks the terminal where its cursor is and waits for the answer, which the
        // thread of the keys gets.
        screen.resize(Rect::from((Position::ORIGIN, size)))?;
    }
    // The news of another size may still be on its way.
    screen.autoresize()?;
    let size = screen.size()?;
    if app.size != (size.width, size.height) {
        app.resize(size.width, size.height);
    }
    app.lay_out();
    screen.draw(|frame| {
        let area = frame.area();
        if app.size == (area.width, area.height) {
            view::draw(app, now, frame);
        } else {
            app.touch();
        }
    })?;
    Ok(())
}

/// The thread that reads keys and pastes.
struct Keys {
    thread: Thread,
    /// Whether it is to read no further.
    held: Arc<AtomicBool>,
}

impl Keys {
    /// It lives as long as the process: it waits for the next key even when nobody wants one any more.
    /// But what is typed behind a Ctrl-Z, or while this process is in the background, is the shell's.
    fn watch(mailbox: &Arc<Mailbox>) -> io::Result<Keys> {
        let mailbox = Arc::clone(mailbox);
        let held = Arc::new(AtomicBool::new(false));
        let is_held = Arc::clone(&held);
        let read = move || {
            while let Ok(input) = event::read() {
                if is_ctrl_z(&input) {
                    is_held.store(true, Ordering::SeqCst);
                    forget_keys();
                    mailbox.put(Item::Suspend);
                } else {
                    mailbox.put(Item::Terminal(input));
                }
                while is_held.load(Ordering::SeqCst) {
                    thread::park();
                }
            }
            mailbox.put(Item::End);
        };
        let thread = thread::Builder::new().name("keys".into()).spawn(read)?;
        Ok(Keys { thread: thread.thread().clone(), held })
    }

    /// Whoever reads from the terminal in the background is stopped for it.
    fn hold(&self) {
        if !self.held.swap(true, Ordering::SeqCst) {
            wake();
        }
    }

    fn go_on(&self) {
        self.held.store(false, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Whoever reads keys waits for one, or for another size: so it is told of one.
fn wake() {
    let _ = kill_process(getpid(), Signal::WINCH);
}

/// Forgets what was typed and is not read yet, as a terminal does that sees to Ctrl-Z by itself: it was
/// meant for the shell, and must not be said here.
fn forget_keys() {
    wake();
    while !matches!(event::read(), Ok(Input::Resize(..)) | Err(_)) {}
}

fn is_ctrl_z(input: &Input) -> bool {
    matches!(input, Input::Key(key) if key.code == KeyCode::Char('z')
        && key.modifiers.contains(KeyModifiers::CONTROL)
        && key.kind != KeyEventKind::Release)
}

/// Whether the terminal is still there, which not everybody is told by a SIGHUP. Reading keys does not
/// tell either: crossterm takes the end of its input for a pause, and asks again at once for ever.
fn watch_terminal(mailbox: &Arc<Mailbox>) -> io::Result<()> {
    let mailbox = Arc::clone(mailbox);
    thread::Builder::new().name("terminal".into()).spawn(move || {
        let stdin = io::stdin();
        // Of what there is to be read nothing is to be told: that it is gone is told unasked.
        let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
        while poll(&mut watched, None) == Err(Errno::INTR) {}
        if watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            mailbox.put(Item::End);
        }
    })?;
    Ok(())
}

/// The first signal to end ends in good order, a second one at once.
fn watch_signals(mailbox: &Arc<Mailbox>) -> io::Result<()> {
    let ends = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];
    let others = [SIGTSTP, SIGCONT, SIGWINCH];
    let mut signals = Signals::new(ends.iter().chain(&others))?;
    let mailbox = Arc::clone(mailbox);
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut has_ended = false;
        for signal in signals.forever() {
            match signal {
                SIGTSTP => mailbox.put(Item::Suspend),
                SIGCONT => mailbox.put(Item::Continued),
                SIGWINCH => mailbox.put(Item::Resized),
                _ if has_ended => end_at_once(),
                _ => {
                    has_ended = true;
                    mailbox.put(Item::End);
                }
            }
        }
    })?;
    Ok(())
}

/// Even if the terminal takes nothing: whoever writes to it then waits for ever.
fn end_at_once() -> ! {
    let (tell, told) = channel();
    let put_back = move || {
        restore::give_up();
        let _ = tell.send(());
    };
    if thread::Builder::new().name("end".into()).spawn(put_back).is_ok() {
        let _ = told.recv_timeout(PUTTING_BACK);
    }
    restore::cook();
    process::exit(1);
}
