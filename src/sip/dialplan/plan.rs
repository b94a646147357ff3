//! A compiled dialplan, and the search for what to execute next.
//!
//! Immutable: calls share it and keep the one they began with. It executes
//! nothing and knows no call.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::app::Row;
use super::pattern::{Match, Pattern, plain};
use super::schedule::Schedule;
use super::zone::Zone;
use crate::base::{Hasher, UnixTime};

/// How deep includes may nest (`AST_PBX_MAX_STACK`).
const INCLUDE_DEPTH: usize = 128;

/// One priority of an extension.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// From 1.
    pub priority: u32,
    /// `n(label)`.
    pub label: Option<Box<str>>,
    /// The application as written.
    pub application: Box<str>,
    /// Its arguments before substitution.
    pub arguments: Box<str>,
    /// `file:line`, for people.
    pub at: Box<str>,
    /// The application's row; unknown applications have none.
    pub(super) row: Option<&'static Row>,
}

impl Instruction {
    /// Whether the application exists here.
    pub fn is_known(&self) -> bool {
        self.row.is_some()
    }
}

/// What an extension is found by. The order is that of precedence: within one
/// pattern, extensions for certain callers come before those for any.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    pub(super) pattern: Pattern,
    pub(super) caller: Caller,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Caller {
    /// The caller's number must match; the empty one matches only its absence.
    Number(Pattern),
    Any,
}

/// A pattern's priorities.
#[derive(Clone, Debug)]
pub struct Extension {
    pub(super) key: Key,
    pub(super) instructions: Vec<Instruction>,
    pub(super) hint: Option<Box<str>>,
}

impl Extension {
    /// The name or pattern.
    pub fn pattern(&self) -> &Pattern {
        &self.key.pattern
    }

    /// The caller numbers it is for; `None` for all.
    pub fn caller(&self) -> Option<&Pattern> {
        match &self.key.caller {
            Caller::Number(pattern) => Some(pattern),
            Caller::Any => None,
        }
    }

    /// By rising priority.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The devices its hint watches.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn takes(&self, caller: &str) -> bool {
        match &self.key.caller {
            Caller::Any => true,
            Caller::Number(pattern) if caller.is_empty() => pattern.as_str().is_empty(),
            Caller::Number(pattern) => pattern.matches(caller) == Match::Yes,
        }
    }

    fn find(&self, seek: Seek<'_>) -> Option<&Instruction> {
        match seek {
            Seek::Priority(priority) => {
                let at = self
                    .instructions
                    .binary_search_by_key(&priority, |instruction| instruction.priority)
                    .ok()?;
                self.instructions.get(at)
            }
            Seek::Label(label) => self
                .instructions
                .iter()
                .find(|instruction| instruction.label.as_deref() == Some(label)),
        }
    }
}

/// `include => name[,times]`.
#[derive(Clone, Debug)]
pub struct Include {
    /// The context's name.
    pub name: Box<str>,
    /// When it counts; always if `None`.
    pub schedule: Option<Schedule>,
    /// Its place in the plan; `None` when there is no such context.
    pub(super) context: Option<usize>,
}

/// A context: extensions by precedence, then includes in file order.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) name: Box<str>,
    pub(super) extensions: Vec<Extension>,
    /// How many of the extensions, from the first on, are exact names.
    pub(super) exact: usize,
    pub(super) includes: Vec<Include>,
    pub(super) switches: Vec<Box<str>>,
    pub(super) ignorepats: Vec<Box<str>>,
}

impl Context {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// In the order they are tried.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// In file order.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// `switch` lines as written; they are kept for display and find nothing.
    pub fn switches(&self) -> impl Iterator<Item = &str> {
        self.switches.iter().map(Box::as_ref)
    }

    /// `ignorepat` lines; without effect on SIP.
    pub fn ignorepats(&self) -> impl Iterator<Item = &str> {
        self.ignorepats.iter().map(Box::as_ref)
    }

    /// Exact names are found by halving; patterns are tried one by one.
    fn halves(&self) -> (&[Extension], &[Extension]) {
        self.extensions
            .split_at_checked(self.exact)
            .unwrap_or_default()
    }

    /// The extensions that match what was dialled, best first.
    fn matching<'p, 'd>(
        &'p self,
        dialled: &'d str,
    ) -> impl Iterator<Item = &'p Extension> + use<'p, 'd> {
        let (exact, patterns) = self.halves();
        let name = plain(dialled.as_bytes());
        let from = exact.partition_point(|extension| extension.pattern().exact() < Some(&*name));
        let exact = exact
            .iter()
            .skip(from)
            .take_while(move |extension| extension.pattern().exact() == Some(&*name));
        exact.chain(
            patterns
                .iter()
                .filter(move |extension| extension.pattern().matches(dialled) == Match::Yes),
        )
    }

    /// Whether more digits could match an extension.
    fn could_match(&self, dialled: &str, caller: &str) -> bool {
        let (exact, patterns) = self.halves();
        let name = plain(dialled.as_bytes());
        let from = exact.partition_point(|extension| extension.pattern().exact() < Some(&*name));
        let exact = exact.iter().skip(from).take_while(|extension| {
            extension
                .pattern()
                .exact()
                .is_some_and(|exact| exact.starts_with(&name))
        });
        exact.chain(patterns).any(|extension| {
            extension.find(Seek::Priority(1)).is_some()
                && extension.takes(caller)
                && extension.pattern().matches(dialled) == Match::CouldMatch
        })
    }
}

/// What of an extension is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seek<'a> {
    /// A priority, from 1.
    Priority(u32),
    /// A label.
    Label(&'a str),
}

/// Where a call stands, as far as a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The context it begins in.
    pub context: &'a str,
    /// What was dialled; nothing means `s`.
    pub exten: &'a str,
    /// The caller's number; empty if there is none.
    pub caller: &'a str,
    /// When, for timed includes.
    pub time: UnixTime,
}

impl<'a> Place<'a> {
    /// The extension to look for.
    pub(super) fn dialled(&self) -> &'a str {
        if self.exten.is_empty() {
            "s"
        } else {
            self.exten
        }
    }
}

/// A compiled dialplan.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) contexts: Vec<Context>,
    pub(super) names: HashMap<Box<str>, usize, Hasher>,
    pub(super) globals: HashMap<Box<str>, Box<str>, Hasher>,
    pub(super) autofallthrough: bool,
    pub(super) zone: Zone,
}

impl Plan {
    /// In file order.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The context called `name`; case counts.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.get(*self.names.get(name)?)
    }

    /// A variable of `[globals]`.
    pub fn global(&self, name: &str) -> Option<&str> {
        self.globals.get(name).map(Box::as_ref)
    }

    /// Whether a call that runs out of priorities ends by `DIALSTATUS` at once.
    pub fn autofallthrough(&self) -> bool {
        self.autofallthrough
    }

    /// The zone of times that name none.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Says which zone times without one are in; UTC else.
    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }

    /// Whether a call may enter here (priority 1), or could with more digits.
    pub fn exists(&self, place: Place<'_>) -> Match {
        let mut could = false;
        let found = self.walk(place, |context| {
            let found = context.matching(place.dialled()).any(|extension| {
                extension.takes(place.caller) && extension.find(Seek::Priority(1)).is_some()
            });
            could = could || (!found && context.could_match(place.dialled(), place.caller));
            found.then_some(())
        });
        match (found, could) {
            (Some(()), _) => Match::Yes,
            (None, true) => Match::CouldMatch,
            (None, false) => Match::No,
        }
    }

    /// The instruction to execute. A matching pattern without the priority
    /// sought gives way to the next one that has it, as in Asterisk.
    pub fn find(&self, place: Place<'_>, seek: Seek<'_>) -> Option<&Instruction> {
        self.walk(place, |context| {
            let mut extensions = context
                .matching(place.dialled())
                .filter(|extension| extension.takes(place.caller));
            extensions.find_map(|extension| extension.find(seek))
        })
    }

    /// The hint of an extension.
    pub fn hint(&self, place: Place<'_>) -> Option<&str> {
        self.walk(place, |context| {
            context.matching(place.dialled()).find_map(Extension::hint)
        })
    }

    /// Visits contexts, depth first through includes that apply now, each
    /// once, until one yields something.
    fn walk<'p, T>(
        &'p self,
        place: Place<'_>,
        mut visit: impl FnMut(&'p Context) -> Option<T>,
    ) -> Option<T> {
        let applies = |schedule: &Schedule| schedule.applies(place.time, &self.zone);
        let mut visited: SmallVec<[usize; 16]> = SmallVec::new();
        // Contexts still to visit, the next one last, with their depth.
        let mut ahead: SmallVec<[(usize, usize); 16]> = SmallVec::new();
        ahead.push((*self.names.get(place.context)?, 0));
        while let Some((index, depth)) = ahead.pop() {
            if visited.contains(&index) {
                continue;
            }
            visited.push(index);
            let context = self.contexts.get(index)?;
            if let Some(found) = visit(context) {
                return Some(found);
            }
            if depth < INCLUDE_DEPTH {
                let includes = context.includes.iter().rev();
                let now = includes.filter(|include| include.schedule.as_ref().is_none_or(applies));
                ahead.extend(now.filter_map(|include| Some((include.context?, depth + 1))));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
