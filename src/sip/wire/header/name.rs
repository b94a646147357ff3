//! The table of header field names (RFC 3261 §7.3.3, §20 and extensions).
//! A name in this table is found in O(1), in any case and in its compact form.

use wide::u8x16;

macro_rules! headers {
    ($($variant:ident $text:literal $compact:literal,)*) => {
        /// A header field known by name. Others reach applications as bytes.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = $text] $variant,)*
        }

        impl HeaderName {
            /// Every name, in the order of their numbers.
            pub const ALL: &[HeaderName] = &[$(HeaderName::$variant,)*];
            /// How many there are.
            pub(crate) const COUNT: usize = HeaderName::ALL.len();

            /// The name as the RFC writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => $text,)*
                }
            }

            /// The name with its colon and space, as a line begins.
            pub(crate) const fn label(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => concat!($text, ": "),)*
                }
            }

            /// The one-letter form, if it has one.
            pub const fn compact(self) -> Option<u8> {
                let letter = match self {
                    $(HeaderName::$variant => $compact,)*
                };
                if letter == 0 { None } else { Some(letter) }
            }

            /// The reason phrase for its absence.
            pub(crate) const fn missing(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => concat!("Missing ", $text),)*
                }
            }

            /// The reason phrase for a second one.
            pub(crate) const fn repeated(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => concat!("Repeated ", $text),)*
                }
            }

            /// The reason phrase for a value outside its grammar.
            pub(crate) const fn malformed(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => concat!("Malformed ", $text),)*
                }
            }
        }
    };
}

headers! {
    Via "Via" b'v',
    From "From" b'f',
    To "To" b't',
    CallId "Call-ID" b'i',
    CSeq "CSeq" 0,
    Contact "Contact" b'm',
    MaxForwards "Max-Forwards" 0,
    Route "Route" 0,
    RecordRoute "Record-Route" 0,
    ContentLength "Content-Length" b'l',
    ContentType "Content-Type" b'c',
    ContentEncoding "Content-Encoding" b'e',
    ContentDisposition "Content-Disposition" 0,
    ContentLanguage "Content-Language" 0,
    Expires "Expires" 0,
    Authorization "Authorization" 0,
    ProxyAuthorization "Proxy-Authorization" 0,
    WwwAuthenticate "WWW-Authenticate" 0,
    ProxyAuthenticate "Proxy-Authenticate" 0,
    AuthenticationInfo "Authentication-Info" 0,
    Require "Require" 0,
    ProxyRequire "Proxy-Require" 0,
    Supported "Supported" b'k',
    Unsupported "Unsupported" 0,
    Allow "Allow" 0,
    AllowEvents "Allow-Events" b'u',
    Accept "Accept" 0,
    AcceptContact "Accept-Contact" b'a',
    AcceptEncoding "Accept-Encoding" 0,
    AcceptLanguage "Accept-Language" 0,
    AlertInfo "Alert-Info" 0,
    CallInfo "Call-Info" 0,
    Date "Date" 0,
    Diversion "Diversion" 0,
    ErrorInfo "Error-Info" 0,
    Event "Event" b'o',
    FlowTimer "Flow-Timer" 0,
    Geolocation "Geolocation" 0,
    HistoryInfo "History-Info" 0,
    Identity "Identity" b'y',
    InfoPackage "Info-Package" 0,
    InReplyTo "In-Reply-To" 0,
    Join "Join" 0,
    MaxBreadth "Max-Breadth" 0,
    MimeVersion "MIME-Version" 0,
    MinExpires "Min-Expires" 0,
    MinSe "Min-SE" 0,
    Organization "Organization" 0,
    PAssertedIdentity "P-Asserted-Identity" 0,
    Path "Path" 0,
    PPreferredIdentity "P-Preferred-Identity" 0,
    Priority "Priority" 0,
    Privacy "Privacy" 0,
    RAck "RAck" 0,
    Reason "Reason" 0,
    RecvInfo "Recv-Info" 0,
    ReferSub "Refer-Sub" 0,
    ReferTo "Refer-To" b'r',
    ReferredBy "Referred-By" b'b',
    RejectContact "Reject-Contact" b'j',
    RemotePartyId "Remote-Party-ID" 0,
    Replaces "Replaces" 0,
    ReplyTo "Reply-To" 0,
    RequestDisposition "Request-Disposition" b'd',
    RetryAfter "Retry-After" 0,
    RSeq "RSeq" 0,
    Server "Server" 0,
    ServiceRoute "Service-Route" 0,
    SessionExpires "Session-Expires" b'x',
    SipEtag "SIP-ETag" 0,
    SipIfMatch "SIP-If-Match" 0,
    Subject "Subject" b's',
    SubscriptionState "Subscription-State" 0,
    TargetDialog "Target-Dialog" 0,
    Timestamp "Timestamp" 0,
    UserAgent "User-Agent" 0,
    UserToUser "User-to-User" 0,
    Warning "Warning" 0,
}

/// Slots of the name table; a power of two, at least twice the names.
const SLOTS: usize = 256;
const FREE: u8 = u8::MAX;

/// Names by hash of first letter, last letter and length; collisions go to
/// the next free slot.
static BY_HASH: [u8; SLOTS] = by_hash();

/// Compact forms by letter, from `a`.
static BY_LETTER: [u8; 26] = by_letter();

/// How much of a line is looked at as one word.
const WORD: usize = 16;

/// Each name with its colon as the start of a word; 0 for one too long for that.
static WORDS: [u128; HeaderName::COUNT] = words();

/// Names that are words, by their hash; collisions go to the next free slot.
static BY_WORD: [u8; SLOTS] = by_word();

/// What a name of each length, and its colon, take of a word.
static MASKS: [u128; WORD] = masks();

const fn hash(first: u8, last: u8, len: usize) -> usize {
    let (first, last) = ((first | 0x20) as usize, (last | 0x20) as usize);
    (first * 7 + last * 29 + len * 37) % SLOTS
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn by_hash() -> [u8; SLOTS] {
    let mut table = [FREE; SLOTS];
    let mut index = 0;
    while index < HeaderName::COUNT {
        let text = HeaderName::ALL[index].as_bytes();
        let mut slot = hash(text[0], text[text.len() - 1], text.len());
        while table[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = index as u8;
        index += 1;
    }
    table
}

/// An odd number whose products spread the words over all slots.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

const fn word_hash(word: u128) -> usize {
    let folded = word as u64 ^ (word >> 64) as u64;
    (folded.wrapping_mul(SPREAD) >> 56) as usize
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn by_word() -> [u8; SLOTS] {
    let (mut table, words) = ([FREE; SLOTS], words());
    let mut index = 0;
    while index < HeaderName::COUNT {
        let mut slot = word_hash(words[index]);
        while words[index] != 0 && table[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        if words[index] != 0 {
            table[slot] = index as u8;
        }
        index += 1;
    }
    table
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn by_letter() -> [u8; 26] {
    let mut table = [FREE; 26];
    let mut index = 0;
    while index < HeaderName::COUNT {
        if let Some(letter) = HeaderName::ALL[index].compact() {
            table[(letter - b'a') as usize] = index as u8;
        }
        index += 1;
    }
    table
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn words() -> [u128; HeaderName::COUNT] {
    let mut words = [0; HeaderName::COUNT];
    let mut index = 0;
    while index < HeaderName::COUNT {
        let text = HeaderName::ALL[index].as_bytes();
        if text.len() < WORD {
            let mut at = 0;
            while at < text.len() {
                words[index] |= (text[at] as u128) << (8 * at);
                at += 1;
            }
            words[index] |= (b':' as u128) << (8 * text.len());
        }
        index += 1;
    }
    words
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn masks() -> [u128; WORD] {
    let mut masks = [u128::MAX; WORD];
    let mut len = 0;
    while len < WORD {
        masks[len] >>= 8 * (WORD - 1 - len);
        len += 1;
    }
    masks
}

impl HeaderName {
    /// The header field of that name, in any case, long or compact.
    pub fn new(name: &[u8]) -> Option<HeaderName> {
        match name {
            [letter] => {
                let letter = usize::from(letter.to_ascii_lowercase().wrapping_sub(b'a'));
                HeaderName::numbered(*BY_LETTER.get(letter)?)
            }
            [first, .., last] => {
                let mut slot = hash(*first, *last, name.len());
                while let Some(known) = HeaderName::numbered(*BY_HASH.get(slot)?) {
                    // Nearly all names come as the RFC writes them.
                    let text = known.as_bytes();
                    if text == name || text.eq_ignore_ascii_case(name) {
                        return Some(known);
                    }
                    slot = (slot + 1) % SLOTS;
                }
                None
            }
            [] => None,
        }
    }

    /// The header field whose name, spelled as the RFC does, and a colon begin
    /// `text`, and the length of that name. `None` says nothing: another
    /// spelling may name it.
    pub(crate) fn at_start(text: &[u8]) -> Option<(HeaderName, usize)> {
        let start = text.first_chunk::<WORD>()?;
        let colons = u8x16::new(*start).simd_eq(u8x16::splat(b':'));
        let len = colons.to_bitmask().trailing_zeros() as usize;
        let word = u128::from_le_bytes(*start) & MASKS.get(len)?;
        let mut slot = word_hash(word);
        loop {
            let number = *BY_WORD.get(slot)?;
            if *WORDS.get(usize::from(number))? == word {
                return Some((HeaderName::numbered(number)?, len));
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    fn numbered(number: u8) -> Option<HeaderName> {
        HeaderName::ALL.get(usize::from(number)).copied()
    }

    /// The name as the RFC writes it.
    pub const fn as_bytes(self) -> &'static [u8] {
        self.as_str().as_bytes()
    }

    /// This name in a set of names.
    pub(crate) const fn bit(self) -> u128 {
        1 << self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for &name in HeaderName::ALL {
            let text = name.as_str();
            assert_eq!(HeaderName::new(text.as_bytes()), Some(name));
            assert_eq!(HeaderName::new(text.to_lowercase().as_bytes()), Some(name));
            assert_eq!(HeaderName::new(text.to_uppercase().as_bytes()), Some(name));
            assert_eq!(HeaderName::new(format!("{text}x").as_bytes()), None);
        }
    }

    #[test]
    fn names_as_the_rfc_spells_them_are_found_at_the_start_of_a_line() {
        for &name in HeaderName::ALL {
            let line = format!("{}: 1234567890123456", name.as_str());
            let len = name.as_str().len();
            let expected = Some((name, len)).filter(|_| len < WORD);
            assert_eq!(HeaderName::at_start(line.as_bytes()), expected);
            let lower = line.to_lowercase();
            assert_eq!(HeaderName::at_start(lower.as_bytes()), None);
            let longer = line.replacen(':', "x:", 1);
            assert_eq!(HeaderName::at_start(longer.as_bytes()), None);
        }
        for text in ["To: 1", ": 12345678901234567", "no colon, no name"] {
            assert_eq!(HeaderName::at_start(text.as_bytes()), None);
        }
    }

    #[test]
    fn compact_forms_are_found_and_unique() {
        let mut letters = Vec::new();
        for &name in HeaderName::ALL {
            if let Some(letter) = name.compact() {
                assert_eq!(HeaderName::new(&[letter]), Some(name));
                assert_eq!(HeaderName::new(&[letter.to_ascii_uppercase()]), Some(name));
                letters.push(letter);
            }
        }
        let all = letters.len();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), all);
    }

    #[test]
    fn what_is_no_name() {
        for name in [
            &b""[..],
            b"q",
            b"1",
            b"\xff",
            b"NewFangledHeader",
            b"C%6Fntact",
        ] {
            assert_eq!(HeaderName::new(name), None);
        }
    }

    #[test]
    fn names_fit_a_set() {
        assert!(HeaderName::COUNT <= 128 && HeaderName::COUNT < usize::from(FREE));
    }
}
