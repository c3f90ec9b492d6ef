//! The terminal as the screen needs it, and as it was before, on every way out.

use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::style::Print;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

/// Whether the terminal is not as it was.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Whether the terminal was asked to keep in mind what it does of its own with the wheel.
static WHEEL_SAVED: AtomicBool = AtomicBool::new(false);

/// On this screen most terminals make arrow keys of the wheel (xterm's mode 1007, alternate scroll), which
/// would go through what was sent before.
const SAVE_WHEEL: &str = "\x1b[?1007s";
const NO_ARROWS: &str = "\x1b[?1007l";

/// As it was, where the terminal has kept that in mind. Those that have not make arrows unless they are
/// told otherwise.
const RESTORE_WHEEL: &str = "\x1b[?1007h\x1b[?1007r";

/// Buttons and the wheel, but not every move, in the form that any screen is small enough for.
const TAKE_MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const LEAVE_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether nothing is to be drawn any more.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// The terminal is ready for the screen as long as this lives.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// [Takes](take) the terminal. A panic on any thread puts it back before it is printed.
    pub(super) fn enter() -> io::Result<Guard> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_up();
                before(info);
            }));
        });
        let guard = Guard(());
        take(false)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back for good: a part of the program has failed, or ends it at once.
pub(super) fn give_up() {
    GIVEN_UP.store(true, Ordering::SeqCst);
    restore();
}

/// Has the keys treated as before, even while the terminal takes nothing that is written to it.
pub(super) fn cook() {
    let _ = disable_raw_mode();
}

/// Whether it was given up.
pub(super) fn is_given_up() -> bool {
    GIVEN_UP.load(Ordering::SeqCst)
}

/// Makes the terminal ready: raw, on the alternate screen, with pastes and focus told, and the mouse if
/// that is wanted. It may be ready already, or have been used by others since.
pub(super) fn take(has_mouse: bool) -> io::Result<()> {
    CHANGED.store(true, Ordering::SeqCst);
    // After a stop that was not announced the modes are whatever others made of them, but are still
    // believed to be raw.
    disable_raw_mode()?;
    enable_raw_mode()?;
    let mut stdout = io::stdout();
    if !WHEEL_SAVED.swap(true, Ordering::SeqCst) {
        stdout.write_all(SAVE_WHEEL.as_bytes())?;
    }
    queue!(stdout, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
    queue!(stdout, Print(NO_ARROWS), Print(mouse(has_mouse)))?;
    stdout.flush()
}

/// What makes the terminal tell of the mouse, or keep it to itself.
pub(super) fn mouse(is_wanted: bool) -> &'static str {
    if is_wanted { TAKE_MOUSE } else { LEAVE_MOUSE }
}

/// Leaves the terminal to who has it now, as it is.
pub(super) fn lose() {
    CHANGED.store(false, Ordering::SeqCst);
}

/// Puts the terminal back as it was; once. What fails is not told: there is nobody to see it.
pub(super) fn restore() {
    if CHANGED.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout();
        let _ = queue!(stdout, Print(LEAVE_MOUSE), Print(RESTORE_WHEEL));
        let _ =
            execute!(stdout, DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, Show);
        WHEEL_SAVED.store(false, Ordering::SeqCst);
        let _ = disable_raw_mode();
        let _ = stdout.flush();
    }
}
