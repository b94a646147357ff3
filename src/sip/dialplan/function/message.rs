//! `MESSAGE(to|from|body)` and `MESSAGE_DATA(header)`: what `MessageSend` sends.
//!
//! A MESSAGE that arrives goes to its recipient without the dialplan: these are
//! empty until they are set. Of headers only `Subject` and those that begin with
//! `X-` or `P-` are sent.

use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

/// Headers of one MESSAGE.
const MOST_HEADERS: usize = 16;

pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let Some(outside) = scope.state.outside() else {
        return String::new();
    };
    let message = &outside.message;
    match arguments.trim().to_ascii_lowercase().as_str() {
        "to" => message.to.to_string(),
        "from" => message.from.to_string(),
        "body" => message.body.to_string(),
        _ => String::new(),
    }
}

pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let message = &mut step.state.outside_mut().message;
    match arguments.trim().to_ascii_lowercase().as_str() {
        "to" => message.to = value.into(),
        "from" => message.from = value.into(),
        "body" => message.body = value.into(),
        // Whatever is set is sent.
        "custom_data" => {}
        other => step.warn("no-function", || {
            format!("Set: MESSAGE has no '{other}' that can be set")
        }),
    }
    None
}

pub(super) fn read_data(scope: &Scope<'_>, arguments: &str) -> String {
    let name = arguments.trim();
    let outside = scope.state.outside();
    let mut headers = outside
        .into_iter()
        .flat_map(|outside| &outside.message.headers);
    let header = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    header.map_or(String::new(), |(_, value)| value.to_string())
}

/// An empty value takes the header away.
pub(super) fn write_data(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let name = arguments.trim();
    let begins = |with: &str| {
        name.get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let may_be_sent = name.eq_ignore_ascii_case("Subject") || begins("X-") || begins("P-");
    if !may_be_sent || !name.bytes().all(token) {
        step.warn("message", || format!("MESSAGE_DATA: '{name}' is not sent"));
        return None;
    }
    let headers = &mut step.state.outside_mut().message.headers;
    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    if !value.is_empty() && headers.len() < MOST_HEADERS {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        headers.push((name.into(), value.into()));
    }
    None
}
