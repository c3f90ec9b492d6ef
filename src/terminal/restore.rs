//! The terminal as the screen needs it, and as it was before, on every way out.

use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Whether the terminal is not as it was.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// The terminal is ready for the screen as long as this lives.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Raw, on the alternate screen, with pastes and focus told. A panic on any thread puts it back
    /// before it is printed.
    pub(super) fn enter() -> io::Result<Guard> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        CHANGED.store(true, Ordering::SeqCst);
        let guard = Guard(());
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the terminal is still ready for the screen: not after a panic on another thread.
pub(super) fn is_ready() -> bool {
    CHANGED.load(Ordering::SeqCst)
}

/// Puts the terminal back as it was; once. What fails is not told: there is nobody to see it.
pub(super) fn restore() {
    if CHANGED.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout();
        let _ =
            execute!(stdout, DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = stdout.flush();
    }
}
