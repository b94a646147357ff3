//! `SRVQUERY(service)` and `SRVRESULT(id,number|getnum,field)`; `ENUMLOOKUP`,
//! `ENUMQUERY` and `ENUMRESULT`: what DNS says of services and of telephone
//! numbers (RFC 2782, RFC 6116).
//!
//! Records of one priority are in the order of their weights, heaviest first,
//! where Asterisk draws lots.

use alloc::borrow::Cow;

use regex_lite::RegexBuilder;

use super::super::arguments::split;
use super::super::inquiry::{Inquiry, Reply, Row};
use super::super::step::Step;
use super::super::work::{Records, Work, field, number};

/// Largest compiled pattern of a record, in bytes.
const PATTERN_BYTES: usize = 64 << 10;

const ZONE: &str = "e164.arpa";

/// The same service is not asked for twice by one channel, unless here.
pub(super) fn ask_srv(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    Ok(lookup(arguments.trim(), Records::Srv))
}

/// Its own name is what the result is known by.
pub(super) fn tell_srv(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    keep_srv(step, arguments.trim(), reply);
    arguments.trim().into()
}

/// Asks where nobody has asked yet.
pub(super) fn ask_srv_result(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let parts = split(arguments, 3);
    let id = parts.first().map_or("", AsRef::as_ref).trim();
    if id.is_empty() {
        step.warn("arguments", || "SRVRESULT needs what to look for".into());
        return Err(String::new());
    }
    let outside = step.state.outside();
    match outside.and_then(|outside| outside.srv.of(id)) {
        Some(_) => Err(srv_result(step, arguments)),
        None => Ok(lookup(id, Records::Srv)),
    }
}

pub(super) fn tell_srv_result(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let parts = split(arguments, 3);
    let id = parts.first().map_or("", AsRef::as_ref).trim();
    keep_srv(step, id, reply);
    srv_result(step, arguments)
}

fn keep_srv(step: &mut Step<'_>, service: &str, reply: Reply) {
    let mut rows = rows(step, service, reply);
    rows.sort_by_key(|row| (number(row, "priority"), u32::MAX - number(row, "weight")));
    let outside = step.state.outside_mut();
    outside.srv.put(service, rows);
}

fn srv_result(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 3);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    let outside = step.state.outside();
    let rows = outside
        .and_then(|outside| outside.srv.of(part(0)))
        .unwrap_or_default();
    if part(1).eq_ignore_ascii_case("getnum") {
        return rows.len().to_string();
    }
    let row = nth(rows, part(1));
    let column = part(2).to_ascii_lowercase();
    match (row, column.as_str()) {
        (Some(row), "host" | "port" | "priority" | "weight") => field(row, &column).into(),
        (None, _) => String::new(),
        (Some(_), _) => {
            step.warn("arguments", || {
                "SRVRESULT's field is host, port, priority or weight".into()
            });
            String::new()
        }
    }
}

/// `number[,method[,options[,record[,zone]]]]`.
pub(super) fn ask_enum(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let parts = split(arguments, 5);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    naptr(step, part(0), part(4))
}

/// The URI of the record asked for, without its scheme unless the method is
/// `ALL` or option `u` wants it; with option `c`, how many there are.
pub(super) fn tell_enum(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let parts = split(arguments, 5);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    let (method, options) = (method(part(1)), part(2));
    let uris = uris(step, part(0), method, reply);
    if options.contains('c') {
        return uris.len().to_string();
    }
    let place = if part(3).is_empty() { "1" } else { part(3) };
    let uri = nth(&uris, place).map_or("", |uri| &**uri);
    shown(uri, method, options.contains('u')).into()
}

/// `number[,method[,zone]]`.
pub(super) fn ask_enum_query(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let parts = split(arguments, 3);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    naptr(step, part(0), part(2))
}

/// What the result is known by.
pub(super) fn tell_enum_query(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let parts = split(arguments, 3);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    let method = method(part(1));
    let uris = uris(step, part(0), method, reply);
    let shown = uris.iter().map(|uri| shown(uri, method, false).into());
    let shown = shown.collect();
    let id = [part(0), "/", method].concat();
    let outside = step.state.outside_mut();
    outside.uris.put(&id, shown);
    id
}

/// `id,number|getnum`.
pub(super) fn enum_result(step: &mut Step<'_>, arguments: &str) -> String {
    let (id, place) = arguments.split_once(',').unwrap_or((arguments, ""));
    let outside = step.state.outside();
    let Some(uris) = outside.and_then(|outside| outside.uris.of(id.trim())) else {
        step.warn("arguments", || {
            format!("ENUMRESULT: there was no ENUMQUERY '{id}'")
        });
        return String::new();
    };
    match place.trim() {
        place if place.eq_ignore_ascii_case("getnum") => uris.len().to_string(),
        place => nth(uris, place).map_or(String::new(), |uri| uri.to_string()),
    }
}

fn lookup(name: &str, records: Records) -> Inquiry {
    Inquiry::Work(Box::new(Work::Lookup {
        name: name.into(),
        records,
    }))
}

/// The digits in reverse, each a label of the zone (RFC 6116 §3.2).
fn naptr(step: &mut Step<'_>, number: &str, zone: &str) -> Result<Inquiry, String> {
    let mut name = String::new();
    for digit in number.chars().rev().filter(char::is_ascii_alphanumeric) {
        name.extend([digit, '.']);
    }
    if name.is_empty() {
        step.warn("arguments", || "ENUM needs a number".into());
        return Err(String::new());
    }
    name.push_str(if zone.is_empty() { ZONE } else { zone });
    Ok(lookup(&name, Records::Naptr))
}

/// The method asked for, `sip` if none is.
fn method(text: &str) -> &str {
    if text.is_empty() { "sip" } else { text }
}

/// The URIs of a number that go with a method, by order and preference.
fn uris(step: &mut Step<'_>, digits: &str, method: &str, reply: Reply) -> Vec<Box<str>> {
    let mut rows = rows(step, digits, reply);
    rows.retain(|row| offers(field(row, "services"), method));
    rows.sort_by_key(|row| (number(row, "order"), number(row, "preference")));
    let aus: String = digits.chars().filter(|&digit| digit != '-').collect();
    rows.iter()
        .filter_map(|row| rewritten(field(row, "regexp"), &aus))
        .collect()
}

/// Whether `E2U+sip`, or the old `sip+E2U`, offers a method.
fn offers(services: &str, method: &str) -> bool {
    let mut parts = services.split('+');
    let of_number = services
        .split('+')
        .any(|part| part.eq_ignore_ascii_case("E2U"));
    let all = method.eq_ignore_ascii_case("ALL");
    of_number && (all || parts.any(|part| part.eq_ignore_ascii_case(method)))
}

/// `!pattern!replacement!flags` applied to a number (RFC 3402 §3.2).
fn rewritten(rule: &str, number: &str) -> Option<Box<str>> {
    let delimiter = rule.chars().next()?;
    let mut parts = rule.split(delimiter).skip(1);
    let (pattern, replacement) = (parts.next()?, parts.next()?);
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(parts.next().is_some_and(|flags| flags.contains('i')))
        .size_limit(PATTERN_BYTES)
        .build()
        .ok()?;
    let groups = regex.captures(number)?;
    let mut uri = String::new();
    let mut rest = replacement.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next()? {
                digit @ '0'..='9' => {
                    let group = groups.get(digit as usize - '0' as usize);
                    uri.push_str(group.map_or("", |group| group.as_str()));
                }
                escaped => uri.push(escaped),
            },
            character => uri.push(character),
        }
    }
    Some(uri.into())
}

fn shown<'u>(uri: &'u str, method: &str, whole: bool) -> &'u str {
    match uri.split_once(':') {
        Some((_, rest)) if !whole && !method.eq_ignore_ascii_case("ALL") => rest,
        _ => uri,
    }
}

/// From 1.
fn nth<'t, T>(list: &'t [T], place: &str) -> Option<&'t T> {
    let place: usize = place.trim().parse().ok()?;
    list.get(place.checked_sub(1)?)
}

fn rows(step: &mut Step<'_>, wanted: &str, reply: Reply) -> Vec<Row> {
    match reply {
        Reply::Rows(rows) => rows,
        _ => {
            let wanted = Cow::Borrowed(wanted);
            step.warn("dns", || format!("DNS does not answer for '{wanted}'"));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
