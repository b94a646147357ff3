//! What the values of sip.conf look like. Each form knows how to read itself
//! and what to tell an operator whose value does not fit. No option is named here.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use pinion_sip::config::{
    AmaFlags, CallerId, FinalResponse, Insecure, Nat, PeerKind, Presentation, Qualify,
    TrustIdOutbound,
};
use pinion_sip::dialplan::presentation;
use pinion_sip::wire::Status;

use crate::config::words::truth;

/// A value that does not fit: what is accepted instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub String);

impl Wrong {
    pub(super) fn new(accepted: &str) -> Wrong {
        Wrong(accepted.into())
    }
}

/// A value that can be told from its text alone.
pub(super) trait Form: Sized {
    /// What is accepted, for the operator.
    const ACCEPTED: &'static str;

    /// The value; `None` if the text is not one.
    fn read(text: &str) -> Option<Self>;

    /// The value, or what is accepted instead.
    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::read(text).ok_or_else(|| Wrong::new(Self::ACCEPTED))
    }
}

/// The items of a comma list, stripped; empty ones left out.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// A decimal number within `range`.
pub(super) fn number(text: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Wrong(format!(
            "a number from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

impl Form for bool {
    const ACCEPTED: &'static str = "yes or no (also true, y, t, 1, on; false, n, f, 0, off)";
    fn read(text: &str) -> Option<bool> {
        truth(text)
    }
}

impl Form for String {
    const ACCEPTED: &'static str = "any text";
    fn read(text: &str) -> Option<String> {
        Some(text.into())
    }
}

impl Form for Option<String> {
    const ACCEPTED: &'static str = "any text";
    fn read(text: &str) -> Option<Option<String>> {
        Some((!text.is_empty()).then(|| text.into()))
    }
}

impl Form for PeerKind {
    const ACCEPTED: &'static str = "friend, peer or user";
    fn read(text: &str) -> Option<PeerKind> {
        match text.to_ascii_lowercase().as_str() {
            "friend" => Some(PeerKind::Friend),
            "peer" => Some(PeerKind::Peer),
            "user" => Some(PeerKind::User),
            _ => None,
        }
    }
}

impl Form for AmaFlags {
    const ACCEPTED: &'static str = "default, omit, billing or documentation";
    fn read(text: &str) -> Option<AmaFlags> {
        AmaFlags::parse(text)
    }
}

impl Form for TrustIdOutbound {
    const ACCEPTED: &'static str = "legacy, no or yes";
    fn read(text: &str) -> Option<TrustIdOutbound> {
        if text.eq_ignore_ascii_case("legacy") {
            return Some(TrustIdOutbound::Legacy);
        }
        truth(text).map(|yes| match yes {
            true => TrustIdOutbound::Yes,
            false => TrustIdOutbound::No,
        })
    }
}

impl Form for FinalResponse {
    const ACCEPTED: &'static str = "fallthrough, passthrough or q850";
    fn read(text: &str) -> Option<FinalResponse> {
        match text.to_ascii_lowercase().as_str() {
            "fallthrough" => Some(FinalResponse::Fallthrough),
            "passthrough" => Some(FinalResponse::Passthrough),
            "q850" => Some(FinalResponse::Q850),
            _ => None,
        }
    }
}

/// `noanswer_response=`.
pub(super) struct NoAnswer(pub Status);

impl Form for NoAnswer {
    const ACCEPTED: &'static str = "480, 408 or 603";
    fn read(text: &str) -> Option<NoAnswer> {
        match text {
            "480" => Some(NoAnswer(Status::TEMPORARILY_UNAVAILABLE)),
            "408" => Some(NoAnswer(Status::REQUEST_TIMEOUT)),
            "603" => Some(NoAnswer(Status::DECLINED)),
            _ => None,
        }
    }
}

/// `sendrpid=`, as `Peer::sendrpid_pai` has it.
pub(super) struct SendRpid(pub Option<bool>);

impl Form for SendRpid {
    const ACCEPTED: &'static str = "no, yes, rpid or pai";
    fn read(text: &str) -> Option<SendRpid> {
        match text.to_ascii_lowercase().as_str() {
            "pai" => Some(SendRpid(Some(true))),
            "rpid" => Some(SendRpid(Some(false))),
            _ => truth(text).map(|yes| SendRpid(yes.then_some(false))),
        }
    }
}

impl Form for Insecure {
    const ACCEPTED: &'static str = "no, port, invite, or port,invite";
    fn read(text: &str) -> Option<Insecure> {
        let mut insecure = Insecure::default();
        if truth(text) == Some(false) {
            return Some(insecure);
        }
        for word in list(text) {
            match word.to_ascii_lowercase().as_str() {
                "port" => insecure.port = true,
                "invite" => insecure.invite = true,
                _ => return None,
            }
        }
        Some(insecure)
    }
}

impl Form for Nat {
    const ACCEPTED: &'static str = "no, or a list of force_rport, comedia, auto_force_rport, auto_comedia (yes is force_rport,comedia)";
    fn read(text: &str) -> Option<Nat> {
        let mut nat = Nat {
            force_rport: false,
            auto_force_rport: false,
        };
        for word in list(text) {
            match word.to_ascii_lowercase().as_str() {
                "force_rport" => nat.force_rport = true,
                "auto_force_rport" => nat.auto_force_rport = true,
                "comedia" | "auto_comedia" => {}
                word => match truth(word)? {
                    true => nat.force_rport = true,
                    false => {
                        return Some(Nat {
                            force_rport: false,
                            auto_force_rport: false,
                        });
                    }
                },
            }
        }
        // Asked for both, Asterisk looks before it forces.
        nat.force_rport &= !nat.auto_force_rport;
        Some(nat)
    }
}

impl Form for Qualify {
    const ACCEPTED: &'static str = "no, yes (2000 ms), or milliseconds from 1 to 3600000";
    fn read(text: &str) -> Option<Qualify> {
        // 1 is a millisecond here, not a yes.
        match (text.parse::<u64>(), truth(text)) {
            (Ok(0), _) | (Err(_), Some(false)) => Some(Qualify::Off),
            (Ok(ms @ 1..=3_600_000), _) => Some(Qualify::Within(Duration::from_millis(ms))),
            (Err(_), Some(true)) => Some(Qualify::Within(Duration::from_millis(2000))),
            _ => None,
        }
    }
}

/// `keepalive=`: yes is 60 seconds.
pub(super) struct Keepalive(pub Duration);

impl Form for Keepalive {
    const ACCEPTED: &'static str = "no, yes (60 s), or seconds from 1 to 86400";
    fn read(text: &str) -> Option<Keepalive> {
        let seconds = match (text.parse::<u64>(), truth(text)) {
            (Ok(seconds @ 0..=86_400), _) => seconds,
            (Err(_), Some(yes)) => {
                if yes {
                    60
                } else {
                    0
                }
            }
            _ => return None,
        };
        Some(Keepalive(Duration::from_secs(seconds)))
    }
}

/// `rtautoclear=`: after how many seconds; yes is 120, and 1 is a second.
pub(super) struct Autoclear(pub Option<u32>);

impl Form for Autoclear {
    const ACCEPTED: &'static str = "no, yes (120 s), or seconds from 1 to 604800";
    fn read(text: &str) -> Option<Autoclear> {
        match (text.parse::<u32>(), truth(text)) {
            (Ok(0), _) | (Err(_), Some(false)) => Some(Autoclear(None)),
            (Ok(seconds @ 1..=604_800), _) => Some(Autoclear(Some(seconds))),
            (Err(_), Some(true)) => Some(Autoclear(Some(120))),
            _ => None,
        }
    }
}

/// `ast_parse_caller_presentation`, or the octet itself.
impl Form for Presentation {
    const ACCEPTED: &'static str = "allowed, allowed_not_screened, allowed_passed_screen, allowed_failed_screen, \
        prohib, prohib_not_screened, prohib_passed_screen, prohib_failed_screen, unavailable, or a number from 0 to 127";
    fn read(text: &str) -> Option<Presentation> {
        let number = || text.parse().ok().filter(|&number| number <= 127);
        let octet = presentation(&text.to_ascii_lowercase()).or_else(number)?;
        Some(Presentation::of(octet))
    }
}

/// `tos_sip=`: a TOS octet by its DSCP name (RFC 2474, 2597, 3246) or number.
pub(super) struct Tos(pub u8);

impl Form for Tos {
    const ACCEPTED: &'static str =
        "cs0 to cs7, af11 to af43, ef, or the octet as a number from 0 to 255 (0x… too)";
    fn read(text: &str) -> Option<Tos> {
        let text = text.to_ascii_lowercase();
        let digits = |text: &str| -> Option<Vec<u8>> {
            text.bytes()
                .map(|byte| byte.is_ascii_digit().then(|| byte - b'0'))
                .collect()
        };
        let tos = if text == "ef" {
            46 << 2
        } else if let Some(class) = text.strip_prefix("cs") {
            match digits(class)?[..] {
                [class @ 0..=7] => class << 5,
                _ => return None,
            }
        } else if let Some(class) = text.strip_prefix("af") {
            match digits(class)?[..] {
                [class @ 1..=4, drop @ 1..=3] => class << 5 | drop << 3,
                _ => return None,
            }
        } else if let Some(hex) = text.strip_prefix("0x") {
            u8::from_str_radix(hex, 16).ok()?
        } else {
            text.parse().ok()?
        };
        Some(Tos(tos))
    }
}

impl Form for CallerId {
    const ACCEPTED: &'static str = "\"Name\" <number>";
    /// `ast_callerid_parse`: `"Name" <number>`, a number alone, or a name alone.
    fn read(text: &str) -> Option<CallerId> {
        let name = |text: &str| String::from(text.trim().trim_matches('"'));
        if let Some((before, number)) = text
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        {
            return Some(CallerId {
                name: name(before),
                number: number.trim().into(),
            });
        }
        let digits = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || "*#+() -.".contains(c));
        Some(match digits {
            true => CallerId {
                name: String::new(),
                number: text.into(),
            },
            false => CallerId {
                name: name(text),
                number: String::new(),
            },
        })
    }
}

/// An address, perhaps with a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Endpoint {
    pub ip: IpAddr,
    pub port: Option<u16>,
}

impl Endpoint {
    /// The address with its own port, else `port`.
    pub(super) fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(port))
    }
}

impl Form for Endpoint {
    const ACCEPTED: &'static str =
        "an IP address, perhaps with a port (192.0.2.1:5060, [2001:db8::1]:5060)";
    fn read(text: &str) -> Option<Endpoint> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(Endpoint {
                ip: address.ip(),
                port: Some(address.port()),
            });
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse().ok().map(|ip| Endpoint { ip, port: None })
    }
}
