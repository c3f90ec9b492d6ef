//! The table of figures.

use std::time::Duration;

use crate::system::CpuTime;

/// What a server did in a span of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Requests answered, or messages delivered.
    pub(crate) count: u64,
    pub(crate) wall: Duration,
    /// What the server used of its processor. `None` where the system does not say.
    pub(crate) cpu: Option<CpuTime>,
    /// How many there should have been, from the warm-up to the end.
    pub(crate) due: u64,
    /// How many there were.
    pub(crate) came: u64,
    /// Connections that it closed.
    pub(crate) lost: usize,
}

/// One line of the table.
#[derive(Debug, Default)]
pub(crate) struct Row {
    value: String,
    unit: String,
    cpu_each: String,
    user: String,
    busy: String,
    notes: Vec<String>,
}

impl Row {
    /// A line about `what` was done, in the plural.
    pub(crate) fn work(what: &str, work: Work) -> Row {
        if work.lost > 0 {
            return Row::lost(work.lost);
        }
        if work.count == 0 {
            return Row::failed("nothing came in the time given".to_owned());
        }
        let mut row = Row {
            value: format!("{:.0}", work.count as f64 / work.wall.as_secs_f64()),
            unit: format!("{what}/s"),
            ..Row::default()
        };
        if let Some(cpu) = work.cpu {
            let total = cpu.total().as_secs_f64();
            row.cpu_each = format!("{:.3}", total * 1e6 / work.count as f64);
            row.user = percentage(cpu.user.as_secs_f64() / total.max(1e-9));
            row.busy = percentage(total / work.wall.as_secs_f64());
        }
        if work.came != work.due {
            row.note(format!("{} came, {} should have", work.came, work.due));
        }
        row
    }

    /// A line about memory.
    pub(crate) fn memory(bytes_each: Option<f64>) -> Row {
        Row {
            value: bytes_each.map(|bytes| format!("{bytes:.0}")).unwrap_or_default(),
            unit: "bytes/connection".to_owned(),
            ..Row::default()
        }
    }

    /// A line that has no figure, because the server closed connections: the load was not the one
    /// that the line is about.
    pub(crate) fn lost(connections: usize) -> Row {
        Row::failed(format!("{connections} connections were closed"))
    }

    /// A line that has no figure, because of this.
    pub(crate) fn failed(why: String) -> Row {
        Row { notes: vec![why], ..Row::default() }
    }

    /// The server's processor time for each, in microseconds.
    pub(crate) fn cpu_us_each(&self) -> Option<f64> {
        self.cpu_each.parse().ok()
    }

    /// Adds something the reader should know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Prints the line.
    pub(crate) fn print(&self, name: &str) {
        let Row { value, unit, cpu_each, user, busy, notes } = self;
        let cells = [value, unit, cpu_each, user, busy].map(|cell| or_not_available(cell));
        line(name, cells, &notes.join("; "));
    }
}

/// Prints the head of the table.
pub(crate) fn print_head() {
    line("figure", ["value", "unit", "CPU µs each", "user", "busy"], "notes");
}

fn line(name: &str, [value, unit, cpu_each, user, busy]: [&str; 5], notes: &str) {
    let text =
        format!("{name:<44} {value:>10} {unit:<16} {cpu_each:>11} {user:>5} {busy:>5}  {notes}");
    println!("{}", text.trim_end());
}

fn percentage(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn or_not_available(cell: &str) -> &str {
    if cell.is_empty() { "n/a" } else { cell }
}
