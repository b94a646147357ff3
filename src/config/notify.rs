//! sip_notify.conf: what `sip notify` can have devices told. Each section is a
//! type, each line a header field, or with `Content` a line of the body.

use std::path::Path;

use pinion_sip::machine::Notification;
use pinion_sip::wire::{HeaderName, is_token};

use super::file::{self, Category, ConfigError, Disk, Entry, Exec};

/// The file's name.
pub const FILE: &str = "sip_notify.conf";

/// What the engine writes into every request itself.
const OURS: [HeaderName; 9] = [
    HeaderName::CallId,
    HeaderName::Contact,
    HeaderName::CSeq,
    HeaderName::From,
    HeaderName::MaxForwards,
    HeaderName::RecordRoute,
    HeaderName::Route,
    HeaderName::To,
    HeaderName::Via,
];

/// The types that the file of a directory has, in its order; none without the
/// file. Blocks.
pub fn load(dir: &Path) -> Result<Vec<(String, Notification)>, ConfigError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let disk = Disk { exec: Exec::Forbid };
    let file = file::load(&disk, &path)?;
    let types = file.categories.iter().filter(|category| !category.template);
    types
        .map(|category| Ok((category.name.clone(), notification(category)?)))
        .collect()
}

fn notification(category: &Category) -> Result<Notification, ConfigError> {
    let mut notification = Notification::default();
    let mut content = String::new();
    for entry in &category.entries {
        match HeaderName::new(entry.key.as_bytes()) {
            _ if entry.key.eq_ignore_ascii_case("content") => {
                content.push_str(&entry.value);
                content.push_str("\r\n");
            }
            // It is counted, whatever a file says.
            Some(HeaderName::ContentLength) => {}
            Some(HeaderName::ContentType) => notification.content_type = (*entry.value).into(),
            name => notification.headers.push(header(name, entry)?),
        }
    }
    let has = |notification: &Notification, wanted: HeaderName| {
        let mut headers = notification.headers.iter();
        headers.any(|(name, _)| HeaderName::new(name.as_bytes()) == Some(wanted))
    };
    if !has(&notification, HeaderName::Event) {
        let text = format!(
            "[{0}] has no Event, which a NOTIFY must have (RFC 6665 section 8.2.1). Give it one: Event => check-sync.",
            category.name
        );
        return Err(ConfigError::new(&category.at, text));
    }
    if !content.is_empty() && notification.content_type.is_empty() {
        let text = format!(
            "[{0}] has Content and does not say of what type. Give it one: Content-Type => text/plain.",
            category.name
        );
        return Err(ConfigError::new(&category.at, text));
    }
    if !has(&notification, HeaderName::SubscriptionState) {
        // There is no subscription that could go on (RFC 6665 §4.1.3).
        let ended = ("Subscription-State".into(), "terminated".into());
        notification.headers.insert(0, ended);
    }
    notification.content = content.into();
    Ok(notification)
}

fn header(name: Option<HeaderName>, entry: &Entry) -> Result<(Box<str>, Box<str>), ConfigError> {
    let key = &entry.key;
    if name.is_some_and(|name| OURS.contains(&name)) {
        let text = format!("the engine writes {key} itself. Take this line out.");
        return Err(ConfigError::new(&entry.at, text));
    }
    if !is_token(key.as_bytes()) {
        let text = format!("'{key}' is no name of a header field. Write Name => value.");
        return Err(ConfigError::new(&entry.at, text));
    }
    Ok(((**key).into(), (*entry.value).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Notification)>, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let prefix = format!("{}/", dir.path().display());
        load(dir.path()).map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn a_type_is_header_fields_and_lines_of_a_body() {
        let types = read(
            "[plain](!)\nContent-type=>text/plain\n[snom]\nEvent=>check-sync\\;reboot=false\nContent-Length=>0\n\
             [mwi](plain)\nEvent => message-summary\nSubscription-State => active\n\
             Content => Messages-Waiting: no\nContent => Voice-Message: 0/0 (0/0)\n",
        );
        let types = types.unwrap();
        let headers = |of: &[(&str, &str)]| {
            let of = of.iter();
            of.map(|&(name, value)| (name.into(), value.into()))
                .collect::<Vec<_>>()
        };
        let snom = Notification {
            headers: headers(&[
                ("Subscription-State", "terminated"),
                ("Event", "check-sync;reboot=false"),
            ]),
            ..Notification::default()
        };
        let mwi = Notification {
            headers: headers(&[
                ("Event", "message-summary"),
                ("Subscription-State", "active"),
            ]),
            content_type: "text/plain".into(),
            content: "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n".into(),
        };
        assert_eq!(types, [("snom".into(), snom), ("mwi".into(), mwi)]);
    }

    #[test]
    fn the_sample_is_without_fault() {
        let examples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
        let types = load(examples).unwrap();
        let is_there = |wanted: &str| types.iter().any(|(name, _)| name == wanted);
        assert!(is_there("polycom-check-cfg") && is_there("clear-mwi"));
    }

    #[test]
    fn a_type_that_cannot_be_sent_is_refused_with_its_line() {
        for (text, expected) in [
            (
                "[x]\nSubject=>y\n",
                "sip_notify.conf:1: [x] has no Event, which a NOTIFY must have (RFC 6665 section 8.2.1). Give it one: Event => check-sync.",
            ),
            (
                "[x]\nEvent=>y\nv=>SIP/2.0/UDP x\n",
                "sip_notify.conf:3: the engine writes v itself. Take this line out.",
            ),
            (
                "[x]\nEvent=>y\nA B=>z\n",
                "sip_notify.conf:3: 'A B' is no name of a header field. Write Name => value.",
            ),
            (
                "[x]\nEvent=>y\nContent=>z\n",
                "sip_notify.conf:1: [x] has Content and does not say of what type. Give it one: Content-Type => text/plain.",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        let nowhere = tempfile::tempdir().unwrap();
        assert_eq!(load(nowhere.path()), Ok(Vec::new()));
    }
}
