//! The line mode: what happens is a line on stdout, a line on stdin is said or obeyed.
//!
//! For pipes and scripts, and for terminals that cannot do more. At the end of stdin everything is
//! sent and acknowledged before it ends.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::client::{Answer, Call, CallError, Client, Event, Happening, Message};

use super::app::Tag;
use super::commands::{self, Complaint, Entry};
use super::line::Clock;
use super::mailbox::{Item, Mailbox};
use super::{clean, shape, wording};

/// Calls that wait for their answers at most; meanwhile stdin is not read further.
const WAITING_MAX: usize = 32;

/// A line of stdin has at most so many bytes; of a longer one the rest is skipped.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How the line mode is to be.
#[derive(Debug)]
pub(super) struct Manner {
    /// Objects instead of sentences.
    pub(super) json: bool,
    /// How long a lost server may stay away.
    pub(super) wait: Duration,
    /// Local time.
    pub(super) clock: Clock,
}

/// Why it ended, where that is no good end.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something was not done; each has been told by itself.
    Refused,
    /// The client has given up, the server stayed away for too long, or stdout takes nothing.
    Lost(String),
    /// Nobody reads stdout any more.
    Unread,
}

impl From<io::Error> for Failure {
    /// Of what could not be written to stdout.
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Lost(format!("stdout cannot be written to: {error}")),
        }
    }
}

/// Lines of stdin, as they come.
pub(super) struct Lines(Receiver<Result<String, ()>>);

impl Lines {
    /// Reads stdin on a thread of its own.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub(super) fn read(mailbox: &Arc<Mailbox>) -> io::Result<Lines> {
        let (sender, lines) = sync_channel(WAITING_MAX);
        let mailbox = Arc::clone(mailbox);
        thread::Builder::new().name("stdin".into()).spawn(move || {
            read_lines(io::stdin().lock(), &sender, || mailbox.put(Item::Input));
            drop(sender);
            mailbox.put(Item::Input);
        })?;
        Ok(Lines(lines))
    }

    /// The first line; `None` where there is none.
    pub(super) fn first(&self) -> Option<String> {
        self.0.recv().ok()?.ok()
    }
}

/// One by one, each bounded; what is no UTF-8 is replaced.
fn read_lines(mut input: impl BufRead, lines: &SyncSender<Result<String, ()>>, wake: impl Fn()) {
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    loop {
        let mut line = Vec::new();
        match (&mut input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let is_whole = line.last() == Some(&b'\n') || line.len() < LINE_BYTES_MAX;
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
        }
        let line = if is_whole {
            Ok(String::from_utf8_lossy(&line).into_owned())
        } else {
            if input.skip_until(b'\n').is_err() {
                return;
            }
            Err(())
        };
        if lines.send(line).is_err() {
            return;
        }
        wake();
    }
}

/// Runs until stdin has ended and all is acknowledged; one is in a room already.
///
/// # Errors
///
/// It ended otherwise, or something was refused.
pub(super) fn run(
    client: &Client,
    mailbox: &Arc<Mailbox>,
    lines: Lines,
    manner: Manner,
    joined: Answer,
) -> Result<(), Failure> {
    let mut mode = LineMode {
        client,
        mailbox,
        lines: Some(lines),
        manner,
        waiting: HashMap::new(),
        next_tag: 0,
        lost: None,
        last_seq: 0,
        has_refused: false,
    };
    mode.answered(&Ok(joined), &Entry::Clear)?;
    mode.turn_after_turn()
}

struct LineMode<'a> {
    client: &'a Client,
    mailbox: &'a Arc<Mailbox>,
    /// `None`: there are no more.
    lines: Option<Lines>,
    manner: Manner,
    waiting: HashMap<Tag, Entry>,
    next_tag: Tag,
    /// Since when the server is lost.
    lost: Option<Instant>,
    last_seq: u64,
    has_refused: bool,
}

impl LineMode<'_> {
    fn turn_after_turn(&mut self) -> Result<(), Failure> {
        loop {
            self.take_lines()?;
            io::stdout().flush()?;
            if self.lines.is_none() && self.waiting.is_empty() {
                return if self.has_refused { Err(Failure::Refused) } else { Ok(()) };
            }
            let patience = match self.lost {
                None => Duration::from_secs(3600),
                Some(since) => self.manner.wait.saturating_sub(since.elapsed()),
            };
            if self.lost.is_some() && patience.is_zero() {
                let seconds = wording::seconds(self.manner.wait);
                let words = format!("the server did not come back within {seconds}");
                return Err(Failure::Lost(words));
            }
            for item in self.mailbox.take(patience) {
                match item {
                    Item::Event(event) => self.happened(&event)?,
                    Item::Answer(tag, result) => {
                        if let Some(entry) = self.waiting.remove(&tag) {
                            self.answered(&result, &entry)?;
                        }
                    }
                    Item::End => self.lines = None,
                    // What is to be read is looked for every time; the rest is the screen's.
                    _ => {}
                }
            }
        }
    }

    /// Takes lines as long as there are any and the server can be asked.
    fn take_lines(&mut self) -> Result<(), Failure> {
        while self.waiting.len() < WAITING_MAX && self.lost.is_none() {
            let Some(lines) = &self.lines else { break };
            match lines.0.try_recv() {
                Ok(Ok(line)) => self.take_line(&line)?,
                Ok(Err(())) => self.refuse(&format!("a line of over {LINE_BYTES_MAX} bytes")),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.lines = None,
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: &str) -> Result<(), Failure> {
        match commands::parse(line) {
            Ok(None) => {}
            Ok(Some(entry)) => self.obey(entry)?,
            Err(complaint @ Complaint::TooLong { .. }) => {
                self.refuse(&format!("{complaint}: {}", clean::line(&clean::fit(line, 40))));
            }
            Err(complaint) => self.refuse(&complaint.to_string()),
        }
        Ok(())
    }

    fn obey(&mut self, entry: Entry) -> Result<(), Failure> {
        let call = match &entry {
            Entry::Call(call) => call.clone(),
            Entry::History(count) => {
                let after = self.last_seq.saturating_sub((*count).into());
                Call::History { after, limit: *count }
            }
            Entry::LogIn(_) | Entry::Register(_) => {
                self.refuse("a password is only asked for on the full screen");
                return Ok(());
            }
            Entry::Help(Some(command)) => return self.tell(&wording::help_on(command)),
            Entry::Help(None) => return self.tell(&wording::help()),
            Entry::Clear | Entry::Mouse => return Ok(()),
            Entry::Quit => {
                self.lines = None;
                return Ok(());
            }
        };
        self.submit(call, entry);
        Ok(())
    }

    fn submit(&mut self, call: Call, entry: Entry) {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.waiting.insert(tag, entry);
        let mailbox = Arc::clone(self.mailbox);
        self.client.submit(call, move |result| mailbox.put(Item::Answer(tag, result)));
    }

    fn happened(&mut self, event: &Event) -> Result<(), Failure> {
        if let Event::Room { seq: Some(seq), .. } = event {
            self.last_seq = *seq;
        }
        if self.manner.json
            && let Some(line) = shape::event_line(event)
        {
            self.print(&line)?;
        }
        match event {
            Event::Disconnected { reason, .. } => {
                if self.lost.is_none() {
                    complain(&format!("the server is lost: {}", clean::line(reason)));
                }
                self.lost.get_or_insert_with(Instant::now);
            }
            Event::Reconnected { .. } => {
                self.lost = None;
                complain("connected again");
            }
            Event::Ended { reason } => return Err(Failure::Lost(clean::line(reason))),
            Event::Missed => complain("something may be missing here"),
            _ => {}
        }
        if self.manner.json {
            return Ok(());
        }
        match event {
            Event::Room { at, what: Happening::Message(message), .. } => {
                self.print(&self.message(*at, message))
            }
            Event::Room { at, what, .. } => match wording::news(what) {
                Some((_, words)) => self.print(&self.sentence(*at, &words)),
                None => Ok(()),
            },
            Event::Notice { text } => self.tell(&clean::text(text).replace('\n', "⏎")),
            Event::LoggedOut { .. } => self.tell("your account was removed"),
            _ => Ok(()),
        }
    }

    fn message(&self, at: SystemTime, message: &Message) -> String {
        let (_, time) = self.manner.clock.local(at);
        // A name must not look like the end of one.
        let from = clean::line(&message.from).replace('<', "‹").replace('>', "›");
        let private = if message.private { "[private] " } else { "" };
        let text = clean::text(&message.text).replace('\n', "⏎");
        format!("{time} <{from}> {private}{text}")
    }

    fn sentence(&self, at: SystemTime, words: &str) -> String {
        let (_, time) = self.manner.clock.local(at);
        format!("{time} * {words}")
    }

    fn answered(
        &mut self,
        result: &Result<Answer, CallError>,
        entry: &Entry,
    ) -> Result<(), Failure> {
        match result {
            Ok(Answer::Joined(joined)) => self.last_seq = joined.seq.unwrap_or_default(),
            Ok(Answer::Said(said)) => self.last_seq = said.seq.unwrap_or(self.last_seq),
            Ok(_) => {}
            Err(error) => match entry {
                Entry::Call(Call::Say { text } | Call::Whisper { text, .. }) => {
                    let text = clean::line(&clean::fit(text, 40));
                    self.refuse(&format!("not sent: {text}: {}", clean::line(&error.to_string())));
                }
                _ => self.refuse(&clean::line(&error.to_string())),
            },
        }
        if self.manner.json {
            return shape::answer_line(result).map_or(Ok(()), |line| self.print(&line));
        }
        match result {
            Ok(Answer::Joined(joined)) => {
                let name = clean::line(&joined.name);
                self.tell(&format!("you are {name} in {}", clean::line(&joined.room)))
            }
            Ok(Answer::History(history)) => {
                history.events.iter().try_for_each(|event| match event {
                    Event::Room { at, what: Happening::Message(message), .. } => {
                        self.print(&self.message(*at, message))
                    }
                    Event::Room { at, what, .. } => wording::news(what)
                        .map_or(Ok(()), |(_, words)| self.print(&self.sentence(*at, &words))),
                    _ => Ok(()),
                })
            }
            Ok(answer) => {
                let done = match entry {
                    Entry::Call(call) if *answer == Answer::Done => wording::done(call),
                    _ => wording::answer(answer),
                };
                done.map_or(Ok(()), |words| self.tell(&words))
            }
            Err(_) => Ok(()),
        }
    }

    /// For who reads alone.
    fn tell(&self, words: &str) -> Result<(), Failure> {
        if self.manner.json {
            words.lines().for_each(complain);
            return Ok(());
        }
        words
            .lines()
            .try_for_each(|line| self.print(&self.sentence(SystemTime::now(), &clean::line(line))))
    }

    fn refuse(&mut self, why: &str) {
        self.has_refused = true;
        complain(why);
    }

    fn print(&self, line: &str) -> Result<(), Failure> {
        Ok(writeln!(io::stdout(), "{line}")?)
    }
}

/// A sentence on stderr.
pub(super) fn complain(words: &str) {
    let _ = writeln!(io::stderr(), "parlance: {words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(2 * LINE_BYTES_MAX);
        let input = format!("one\r\n\n{long}\ntwo\nthree");
        let (sender, lines) = sync_channel(9);
        read_lines(input.as_bytes(), &sender, || ());
        drop(sender);
        let expected = [Ok("one"), Ok(""), Err(()), Ok("two"), Ok("three")];
        assert_eq!(lines.iter().collect::<Vec<_>>(), expected.map(|line| line.map(str::to_owned)));
    }
}
