//! Where everything stands on the screen, and drawing it.
//!
//! Nothing is decided here: the state is drawn as it is. Every text that came from others was
//! cleaned on its way into the state, or is here.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Row, Span};

use super::app::{App, Link, Now};
use super::input::Shown;
use super::login::Question;
use super::{clean, wording};

/// The smallest screen that is of any use.
const SMALLEST: (u16, u16) = (20, 5);

/// From this width on the lists are shown unless somebody hides them.
const WIDE: u16 = 72;

/// Where things stand.
pub(super) struct Layout {
    pub(super) log: Rect,
    pub(super) side: Option<Rect>,
    status: Rect,
    input: Rect,
    /// What stands before the message box.
    label: String,
    shown: Shown,
}

/// `None`: the screen is too small.
pub(super) fn layout(app: &App) -> Option<Layout> {
    let (width, height) = app.size;
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return None;
    }
    let label = label(app, width);
    let counter = app.counter().map_or(0, |(counter, _)| counter.len() + 1);
    let columns = usize::from(width).saturating_sub(clean::width(&label) + counter);
    let rows_max = usize::from(height / 4).max(1);
    let shown = match &app.question {
        Some(Question::Password(_)) => Shown { rows: vec![String::new()], cursor: (0, 0) },
        _ => app.input.shown(columns, rows_max),
    };
    let input_height = u16::try_from(shown.rows.len()).unwrap_or(1).min(height - 2);
    let above = height - 1 - input_height;
    let is_wide = width >= WIDE && height >= 8 && app.room.is_some();
    let side_width = match app.side.unwrap_or(is_wide) {
        true => (width / 4).clamp(10, 24).min(width / 2),
        false => 0,
    };
    Some(Layout {
        log: Rect::new(0, 0, width - side_width - u16::from(side_width > 0), above),
        side: (side_width > 0).then(|| Rect::new(width - side_width, 0, side_width, above)),
        status: Rect::new(0, above, width, 1),
        input: Rect::new(0, above + 1, width, input_height),
        label,
        shown,
    })
}

fn label(app: &App, width: u16) -> String {
    let most = usize::from(width / 3);
    match (&app.question, &app.room) {
        (Some(question), _) => {
            let label = question.label();
            clean::fit(label.trim_end(), usize::from(width / 2)) + " "
        }
        (None, Some(room)) if width >= 40 => format!("[{}] ", clean::fit(&clean::line(room), most)),
        (None, _) => "> ".into(),
    }
}

/// Draws the whole screen.
pub(super) fn draw(app: &App, now: Now, frame: &mut Frame<'_>) {
    let Some(layout) = layout(app) else {
        let area = frame.area();
        if !area.is_empty() {
            let (y, width) = (area.height / 2, area.width.into());
            frame.buffer_mut().set_stringn(0, y, "too small", width, Style::new());
        }
        return;
    };
    let buffer = frame.buffer_mut();
    rows(buffer, layout.log, &app.log.seen());
    if let Some(side) = layout.side {
        draw_side(app, buffer, side);
    }
    draw_status(app, now, buffer, layout.status);
    let cursor = draw_input(app, buffer, &layout);
    frame.set_cursor_position(cursor);
}

fn rows(buffer: &mut Buffer, area: Rect, rows: &[Row<'_>]) {
    // Few lines stand at the bottom, close to where one writes.
    let top = usize::from(area.height).saturating_sub(rows.len());
    let top = area.y + u16::try_from(top).unwrap_or(0);
    for (y, row) in (top..area.bottom()).zip(rows) {
        buffer.set_line(area.x, y, row, area.width);
    }
}

fn draw_side(app: &App, buffer: &mut Buffer, area: Rect) {
    let look = app.setup.look;
    let width = usize::from(area.width).saturating_sub(2);
    let mut lines: Vec<Row<'_>> = Vec::new();
    let heading = |text: String| Row::from(Span::styled(text, look.faint()));
    // Two thirds for the people, at least.
    let rooms_max = usize::from(area.height / 3).max(2);
    lines.push(heading("rooms".into()));
    let rooms = room_list(app);
    for (index, (name, is_own)) in rooms.iter().enumerate() {
        if index + 1 == rooms_max && rooms.len() > rooms_max {
            lines.push(heading(format!("… {} more", rooms.len() - index)));
            break;
        }
        let style = if *is_own { Modifier::BOLD.into() } else { Style::new() };
        lines.push(Row::from(Span::styled(clean::fit(name, width), style)));
    }
    lines.push(Row::default());
    lines.push(heading(wording::people(app.members.len())));
    let room = usize::from(area.height).saturating_sub(lines.len());
    for (index, name) in app.members.iter().enumerate() {
        if index + 1 == room && app.members.len() > room {
            lines.push(heading(format!("… {} more", app.members.len() - index)));
            break;
        }
        let mut style = look.name(name);
        if *name == app.me {
            style = style.add_modifier(Modifier::BOLD);
        }
        lines.push(Row::from(Span::styled(clean::fit(&clean::line(name), width), style)));
    }
    for y in area.top()..area.bottom() {
        buffer.set_stringn(area.x, y, "│", 1, look.faint());
    }
    for (y, line) in (area.top()..area.bottom()).zip(&lines) {
        buffer.set_line(area.x + 2, y, line, area.width.saturating_sub(2));
    }
}

/// The rooms as they are listed: what is said of them, and whether it is one's own.
fn room_list(app: &App) -> Vec<(String, bool)> {
    let own = app.room.as_deref();
    let known = app.rooms.iter().any(|room| Some(room.name.as_str()) == own);
    let mut list: Vec<_> = app
        .rooms
        .iter()
        .map(|room| {
            let is_own = Some(room.name.as_str()) == own;
            (clean::line(&room.name), is_own)
        })
        .collect();
    if let Some(own) = own.filter(|_| !known) {
        list.insert(0, (clean::line(own), true));
    }
    list
}

/// One's place, what is new, and how things stand with the server; what matters least is left out
/// first where there is not room for all.
fn draw_status(app: &App, now: Now, buffer: &mut Buffer, area: Rect) {
    let mut parts = status_parts(app, now, area.width < 50);
    let width = |parts: &[(u8, String)]| {
        parts.iter().map(|(_, part)| clean::width(part) + 3).sum::<usize>().saturating_sub(1)
    };
    while parts.len() > 1 && width(&parts) > usize::from(area.width) {
        let least = parts.iter().enumerate().min_by_key(|(_, (weight, _))| *weight);
        let Some((least, _)) = least else { break };
        parts.remove(least);
    }
    let parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
    buffer.set_style(area, app.setup.look.status());
    let text = clean::fit(&parts.join(" │ "), usize::from(area.width).saturating_sub(1));
    buffer.set_stringn(area.x + 1, area.y, text, area.width.into(), app.setup.look.status());
}

/// The parts of the status line in order, each with how much it matters.
fn status_parts(app: &App, now: Now, is_narrow: bool) -> Vec<(u8, String)> {
    let mut parts = Vec::new();
    match &app.link {
        Link::Up if is_narrow => {}
        Link::Up => match app.round_trip {
            Some(time) => parts.push((5, format!("connected {}", wording::round_trip(time)))),
            None => parts.push((5, "connected".into())),
        },
        Link::Lost { retry } => match retry.checked_sub(now.since).filter(|left| !left.is_zero()) {
            Some(left) => parts.push((9, format!("lost, retry in {}", wording::seconds(left)))),
            None => parts.push((9, "connecting …".into())),
        },
    }
    let me = clean::line(&app.me);
    match &app.room {
        Some(room) => {
            let private = if app.is_private { " (private)" } else { "" };
            parts.push((6, format!("{me} in {}{private}", clean::line(room))));
        }
        None if !app.me.is_empty() => parts.push((6, format!("{me} in no room"))),
        None => parts.push((6, "not in yet".into())),
    }
    if !app.log.is_at_end() {
        let text = match app.log.unread() {
            0 => "↓ more".into(),
            count => format!("↓ {count} new"),
        };
        parts.push((8, text));
    }
    match app.typing.as_slice() {
        [] => {}
        [(one, _)] => parts.push((4, format!("{} is typing", clean::line(one)))),
        [(one, _), (other, _)] => {
            parts.push((4, format!("{} and {} are typing", clean::line(one), clean::line(other))));
        }
        more => parts.push((4, format!("{} are typing", more.len()))),
    }
    parts.push((3, app.setup.door.to_string()));
    parts.push((2, clean::line(&app.setup.server)));
    parts
}

fn draw_input(app: &App, buffer: &mut Buffer, layout: &Layout) -> Position {
    let Layout { input, label, shown, .. } = layout;
    let look = app.setup.look;
    let style = if app.question.is_some() { Modifier::BOLD.into() } else { look.faint() };
    let (left, _) = buffer.set_stringn(input.x, input.y, label, input.width.into(), style);
    for (y, row) in (input.top()..input.bottom()).zip(&shown.rows) {
        let width = input.width.saturating_sub(left);
        buffer.set_stringn(left, y, row, width.into(), Style::new());
    }
    if let Some((counter, is_over)) = app.counter() {
        let style = if is_over { look.trouble() } else { look.faint() };
        let x = input.right().saturating_sub(u16::try_from(counter.len()).unwrap_or(0));
        buffer.set_string(x, input.y, counter, style);
    }
    let (row, column) = shown.cursor;
    let at = |base: u16, offset: usize| base + u16::try_from(offset).unwrap_or(0);
    let x = at(left, column).min(input.right().saturating_sub(1));
    Position::new(x, at(input.y, row))
}
