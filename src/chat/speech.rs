//! Saying something: to a room, or to one of its members.

use std::sync::Arc;

use super::error::Error;
use super::event::{Audience, Body, Event, EventKind, Whisper};
use super::key::SessionId;
use super::name;
use super::server::ChatServer;
use super::time::Timestamp;

impl ChatServer {
    /// Says something to the session's room and returns the `seq` it has taken.
    ///
    /// # Errors
    /// [`Error::SessionClosed`], [`Error::NotInRoom`], [`Error::TextRequired`],
    /// [`Error::TextTooLong`].
    pub fn say(
        &mut self,
        session: SessionId,
        body: Body<'_>,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<u64, Error> {
        let own = self.session(session)?;
        let room = own.room.ok_or(Error::NotInRoom)?;
        let from = own.name.clone().ok_or(Error::NotInRoom)?;
        self.check_body(body)?;
        let message = EventKind::Message { from, body: body.into() };
        Ok(self.announce(room, session, now, message, out))
    }

    /// Says something to one member of the session's room, itself allowed. It is delivered to that
    /// member once; the sender's copy, where there is to be one, is the caller's.
    ///
    /// # Errors
    /// In the order of the checks: [`Error::SessionClosed`], [`Error::NotInRoom`],
    /// [`Error::NameRequired`] (no name is left of `to`), [`Error::NoSuchMember`],
    /// [`Error::TextRequired`], [`Error::TextTooLong`].
    pub fn whisper(
        &mut self,
        session: SessionId,
        to: &str,
        body: Body<'_>,
        now: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let own = self.session(session)?;
        let room = own.room.ok_or(Error::NotInRoom)?;
        let from = own.name.clone().ok_or(Error::NotInRoom)?;
        let (target, to) = self.find_bearer(to)?;
        let Some(target) = target.filter(|target| self.is_member(*target, room)) else {
            return Err(Error::NoSuchMember(to));
        };
        self.check_body(body)?;
        let whisper = EventKind::Whisper(Box::new(Whisper { from, to, body: body.into() }));
        self.tell(room, Some(session), Audience::One(target), now, whisper, out);
        Ok(())
    }

    /// Whether a text may be said: 1 to `text_chars_max` characters, not all white space.
    ///
    /// # Errors
    /// [`Error::TextRequired`], [`Error::TextTooLong`].
    pub fn check_text(&self, text: &str) -> Result<(), Error> {
        if text.chars().all(char::is_whitespace) {
            return Err(Error::TextRequired);
        }
        // A character has one to four bytes, so that most texts need no counting.
        let chars_max = self.settings.text_chars_max;
        if text.len() > chars_max && text.chars().nth(chars_max).is_some() {
            return Err(Error::TextTooLong);
        }
        Ok(())
    }

    fn check_body(&self, body: Body<'_>) -> Result<(), Error> {
        match body {
            Body::Text(text) => self.check_text(text),
            Body::Json("") => Err(Error::TextRequired),
            Body::Json(json) if json.len() > self.settings.body_bytes_max => {
                Err(Error::TextTooLong)
            }
            Body::Json(_) => Ok(()),
        }
    }

    /// Who bears a name, and how it is spelled: by its bearer, otherwise as it was given, cleaned.
    fn find_bearer(&self, name: &str) -> Result<(Option<SessionId>, Arc<str>), Error> {
        let (cleaned, cut) = name::clean_cut(name, self.settings.name_chars_max);
        if cut {
            return Ok((None, cleaned.into()));
        }
        if cleaned.is_empty() {
            return Err(Error::NameRequired);
        }
        let bearer = self.register.bearer(&name::key(&cleaned));
        let spelled = bearer.and_then(|bearer| self.sessions.get(bearer)?.name.clone());
        Ok((bearer, spelled.unwrap_or_else(|| cleaned.into())))
    }
}
