//! What `sip notify` has devices told.

/// What a NOTIFY outside of dialogs says: a section of sip_notify.conf.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notification {
    /// Header fields beside those that every request has.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Content-Type of its body.
    pub content_type: Box<str>,
    /// Its body; empty for none.
    pub content: Box<str>,
}
