//! `MessageSend(to[,from])`: sends `MESSAGE(body)` to a device, at the first place
//! where it is registered. `to` is `sip:device` or `sip:user@device`.
//!
//! `MESSAGE_SEND_STATUS` is `SUCCESS` when it has left, whatever the device says
//! of it, or `FAILURE`, `INVALID_PROTOCOL` or `INVALID_URI`.

use super::super::arguments::split;
use super::super::inquiry::{Inquiry, Message};
use super::super::step::{Next, Step};
use super::super::work::Draft;

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let parts = split(arguments, 2);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    let empty = Draft::default();
    let draft = step
        .state
        .outside()
        .map_or(&empty, |outside| &outside.message);
    let to = if part(0).is_empty() {
        &draft.to
    } else {
        part(0)
    };
    let from = match (part(1), &*draft.from) {
        ("", "") => &step.state.number,
        ("", from) => from,
        (from, _) => from,
    };
    let inquiry = match (device(to), user(from)) {
        (Err(status), _) => {
            step.set("MESSAGE_SEND_STATUS", status);
            return Next::Continue;
        }
        (Ok(to), from) => Inquiry::Message(Box::new(Message {
            to: to.into(),
            from: from.into(),
            body: draft.body.clone(),
            headers: draft.headers.clone(),
        })),
    };
    step.ask(inquiry, |step, reply| {
        let status = reply.text().unwrap_or_else(|| "FAILURE".into());
        step.set("MESSAGE_SEND_STATUS", &status);
        Next::Continue
    })
}

/// The device of `sip:device` or `sip:user@device`.
fn device(to: &str) -> Result<&str, &'static str> {
    let rest = match to.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => rest,
        _ => return Err("INVALID_PROTOCOL"),
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let device = host.split([';', '?']).next().unwrap_or_default();
    if device.is_empty() {
        Err("INVALID_URI")
    } else {
        Ok(device)
    }
}

/// The user of a number, of `sip:user@host`, or of that within `<>`.
fn user(from: &str) -> &str {
    let uri = from.rsplit_once('<').map_or(from, |(_, uri)| uri);
    let uri = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    uri.split(['@', '>', ';']).next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::call;
    use super::super::super::*;

    #[test]
    fn messagesend_sends_what_message_says() {
        let lines = [
            "s,1,Set(MESSAGE(body)=hello, you)",
            "s,2,Set(MESSAGE_DATA(X-Kind)=note)",
            "s,3,Set(MESSAGE_DATA(Via)=x)",
            "s,4,MessageSend(sip:200,\"Ann\" <sip:ann@h>)",
            "s,5,Set(A=${MESSAGE(body)}${MESSAGE_DATA(x-kind)})",
            "s,6,Wait(1)",
        ];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        let message = Message {
            to: "200".into(),
            from: "ann".into(),
            body: "hello, you".into(),
            headers: vec![("X-Kind".into(), "note".into())],
        };
        assert_eq!(fake.asked, [Inquiry::Message(Box::new(message))]);
        assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
        let reply = Event::Reply(Ticket(0), Reply::Text("SUCCESS".into()));
        cursor.handle(reply, &mut fake);
        let value = |name| cursor.variables().value(name);
        assert_eq!(value("MESSAGE_SEND_STATUS"), Some("SUCCESS"));
        assert_eq!(value("A"), Some("hello, younote"));
    }

    #[test]
    fn messagesend_knows_devices_only() {
        for (to, status) in [("200", "INVALID_PROTOCOL"), ("sip:", "INVALID_URI")] {
            let line = format!("s,1,MessageSend({to})");
            let (cursor, fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
            assert_eq!(
                cursor.variables().value("MESSAGE_SEND_STATUS"),
                Some(status)
            );
            assert_eq!(fake.asked, []);
        }
    }
}
