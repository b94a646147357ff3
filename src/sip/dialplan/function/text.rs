//! Functions of texts: `LEN`, `TOUPPER`, `TOLOWER`, `KEYPADHASH`, `QUOTE`,
//! `CSV_QUOTE`, `SQL_ESC`, `PASSTHRU`, `FILTER`, `REGEX`, `REPLACE`,
//! `STRREPLACE`, `EVAL`.
//!
//! A text is UTF-8: what Asterisk does byte by byte is done by characters,
//! except for lengths, which are in bytes.

use super::super::arguments::{decoded, decoded_text, first, split, split_raw};
use super::super::expression::Regex;
use super::super::state::Scope;
use super::super::step::Step;
use super::super::substitute::{TEXT_BYTES, leading_number};
use crate::base::Decimal;

/// `LEN(text)`, in bytes.
pub(super) fn len(_: &Scope<'_>, arguments: &str) -> String {
    Decimal::new(arguments.len() as u64).as_str().into()
}

/// `TOUPPER(text)`, for the letters of ASCII.
pub(super) fn to_upper(_: &Scope<'_>, arguments: &str) -> String {
    arguments.to_ascii_uppercase()
}

/// `TOLOWER(text)`, for the letters of ASCII.
pub(super) fn to_lower(_: &Scope<'_>, arguments: &str) -> String {
    arguments.to_ascii_lowercase()
}

/// `PASSTHRU(text)`: a text where a function wants the name of a variable.
pub(super) fn pass_through(_: &Scope<'_>, arguments: &str) -> String {
    arguments.into()
}

/// `KEYPADHASH(text)`: letters as the keys of a telephone; what is on no key
/// is left out.
pub(super) fn keypad_hash(_: &Scope<'_>, arguments: &str) -> String {
    let key = |character: char| {
        Some(match character.to_ascii_lowercase() {
            digit @ '0'..='9' => digit,
            'a'..='c' => '2',
            'd'..='f' => '3',
            'g'..='i' => '4',
            'j'..='l' => '5',
            'm'..='o' => '6',
            'p'..='s' => '7',
            't'..='v' => '8',
            'w'..='z' => '9',
            _ => return None,
        })
    };
    arguments.chars().filter_map(key).collect()
}

/// `QUOTE(text)`: in quotes, with `\` before quotes and backslashes.
pub(super) fn quote(_: &Scope<'_>, arguments: &str) -> String {
    let escaped = arguments.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// `CSV_QUOTE(text)`: in quotes, with quotes doubled.
pub(super) fn csv_quote(_: &Scope<'_>, arguments: &str) -> String {
    format!("\"{}\"", arguments.replace('"', "\"\""))
}

/// `SQL_ESC(text)`: with apostrophes doubled.
pub(super) fn sql_escape(_: &Scope<'_>, arguments: &str) -> String {
    arguments.replace('\'', "''")
}

/// `FILTER(allowed,text)`: the characters of the text that are allowed, which
/// are characters and ranges like `0-9`, encoded ones too.
pub(super) fn filter(_: &Scope<'_>, arguments: &str) -> String {
    let (allowed, text) = first(arguments, ',', false);
    let ranges = ranges(&allowed);
    let kept = |character: &char| {
        let within = |&(from, to): &(char, char)| match from <= to {
            true => (from..=to).contains(character),
            // A range that goes down wraps round the end of the bytes.
            false => *character >= from || *character <= to,
        };
        ranges.iter().any(within)
    };
    text.unwrap_or("").chars().filter(kept).collect()
}

fn ranges(mut allowed: &str) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    while let Some((from, rest)) = decoded(allowed) {
        let range = rest.strip_prefix('-').map(|rest| (decoded(rest), rest));
        allowed = match range {
            Some((Some((to, rest)), _)) => {
                ranges.push((from, to));
                rest
            }
            Some((None, rest)) => {
                ranges.push((from, from));
                rest
            }
            None => {
                ranges.push((from, from));
                rest
            }
        };
    }
    ranges
}

/// `REGEX("expression" text)`: 1 if the text matches, else 0. One blank after
/// the quotes does not belong to the text.
pub(super) fn regex(step: &mut Step<'_>, arguments: &str) -> String {
    let mut parts = arguments.splitn(3, '"').skip(1);
    let (Some(pattern), Some(text)) = (parts.next(), parts.next()) else {
        step.warn("arguments", || {
            format!("REGEX({arguments}): the expression belongs in quotes, the text behind it")
        });
        return String::new();
    };
    match Regex::new(pattern) {
        Some(regex) => {
            let text = text.strip_prefix([' ', '\t']).unwrap_or(text);
            super::truth(regex.is_match(text))
        }
        None => {
            step.warn("arguments", || {
                format!("REGEX: '{pattern}' is not a regular expression")
            });
            String::new()
        }
    }
}

/// `REPLACE(variable,characters[,replacement])`: each of the characters gives
/// way to the replacement, one character or none.
pub(super) fn replace(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split_raw(arguments, 3);
    let part = |at: usize| parts.get(at).map_or("", |part| &**part);
    let find = decoded_text(part(1));
    if find.is_empty() {
        return nothing_to_find(step, arguments);
    }
    let replacement = decoded(part(2)).map(|(character, _)| character);
    let text = step.value_of(part(0));
    let character = |character| match find.contains(character) {
        true => replacement,
        false => Some(character),
    };
    text.chars().filter_map(character).collect()
}

/// `STRREPLACE(variable,text[,replacement[,most]])`: each occurrence of the
/// text, or as many as are allowed, gives way to the replacement.
pub(super) fn replace_text(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 5);
    let part = |at: usize| parts.get(at).map_or("", |part| &**part);
    let (find, replacement) = (part(1), part(2));
    if find.is_empty() {
        return nothing_to_find(step, arguments);
    }
    let most = leading_number(part(3)).filter(|&most| most > 0);
    let most = most.map_or(usize::MAX, |most| most as usize);
    let text = step.value_of(part(0));
    let found = text.matches(find).count().min(most);
    let growth = replacement.len().saturating_sub(find.len());
    // As often as the longest text has room for.
    let room = TEXT_BYTES.checked_div(growth).unwrap_or(found);
    text.replacen(find, replacement, found.min(room))
}

fn nothing_to_find(step: &mut Step<'_>, arguments: &str) -> String {
    step.warn("arguments", || {
        format!("REPLACE/STRREPLACE({arguments}): there is nothing to look for")
    });
    String::new()
}

/// `EVAL(text)`: the text read once more.
pub(super) fn eval(step: &mut Step<'_>, arguments: &str) -> String {
    step.evaluate(arguments)
}
