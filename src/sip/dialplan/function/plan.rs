//! `DIALPLAN_EXISTS`, `VALID_EXTEN`, `HINT` and `EXTENSION_STATE`: what the
//! plan says of extensions.

use super::super::arguments::split;
use super::super::plan::{Place, Seek, split_hint};
use super::super::state::Scope;
use super::super::step::Step;
use super::super::substitute::{Names, leading_number};
use super::truth;

/// `DIALPLAN_EXISTS(context[,exten[,priority]])`: whether there is such a
/// context, extension (with priority 1), or priority or label.
pub(super) fn exists(scope: &Scope<'_>, arguments: &str) -> String {
    let parts = split(arguments, 4);
    let part = |at: usize| parts.get(at).map_or("", |part| part.trim());
    let (context, exten, priority) = (part(0), part(1), part(2));
    truth(match exten {
        "" => !context.is_empty() && scope.plan.context(context).is_some(),
        _ => has(scope, context, exten, priority),
    })
}

/// `VALID_EXTEN([context],exten[,priority])`: whether there is one; the
/// context at hand and priority 1 unless given.
pub(super) fn is_valid(scope: &Scope<'_>, arguments: &str) -> String {
    let parts = split(arguments, 4);
    let part = |at: usize| parts.get(at).map_or("", |part| part.trim());
    let context = match part(0) {
        "" => &**scope.state.position.context(),
        context => context,
    };
    truth(!part(1).is_empty() && has(scope, context, part(1), part(2)))
}

fn has(scope: &Scope<'_>, context: &str, exten: &str, priority: &str) -> bool {
    let place = Place {
        context,
        exten,
        ..scope.state.place(scope.now())
    };
    let seek = match leading_number(priority) {
        _ if priority.is_empty() => Some(Seek::Priority(1)),
        Some(number) => u32::try_from(number).ok().map(Seek::Priority),
        None => Some(Seek::Label(priority)),
    };
    seek.is_some_and(|seek| scope.plan.find(place, seek).is_some())
}

/// `HINT(exten[@context][,n])`: the devices an extension's hint names, or with
/// `n` its name; the context at hand unless given.
pub(super) fn hint(scope: &Scope<'_>, arguments: &str) -> String {
    let parts = split(arguments, 3);
    let exten = parts.first().map_or("", |part| part.trim());
    let by_name = parts.get(1).is_some_and(|options| options.contains('n'));
    let hint = of_extension(scope, exten, scope.state.position.context()).unwrap_or_default();
    let (devices, name) = split_hint(hint);
    if by_name { name } else { devices }.into()
}

/// `EXTENSION_STATE(exten[@context])`: the state of the devices of its hint
/// taken together; the context is `default` unless given.
pub(super) fn state(step: &mut Step<'_>, arguments: &str) -> String {
    let scope = step.scope();
    let Some(hint) = of_extension(&scope, arguments.trim(), "default") else {
        return String::from("UNKNOWN");
    };
    let (devices, _) = split_hint(hint);
    // A presence provider follows the devices.
    let devices = devices.split(',').next().unwrap_or("").to_string();
    let mut all = Aggregate::default();
    for device in devices.split('&').map(str::trim) {
        let state = step.function("DEVICE_STATE", device).unwrap_or_default();
        all.add(&state);
    }
    all.state().into()
}

fn of_extension<'a>(scope: &Scope<'a>, exten: &str, context: &str) -> Option<&'a str> {
    let (exten, context) = exten.split_once('@').unwrap_or((exten, context));
    let place = Place {
        context,
        exten,
        ..scope.state.place(scope.now())
    };
    scope.plan.hint(place)
}

/// Device states by rising weight (`ast_devstate_aggregate_add`), each with
/// the extension's state it makes.
const STATES: [(&str, &str); 9] = [
    ("INVALID", "UNAVAILABLE"),
    ("UNKNOWN", "NOT_INUSE"),
    ("UNAVAILABLE", "UNAVAILABLE"),
    ("NOT_INUSE", "NOT_INUSE"),
    ("ONHOLD", "ONHOLD"),
    ("RINGING", "RINGING"),
    ("INUSE", "INUSE"),
    ("BUSY", "BUSY"),
    ("RINGINUSE", "RINGINUSE"),
];

/// Several devices' states taken together.
#[derive(Default)]
struct Aggregate {
    weight: usize,
    rings: bool,
    in_use: bool,
}

impl Aggregate {
    fn add(&mut self, state: &str) {
        let weight = STATES.iter().position(|&(device, _)| device == state);
        self.weight = self.weight.max(weight.unwrap_or(1));
        self.rings |= state == "RINGING";
        self.in_use |= matches!(state, "INUSE" | "ONHOLD" | "BUSY");
    }

    fn state(&self) -> &'static str {
        match self.rings && self.in_use {
            true => "RINGINUSE",
            false => STATES
                .get(self.weight)
                .map_or("UNKNOWN", |&(_, state)| state),
        }
    }
}
