//! `CALLERID`, `CALLERPRES`, `CONNECTEDLINE` and `REDIRECTING`: who calls,
//! whom the call is connected to, who redirected it.
//!
//! Names of their data are those of Asterisk: `num` may be written `number`,
//! `pres` `presentation`, `subaddr` `subaddress`, `ton` is `num-plan`.

use super::super::arguments::split;
use super::super::builder::shrink;
use super::super::inquiry::Inquiry;
use super::super::party::{
    CHARSETS, PRESENTATIONS, Party, PartyField, REASONS, SOURCES, presentation_name,
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
        None => caller(data).map_or_else(String::new, |datum| read(scope.state, datum)),
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

/// Whose datum, by its name.
type Named = fn(&str) -> Option<(Party, Datum)>;

fn read_other(scope: &Scope<'_>, arguments: &str, named: Named) -> String {
    let data = arguments.split(',').next().unwrap_or("");
    named(data).map_or_else(String::new, |datum| read(scope.state, datum))
}

fn caller(data: &str) -> Option<(Party, Datum)> {
    let parts = parts(data);
    Some(match parts.as_slice() {
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

fn connected(data: &str) -> Option<(Party, Datum)> {
    let parts = parts(data);
    Some(match parts.as_slice() {
        ["source"] => (Party::Connected, Datum::Field(PartyField::Source)),
        ["priv", rest @ ..] => (Party::ConnectedPrivate, datum(rest)?),
        rest => (Party::Connected, datum(rest)?),
    })
}

fn redirecting(data: &str) -> Option<(Party, Datum)> {
    let parts = parts(data);
    Some(match parts.as_slice() {
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

/// The parts of a name, each by its short form.
fn parts(data: &str) -> Vec<&'static str> {
    const WORDS: [&str; 24] = [
        "all", "ani", "ani2", "charset", "count", "dnid", "from", "name", "odd", "orig", "plan",
        "priv", "rdnis", "reason", "source", "tag", "to", "ton", "type", "valid", "num", "pres",
        "subaddr", "",
    ];
    let word = |part: &str| {
        let part = part.to_ascii_lowercase();
        let longer = ["num", "pres", "subaddr"].into_iter();
        let mut known = longer
            .filter(|short| part.starts_with(short))
            .chain(WORDS.into_iter().filter(|word| *word == part));
        known.next().unwrap_or("?")
    };
    data.trim().split('-').map(word).collect()
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
    match parts(data).as_slice() {
        ["all"] => format!("\"{name}\" <{number}>"),
        ["name"] => name,
        ["num"] => number,
        _ => String::new(),
    }
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
    match number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"*#+".contains(&byte))
    {
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
    let written = named(data).is_some_and(|(party, datum)| match datum {
        Datum::All => {
            let (name, number) = split_caller_id(value);
            step.state.set_party(party, PartyField::Name, &name);
            step.state.set_party(party, PartyField::Number, &number);
            true
        }
        Datum::Presentation => normal(PartyField::NumberPresentation, value)
            .map(|value| {
                step.state
                    .set_party(party, PartyField::NamePresentation, &value);
                step.state
                    .set_party(party, PartyField::NumberPresentation, &value);
            })
            .is_some(),
        Datum::Field(field) => normal(field, value)
            .map(|value| step.state.set_party(party, field, &value))
            .is_some(),
    });
    if !written {
        step.warn("no-function", || {
            format!("Set: {function}({data}) cannot be set to '{value}'")
        });
    } else if named(data).is_some_and(is_shown) {
        present(step);
    }
    None
}

/// Whether callees see it.
fn is_shown((party, datum): (Party, Datum)) -> bool {
    use PartyField::{Name, Number};
    party == Party::Caller && matches!(datum, Datum::All | Datum::Field(Name | Number))
}

/// Callees requested from now on see the caller as it is now.
fn present(step: &mut Step<'_>) {
    if !step.channels.present(&step.state.number, &step.state.name) {
        step.warn("callerid", || {
            "Set: CALLERID changes nothing for callees here".into()
        });
    }
}

/// The form a value is kept in; nothing for one the field does not take.
fn normal(field: PartyField, value: &str) -> Option<String> {
    let number = leading_number(value).filter(|_| value.starts_with(|c: char| c.is_ascii_digit()));
    let flag = |yes: &str| {
        String::from(if leading_number(value).unwrap_or(0) != 0 {
            yes
        } else {
            "0"
        })
    };
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
            let mut known = PRESENTATIONS.iter();
            let named = known.find(|(name, _)| name.eq_ignore_ascii_case(value));
            let named = named.map(|&(_, number)| i64::from(number));
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
