//! Registrations all at once, and the answer to a challenge.

use pinion_sip::auth::{Identity, Secret, respond};
use pinion_sip::wire::HeaderName;

use super::draft::{Draft, Site};
use super::response::Response;

/// Devices of one user.
const DEVICES: u64 = 4;

/// A device registers, as after a power cut: the first of each user, then
/// their second ones, and so on.
pub fn storm(site: &Site, number: u64) -> Draft {
    let user = site.user(number);
    let mut draft = Draft::new(
        site,
        number,
        "REGISTER",
        &user,
        &format!("sip:{}", site.target),
    );
    draft.set("To", format!("<sip:{user}@{}>", site.target));
    let device = number / site.users.count().max(1) % DEVICES;
    let contact = format!("<sip:{user}@{};line={device}>", site.local);
    draft.set("Contact", contact);
    draft.add("Expires", "120");
    draft
}

/// The challenged request again, with credentials; `None` when the challenge
/// cannot be answered.
pub fn answer(
    site: &Site,
    number: u64,
    mut draft: Draft,
    response: &Response,
    user: &str,
    password: &[u8],
) -> Option<Draft> {
    let (challenge, field) = match response.status {
        407 => (HeaderName::ProxyAuthenticate, "Proxy-Authorization"),
        _ => (HeaderName::WwwAuthenticate, "Authorization"),
    };
    let mut line = draft.start.split(' ');
    let (method, uri) = (line.next()?.to_owned(), line.next()?.to_owned());
    let identity = Identity {
        user: user.as_bytes(),
        secret: Secret::Plain(password),
        realm: None,
    };
    let credentials = respond(
        response.message.credentials(challenge),
        &[identity],
        method.as_bytes(),
        uri.as_bytes(),
        site.random(number).next_u64(),
        1,
    )?;
    draft.rebranch();
    draft.set("CSeq", format!("2 {method}"));
    draft.add(field, String::from_utf8(credentials).ok()?);
    Some(draft)
}
