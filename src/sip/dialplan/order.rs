//! What is ordered of channels by whoever does not own them: another call's
//! plan, or an operator. Values only.

use smol_str::SmolStr;

use super::cause::Cause;

/// Something that channels shall do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Which channels.
    pub whom: Whom,
    /// What.
    pub action: Action,
}

/// Which channels an order is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whom {
    /// The one of that name.
    Named(SmolStr),
    /// The first that is found of a device, such as `SIP/1001`.
    First(SmolStr),
    /// All of a device.
    Every(SmolStr),
    /// All there are.
    All,
}

/// What a channel can be ordered to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// To hang up.
    HangUp(Cause),
    /// To go on at `[[context,]exten,]priority`, whatever it does now.
    Redirect(Box<str>),
}

impl Whom {
    /// What follows `SoftHangup(`: a channel's name, or the device of some.
    pub fn of(text: &str, every: bool) -> Whom {
        if channel_number(text).is_some() {
            Whom::Named(text.into())
        } else if every {
            Whom::Every(text.into())
        } else {
            Whom::First(text.into())
        }
    }

    /// The number in the name of the one channel that is meant: it leads to the
    /// channel's shard and call.
    pub fn number(&self) -> Option<u32> {
        match self {
            Whom::Named(name) => channel_number(name),
            _ => None,
        }
    }

    /// Whether one channel is all that is wanted.
    pub fn is_one(&self) -> bool {
        matches!(self, Whom::Named(_) | Whom::First(_))
    }

    /// Whether a channel of that name is meant. Case does not count.
    pub fn means(&self, name: &str) -> bool {
        match self {
            Whom::Named(wanted) => wanted.eq_ignore_ascii_case(name),
            Whom::First(device) | Whom::Every(device) => {
                let (of, rest) = name.rsplit_once('-').unwrap_or((name, ""));
                !rest.is_empty() && device.eq_ignore_ascii_case(of)
            }
            Whom::All => true,
        }
    }
}

/// The number of its call in a channel's name: the first eight digits behind its
/// last hyphen.
pub(super) fn channel_number(name: &str) -> Option<u32> {
    let (device, digits) = name.rsplit_once('-')?;
    let call = digits.get(..8)?;
    let known = device.contains('/') && call.bytes().all(|byte| byte.is_ascii_hexdigit());
    known.then(|| u32::from_str_radix(call, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_call() {
        let number = |text| Whom::of(text, false).number();
        assert_eq!(number("SIP/1001-0000001c"), Some(0x1c));
        assert_eq!(number("SIP/1001-0000001c1"), Some(0x1c), "a callee's");
        assert_eq!(number("Local/1@a-b-000000012;1"), Some(1));
        for device in ["SIP/1001", "SIP/office-12", "SIP/a-0000zz01", "x-00000001"] {
            assert_eq!(number(device), None, "{device}");
        }
    }

    #[test]
    fn a_device_means_its_channels() {
        let means = |text, name| Whom::of(text, true).means(name);
        assert!(means("SIP/1001", "SIP/1001-0000001c"));
        assert!(means("sip/1001", "SIP/1001-0000001c1"));
        assert!(means("SIP/a-b", "SIP/a-b-00000001"));
        assert!(!means("SIP/100", "SIP/1001-0000001c"));
        assert!(!means("SIP/a", "SIP/a-b-00000001"));
        assert!(means("SIP/1-00000001", "SIP/1-00000001"));
        assert!(!means("SIP/1-00000001", "SIP/1-000000011"));
    }
}
