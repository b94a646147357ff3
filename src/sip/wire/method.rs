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
        #[cfg(test)]
        const NAMED: &[(Method<'static>, &[u8])] = &[$((Method::$variant, $text),)*];
    };
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
}
