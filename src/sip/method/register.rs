//! REGISTER (RFC 3261 §10.3): who registers, and what they may.

use alloc::sync::Arc;

use super::admission;
use super::{Asked, Extra, Inside, Row, Verdict};
use crate::base::Text;
use crate::config::{Acl, Host, PeerKind};
use crate::machine::Suspicion;
use crate::modules::Module;
use crate::registrar::{self, ExpiryRules};
use crate::wire::Status;

/// The row.
pub static ROW: Row = Row {
    outside,
    inside: Inside::Answer(Status::METHOD_NOT_ALLOWED),
};

fn outside(asked: &mut Asked<'_>) -> Verdict {
    let config = asked.config;
    let missing = config.general.missing;
    if missing.absent.has(Module::Registrar) {
        return Verdict::reply(Status::METHOD_NOT_ALLOWED).with(Extra::AllowButRegister);
    }
    if missing.leaving.has(Module::Registrar) {
        let wait = Extra::RetryAfter(super::invite::RETRY_AFTER_S);
        return Verdict::reply(Status::SERVICE_UNAVAILABLE).with(wait);
    }
    let mut aor = Text::new();
    let mut local = false;
    if let Some(uri) = asked.request.to_uri() {
        uri.user_decoded(&mut aor);
        local = config.general.is_local(uri.host);
    }
    // A name of a foreign domain is as unknown as one of no device (§10.3 step 5).
    let known = match local {
        true => asked.by_name(&aor),
        false => Ok(None),
    };
    let known = match known {
        Ok(known) => known,
        Err(errand) => return admission::before(asked, errand).into(),
    };
    let known = known.filter(|peer| {
        peer.kind != PeerKind::User && peer.host == Host::Dynamic && admission::permits(asked, peer)
    });
    if let Some(refusal) = admission::prove(asked, &aor, known.map(Arc::as_ref)) {
        return refusal;
    }
    let Some(peer) = known else {
        return Verdict::proven(Status::FORBIDDEN);
    };
    if !peer.transports.allows(asked.flow.transport) {
        return Verdict::proven(Status::FORBIDDEN);
    }
    let general = &config.general;
    let rules = ExpiryRules {
        default_s: general.defaultexpiry_s,
        min_s: general.minexpiry_s,
        max_s: general.maxexpiry_s,
        refuse_short: general.refuse_short_expiry,
    };
    let to_source = admission::behind_nat(peer.nat, asked.request, asked.flow);
    match registrar::read(
        asked.request,
        &aor,
        &rules,
        asked.flow,
        to_source,
        peer.max_contacts,
        peer.is_watched(),
    ) {
        Ok(update) if !contacts_permitted(&update, [&general.contact_acl, &peer.contact_acl]) => {
            asked.suspicion = Some(Suspicion::FailedAcl);
            Verdict::Reply {
                status: Status::DECLINED,
                reason: Some("Denied"),
                extra: Extra::None,
                proven: true,
            }
        }
        Ok(update) => Verdict::Register(update),
        Err(rejection) => {
            let verdict = Verdict::proven(rejection.status);
            match rejection.min_expires_s {
                Some(seconds) => verdict.with(Extra::MinExpires(seconds)),
                None => verdict,
            }
        }
    }
}

/// `contactdeny`, `contactpermit`: the address requests would go to.
fn contacts_permitted(update: &registrar::Update, acls: [&Acl; 2]) -> bool {
    if acls.iter().all(|acl| acl.0.is_empty()) {
        return true;
    }
    update.contacts.iter().all(|contact| {
        let literal = contact.address.filter(|_| !update.to_source);
        let address = literal.unwrap_or(update.flow.remote);
        acls.iter().all(|acl| acl.permits(address.ip()))
    })
}
