//! A device section of sip.conf.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use smol_str::SmolStr;

use super::{Acl, AmaFlags, PickupGroups};
use crate::auth;
use crate::base::Transport;
use crate::wire::{Method, Status};

/// `type=` (C.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerKind {
    /// Matched by From user and digest; inbound only.
    User,
    /// Matched by source address; inbound and outbound.
    Peer,
    /// Both.
    Friend,
}

/// `host=` and `port=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host {
    /// `dynamic`: where it registered from, else `defaultip`.
    Dynamic,
    /// Always there.
    Fixed(SocketAddr),
}

/// `transport=`: what carries messages from a device and to it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Transports {
    preferred: Transport,
    /// Bit n: the transport of that number, beside the preferred one.
    others: u8,
}

impl Transports {
    /// These, the first for what we begin ourselves; `None` if there is none.
    pub fn of(list: impl IntoIterator<Item = Transport>) -> Option<Transports> {
        let mut list = list.into_iter();
        let preferred = list.next()?;
        let others = list.fold(0, |others, transport| others | 1 << transport as u8);
        Some(Transports { preferred, others })
    }

    /// The one for what we begin ourselves.
    pub fn preferred(self) -> Transport {
        self.preferred
    }

    /// All of them, the preferred one first.
    pub fn each(self) -> impl Iterator<Item = Transport> {
        let all = [Transport::Udp, Transport::Tcp].into_iter();
        let others = all.filter(move |&other| other != self.preferred && self.allows(other));
        core::iter::once(self.preferred).chain(others)
    }

    /// Whether the device may use it.
    pub fn allows(self, transport: Transport) -> bool {
        transport == self.preferred || self.others >> transport as u8 & 1 == 1
    }
}

/// As the option is written: the preferred one first.
impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, transport) in self.each().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", transport.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `insecure=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Insecure {
    /// `port`: a source IP matches whatever its port.
    pub port: bool,
    /// `invite`: no challenge for INVITE.
    pub invite: bool,
}

/// `nat=`, the two bits that concern signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nat {
    /// `force_rport`: answer and route to the source address.
    pub force_rport: bool,
    /// `auto_force_rport`: the same when the top Via's host is not the source.
    pub auto_force_rport: bool,
}

impl Default for Nat {
    fn default() -> Nat {
        Nat {
            force_rport: false,
            auto_force_rport: true,
        }
    }
}

/// `qualify=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Qualify {
    /// `no`.
    #[default]
    Off,
    /// `yes` (2000 ms) or a number of milliseconds.
    Within(Duration),
}

/// Whether a number may be shown, and whether anybody vouches for it: the
/// presentation and screening bits of Q.931, 0 being allowed and not screened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Presentation(u8);

impl Presentation {
    /// From the octet itself.
    pub const fn of(octet: u8) -> Presentation {
        Presentation(octet)
    }

    /// From what a header says.
    pub fn new(withheld: bool, screened: bool) -> Presentation {
        Presentation(u8::from(withheld) << 5 | u8::from(screened))
    }

    /// The octet.
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// Whether the number must not be shown.
    pub const fn is_withheld(self) -> bool {
        self.0 & 0x60 != 0
    }

    /// Whether the number passed somebody's check, or comes from the network.
    pub const fn is_screened(self) -> bool {
        matches!(self.0 & 0x03, 1 | 3)
    }
}

/// `trust_id_outbound=`: what the far side learns of a caller who withholds
/// the number (RFC 3325 §7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TrustIdOutbound {
    /// `legacy`: an anonymous identity.
    #[default]
    Legacy,
    /// `no`: no identity header.
    No,
    /// `yes`: the true identity with `Privacy: id`.
    Yes,
}

/// `final_response=` (new): what a caller is told whose plan ran out of
/// priorities after a callee refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FinalResponse {
    /// `fallthrough`: what DIALSTATUS says, as Asterisk does.
    #[default]
    Fallthrough,
    /// `passthrough`: what the callee said.
    Passthrough,
    /// `q850`: what HANGUPCAUSE says.
    Q850,
}

/// `secret=` or `md5secret=`. Never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Secret {
    /// No password: no authentication asked.
    #[default]
    None,
    /// The password itself.
    Plain(String),
    /// MD5(user:realm:secret), 32 lower-case hexadecimal digits.
    Md5(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Secret::None {
            "<none>"
        } else {
            "<set>"
        })
    }
}

/// MD5(user:realm:secret), and the realm. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hashed {
    realm: SmolStr,
    md5: [u8; 32],
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<set>")
    }
}

/// `callerid="Name" <number>`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallerId {
    /// Display name; empty when absent.
    pub name: String,
    /// Number; empty when absent.
    pub number: String,
}

/// A device. Field names are the options' names; what a section leaves out
/// has been filled in from `[general]`.
#[derive(Clone, PartialEq, Debug)]
pub struct Peer {
    /// The section's name.
    pub name: SmolStr,
    /// `type`.
    pub kind: PeerKind,
    /// `host`, `port`.
    pub host: Host,
    /// `defaultip`: where a dynamic device is before it registers.
    pub defaultip: Option<SocketAddr>,
    /// `defaultuser` (`username`): user part of the Request-URI until registered.
    pub defaultuser: Option<String>,
    /// `secret`, `md5secret`.
    pub secret: Secret,
    /// The hash of a plain `secret`, where [`Peers`](super::Peers) has computed it.
    pub(super) hashed: Option<Hashed>,
    /// `remotesecret`: for challenges we are given; falls back to `secret`.
    pub remotesecret: Option<String>,
    /// `auth=` entries of the device, then of `[authentication]`:
    /// (user, secret, realm) for challenges we are given.
    pub credentials: Vec<(String, Secret, String)>,
    /// `context`.
    pub context: String,
    /// `callerid`.
    pub callerid: CallerId,
    /// `callingpres`; `None` leaves the caller's own.
    pub callingpres: Option<Presentation>,
    /// `fromuser`.
    pub fromuser: Option<String>,
    /// `fromdomain[:port]`.
    pub fromdomain: Option<String>,
    /// `insecure`.
    pub insecure: Insecure,
    /// `deny`, `permit`.
    pub acl: Acl,
    /// `contactdeny`, `contactpermit`.
    pub contact_acl: Acl,
    /// `call-limit`; 0 is no limit.
    pub call_limit: u32,
    /// `busylevel`: calls at which Dial finds the device busy; 0 is never.
    pub busylevel: u32,
    /// `nat`.
    pub nat: Nat,
    /// `transport`.
    pub transports: Transports,
    /// `qualify`.
    pub qualify: Qualify,
    /// `qualifyfreq`.
    pub qualifyfreq: Duration,
    /// `keepalive`: how often an empty datagram holds a NAT's binding open;
    /// zero is never.
    pub keepalive: Duration,
    /// `timert1`.
    pub timer_t1: Duration,
    /// `timerb`.
    pub timer_b: Duration,
    /// `maxforwards`.
    pub maxforwards: u8,
    /// `max_contacts` (new).
    pub max_contacts: u16,
    /// `description`: what operators see beside its name.
    pub description: String,
    /// `accountcode`: whom its calls are billed to.
    pub accountcode: SmolStr,
    /// `amaflags`: what its calls count for.
    pub amaflags: AmaFlags,
    /// `callgroup`, `pickupgroup`, `namedcallgroup`, `namedpickupgroup`; few
    /// devices have any.
    pub pickup_groups: Option<Box<PickupGroups>>,
    /// `setvar=NAME=VALUE`, in file order.
    pub setvar: Vec<(String, String)>,
    /// `header=Name: value`, added to every outbound INVITE.
    pub header: Vec<(String, String)>,
    /// `disallowed_methods`, upper case: never sent to the device.
    pub disallowed_methods: Vec<String>,
    /// `usereqphone`.
    pub usereqphone: bool,
    /// `trustrpid`.
    pub trustrpid: bool,
    /// `sendrpid`: `Some(true)` P-Asserted-Identity, `Some(false)` Remote-Party-ID.
    pub sendrpid_pai: Option<bool>,
    /// `trust_id_outbound`.
    pub trust_id_outbound: TrustIdOutbound,
    /// `allowoverlap`: an incomplete number is answered 484, else 404.
    pub allowoverlap: bool,
    /// `outboundproxy` address and `force`.
    pub outboundproxy: Option<(SocketAddr, bool)>,
    /// `use_q850_reason`.
    pub use_q850_reason: bool,
    /// `promiscredir`: a 3xx is followed to the address it names, rather than
    /// to an extension.
    pub promiscredir: bool,
    /// `final_response` (new), of the device as a caller.
    pub final_response: FinalResponse,
    /// `noanswer_response` (new): what it is told as a caller whose plan ran out
    /// of priorities after nobody answered.
    pub noanswer_response: Status,
    /// `outofcall_message_context`.
    pub outofcall_message_context: Option<String>,
}

impl Secret {
    /// As the computation of digests takes it; `None` for no password.
    pub fn proof(&self) -> Option<auth::Secret<'_>> {
        match self {
            Secret::None => None,
            Secret::Plain(password) => Some(auth::Secret::Plain(password.as_bytes())),
            Secret::Md5(hash) => Some(auth::Secret::Md5(hash.as_bytes())),
        }
    }
}

impl Peer {
    /// Computes what a proof for `realm` begins with, once for all proofs.
    /// [`Peers`](super::Peers) does it for its devices; one from elsewhere
    /// works without, at a higher price for each proof.
    pub fn hash_secret(&mut self, realm: &SmolStr) {
        self.hashed = match &self.secret {
            Secret::Plain(password) => Some(Hashed {
                realm: realm.clone(),
                md5: auth::md5_of(self.name.as_bytes(), realm.as_bytes(), password.as_bytes()),
            }),
            Secret::None | Secret::Md5(_) => None,
        };
    }

    /// What the device proves to us in `realm`; `None` for no password.
    pub fn proof(&self, realm: &str) -> Option<auth::Secret<'_>> {
        match (&self.secret, &self.hashed) {
            (Secret::Plain(password), Some(hashed)) if hashed.realm == realm => {
                Some(auth::Secret::Both {
                    password: password.as_bytes(),
                    md5: &hashed.md5,
                })
            }
            (secret, _) => secret.proof(),
        }
    }

    /// The time its contacts have to answer OPTIONS; `None` where none are sent.
    pub fn asked_within(&self) -> Option<Duration> {
        match self.qualify {
            Qualify::Within(within) if self.takes(Method::Options) => Some(within),
            Qualify::Within(_) | Qualify::Off => None,
        }
    }

    /// Whether its contacts are watched: asked, or the way to them held open.
    pub fn is_watched(&self) -> bool {
        !self.keepalive.is_zero() || self.asked_within().is_some()
    }

    /// Who we are to this device when it challenges us: its `auth=` entries by
    /// realm, and its own secret for the realm it names itself.
    pub fn identities(&self) -> Vec<auth::Identity<'_>> {
        let entries = self.credentials.iter().filter_map(|(user, secret, realm)| {
            let secret = secret.proof()?;
            Some(auth::Identity {
                user: user.as_bytes(),
                secret,
                realm: Some(realm.as_bytes()),
            })
        });
        let user = self.defaultuser.as_deref().unwrap_or(&self.name).as_bytes();
        let remote = self
            .remotesecret
            .as_ref()
            .map(|secret| auth::Secret::Plain(secret.as_bytes()));
        let own = remote.or_else(|| self.secret.proof());
        let own = own.map(|secret| auth::Identity {
            user,
            secret,
            realm: None,
        });
        entries.chain(own).collect()
    }

    /// Whether a request of `method` may be sent to this device.
    pub fn takes(&self, method: Method<'_>) -> bool {
        let is_method = |name: &String| name.as_bytes() == method.as_bytes();
        !self.disallowed_methods.iter().any(is_method)
    }

    /// The calls this device may make and have; `None` where nobody counts.
    pub fn most_calls(&self) -> Option<u32> {
        match (self.call_limit, self.busylevel) {
            (0, 0) => None,
            (0, _) => Some(u32::MAX),
            (limit, _) => Some(limit),
        }
    }

    /// Whether it is busy, rather than unavailable, at `most_ringing` calls.
    pub fn is_busy_first(&self) -> bool {
        self.busylevel > 0 && self.most_calls().is_some_and(|most| self.busylevel <= most)
    }

    /// The calls at which it is not called any more; `None` where nobody counts.
    pub fn most_ringing(&self) -> Option<u32> {
        if self.is_busy_first() {
            Some(self.busylevel)
        } else {
            self.most_calls()
        }
    }

    /// The outbound proxy that every request goes to, whatever its route set
    /// says (`outboundproxy=…,force`).
    pub fn forced_proxy(&self) -> Option<SocketAddr> {
        let (proxy, force) = self.outboundproxy?;
        force.then_some(proxy)
    }

    /// Another engine over the same database as a device: believed and told
    /// all, so that the callee's own device decides what the callee is told.
    pub fn node(name: &str, defaults: &Peer) -> Peer {
        Peer {
            timer_t1: defaults.timer_t1,
            timer_b: defaults.timer_b,
            maxforwards: defaults.maxforwards,
            trustrpid: true,
            sendrpid_pai: Some(true),
            trust_id_outbound: TrustIdOutbound::Yes,
            use_q850_reason: true,
            ..Peer::new(name, PeerKind::Peer)
        }
    }

    /// A device of `kind` with Asterisk's defaults and nothing else set.
    pub fn new(name: &str, kind: PeerKind) -> Peer {
        Peer {
            name: name.into(),
            kind,
            host: Host::Dynamic,
            defaultip: None,
            defaultuser: None,
            secret: Secret::None,
            hashed: None,
            remotesecret: None,
            credentials: Vec::new(),
            context: "default".into(),
            callerid: CallerId::default(),
            callingpres: None,
            fromuser: None,
            fromdomain: None,
            insecure: Insecure::default(),
            acl: Acl::default(),
            contact_acl: Acl::default(),
            call_limit: 0,
            busylevel: 0,
            nat: Nat::default(),
            transports: Transports::default(),
            qualify: Qualify::Off,
            qualifyfreq: Duration::from_secs(60),
            keepalive: Duration::ZERO,
            timer_t1: Duration::from_millis(500),
            timer_b: Duration::from_secs(32),
            maxforwards: 70,
            max_contacts: 10,
            description: String::new(),
            accountcode: SmolStr::default(),
            amaflags: AmaFlags::default(),
            pickup_groups: None,
            setvar: Vec::new(),
            header: Vec::new(),
            disallowed_methods: Vec::new(),
            usereqphone: false,
            trustrpid: false,
            sendrpid_pai: None,
            trust_id_outbound: TrustIdOutbound::Legacy,
            allowoverlap: true,
            outboundproxy: None,
            use_q850_reason: false,
            promiscredir: false,
            final_response: FinalResponse::Fallthrough,
            noanswer_response: Status::DECLINED,
            outofcall_message_context: None,
        }
    }
}
