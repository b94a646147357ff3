//! Short owned bytes: a tag, a Call-ID, a URI kept by a dialog.

use alloc::borrow::Cow;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes kept beyond the datagram they came in. Up to `N` bytes live in place;
/// longer ones go to the heap.
#[derive(Clone)]
pub struct TextOf<const N: usize>(Place<N>);

/// One with room for nearly every tag, Call-ID and URI.
pub type Text = TextOf<48>;

/// One with room for nearly every number and name of a person.
pub type Label = TextOf<30>;

#[derive(Clone)]
enum Place<const N: usize> {
    Here { bytes: [u8; N], len: u8 },
    Heap(Vec<u8>),
}

impl<const N: usize> TextOf<N> {
    /// No bytes.
    pub const fn new() -> TextOf<N> {
        TextOf(Place::Here {
            bytes: [0; N],
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

impl<const N: usize> Default for TextOf<N> {
    fn default() -> TextOf<N> {
        TextOf::new()
    }
}

impl<const N: usize> PartialEq for TextOf<N> {
    fn eq(&self, other: &TextOf<N>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for TextOf<N> {}

impl<const N: usize> PartialOrd for TextOf<N> {
    fn partial_cmp(&self, other: &TextOf<N>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for TextOf<N> {
    fn cmp(&self, other: &TextOf<N>) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl<const N: usize> Hash for TextOf<N> {
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

impl<const N: usize> From<&[u8]> for TextOf<N> {
    fn from(bytes: &[u8]) -> TextOf<N> {
        let mut text = TextOf::new();
        text.push(bytes);
        text
    }
}

impl<const N: usize> From<&str> for TextOf<N> {
    fn from(text: &str) -> TextOf<N> {
        TextOf::from(text.as_bytes())
    }
}

impl<const N: usize> Deref for TextOf<N> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const N: usize> Borrow<[u8]> for TextOf<N> {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const N: usize> Serialize for TextOf<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de, const N: usize> Deserialize<'de> for TextOf<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOf<N>, D::Error> {
        struct Bytes<const N: usize>;
        impl<const N: usize> Visitor<'_> for Bytes<N> {
            type Value = TextOf<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<TextOf<N>, E> {
                Ok(TextOf::from(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl<const N: usize> fmt::Write for TextOf<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for TextOf<N> {
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
        assert_eq!((size_of::<Text>(), size_of::<Label>()), (56, 32));
    }
}
