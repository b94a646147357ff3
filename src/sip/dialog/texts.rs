//! The texts of a dialog, in one allocation, and as the header lines they stand
//! in: what every request of the dialog repeats is written by one copy.

use crate::wire::{HeaderName, Writer, is_even};

/// Which text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Name {
    Contact,
    Local,
    LocalTag,
    CallId,
    Remote,
    RemoteTag,
    Target,
}

/// How many there are.
const NAMES: usize = 7;

/// What stands before each text.
const BEFORE: [&[u8]; NAMES] = [
    b"Contact: <",
    b">\r\nFrom: ",
    b";tag=",
    b"\r\nCall-ID: ",
    b"\r\nTo: ",
    b";tag=",
    b"\r\n",
];

/// What ends the Contact, and begins what stands before the next text.
const CONTACT_END: &[u8] = b">\r\n";

/// What ends every other line.
const LINE_END: &[u8] = b"\r\n";

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

/// All texts of one dialog, each after what stands before it in its line. The
/// request's target stands last, in no line of its own.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: [u32; NAMES],
    /// Whether no text holds a line end: the lines are as they should be.
    even: bool,
}

impl Texts {
    pub(super) fn new(sayings: &Sayings<'_>) -> Texts {
        let parts: [&[u8]; NAMES] = [
            sayings.contact,
            sayings.local,
            sayings.local_tag,
            sayings.call_id,
            sayings.remote,
            sayings.remote_tag,
            sayings.target,
        ];
        let whole = || parts.iter().zip(BEFORE);
        let known: usize = whole()
            .map(|(part, before)| before.len() + part.len())
            .sum();
        let room = if sayings.remote_tag.is_empty() {
            TAG_BYTES
        } else {
            0
        };
        let mut texts = Texts {
            bytes: Vec::with_capacity(known + room),
            ends: [0; NAMES],
            even: true,
        };
        for ((part, before), end) in whole().zip(&mut texts.ends) {
            texts.bytes.extend_from_slice(before);
            texts.bytes.extend_from_slice(part);
            texts.even &= is_even(part);
            *end = texts.bytes.len() as u32;
        }
        texts
    }

    pub(super) fn get(&self, name: Name) -> &[u8] {
        self.bytes.get(self.range(name)).unwrap_or_default()
    }

    /// Writes From, Call-ID and To, and before them the Contact if asked to.
    pub(super) fn write(&self, writer: &mut Writer<'_>, with_contact: bool) {
        if !self.even || writer.is_compact() {
            return self.write_each(writer, with_contact);
        }
        let start = match with_contact {
            true => 0,
            false => self.end(Name::Contact) + CONTACT_END.len(),
        };
        let end = match self.get(Name::RemoteTag).is_empty() {
            true => self.end(Name::Remote),
            false => self.end(Name::RemoteTag),
        };
        writer.lines(self.bytes.get(start..end).unwrap_or_default());
        writer.lines(LINE_END);
    }

    /// Writes the Contact.
    pub(super) fn write_contact(&self, writer: &mut Writer<'_>) {
        if self.even && !writer.is_compact() {
            let end = self.end(Name::Contact) + CONTACT_END.len();
            writer.lines(self.bytes.get(..end).unwrap_or_default());
        } else {
            let contact = self.get(Name::Contact);
            writer.parts(HeaderName::Contact, &[b"<", contact, b">"]);
        }
    }

    /// The lines one by one, for texts that need mending or short names.
    fn write_each(&self, writer: &mut Writer<'_>, with_contact: bool) {
        if with_contact {
            self.write_contact(writer);
        }
        let [local, local_tag] = [Name::Local, Name::LocalTag].map(|name| self.get(name));
        writer.parts(HeaderName::From, &[local, b";tag=", local_tag]);
        writer.field(HeaderName::CallId, self.get(Name::CallId));
        let [remote, remote_tag] = [Name::Remote, Name::RemoteTag].map(|name| self.get(name));
        match remote_tag {
            b"" => writer.field(HeaderName::To, remote),
            tag => writer.parts(HeaderName::To, &[remote, b";tag=", tag]),
        }
    }

    /// Replaces a text.
    pub(super) fn set(&mut self, name: Name, text: &[u8]) {
        if self.get(name) == text {
            return;
        }
        let range = self.range(name);
        let (old, new) = (range.len() as u32, text.len() as u32);
        self.even &= is_even(text);
        if old != new {
            self.move_rest(range.end, name, old, new);
        }
        if let Some(place) = self.bytes.get_mut(range.start..range.start + text.len()) {
            place.copy_from_slice(text);
        }
    }

    /// Makes a text of `old` bytes that ends at `end` one of `new` bytes.
    fn move_rest(&mut self, end: usize, name: Name, old: u32, new: u32) {
        let len = self.bytes.len();
        let grown = len + new.saturating_sub(old) as usize;
        // What grows takes what it needs: dialogs are many and last.
        self.bytes.reserve_exact(grown - len);
        self.bytes.resize(grown, 0);
        self.bytes
            .copy_within(end..len, end + new as usize - old as usize);
        self.bytes.truncate(len + new as usize - old as usize);
        for end in self.ends.iter_mut().skip(name as usize) {
            *end = *end + new - old;
        }
    }

    fn end(&self, name: Name) -> usize {
        self.ends.get(name as usize).map_or(0, |&end| end as usize)
    }

    fn range(&self, name: Name) -> core::ops::Range<usize> {
        let index = name as usize;
        let end = |index: usize| self.ends.get(index).map_or(0, |&end| end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        let before = BEFORE.get(index).map_or(0, |before| before.len());
        start + before..end(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly plain, sometimes what would end a line.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "[ -~]{0,40}".prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #[test]
        fn lines_written_at_once_are_those_written_one_by_one(
            parts in proptest::array::uniform7(text()), changed in text(),
            compact: bool, with_contact: bool,
        ) {
            let [call_id, local_tag, remote_tag, local, remote, target, contact] = &parts;
            let sayings = Sayings { call_id, local_tag, remote_tag, local, remote, target, contact };
            let mut texts = Texts::new(&sayings);
            for name in [None, Some(Name::RemoteTag), Some(Name::Target), Some(Name::LocalTag)] {
                if let Some(name) = name {
                    texts.set(name, &changed);
                    prop_assert_eq!(texts.get(name), &changed);
                }
                let (mut at_once, mut each) = (Vec::new(), Vec::new());
                texts.write(&mut Writer::new(&mut at_once, compact), with_contact);
                texts.write_each(&mut Writer::new(&mut each, compact), with_contact);
                prop_assert_eq!(&at_once, &each);
                let lines = each.iter().filter(|&&byte| byte == b'\n').count();
                prop_assert_eq!(lines, 3 + usize::from(with_contact));
            }
        }
    }

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
