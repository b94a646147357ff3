//! Which ringing call a plan wants to pick up. Values only: what rings, and who
//! may pick it up, calls and their shards know.

use smol_str::{SmolStr, format_smolstr};

/// A ringing channel that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pick {
    /// One that rings because of that extension. Case does not count.
    Exten {
        /// The extension.
        exten: SmolStr,
        /// Its context.
        context: SmolStr,
    },
    /// One whose variable `PICKUPMARK` has that value, in any case.
    Marked(SmolStr),
    /// One whose name begins so, in any case.
    Channel(SmolStr),
    /// One of a device in a group that the picker may pick up from: one of its
    /// device's, unless its plan has set others.
    Group {
        /// `CHANNEL(pickupgroup)`.
        numbers: Option<SmolStr>,
        /// `CHANNEL(namedpickupgroup)`.
        names: Option<SmolStr>,
    },
}

/// The context that stands for none: what is before it is a mark.
const MARK: &str = "PICKUPMARK";

impl Pick {
    /// What an argument of `Pickup` means in a context: `exten[@context]`, or
    /// `mark@PICKUPMARK`.
    pub(super) fn of(argument: &str, here: &str) -> Pick {
        let (exten, context) = argument.split_once('@').unwrap_or((argument, ""));
        match context {
            context if context.eq_ignore_ascii_case(MARK) => Pick::Marked(exten.into()),
            context => Pick::Exten {
                exten: exten.into(),
                context: if context.is_empty() { here } else { context }.into(),
            },
        }
    }

    /// What an argument of `PickupChan` means: a channel's name, with or without
    /// what follows its device, or the beginning of one.
    pub(super) fn channel(argument: &str, partial: bool) -> Pick {
        match partial || argument.contains('-') {
            true => Pick::Channel(argument.into()),
            false => Pick::Channel(format_smolstr!("{argument}-")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_of_pickup_is_an_extension_or_a_mark() {
        let exten = |exten: &str, context: &str| Pick::Exten {
            exten: exten.into(),
            context: context.into(),
        };
        assert_eq!(Pick::of("100", "here"), exten("100", "here"));
        assert_eq!(Pick::of("100@", "here"), exten("100", "here"));
        assert_eq!(Pick::of("100@office", "here"), exten("100", "office"));
        assert_eq!(Pick::of("m@PickupMark", "here"), Pick::Marked("m".into()));
    }

    #[test]
    fn an_argument_of_pickupchan_is_a_name_or_its_beginning() {
        for (argument, partial, start) in [
            ("SIP/7", false, "SIP/7-"),
            ("SIP/7", true, "SIP/7"),
            ("SIP/7-0000002a1", false, "SIP/7-0000002a1"),
        ] {
            let pick = Pick::channel(argument, partial);
            assert_eq!(pick, Pick::Channel(start.into()), "{argument}");
        }
    }
}
