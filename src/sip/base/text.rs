//! Short owned bytes: a tag, a Call-ID, a URI kept by a dialog.

use alloc::borrow::Cow;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// How many bytes live in place.
const IN_PLACE: usize = 48;

/// Bytes kept beyond the datagram they came in. Up to 48 bytes live in place,
/// which covers nearly every tag, Call-ID and URI; longer ones go to the heap.
#[derive(Clone)]
pub struct Text(Place);

#[derive(Clone)]
enum Place {
    Here { bytes: [u8; IN_PLACE], len: u8 },
    Heap(Vec<u8>),
}

impl Text {
    /// No bytes.
    pub const fn new() -> Text {
        Text(Place::Here {
            bytes: [0; IN_PLACE],
            len: 0,
        })
    }

    /// Replaces the content.
    pub fn set(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Place::Here { len, .. } => *len = 0,
            Place::Heap(heap) => heap.clear(),
        }
        self.push(bytes);
    }

    /// Appends.
    #[inline]
    pub fn push(&mut self, part: &[u8]) {
        if let Place::Here { bytes, len } = &mut self.0 {
            let start = usize::from(*len);
            if let Some(room) = bytes.get_mut(start..start + part.len()) {
                room.copy_from_slice(part);
                *len += part.len() as u8;
                return;
            }
        }
        self.push_far(part);
    }

    /// Appends on the heap.
    #[cold]
    fn push_far(&mut self, part: &[u8]) {
        match &mut self.0 {
            Place::Heap(heap) => heap.extend_from_slice(part),
            Place::Here { .. } => self.0 = Place::Heap([self.as_bytes(), part].concat()),
        }
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Place::Here { bytes, len } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Place::Heap(heap) => heap,
        }
    }

    /// The bytes as [`lossy`] text.
    pub fn lossy(&self) -> Cow<'_, str> {
        lossy(self.as_bytes())
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::new()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
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
        let mut text = Text::new();
        text.push(bytes);
        text
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
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_grow_beyond_their_place_and_stay_the_same() {
        let mut text = Text::new();
        let mut whole = Vec::new();
        for part in [&b""[..], &[b'a'; 40], b"12345678", b"9", &[b'b'; 100], b""] {
            text.push(part);
            whole.extend_from_slice(part);
            assert_eq!(text.as_bytes(), whole);
            let copy = Text::from(whole.as_slice());
            assert!(copy == text && copy.clone() == text);
        }
        text.set(b"short");
        assert_eq!(text, Text::from("short"));
        assert!(text < Text::from("shorter"));
        assert_eq!(size_of::<Text>(), 56);
    }
}
