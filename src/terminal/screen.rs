//! The full screen's loop: everything comes in through one mailbox, is handed to the [`App`], and
//! what changed is drawn once.

use std::io::{self, BufWriter, Stdout, Write};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossterm::event::{self, Event as Input};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::client::Client;

use super::app::{App, End, Now, Setup};
use super::mailbox::{Item, Mailbox};
use super::restore::{self, Guard};
use super::view;

/// The least time between two drawings: what comes in between is drawn together.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(10);

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
    let result = Terminal::new(backend).and_then(|mut screen| {
        watch_keys(mailbox)?;
        watch_terminal(mailbox)?;
        turn_after_turn(&client, mailbox, setup, &mut screen)
    });
    drop(guard);
    // Only then, for saying goodbye may take a moment.
    mailbox.close();
    client.disconnect();
    result
}

fn turn_after_turn(
    client: &Client,
    mailbox: &Arc<Mailbox>,
    setup: Setup,
    screen: &mut Screen,
) -> io::Result<End> {
    let start = Instant::now();
    let now = || Now { at: SystemTime::now(), since: start.elapsed() };
    let mut app = App::new(setup);
    let size = screen.size()?;
    app.resize(size.width, size.height);
    app.start(now());
    let mut drawn = start;
    let mut is_stale = true;
    loop {
        if !restore::is_ready() {
            return Err(io::Error::other("a part of the program has failed"));
        }
        app.tick(now());
        for (tag, call) in app.take_calls() {
            let mailbox = Arc::clone(mailbox);
            client.submit(call, move |result| mailbox.put(Item::Answer(tag, result)));
        }
        if let Some(end) = app.is_over.take() {
            return Ok(end);
        }
        is_stale |= app.take_dirty();
        let mut patience = app.deadline(now()).saturating_sub(start.elapsed());
        if is_stale {
            let due = BETWEEN_DRAWINGS.saturating_sub(drawn.elapsed());
            if due.is_zero() || drawn == start {
                draw(&mut app, now(), screen)?;
                drawn = Instant::now();
                is_stale = false;
            } else {
                patience = patience.min(due);
            }
        }
        for item in mailbox.take(patience) {
            match item {
                Item::Event(event) => app.event(event, now()),
                Item::Answer(tag, result) => app.answer(tag, result, now()),
                Item::Terminal(input) => take_input(&mut app, input, now()),
                Item::Input => {}
                Item::End => return Ok(End::Quit),
            }
        }
    }
}

fn take_input(app: &mut App, input: Input, now: Now) {
    match input {
        Input::Key(key) => app.key(key, now),
        Input::Paste(text) => app.paste(&text, now),
        Input::Resize(width, height) => app.resize(width, height),
        Input::FocusGained => app.focus(true),
        Input::FocusLost => app.focus(false),
        Input::Mouse(_) => {}
    }
}

fn draw(app: &mut App, now: Now, screen: &mut Screen) -> io::Result<()> {
    if std::mem::take(&mut app.wants_bell) {
        screen.backend_mut().write_all(b"\x07")?;
    }
    if std::mem::take(&mut app.wants_redraw) {
        screen.clear()?;
    }
    // The event that tells of another size may still be on its way.
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

/// Keys, pastes and sizes, on a thread that lives as long as the process: it waits for the next
/// key even when nobody wants one any more.
fn watch_keys(mailbox: &Arc<Mailbox>) -> io::Result<()> {
    let mailbox = Arc::clone(mailbox);
    thread::Builder::new().name("keys".into()).spawn(move || {
        while let Ok(input) = event::read() {
            mailbox.put(Item::Terminal(input));
        }
        mailbox.put(Item::End);
    })?;
    Ok(())
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

/// The first signal ends in good order, a second one at once.
fn watch_signals(mailbox: &Arc<Mailbox>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT])?;
    let mailbox = Arc::clone(mailbox);
    thread::Builder::new().name("signals".into()).spawn(move || {
        for (index, _) in signals.forever().enumerate() {
            if index > 0 {
                restore::restore();
                process::exit(1);
            }
            mailbox.put(Item::End);
        }
    })?;
    Ok(())
}
