//! The texts of a dialog, in one allocation.

/// Which text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Name {
    CallId,
    LocalTag,
    Local,
    Remote,
    Contact,
    Target,
    RemoteTag,
}

/// How many there are.
const NAMES: usize = 7;

/// Room for a remote tag that is not known yet; most phones write no longer one.
const TAG_BYTES: usize = 32;

/// What a dialog says, as it begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sayings<'a> {
    /// Call-ID.
    pub call_id: &'a [u8],
    /// Our tag.
    pub local_tag: &'a [u8],
    /// Theirs; empty until a response brings it.
    pub remote_tag: &'a [u8],
    /// Our From value in requests, without tag: `"name" <uri>`.
    pub local: &'a [u8],
    /// Our To value in requests, without tag.
    pub remote: &'a [u8],
    /// The remote target: Request-URI of requests (RFC 3261 §12.2.1.1).
    pub target: &'a [u8],
    /// Our Contact URI.
    pub contact: &'a [u8],
}

/// All texts of one dialog, one after the other; those that change stand last.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: [u32; NAMES],
}

impl Texts {
    pub(super) fn new(sayings: &Sayings<'_>) -> Texts {
        let parts: [&[u8]; NAMES] = [
            sayings.call_id,
            sayings.local_tag,
            sayings.local,
            sayings.remote,
            sayings.contact,
            sayings.target,
            sayings.remote_tag,
        ];
        let known: usize = parts.iter().map(|part| part.len()).sum();
        let room = if sayings.remote_tag.is_empty() {
            TAG_BYTES
        } else {
            0
        };
        let mut bytes = Vec::with_capacity(known + room);
        let ends = parts.map(|part| {
            bytes.extend_from_slice(part);
            bytes.len() as u32
        });
        Texts { bytes, ends }
    }

    pub(super) fn get(&self, name: Name) -> &[u8] {
        self.bytes.get(self.range(name)).unwrap_or_default()
    }

    /// Replaces a text.
    pub(super) fn set(&mut self, name: Name, text: &[u8]) {
        let range = self.range(name);
        let (old, new) = (range.len() as u32, text.len() as u32);
        match self.bytes.get_mut(range.clone()) {
            Some(place) if old == new => place.copy_from_slice(text),
            _ => {
                // What grows takes what it needs: dialogs are many and last.
                self.bytes.reserve_exact(new.saturating_sub(old) as usize);
                self.bytes.splice(range, text.iter().copied());
                for end in self.ends.iter_mut().skip(name as usize) {
                    *end = *end - old + new;
                }
            }
        }
    }

    fn range(&self, name: Name) -> core::ops::Range<usize> {
        let end = |index: usize| self.ends.get(index).map_or(0, |&end| end as usize);
        let index = name as usize;
        let start = index.checked_sub(1).map_or(0, end);
        start..end(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_changes_by_itself() {
        let sayings = Sayings {
            call_id: b"call",
            local_tag: b"ours",
            local: b"<sip:a>",
            remote: b"<sip:b>",
            target: b"sip:b@c",
            contact: b"sip:a@d",
            ..Sayings::default()
        };
        let mut texts = Texts::new(&sayings);
        texts.set(Name::RemoteTag, b"theirs");
        texts.set(Name::Target, b"sip:b@longer");
        texts.set(Name::LocalTag, b"");
        texts.set(Name::RemoteTag, b"others");
        let all = [
            (Name::CallId, &b"call"[..]),
            (Name::LocalTag, b""),
            (Name::Local, b"<sip:a>"),
            (Name::Remote, b"<sip:b>"),
            (Name::Contact, b"sip:a@d"),
            (Name::Target, b"sip:b@longer"),
            (Name::RemoteTag, b"others"),
        ];
        for (name, text) in all {
            assert_eq!(texts.get(name), text, "{name:?}");
        }
    }
}
