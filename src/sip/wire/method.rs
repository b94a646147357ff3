//! The names of methods (RFC 3261 §7.1). What they do is decided elsewhere.

use core::fmt;

macro_rules! methods {
    ($($variant:ident $text:literal,)*) => {
        /// A method. Names are case-sensitive: `invite` is not INVITE.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method<'a> {
            $(#[doc = stringify!($variant)] $variant,)*
            /// Any other token.
            Other(&'a [u8]),
        }

        impl<'a> Method<'a> {
            /// The method of that name.
            pub const fn new(name: &'a [u8]) -> Method<'a> {
                match name {
                    $($text => Method::$variant,)*
                    _ => Method::Other(name),
                }
            }

            /// The name.
            pub const fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other(name) => name,
                }
            }
        }

        /// Every method with a name of its own.
        const NAMED: &[(Method<'static>, &[u8])] = &[$((Method::$variant, $text),)*];

        /// Where methods stand in `NAMED`.
        #[derive(Clone, Copy)]
        enum Rank {
            $($variant,)*
            Other,
        }

        impl Method<'_> {
            /// The same, kept beyond its message; all methods without a name of
            /// their own become one.
            pub const fn named(&self) -> Method<'static> {
                match self {
                    $(Method::$variant => Method::$variant,)*
                    Method::Other(_) => UNNAMED,
                }
            }

            /// A number for it; all methods without a name of their own share one.
            pub const fn number(&self) -> u8 {
                let rank = match self {
                    $(Method::$variant => Rank::$variant,)*
                    Method::Other(_) => Rank::Other,
                };
                rank as u8
            }
        }
    };
}

/// What stands for methods without a name of their own.
const UNNAMED: Method<'static> = Method::Other(b"OTHER");

impl Method<'static> {
    /// The method of that number.
    pub fn numbered(number: u8) -> Method<'static> {
        NAMED
            .get(usize::from(number))
            .map_or(UNNAMED, |(method, _)| *method)
    }
}

methods! {
    Invite b"INVITE",
    Ack b"ACK",
    Cancel b"CANCEL",
    Bye b"BYE",
    Register b"REGISTER",
    Options b"OPTIONS",
    Message b"MESSAGE",
    Info b"INFO",
    Subscribe b"SUBSCRIBE",
    Notify b"NOTIFY",
    Refer b"REFER",
    Update b"UPDATE",
    Prack b"PRACK",
    Publish b"PUBLISH",
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name_and_no_other() {
        for &(method, text) in NAMED {
            assert_eq!(Method::new(text), method);
            assert_eq!(method.as_bytes(), text);
            let lower = text.to_ascii_lowercase();
            assert_eq!(Method::new(&lower), Method::Other(&lower));
        }
        assert_eq!(Method::new(b"IN%56ITE"), Method::Other(b"IN%56ITE"));
    }

    #[test]
    fn a_number_names_its_method() {
        for &(method, _) in NAMED {
            assert_eq!(Method::numbered(method.number()), method);
            assert_eq!(method.named(), method);
        }
        let other = Method::Other(b"X");
        assert_eq!(Method::numbered(other.number()), UNNAMED);
        assert_eq!(other.named(), UNNAMED);
    }
}
