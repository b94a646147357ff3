//! One reading of sip.conf under way: its warnings, the names it has resolved,
//! and one option's value on its way into a field. No option is named here.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::value::{Endpoint, Form, Wrong, number};
use crate::config::file::{ConfigError, Position, Warning};

/// Finds the address of a host name; may block. `None` if it has none.
pub type Resolve = fn(&str) -> Option<IpAddr>;

/// What lasts for one reading.
pub(super) struct Load {
    pub(super) resolve: Resolve,
    resolved: HashMap<String, Option<IpAddr>>,
    warned_keys: HashSet<&'static str>,
    warned_lines: HashSet<(Arc<str>, u32)>,
    pub(super) warnings: Vec<Warning>,
    /// Whether a value that does not fit ends the reading.
    strict: bool,
}

impl Load {
    pub(super) fn new(resolve: Resolve) -> Load {
        Load {
            resolve,
            resolved: HashMap::new(),
            warned_keys: HashSet::new(),
            warned_lines: HashSet::new(),
            warnings: Vec::new(),
            strict: true,
        }
    }

    /// A reading that goes on whatever does not fit.
    pub(super) fn to_the_end(resolve: Resolve) -> Load {
        Load {
            strict: false,
            ..Load::new(resolve)
        }
    }

    /// Ends the reading, or warns of what would have ended it; of one line
    /// once, however many sections inherit it.
    pub(super) fn refuse(&mut self, error: ConfigError) -> Result<(), ConfigError> {
        if self.strict {
            return Err(error);
        }
        let warning = Warning::grave(&error.at, error.text);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        Ok(())
    }

    pub(super) fn warn(&mut self, at: &Position, text: impl Into<String>) {
        self.warnings.push(Warning::new(at, text));
    }

    /// Warns of a line once, however many sections inherit it.
    pub(super) fn warn_line(&mut self, at: &Position, text: impl FnOnce() -> String) {
        if self.warned_lines.insert((Arc::clone(&at.file), at.line)) {
            self.warn(at, text());
        }
    }

    /// Warns of an option once, however often it is written.
    pub(super) fn warn_key(&mut self, key: &'static str, at: &Position, text: impl Into<String>) {
        if self.warned_keys.insert(key) {
            self.warn(at, text);
        }
    }

    /// The address a literal says or a name has. A name is looked up once.
    pub(super) fn address(&mut self, host: &str) -> Option<IpAddr> {
        if let Some(Endpoint { ip, port: None }) = Endpoint::read(host) {
            return Some(ip);
        }
        if let Some(known) = self.resolved.get(host) {
            return *known;
        }
        let found = if is_host_name(host) {
            (self.resolve)(host)
        } else {
            None
        };
        self.resolved.insert(host.into(), found);
        found
    }
}

/// Letters, digits, dots and hyphens (RFC 1123 §2.1), and the underscores seen
/// in the wild.
fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Whether a value was taken.
pub(super) type Outcome = Result<(), Wrong>;

/// One option's value, where it stands, and the reading it belongs to.
pub(super) struct Setting<'a> {
    pub key: &'static str,
    pub text: &'a str,
    pub at: &'a Position,
    pub load: &'a mut Load,
}

impl Setting<'_> {
    /// Reads the value as the field's form.
    pub(super) fn put<T: Form>(&self, field: &mut T) -> Outcome {
        self.form().map(|value| *field = value)
    }

    /// The value as some form.
    pub(super) fn form<T: Form>(&self) -> Result<T, Wrong> {
        T::parse(self.text)
    }

    /// Reads the value as a number within `range`.
    pub(super) fn number<T: TryFrom<u32>>(
        &self,
        field: &mut T,
        range: RangeInclusive<u32>,
    ) -> Outcome {
        let accepted = Wrong(format!(
            "a number from {} to {}",
            range.start(),
            range.end()
        ));
        let value = number(self.text, range)?;
        T::try_from(value)
            .map(|value| *field = value)
            .map_err(|_| accepted)
    }

    /// Reads the value as seconds within `range`.
    pub(super) fn seconds(&self, field: &mut Duration, range: RangeInclusive<u32>) -> Outcome {
        number(self.text, range).map(|seconds| *field = Duration::from_secs(seconds.into()))
    }

    /// The value as milliseconds within `range`, and where it stands.
    pub(super) fn millis(&self, range: RangeInclusive<u32>) -> Result<Timer, Wrong> {
        let milliseconds = number(self.text, range)?;
        Ok(Timer {
            duration: Duration::from_millis(milliseconds.into()),
            at: self.at.clone(),
        })
    }

    /// Reads the value as text that may stand in a quoted string of a header
    /// without escapes.
    pub(super) fn quotable(&self, field: &mut String) -> Outcome {
        if self.text.is_empty() || self.text.contains(['"', '\\']) {
            return Err(Wrong::new("text without quotes and backslashes"));
        }
        *field = self.text.into();
        Ok(())
    }

    /// Reads the value as the user or host of a URI; empty is none.
    pub(super) fn uri_part(&self, field: &mut Option<String>) -> Outcome {
        let breaks = |c: char| c.is_whitespace() || "<>\"@".contains(c);
        if self.text.contains(breaks) {
            return Err(Wrong::new("text without blanks and any of < > \" @"));
        }
        self.put(field)
    }

    /// Splits the value at the first `separator`, both parts stripped and the
    /// first not empty.
    pub(super) fn pair(&self, separator: char, accepted: &str) -> Result<(String, String), Wrong> {
        match self
            .text
            .split_once(separator)
            .map(|(name, value)| (name.trim(), value.trim()))
        {
            Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
            _ => Err(Wrong::new(accepted)),
        }
    }

    /// `host[:port]`: a literal, or a name that is looked up now.
    pub(super) fn endpoint(&mut self, text: &str, default_port: u16) -> Result<SocketAddr, Wrong> {
        if let Some(endpoint) = Endpoint::read(text) {
            return Ok(endpoint.or_port(default_port));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (text, Some(default_port)),
        };
        match (self.load.address(host), port) {
            (Some(ip), Some(port)) => Ok(SocketAddr::new(ip, port)),
            (None, Some(_)) if is_host_name(host) => Err(Wrong(format!(
                "an address, or a name that resolves now, which '{host}' does not"
            ))),
            _ => Err(Wrong(format!(
                "{}, or a name that resolves",
                Endpoint::ACCEPTED
            ))),
        }
    }
}

/// A timer as written, and where.
#[derive(Clone)]
pub(super) struct Timer {
    pub duration: Duration,
    pub at: Position,
}
