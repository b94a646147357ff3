//! Who sends a request, and whether they prove it (sip-conf.md C.1, C.2).
//!
//! Nobody learns from an answer, or from how long it takes, which devices
//! exist: an unknown sender is challenged, and refused, as a known one is.

use alloc::sync::Arc;

use super::{Asked, Verdict};
use crate::auth::{Offer, Outcome, Secret};
use crate::base::{Flow, Text};
use crate::config::{self, Host, Nat, Peer, PeerKind};
use crate::devices;
use crate::machine::Suspicion;
use crate::machine::realtime::Errand;
use crate::wire::{HeaderName, Message, Method, Status};

/// What became of a request's sender.
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one decision, on the stack"
)]
pub enum Admission {
    /// A device, proven where it has a secret.
    Peer(Arc<Peer>),
    /// Nobody known, and guests are welcome.
    Guest,
    /// To be answered so.
    Refused(Verdict),
}

/// Finds the sender and asks for proof where there must be one. A device whose
/// `transport` does not list what it came by is refused.
pub fn admit(asked: &mut Asked<'_>) -> Admission {
    match known(asked) {
        Admission::Peer(peer) if !peer.transports.allows(asked.flow.transport) => {
            Admission::Refused(Verdict::proven(Status::FORBIDDEN))
        }
        admission => admission,
    }
}

fn known(asked: &mut Asked<'_>) -> Admission {
    let peer = match identify(asked) {
        Ok(peer) => peer,
        Err(unknown) => return Admission::Refused(unknown.into()),
    };
    if peer.is_none() && asked.config.general.allowguest {
        return Admission::Guest;
    }
    let user = match &peer {
        Some(peer) => Text::from(peer.name.as_str()),
        None => from_user(asked.request),
    };
    if let Some(peer) = &peer
        && asked.request.method() == Method::Invite
        && peer.insecure.invite
    {
        return Admission::Peer(Arc::clone(peer));
    }
    match prove(asked, &user, peer.as_deref()) {
        Some(refusal) => Admission::Refused(refusal),
        None => peer.map_or(
            Admission::Refused(Verdict::proven(Status::FORBIDDEN)),
            Admission::Peer,
        ),
    }
}

/// What comes before it is known who a device is.
pub enum First {
    /// A challenge.
    Challenge(Offer),
    /// A look into the database.
    Ask(Errand),
}

impl From<First> for Verdict {
    fn from(first: First) -> Verdict {
        match first {
            First::Challenge(offer) => Verdict::Challenge(offer),
            First::Ask(errand) => Verdict::Await(errand),
        }
    }
}

/// What comes before a device is known that only the database may know:
/// nobody is asked about strangers before they have answered a challenge.
pub fn before(asked: &Asked<'_>, errand: Errand) -> First {
    let general = &asked.config.general;
    let guest = general.allowguest && asked.request.method() != Method::Register;
    let stranger = match &errand {
        Errand::Peer(name) => asked.devices.remembered(asked.config, name).is_none(),
        _ => true,
    };
    if !stranger || guest || !general.alwaysauthreject || asked.answers_a_challenge() {
        return First::Ask(errand);
    }
    let credentials = asked.request.credentials(HeaderName::Authorization);
    First::Challenge(match asked.gate.find(credentials) {
        Some(_) => Offer::Stale,
        None => Offer::First,
    })
}

/// Finds the sender: by the From user (or, with `match_auth_username`, the
/// user of the credentials), else by the source address. A device whose ACL
/// denies the source is not found. `Err`: what comes first.
pub fn identify(asked: &mut Asked<'_>) -> Result<Option<Arc<Peer>>, First> {
    let config = asked.config;
    let source = asked.flow.remote;
    let user = if config.general.match_auth_username {
        let mut credentials = asked.request.credentials(HeaderName::Authorization);
        credentials
            .find_map(|params| params.username())
            .map(Text::from)
    } else {
        None
    };
    let user = user.unwrap_or_else(|| from_user(asked.request));
    let by_source = || asked.by_source().map_err(First::Ask);
    let found = match asked.by_name(&user) {
        Ok(Some(peer)) if by_name(peer) => Some(peer),
        Ok(_) => by_source()?,
        Err(errand) => match devices::fixed(config, source) {
            Some(peer) => Some(peer),
            None => match before(asked, errand) {
                // Who comes from a known address need not answer it first.
                challenge @ First::Challenge(_) => Some(by_source()?.ok_or(challenge)?),
                ask => return Err(ask),
            },
        },
    };
    let found = found.cloned();
    Ok(found.filter(|peer| permits(asked, peer)))
}

/// Whether a device's ACL lets the source be that device.
pub fn permits(asked: &mut Asked<'_>, peer: &Peer) -> bool {
    asked.denied = !peer.acl.permits(asked.flow.remote.ip());
    !asked.denied
}

/// Whether a device may be matched by name. A `type=peer` is matched by its
/// address only; one that registers has no fixed address and is matched by
/// name if a secret proves it.
fn by_name(peer: &Peer) -> bool {
    match peer.kind {
        PeerKind::User | PeerKind::Friend => true,
        PeerKind::Peer => peer.host == Host::Dynamic && peer.secret != config::Secret::None,
    }
}

/// Asks for proof that `user` sent the request: `None` when it is given, or
/// when the device has no secret; else the answer.
pub fn prove(asked: &mut Asked<'_>, user: &[u8], peer: Option<&Peer>) -> Option<Verdict> {
    let secret = match peer {
        Some(peer) if peer.secret == config::Secret::None => return None,
        Some(peer) => peer.proof(&asked.config.general.realm),
        None if asked.config.general.alwaysauthreject => None,
        None => {
            asked.suspicion = Some(stranger(asked));
            return Some(Verdict::reply(Status::NOT_FOUND));
        }
    };
    let request = asked.request;
    let Some(params) = asked
        .gate
        .find(request.credentials(HeaderName::Authorization))
    else {
        let offer = if matches!(secret, Some(Secret::Md5(_))) {
            Offer::Md5
        } else {
            Offer::First
        };
        return Some(Verdict::Challenge(offer));
    };
    match asked.gate.verify(
        asked.unix,
        &params,
        request.method().as_bytes(),
        user,
        secret,
    ) {
        Outcome::Accepted => None,
        Outcome::Stale => Some(Verdict::Challenge(Offer::Stale)),
        Outcome::Unsuited => Some(Verdict::Challenge(Offer::Md5)),
        Outcome::Refused => {
            asked.counters.forbidden += 1;
            asked.suspicion = Some(match peer {
                Some(_) => Suspicion::InvalidPassword,
                None => stranger(asked),
            });
            Some(Verdict::reply(Status::FORBIDDEN))
        }
        Outcome::Malformed => Some(Verdict::reply(Status::BAD_REQUEST)),
    }
}

/// Who is taken for nobody.
fn stranger(asked: &Asked<'_>) -> Suspicion {
    match asked.denied {
        true => Suspicion::FailedAcl,
        false => Suspicion::InvalidAccountId,
    }
}

/// Whether answers and requests go to a message's source instead of what its
/// Via and Contact say (`nat=force_rport`, `auto_force_rport`).
pub fn behind_nat(nat: Nat, message: &Message<'_>, flow: Flow) -> bool {
    if nat.force_rport {
        return true;
    }
    let names_source = || {
        let via = message.top_via();
        via.is_ok_and(|via| via.names(flow.remote.ip()))
    };
    nat.auto_force_rport && !names_source()
}

fn from_user(request: &Message<'_>) -> Text {
    let mut user = Text::new();
    if let Some(uri) = request.from_uri() {
        uri.user_decoded(&mut user);
    }
    user
}
