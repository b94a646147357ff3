//! Short owned bytes: a tag, a Call-ID, a URI kept by a dialog.

use alloc::borrow::Cow;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;

use smallvec::SmallVec;

/// Bytes kept beyond the datagram they came in. Up to 48 bytes live in place,
/// which covers nearly every tag, Call-ID and URI; longer ones go to the heap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(SmallVec<[u8; 48]>);

impl Text {
    /// No bytes.
    pub fn new() -> Text {
        Text::default()
    }

    /// Replaces the content.
    pub fn set(&mut self, bytes: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(bytes);
    }

    /// Appends.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as [`lossy`] text.
    pub fn lossy(&self) -> Cow<'_, str> {
        lossy(&self.0)
    }
}

/// Bytes as text, for people and dialplans; invalid UTF-8 is replaced.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Valid text, as nearly all is, is told apart much faster than repaired.
    match core::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        Text(SmallVec::from_slice(bytes))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::from(text.as_bytes())
    }
}

impl Deref for Text {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.lossy())
    }
}
