//! Digest with MD5 as RFC 2617 and 7616 say it, for phones and oracle.
//!
//! Owns nothing; never asks `pinion_sip::auth`.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `Digest a="b", c=d` as a map with lower-case keys.
pub fn fields(value: &str) -> BTreeMap<String, String> {
    let rest = value.trim().strip_prefix("Digest").unwrap_or_default();
    let mut map = BTreeMap::new();
    let (mut part, mut quoted) = (String::new(), false);
    for c in rest.chars().chain([',']) {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                if let Some((key, value)) = part.split_once('=') {
                    map.insert(key.trim().to_ascii_lowercase(), value.trim().to_string());
                }
                part.clear();
            }
            _ => part.push(c),
        }
    }
    map
}

/// The `response` for these fields (RFC 7616 §3.4.1).
fn response(fields: &BTreeMap<String, String>, method: &str, password: &str) -> String {
    let of = |key: &str| fields.get(key).map_or("", String::as_str);
    let ha1 = md5_hex(&format!("{}:{}:{password}", of("username"), of("realm")));
    let ha2 = md5_hex(&format!("{method}:{}", of("uri")));
    if fields.contains_key("qop") {
        let middle = format!(
            "{}:{}:{}:{}",
            of("nonce"),
            of("nc"),
            of("cnonce"),
            of("qop")
        );
        md5_hex(&format!("{ha1}:{middle}:{ha2}"))
    } else {
        md5_hex(&format!("{ha1}:{}:{ha2}", of("nonce")))
    }
}

/// The Authorization value that answers `challenge`; `nc` counts uses of the nonce.
pub fn answer(
    challenge: &str,
    method: &str,
    uri: &str,
    user: &str,
    password: &str,
    nc: u32,
) -> String {
    let asked = fields(challenge);
    let of = |key: &str| asked.get(key).cloned().unwrap_or_default();
    let mut given = BTreeMap::from([
        ("username".to_string(), user.to_string()),
        ("realm".into(), of("realm")),
        ("nonce".into(), of("nonce")),
        ("uri".into(), uri.to_string()),
    ]);
    let mut tail = String::new();
    if of("qop").split(',').any(|qop| qop.trim() == "auth") {
        given.insert("qop".into(), "auth".into());
        given.insert("nc".into(), format!("{nc:08x}"));
        given.insert("cnonce".into(), "4f2a9c".into());
        tail = format!(", qop=auth, nc={nc:08x}, cnonce=\"4f2a9c\"");
    }
    if let Some(opaque) = asked.get("opaque") {
        tail.push_str(&format!(", opaque=\"{opaque}\""));
    }
    let response = response(&given, method, password);
    format!(
        "Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\", algorithm=MD5{tail}",
        of("realm"),
        of("nonce"),
    )
}

/// Whether an Authorization value proves `password` for `method`.
pub fn proves(authorization: &str, method: &str, password: &str) -> bool {
    let given = fields(authorization);
    given
        .get("response")
        .is_some_and(|held| *held == response(&given, method, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617_section_3_5() {
        let value = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, \
            cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\"";
        assert!(proves(value, "GET", "Circle Of Life"));
        assert!(!proves(value, "GET", "Circle of Life"));
    }

    #[test]
    fn an_answer_proves_the_password() {
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=MD5";
        let value = answer(challenge, "REGISTER", "sip:h", "u", "p", 1);
        assert!(proves(&value, "REGISTER", "p"));
        assert!(!proves(&value, "INVITE", "p"));
    }
}
