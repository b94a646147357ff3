//! `CALLERID`, `CALLERPRES`, `CONNECTEDLINE` and `REDIRECTING`: who calls,
//! whom the call is connected to, who redirected it.
//!
//! Names of their data are those of Asterisk: `num` may be written `number`,
//! `pres` `presentation`, `subaddr` `subaddress`, `ton` is `num-plan`.

use alloc::borrow::Cow;

use smallvec::SmallVec;

use super::super::arguments::{split, split_at_byte, trimmed};
use super::super::builder::shrink;
use super::super::inquiry::Inquiry;
use super::super::party::{
    CHARSETS, Party, PartyField, REASONS, SOURCES, presentation, presentation_name,
};
use super::super::state::{Scope, State};
use super::super::step::Step;
use super::super::substitute::leading_number;

/// What a name of data stands for.
#[derive(Clone, Copy)]
enum Datum {
    Field(PartyField),
    /// `"name" <number>`.
    All,
    /// The presentation of name and number together.
    Presentation,
}

/// `CALLERID(data[,caller id])`: of the caller, or of the text given.
pub(super) fn read_caller(scope: &Scope<'_>, arguments: &str) -> String {
    let parts = split(arguments, 2);
    let data = parts.first().map_or("", |part| &**part);
    match parts.get(1) {
        Some(caller_id) => of_caller_id(data, caller_id),
        None => read_named(scope, data, caller),
    }
}

pub(super) fn write_caller(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    write(step, "CALLERID", arguments, value, caller)
}

/// `CALLERPRES()`: the presentation of the caller's name and number.
pub(super) fn read_presentation(scope: &Scope<'_>, _: &str) -> String {
    read(scope.state, (Party::Caller, Datum::Presentation))
}

pub(super) fn write_presentation(step: &mut Step<'_>, _: &str, value: &str) -> Option<Inquiry> {
    write(step, "CALLERPRES", "pres", value, caller)
}

/// `CONNECTEDLINE(data[,i])`; `i` keeps the other side from being told.
pub(super) fn read_connected(scope: &Scope<'_>, arguments: &str) -> String {
    read_other(scope, arguments, connected)
}

pub(super) fn write_connected(
    step: &mut Step<'_>,
    arguments: &str,
    value: &str,
) -> Option<Inquiry> {
    write(step, "CONNECTEDLINE", arguments, value, connected)
}

/// `REDIRECTING(data[,i])`.
pub(super) fn read_redirecting(scope: &Scope<'_>, arguments: &str) -> String {
    read_other(scope, arguments, redirecting)
}

pub(super) fn write_redirecting(
    step: &mut Step<'_>,
    arguments: &str,
    value: &str,
) -> Option<Inquiry> {
    write(step, "REDIRECTING", arguments, value, redirecting)
}

/// Whose datum, by the parts of its name.
type Named = fn(&[&str]) -> Option<(Party, Datum)>;

fn read_other(scope: &Scope<'_>, arguments: &str, named: Named) -> String {
    read_named(scope, arguments.split(',').next().unwrap_or(""), named)
}

fn read_named(scope: &Scope<'_>, data: &str, named: Named) -> String {
    let datum = with_parts(data, named);
    datum.map_or_else(String::new, |datum| read(scope.state, datum))
}

fn caller(parts: &[&str]) -> Option<(Party, Datum)> {
    Some(match parts {
        ["rdnis"] => (Party::From, Datum::Field(PartyField::Number)),
        ["ani2"] => (Party::Caller, Datum::Field(PartyField::Ani2)),
        ["dnid"] => (Party::Dialled, Datum::Field(PartyField::Number)),
        ["dnid", rest @ ..] => match rest {
            ["num"] | ["num", "plan"] | ["subaddr", ..] => (Party::Dialled, datum(rest)?),
            _ => return None,
        },
        ["ani"] => (Party::Ani, Datum::Field(PartyField::Number)),
        ["ani", rest @ ..] => (Party::Ani, datum(rest)?),
        ["priv", rest @ ..] => (Party::Private, datum(rest)?),
        rest => (Party::Caller, datum(rest)?),
    })
}

fn connected(parts: &[&str]) -> Option<(Party, Datum)> {
    Some(match parts {
        ["source"] => (Party::Connected, Datum::Field(PartyField::Source)),
        ["priv", rest @ ..] => (Party::ConnectedPrivate, datum(rest)?),
        rest => (Party::Connected, datum(rest)?),
    })
}

fn redirecting(parts: &[&str]) -> Option<(Party, Datum)> {
    Some(match parts {
        ["orig", "reason"] => (Party::Original, Datum::Field(PartyField::Reason)),
        ["reason"] => (Party::From, Datum::Field(PartyField::Reason)),
        ["count"] => (Party::From, Datum::Field(PartyField::Count)),
        ["pres"] => (Party::From, Datum::Presentation),
        ["orig", rest @ ..] => (Party::Original, datum(rest)?),
        ["from", rest @ ..] => (Party::From, datum(rest)?),
        ["to", rest @ ..] => (Party::To, datum(rest)?),
        ["priv", "orig", rest @ ..] => (Party::OriginalPrivate, datum(rest)?),
        ["priv", "from", rest @ ..] => (Party::FromPrivate, datum(rest)?),
        ["priv", "to", rest @ ..] => (Party::ToPrivate, datum(rest)?),
        _ => return None,
    })
}

fn datum(parts: &[&str]) -> Option<Datum> {
    Some(Datum::Field(match parts {
        ["all"] => return Some(Datum::All),
        ["pres"] => return Some(Datum::Presentation),
        ["name"] => PartyField::Name,
        ["name", "valid"] => PartyField::NameValid,
        ["name", "charset"] => PartyField::NameCharset,
        ["name", "pres"] => PartyField::NamePresentation,
        ["num"] => PartyField::Number,
        ["num", "valid"] => PartyField::NumberValid,
        ["num", "plan"] | ["ton"] => PartyField::NumberPlan,
        ["num", "pres"] => PartyField::NumberPresentation,
        ["subaddr"] => PartyField::Subaddress,
        ["subaddr", "valid"] => PartyField::SubaddressValid,
        ["subaddr", "type"] => PartyField::SubaddressType,
        ["subaddr", "odd"] => PartyField::SubaddressOdd,
        ["tag"] => PartyField::Tag,
        _ => return None,
    }))
}

/// Hands the parts of a name to `of`, in small letters and by their short
/// forms.
fn with_parts<T>(data: &str, of: impl FnOnce(&[&str]) -> T) -> T {
    let mut data = Cow::Borrowed(trimmed(data));
    if data.bytes().any(|byte| byte.is_ascii_uppercase()) {
        data = Cow::Owned(data.to_ascii_lowercase());
    }
    let short = |part| {
        let mut forms = ["num", "pres", "subaddr"].into_iter();
        forms
            .find(|form| str::starts_with(part, form))
            .unwrap_or(part)
    };
    let mut parts: SmallVec<[&str; 4]> = SmallVec::new();
    let mut rest = &*data;
    while let Some((part, after)) = split_at_byte(rest, b'-') {
        parts.push(short(part));
        rest = after;
    }
    parts.push(short(rest));
    of(&parts)
}

fn read(state: &State, (party, datum): (Party, Datum)) -> String {
    match datum {
        Datum::All => format!(
            "\"{}\" <{}>",
            state.party(party, PartyField::Name),
            state.party(party, PartyField::Number)
        ),
        Datum::Presentation => presentation_name(state.presentation(party)).into(),
        Datum::Field(field @ (PartyField::NamePresentation | PartyField::NumberPresentation)) => {
            presentation_name(state.party(party, field).parse().unwrap_or(0)).into()
        }
        Datum::Field(field) => state.party(party, field).into(),
    }
}

/// Data of a caller id that is written out.
fn of_caller_id(data: &str, caller_id: &str) -> String {
    let (name, number) = split_caller_id(caller_id);
    with_parts(data, |parts| match parts {
        ["all"] => format!("\"{name}\" <{number}>"),
        ["name"] => name,
        ["num"] => number,
        _ => String::new(),
    })
}

/// `"name" <number>` as its two halves; a text that could be a number is one.
fn split_caller_id(text: &str) -> (String, String) {
    let name = |text: &str| {
        let quoted = text
            .split('"')
            .nth(1)
            .filter(|_| text.matches('"').count() > 1);
        String::from(quoted.unwrap_or(text).trim())
    };
    let bracketed = text
        .split_once('<')
        .and_then(|(before, after)| Some((before, after.split_once('>')?.0)));
    if let Some((before, number)) = bracketed {
        return (name(before), shrink(number));
    }
    let number = shrink(text);
    let dialled = |byte: u8| byte.is_ascii_digit() || b"*#+".contains(&byte);
    match number.bytes().all(dialled) {
        true => (String::new(), number),
        false => (name(text), String::new()),
    }
}

fn write(
    step: &mut Step<'_>,
    function: &str,
    arguments: &str,
    value: &str,
    named: Named,
) -> Option<Inquiry> {
    let value = value.trim();
    let data = arguments.split(',').next().unwrap_or("");
    let written = with_parts(data, named).and_then(|(party, datum)| {
        for (field, value) in changes(datum, value)? {
            step.state.set_party(party, field, &value);
        }
        Some((party, datum))
    });
    match written {
        Some(written) if is_shown(written) => present(step),
        Some(_) => {}
        None => step.warn("no-function", || {
            format!("Set: {function}({data}) cannot be set to '{value}'")
        }),
    }
    None
}

/// What a value makes of the fields of a datum; nothing for one it does not
/// take.
fn changes(datum: Datum, value: &str) -> Option<Vec<(PartyField, String)>> {
    use PartyField::{Name, NamePresentation, Number, NumberPresentation};
    Some(match datum {
        Datum::All => {
            let (name, number) = split_caller_id(value);
            vec![(Name, name), (Number, number)]
        }
        Datum::Presentation => {
            let value = normal(NumberPresentation, value)?;
            vec![
                (NamePresentation, value.clone()),
                (NumberPresentation, value),
            ]
        }
        Datum::Field(field) => vec![(field, normal(field, value)?)],
    })
}

/// Whether callees see it.
fn is_shown((party, datum): (Party, Datum)) -> bool {
    use PartyField::{Name, NamePresentation, Number, NumberPresentation};
    let shown = match datum {
        Datum::All | Datum::Presentation => true,
        Datum::Field(field) => {
            matches!(field, Name | NamePresentation | Number | NumberPresentation)
        }
    };
    party == Party::Caller && shown
}

/// Callees requested from now on see the caller as it is now.
fn present(step: &mut Step<'_>) {
    let state = &step.state;
    let known = |valid| state.party(Party::Caller, valid) != "0";
    // Of nobody there is nothing to withhold.
    let anybody = known(PartyField::NameValid) || known(PartyField::NumberValid);
    let octet = anybody.then(|| state.presentation(Party::Caller));
    let octet = octet.and_then(|octet| u8::try_from(octet).ok());
    if !step.channels.present(&state.number, &state.name, octet) {
        step.warn("callerid", || {
            "Set: CALLERID changes nothing for callees here".into()
        });
    }
}

/// The form a value is kept in; nothing for one the field does not take.
fn normal(field: PartyField, value: &str) -> Option<String> {
    let number = leading_number(value).filter(|_| value.starts_with(|c: char| c.is_ascii_digit()));
    let set = leading_number(value).is_some_and(|number| number != 0);
    let flag = |yes: &str| String::from(if set { yes } else { "0" });
    let one_of = |names: &[&'static str]| {
        let mut known = names.iter();
        let named = known.find(|name| name.eq_ignore_ascii_case(value));
        let numbered = number.and_then(|number| names.get(usize::try_from(number).ok()?));
        named.or(numbered).map(|name| String::from(*name))
    };
    match field {
        PartyField::NameValid
        | PartyField::NumberValid
        | PartyField::SubaddressValid
        | PartyField::SubaddressOdd => Some(flag("1")),
        PartyField::SubaddressType => Some(flag("2")),
        PartyField::NamePresentation | PartyField::NumberPresentation => {
            let named = presentation(&value.to_ascii_lowercase()).map(i64::from);
            named.or(number).map(|number| number.to_string())
        }
        PartyField::NumberPlan | PartyField::Ani2 | PartyField::Count => {
            number.map(|number| number.to_string())
        }
        PartyField::NameCharset => one_of(&CHARSETS),
        PartyField::Source => one_of(&SOURCES),
        // A reason of one's own is as good as those that have a name.
        PartyField::Reason => one_of(&REASONS).or_else(|| Some(value.into())),
        _ => Some(value.into()),
    }
}
