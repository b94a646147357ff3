//! Calls that do not behave: random ones that nobody pursues, ones never
//! acknowledged, ones cancelled at every wrong moment.

use super::draft::{Draft, Site};
use super::register::answer;
use super::response::Response;

/// An INVITE of nobody for nobody, with a Call-ID never seen again.
pub fn random(site: &Site, number: u64) -> Draft {
    let mut random = site.random(number ^ 1 << 63);
    let (caller, callee) = (random.next_u64(), random.below(1_000_000_000));
    let uri = format!("sip:{callee}@{}", site.target);
    let mut draft = Draft::new(site, number, "INVITE", &format!("{caller:x}"), &uri);
    draft.set(
        "Call-ID",
        format!("{:016x}@{:08x}", random.next_u64(), random.below(1 << 32)),
    );
    draft.offer(site);
    draft
}

/// An INVITE of a user for the callee.
pub fn invite(site: &Site, number: u64) -> Draft {
    let uri = format!("sip:{}@{}", site.callee, site.target);
    let mut draft = Draft::new(site, number, "INVITE", &site.user(number), &uri);
    draft.offer(site);
    draft
}

/// The INVITE that `response` is about: the first, or the one with credentials.
fn invited(site: &Site, number: u64, response: &Response) -> Draft {
    let mut draft = invite(site, number);
    if response.cseq > 1 {
        draft.rebranch();
        draft.set("CSeq", "2 INVITE");
    }
    draft
}

/// A challenged INVITE again, with credentials. Neither the challenge nor any
/// other final response is ever acknowledged.
pub fn never_ack(site: &Site, number: u64, response: &Response) -> Option<Draft> {
    (response.is_challenge() && response.cseq == 1).then(|| {
        let user = site.user(number);
        answer(
            site,
            number,
            invite(site, number),
            response,
            &user,
            &site.password(number),
        )
    })?
}

/// When the call of that number is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    /// Right behind its INVITE, before any response.
    AtOnce,
    /// On each provisional response.
    Provisional,
    /// On the 200, too late; acknowledged and ended after that.
    Answered,
}

impl Moment {
    fn of(number: u64) -> Moment {
        match number / 2 % 3 {
            0 => Moment::AtOnce,
            1 => Moment::Provisional,
            _ => Moment::Answered,
        }
    }
}

/// Even numbers are INVITEs, the odd one behind cancels it or begins another.
pub fn race(site: &Site, number: u64) -> Draft {
    if number % 2 == 1 && Moment::of(number) == Moment::AtOnce {
        cancel(&invite(site, number - 1))
    } else {
        invite(site, number)
    }
}

/// What follows a response to a call of the race, in order.
pub fn race_on(site: &Site, number: u64, response: &Response) -> Vec<Draft> {
    if response.method != b"INVITE" {
        return Vec::new();
    }
    let invite = invited(site, number, response);
    match (response.status, Moment::of(number)) {
        (100..=199, Moment::Provisional) => vec![cancel(&invite)],
        (100..=199, _) => Vec::new(),
        (200..=299, moment) => {
            let mut late = Vec::new();
            if moment == Moment::Answered {
                late.push(cancel(&invite));
            }
            // The ACK repeats the number of its INVITE (RFC 3261 §13.2.2.4).
            late.extend(within(&invite, response, "ACK", response.cseq));
            late.extend(within(&invite, response, "BYE", response.cseq + 1));
            late
        }
        _ => {
            let mut drafts = vec![acknowledge(&invite, response)];
            if response.is_challenge() && response.cseq == 1 {
                let (user, password) = (site.user(number), site.password(number));
                drafts.extend(answer(site, number, invite, response, &user, &password));
            }
            drafts
        }
    }
}

/// The CANCEL of an INVITE (RFC 3261 §9.1).
fn cancel(invite: &Draft) -> Draft {
    let mut draft = same(invite, "CANCEL");
    draft.remove("Contact");
    draft
}

/// The ACK of a final response other than 2xx (RFC 3261 §17.1.1.3).
fn acknowledge(invite: &Draft, response: &Response) -> Draft {
    let mut draft = same(invite, "ACK");
    draft.set("To", response.to());
    draft
}

/// A request that shares all but its method with an INVITE, and has no body.
fn same(invite: &Draft, method: &str) -> Draft {
    let mut draft = invite.clone();
    let line = draft.start.replacen("INVITE", method, 1);
    let cseq = draft.value("CSeq").replacen("INVITE", method, 1);
    draft.start = line;
    draft.body.clear();
    draft.remove("Content-Type").set("CSeq", cseq);
    draft
}

/// A request of the dialog that a 200 made; `None` without a Contact in it.
fn within(invite: &Draft, response: &Response, method: &str, cseq: u32) -> Option<Draft> {
    let mut draft = same(invite, method);
    draft.start = format!("{method} {} SIP/2.0", response.contact()?);
    let via = format!("{}{}", draft.value("Via"), method.to_lowercase());
    draft
        .set("Via", via)
        .set("To", response.to())
        .set("CSeq", format!("{cseq} {method}"));
    Some(draft)
}
