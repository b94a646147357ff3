//! Functions of lists, which are texts with a delimiter: `CUT`, `FIELDQTY`,
//! `FIELDNUM`, `LISTFILTER`, `SORT`, `SHIFT`, `POP`, `PUSH`, `UNSHIFT`, and
//! `ARRAY`.
//!
//! The list is named: it is a variable's value or a function's. A delimiter
//! is one character, which may be encoded (`\n`, `\x2C`, `\054`).

use super::super::arguments::{decoded, decoded_text, split, split_raw};
use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;
use super::super::substitute::leading_number;

/// `name,delimiter,rest`: the name, the delimiter, the rest.
struct List<'a> {
    name: String,
    delimiter: Option<char>,
    rest: Option<alloc::borrow::Cow<'a, str>>,
}

impl<'a> List<'a> {
    fn parse(arguments: &'a str) -> List<'a> {
        let mut parts = split_raw(arguments, 3).into_iter();
        let name = parts.next().unwrap_or_default().into_owned();
        let delimiter = parts.next().and_then(|part| delimiter(&part));
        List {
            name,
            delimiter,
            rest: parts.next(),
        }
    }
}

/// What a delimiter's text stands for: quotes around it do not count, nor
/// does a backslash in front of an encoded one.
fn delimiter(text: &str) -> Option<char> {
    let text = match text.len() > 1 {
        true => text.trim_matches('"'),
        false => text,
    };
    let text = match text.strip_prefix('\\') {
        Some(encoded) if encoded.starts_with('\\') => encoded,
        _ => text,
    };
    decoded(text).map(|(character, _)| character)
}

/// `CUT(name[,delimiter],fields)`: fields are numbers and ranges joined by
/// `&`, from 1: `1&3-5`, `2-`, `-2`. They come in the list's order: a field
/// before one that was taken is not found again. The delimiter is `-` if none
/// is given.
pub(super) fn cut(step: &mut Step<'_>, arguments: &str) -> String {
    let list = List::parse(arguments);
    let Some(fields) = list.rest else {
        step.warn("arguments", || {
            format!("CUT({arguments}): name, delimiter and fields are needed")
        });
        return String::new();
    };
    let delimiter = list.delimiter.unwrap_or('-');
    let text = step.value_of(&list.name);
    if text.is_empty() {
        return text;
    }
    let mut ahead = text.split(delimiter).zip(1_i64..).peekable();
    let mut kept = Vec::new();
    for range in fields.split('&') {
        let Some((from, to)) = range_of(range) else {
            step.warn("arguments", || {
                format!("CUT: '{range}' is not a range of fields")
            });
            return String::new();
        };
        while ahead.next_if(|&(_, number)| number < from).is_some() {}
        while let Some((field, _)) = ahead.next_if(|&(_, number)| number <= to) {
            kept.push(field);
        }
    }
    kept.join(delimiter.encode_utf8(&mut [0; 4]))
}

fn range_of(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if let Some(to) = text.strip_prefix('-') {
        return Some((1, leading_number(to)?));
    }
    let from = leading_number(text)?;
    Some(match text.split_once('-') {
        Some((_, to)) => (from, leading_number(to).unwrap_or(i64::MAX)),
        None => (from, from),
    })
}

/// `FIELDQTY(name,delimiter)`: how many fields there are; 1 if no delimiter is
/// given.
pub(super) fn field_quantity(step: &mut Step<'_>, arguments: &str) -> String {
    let list = List::parse(arguments);
    let Some(delimiter) = list.delimiter else {
        return String::from("1");
    };
    let text = step.value_of(&list.name);
    match text.is_empty() {
        true => 0,
        false => text.split(delimiter).count(),
    }
    .to_string()
}

/// `FIELDNUM(name,delimiter,value)`: the number of the first field of that
/// value, from 1; 0 if there is none. Case does not count.
pub(super) fn field_number(step: &mut Step<'_>, arguments: &str) -> String {
    let list = List::parse(arguments);
    let (Some(delimiter), Some(wanted)) = (list.delimiter, list.rest) else {
        return String::from("0");
    };
    let text = step.value_of(&list.name);
    let mut fields = text.split(delimiter).filter(|_| !text.is_empty());
    let at = fields.position(|field| field.eq_ignore_ascii_case(&wanted));
    at.map_or(0, |at| at + 1).to_string()
}

/// `LISTFILTER(name,delimiter,value)`: the list without the fields of that
/// value. The delimiter may be longer than one character; it is `,` if none
/// is given.
pub(super) fn filter(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split_raw(arguments, 3);
    let [name, delimiter, unwanted] = parts.as_slice() else {
        step.warn("arguments", || {
            format!("LISTFILTER({arguments}): name, delimiter and value are needed")
        });
        return String::new();
    };
    let delimiter = match decoded_text(delimiter.trim_matches('"')) {
        none if none.is_empty() => String::from(","),
        delimiter => delimiter,
    };
    let text = step.value_of(name);
    let kept = text.split(&*delimiter).filter(|field| field != unwanted);
    kept.collect::<Vec<_>>().join(&delimiter)
}

/// `SORT(key:value,…)`: the keys by rising value. What has no value is left
/// out.
pub(super) fn sort(_: &Scope<'_>, arguments: &str) -> String {
    let pair = |pair: &'_ str| {
        let (key, value) = pair.split_once(':')?;
        Some((key.to_string(), super::leading_float(value).unwrap_or(0.0)))
    };
    let mut pairs: Vec<_> = arguments.split(',').filter_map(pair).collect();
    pairs.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let keys: Vec<_> = pairs.into_iter().map(|(key, _)| key).collect();
    keys.join(",")
}

/// `SHIFT(name[,delimiter])`: takes the first field off the variable.
pub(super) fn shift(step: &mut Step<'_>, arguments: &str) -> String {
    take(step, arguments, |text, delimiter| {
        text.split_once(delimiter)
    })
}

/// `POP(name[,delimiter])`: takes the last field off the variable.
pub(super) fn pop(step: &mut Step<'_>, arguments: &str) -> String {
    take(step, arguments, |text, delimiter| {
        text.rsplit_once(delimiter).map(|(rest, last)| (last, rest))
    })
}

fn take(
    step: &mut Step<'_>,
    arguments: &str,
    split: fn(&str, char) -> Option<(&str, &str)>,
) -> String {
    let list = List::parse(arguments);
    let text = step.scope().value_at_once(&list.name);
    if text.is_empty() {
        return text;
    }
    let (taken, rest) = split(&text, list.delimiter.unwrap_or(',')).unwrap_or((&text, ""));
    step.assign_at_once(&list.name, rest);
    taken.into()
}

/// `Set(PUSH(name[,delimiter])=value)`: adds to the end of the list.
pub(super) fn push(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    add(
        step,
        arguments,
        |delimiter, list| format!("{list}{delimiter}{value}"),
        value,
    )
}

/// `Set(UNSHIFT(name[,delimiter])=value)`: adds in front of the list.
pub(super) fn unshift(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    add(
        step,
        arguments,
        |delimiter, list| format!("{value}{delimiter}{list}"),
        value,
    )
}

fn add(
    step: &mut Step<'_>,
    arguments: &str,
    joined: impl Fn(char, &str) -> String,
    value: &str,
) -> Option<Inquiry> {
    let List {
        name, delimiter, ..
    } = List::parse(arguments);
    let text = step.scope().value_at_once(&name);
    match text.is_empty() {
        true => step.assign(&name, value),
        false => step.assign(&name, &joined(delimiter.unwrap_or(','), &text)),
    }
}

/// Variables `ARRAY` sets, at most.
const ARRAY: usize = 100;

/// `Set(ARRAY(a,b,…)=1,2,…)`: names without a value are set to nothing.
pub(super) fn array(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let mut values = split(value, ARRAY).into_iter();
    for name in split(arguments, ARRAY) {
        step.assign_at_once(&name, &values.next().unwrap_or_default());
    }
    None
}
