//! `LEN`, `TOUPPER`, `TOLOWER`, `CUT(variable,delimiter,fields)` and
//! `FIELDQTY(variable,delimiter)`.

use super::super::state::Scope;

/// In bytes.
pub(super) fn len(_: &Scope<'_>, arguments: &str) -> String {
    arguments.len().to_string()
}

pub(super) fn to_upper(_: &Scope<'_>, arguments: &str) -> String {
    arguments.to_ascii_uppercase()
}

pub(super) fn to_lower(_: &Scope<'_>, arguments: &str) -> String {
    arguments.to_ascii_lowercase()
}

/// Fields are numbers and ranges joined by `&`, from 1: `1&3-5`, `2-`, `-2`.
pub(super) fn cut(scope: &Scope<'_>, arguments: &str) -> String {
    let (text, delimiter, wanted) = list(scope, arguments);
    let mut kept = Vec::new();
    for range in wanted.split('&').map(str::trim) {
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap_or(1), to.parse().unwrap_or(usize::MAX)),
            None => match range.parse() {
                Ok(field) => (field, field),
                Err(_) => continue,
            },
        };
        let numbered = text.split(delimiter).zip(1_usize..);
        kept.extend(
            numbered
                .filter(|(_, number)| (from..=to).contains(number))
                .map(|(field, _)| field),
        );
    }
    kept.join(delimiter.encode_utf8(&mut [0; 4]))
}

pub(super) fn field_quantity(scope: &Scope<'_>, arguments: &str) -> String {
    let (text, delimiter, _) = list(scope, arguments);
    if text.is_empty() {
        0
    } else {
        text.split(delimiter).count()
    }
    .to_string()
}

/// The value of the variable named, the delimiter (`-` unless given), the rest.
fn list<'a>(scope: &Scope<'_>, arguments: &'a str) -> (String, char, &'a str) {
    let mut parts = arguments.splitn(3, ',');
    let text = scope
        .variable(parts.next().unwrap_or("").trim())
        .unwrap_or_default()
        .into_owned();
    let delimiter = match parts.next().map(|part| part.trim_matches('"')) {
        Some("\\n") => '\n',
        Some("\\t") => '\t',
        Some(part) => part.trim_start_matches('\\').chars().next().unwrap_or('-'),
        None => '-',
    };
    (text, delimiter, parts.next().unwrap_or(""))
}
