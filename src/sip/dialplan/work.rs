//! What plans have done outside of the engine, by HTTP, DNS and the host, and
//! what a call remembers of it. Values only.

use core::fmt;
use core::time::Duration;

use super::inquiry::Row;

/// Lookups a call remembers of each kind.
const MOST_FOUND: usize = 16;

/// Something for the workers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// A document is fetched. [`Reply::Text`](super::Reply::Text): its text.
    Fetch(Fetch),
    /// Records are looked up. [`Reply::Rows`](super::Reply::Rows): a row each,
    /// none if there is no such name.
    Lookup {
        /// The name.
        name: Box<str>,
        /// Which.
        records: Records,
    },
    /// A command of the host's shell runs.
    /// [`Reply::Nothing`](super::Reply::Nothing): commands are not allowed.
    Run {
        /// The command.
        command: Box<str>,
        /// Whether what it writes to its output is the answer, or how it went.
        output: bool,
    },
}

/// Kinds of DNS records, and the columns of their rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Records {
    /// `priority`, `weight`, `port` and `host` (RFC 2782).
    Srv,
    /// `order`, `preference`, `flags`, `services`, `regexp` and `replacement`
    /// (RFC 3403).
    Naptr,
}

/// A document, and how it is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// Where it is.
    pub url: Box<str>,
    /// What is posted; without it the document is asked for by GET.
    pub post: Option<Box<str>>,
    /// How.
    pub manner: Manner,
}

/// `scheme://host:port` of a URL: what may be told of it, for the rest can hold
/// credentials.
pub fn origin(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at_checked(start).unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{host}")
}

/// How documents are fetched (`CURLOPT`).
#[derive(Clone, PartialEq, Eq)]
pub struct Manner {
    /// `httptimeout`: the longest it may take, within the workers' own limit.
    pub timeout: Option<Duration>,
    /// `conntimeout`.
    pub connect_timeout: Option<Duration>,
    /// `maxredirs`, with `followlocation`.
    pub redirects: u32,
    /// `useragent`.
    pub user_agent: Option<Box<str>>,
    /// `userpwd`: `user:password`.
    pub user_password: Option<Box<str>>,
    /// `referer`.
    pub referer: Option<Box<str>>,
    /// `cookie`.
    pub cookie: Option<Box<str>>,
    /// `ssl_verifypeer`.
    pub verify: bool,
}

impl fmt::Debug for Manner {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manner")
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("redirects", &self.redirects)
            .field("user_agent", &self.user_agent)
            .field("referer", &self.referer)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            timeout: None,
            connect_timeout: None,
            redirects: 0,
            user_agent: None,
            user_password: None,
            referer: None,
            cookie: None,
            verify: true,
        }
    }
}

/// What a call remembers of it.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) manner: Manner,
    /// `hashcompat`: what is fetched are fields.
    pub(super) fields: Fields,
    /// What was set by `CURLOPT`, to be read again.
    pub(super) options: Vec<(Box<str>, Box<str>)>,
    /// SRV records, by what was asked for.
    pub(super) srv: Found<Row>,
    /// URIs, by the number of the query.
    pub(super) uris: Found<Box<str>>,
    /// `MESSAGE` and `MESSAGE_DATA`.
    pub(super) message: Draft,
}

/// A MESSAGE in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) to: Box<str>,
    pub(super) from: Box<str>,
    pub(super) body: Box<str>,
    pub(super) headers: Vec<(Box<str>, Box<str>)>,
}

/// Whether a document holds fields, as a form is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Fields {
    #[default]
    No,
    /// `%20` is a blank.
    Yes,
    /// So is `+`.
    Legacy,
}

/// Results of lookups, the latest last; old ones are forgotten.
pub(super) struct Found<T>(Vec<(Box<str>, Vec<T>)>);

impl<T> Default for Found<T> {
    fn default() -> Found<T> {
        Found(Vec::new())
    }
}

impl<T> Found<T> {
    /// Remembers results under a name.
    pub(super) fn put(&mut self, name: &str, results: Vec<T>) {
        self.0.retain(|(known, _)| **known != *name);
        if self.0.len() >= MOST_FOUND {
            self.0.remove(0);
        }
        self.0.push((name.into(), results));
    }

    /// The results of a name.
    pub(super) fn of(&self, name: &str) -> Option<&[T]> {
        let (_, results) = self.0.iter().find(|(known, _)| **known == *name)?;
        Some(results)
    }
}

/// The value of a row's column; empty if it has none of that name.
pub(super) fn field<'r>(row: &'r Row, column: &str) -> &'r str {
    let found = row.iter().find(|(name, _)| **name == *column);
    found.map_or("", |(_, value)| value)
}

/// The same as a number; 0 if it is none.
pub(super) fn number(row: &Row, column: &str) -> u32 {
    field(row, column).parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_told() {
        let manner = Manner {
            user_password: Some("ann:secret".into()),
            cookie: Some("id=secret".into()),
            ..Manner::default()
        };
        assert!(!format!("{manner:?}").contains("secret"));
    }
}
