//! `switch`, `lswitch`, `eswitch` and `overrideswitch`: extensions that are
//! found outside of the plan.
//!
//! It knows what to ask and how to read the reply; who asks, and when, is the
//! cursor's matter.

use alloc::borrow::Cow;

use super::inquiry::{Lookup, Row};
use super::pattern::{Match, Pattern};
use super::plan::{Context, Instruction, Place, Plan, Seek};
use super::state::Scope;
use super::substitute::{Names, substitute};
use super::template::Template;

/// Which line a switch stands in: how its data was, or will be, expanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwitchKind {
    /// `switch`: at load.
    Switch,
    /// `lswitch`: never.
    Lswitch,
    /// `eswitch`: during the call, at each search.
    Eswitch,
}

/// A switch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Switch {
    kind: SwitchKind,
    name: Box<str>,
    data: Box<str>,
}

impl Switch {
    pub(super) fn new(kind: SwitchKind, name: &str, data: &str) -> Switch {
        Switch {
            kind,
            name: name.into(),
            data: data.into(),
        }
    }

    /// Which line it stands in.
    pub fn kind(&self) -> SwitchKind {
        self.kind
    }

    /// Such as `Realtime`; case does not count.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What follows the name's `/`.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Whether this engine has a switch of that name. Others find nothing.
    pub fn is_known(name: &str) -> bool {
        name.eq_ignore_ascii_case("Realtime")
    }

    /// Whether it is one that can be asked.
    pub fn asks(&self) -> bool {
        Switch::is_known(&self.name)
    }

    /// What to ask: `[[context@]family][/options]`; the option `p` leaves
    /// patterns out.
    fn lookup(&self, scope: &Scope<'_>, context: &str, seek: Sought<'_>) -> Lookup {
        let mut troubles = Vec::new();
        let data = match self.kind {
            SwitchKind::Eswitch => substitute(&self.data, &mut Reader(scope), &mut troubles),
            SwitchKind::Switch | SwitchKind::Lswitch => Cow::Borrowed(&*self.data),
        };
        let (place, options) = data.split_once('/').unwrap_or((&data, ""));
        let (named, family) = match place.split_once('@') {
            Some((context, family)) => (context, family),
            None => ("", place),
        };
        let or = |text: &str, default: &str| match text.trim() {
            "" => default.into(),
            text => text.into(),
        };
        Lookup {
            family: or(family, "extensions"),
            context: or(named, context),
            exten: seek.exten.into(),
            priority: seek.priority,
            patterns: !options.contains('p'),
        }
    }
}

impl core::fmt::Display for Switch {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}/{}", self.name, self.data)
    }
}

/// The extension and priority looked for.
#[derive(Clone, Copy)]
struct Sought<'a> {
    exten: &'a str,
    priority: u32,
}

/// What a search through plan and switches yields.
pub(super) enum Found<'p> {
    /// An instruction of the plan.
    Plan(&'p Instruction),
    /// One of a table.
    Table(Box<Instruction>),
    /// Nothing.
    Nothing,
    /// The rows of this are needed first; then the search is made again.
    Ask(Box<Lookup>),
}

/// What switches have replied during one call: the search begins anew with
/// each reply, and a loop asks once. Of each reply the row that counts is kept.
#[derive(Default)]
pub(super) struct Replies(Vec<(Box<Lookup>, Option<Row>)>);

impl Replies {
    /// Replies kept from one instruction to the next.
    const KEPT: usize = 16;

    /// Bytes of replies kept so; one search may need as many more.
    const ROOM_BYTES: usize = 64 << 10;

    pub(super) fn add(&mut self, lookup: Box<Lookup>, rows: Vec<Row>) {
        let mut rows = rows.into_iter();
        let row = rows.find(|row| matches(row, &lookup.exten));
        self.0.push((lookup, row));
    }

    /// Whether it holds more than a call may.
    pub(super) fn is_full(&self) -> bool {
        self.bytes() > 2 * Replies::ROOM_BYTES
    }

    fn bytes(&self) -> usize {
        let column = |(name, value): &(Box<str>, Box<str>)| name.len() + value.len();
        let bytes = |(lookup, row): &(Box<Lookup>, Option<Row>)| {
            let Lookup {
                family,
                context,
                exten,
                ..
            } = &**lookup;
            let row = row.iter().flatten().map(column).sum::<usize>();
            size_of::<Lookup>() + family.len() + context.len() + exten.len() + row
        };
        self.0.iter().map(bytes).sum()
    }

    /// Makes room, once a search has come to its end.
    pub(super) fn tidy(&mut self) {
        let surplus = self.0.len().saturating_sub(Replies::KEPT);
        self.0.drain(..surplus);
        while self.bytes() > Replies::ROOM_BYTES {
            self.0.remove(0);
        }
    }

    /// What is known of a lookup: its row, if it has one.
    fn row(&self, lookup: &Lookup) -> Option<Option<&Row>> {
        let known = self.0.iter().find(|(known, _)| **known == *lookup);
        known.map(|(_, row)| row.as_ref())
    }
}

/// Finds a priority of `place`: in each context, the override switch, its own
/// extensions, its switches.
pub(super) fn search<'p>(
    plan: &'p Plan,
    scope: &Scope<'_>,
    place: Place<'_>,
    priority: u32,
) -> Found<'p> {
    let seek = Seek::Priority(priority);
    let sought = Sought {
        exten: place.dialled(),
        priority,
    };
    let ask = |switch: &Switch, context: &Context| consult(switch, scope, context.name(), sought);
    let found = plan.walk(place, |context| {
        let first = plan.override_switch.as_ref();
        let own = || plan.own(context, place, seek).map(Found::Plan);
        first
            .and_then(|switch| ask(switch, context))
            .or_else(own)
            .or_else(|| {
                context
                    .switches
                    .iter()
                    .find_map(|switch| ask(switch, context))
            })
    });
    found.unwrap_or(Found::Nothing)
}

/// What one switch has; nothing if it does not know the extension.
fn consult<'p>(
    switch: &Switch,
    scope: &Scope<'_>,
    context: &str,
    sought: Sought<'_>,
) -> Option<Found<'p>> {
    if !switch.asks() {
        return None;
    }
    let lookup = switch.lookup(scope, context, sought);
    let replies = scope.state.course.as_ref().map(|course| &course.replies);
    match replies.and_then(|replies| replies.row(&lookup)) {
        None => Some(Found::Ask(Box::new(lookup))),
        Some(row) => Some(Found::Table(Box::new(instruction(
            scope.plan, row?, &lookup,
        )))),
    }
}

/// Whether a row is about an extension. Rows that carry no name are what was
/// asked for.
fn matches(row: &Row, exten: &str) -> bool {
    match column(row, "exten") {
        Some(name) => Pattern::new(name).matches(exten) == Match::Yes,
        None => true,
    }
}

fn column<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    let value = row.iter().find(|(column, _)| **column == *name);
    value.map(|(_, value)| &**value)
}

fn instruction(plan: &Plan, row: &Row, lookup: &Lookup) -> Instruction {
    let application = column(row, "app").unwrap_or_default().trim();
    Instruction {
        priority: lookup.priority,
        label: None,
        application: application.into(),
        arguments: Template::new(column(row, "appdata").unwrap_or_default()),
        at: format!(
            "{}:{},{},{}",
            lookup.family, lookup.context, lookup.exten, lookup.priority
        )
        .into(),
        row: plan.application(application),
    }
}

/// What the data of an `eswitch` may refer to: all that does not wait and
/// changes nothing.
struct Reader<'s>(&'s Scope<'s>);

impl Names for Reader<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.variable(name)
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        let view = self.0.plan.function(name)?.read?.view()?;
        Some(view(self.0, arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_bounded() {
        let mut replies = Replies::default();
        let add = |replies: &mut Replies, number: usize, bytes: usize| {
            let exten: Box<str> = number.to_string().into();
            let lookup = Lookup {
                family: "f".into(),
                context: "c".into(),
                exten: exten.clone(),
                priority: 1,
                patterns: true,
            };
            let row = |exten: &str| {
                let data = "x".repeat(bytes).into_boxed_str();
                vec![("exten".into(), exten.into()), ("appdata".into(), data)]
            };
            replies.add(Box::new(lookup), vec![row("other"), row(&exten)]);
        };
        for number in 0..40 {
            add(&mut replies, number, 1);
        }
        replies.tidy();
        assert_eq!(replies.0.len(), Replies::KEPT);
        for number in 40..56 {
            add(&mut replies, number, 9000);
        }
        assert!(replies.is_full());
        replies.tidy();
        assert!(replies.bytes() <= Replies::ROOM_BYTES && !replies.0.is_empty());
    }
}
