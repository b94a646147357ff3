//! A compiled dialplan: contexts, extensions, instructions; and what
//! can be looked for in it.
//!
//! Immutable: calls share it and keep the one they began with. It executes
//! nothing and knows no call.

use hashbrown::HashMap;

use super::app::{MediaApps, Row};
use super::automaton::{Automaton, Wanted};
use super::general::General;
use super::pattern::{Match, Pattern};
use super::schedule::Schedule;
use super::switch::Switch;
use super::template::Template;
use super::zone::Zone;
use crate::base::{Hasher, UnixTime};
use crate::modules::Missing;

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
    pub arguments: Template,
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

/// Names an extension by its place among all of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ExtensionId(pub(super) u32);

/// A pattern's priorities.
#[derive(Clone, Debug)]
pub struct Extension {
    pub(super) id: ExtensionId,
    pub(super) key: Key,
    pub(super) instructions: Vec<Instruction>,
    pub(super) hint: Option<Box<str>>,
}

impl AsRef<Pattern> for Extension {
    fn as_ref(&self) -> &Pattern {
        &self.key.pattern
    }
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

    /// Whether it is for a caller of this number.
    pub fn takes(&self, caller: &str) -> bool {
        match &self.key.caller {
            Caller::Any => true,
            Caller::Number(pattern) if caller.is_empty() => pattern.as_str().is_empty(),
            Caller::Number(pattern) => pattern.matches(caller) == Match::Yes,
        }
    }

    /// What stands at a priority.
    #[inline]
    pub(super) fn at(&self, priority: u32) -> Option<&Instruction> {
        // Most extensions leave none out.
        let counted = self.instructions.get(priority.wrapping_sub(1) as usize);
        match counted {
            Some(found) if found.priority == priority => counted,
            _ => self.halved(priority),
        }
    }

    #[cold]
    fn halved(&self, priority: u32) -> Option<&Instruction> {
        let of = |instruction: &Instruction| instruction.priority;
        let at = self.instructions.binary_search_by_key(&priority, of).ok()?;
        self.instructions.get(at)
    }

    /// What is sought, if it has that.
    pub(super) fn find(&self, seek: Seek<'_>) -> Option<&Instruction> {
        match seek {
            Seek::Priority(priority) => self.at(priority),
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
    /// The search among the extensions.
    pub(super) automaton: Automaton,
    pub(super) includes: Vec<Include>,
    pub(super) switches: Vec<Switch>,
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

    /// In file order; they are asked before the includes.
    pub fn switches(&self) -> &[Switch] {
        &self.switches
    }

    /// `ignorepat` lines; without effect on SIP.
    pub fn ignorepats(&self) -> impl Iterator<Item = &str> {
        self.ignorepats.iter().map(Box::as_ref)
    }

    /// Visits the extensions that match what was dialled, best first, until one
    /// yields something.
    pub(super) fn matching<'p, T>(
        &'p self,
        dialled: &str,
        mut visit: impl FnMut(&'p Extension) -> Option<T>,
    ) -> Option<T> {
        let visit = |at: u32| visit(self.extensions.get(at as usize)?);
        self.automaton
            .search(&self.extensions, dialled, Wanted::Matching, visit)
    }

    /// Whether more digits could match an extension with a priority 1.
    pub(super) fn could_match(&self, dialled: &str, caller: &str) -> bool {
        let could = |at: u32| {
            let extension = self.extensions.get(at as usize)?;
            let could = extension.find(Seek::Priority(1)).is_some()
                && extension.takes(caller)
                && extension.pattern().matches(dialled) == Match::CouldMatch;
            could.then_some(())
        };
        let found = self
            .automaton
            .search(&self.extensions, dialled, Wanted::Beginning, could);
        found.is_some()
    }
}

/// A hint as its devices and its name: `SIP/100(Alice)`. One with references
/// before the parenthesis has no name.
pub fn split_hint(hint: &str) -> (&str, &str) {
    match hint.split_once('(') {
        Some((devices, name)) if !devices.contains("${") && !devices.contains("$[") => {
            let name = name.rsplit_once(')').map_or(name, |(name, _)| name);
            (devices, name)
        }
        _ => (hint, ""),
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
        dialled(self.exten)
    }
}

/// The extension to look for where that was dialled.
pub(super) fn dialled(exten: &str) -> &str {
    if exten.is_empty() { "s" } else { exten }
}

/// A compiled dialplan.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) contexts: Vec<Context>,
    /// The context of each extension, and its place there.
    pub(super) extensions: Vec<(u32, u32)>,
    pub(super) names: HashMap<Box<str>, usize, Hasher>,
    pub(super) globals: HashMap<Box<str>, Box<str>, Hasher>,
    pub(super) environment: Vec<(Box<str>, Box<str>)>,
    pub(super) autofallthrough: bool,
    pub(super) general: General,
    pub(super) zone: Zone,
    /// Of several patterns that match only the first counts.
    pub(super) first_only: bool,
    /// Asked in every context before its extensions.
    pub(super) override_switch: Option<Switch>,
    /// Whether a search may have to ask.
    pub(super) asks: bool,
    pub(super) media_apps: MediaApps,
    pub(super) reads_request: bool,
    pub(super) reads_responses: bool,
    /// Whose applications and functions do not exist.
    pub(super) missing: Missing,
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

    pub(super) fn extension(&self, id: ExtensionId) -> Option<&Extension> {
        let &(context, place) = self.extensions.get(id.0 as usize)?;
        let context = self.contexts.get(context as usize)?;
        context.extensions.get(place as usize)
    }

    /// A variable of `[globals]`.
    pub fn global(&self, name: &str) -> Option<&str> {
        self.globals.get(name).map(Box::as_ref)
    }

    /// Says what a predefined variable of the system is, such as `ASTETCDIR`;
    /// a global of that name stays as it is.
    pub fn predefine(&mut self, name: &str, value: &str) {
        self.globals
            .entry(name.into())
            .or_insert_with(|| value.into());
    }

    /// Lets calls see a variable of the environment by `ENV`.
    pub fn show_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    /// A variable of the environment that plans may see (`ENV`).
    pub fn environment(&self, name: &str) -> Option<&str> {
        let mut all = self.environment.iter();
        all.find_map(|(known, value)| (**known == *name).then_some(&**value))
    }

    /// The variables of `[globals]`, in no order.
    pub fn globals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.globals.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The rest of `[general]`.
    pub fn general(&self) -> &General {
        &self.general
    }

    /// What applications do that need media.
    pub fn media_apps(&self) -> &MediaApps {
        &self.media_apps
    }

    /// Whether a call that runs out of priorities ends by `DIALSTATUS` at once.
    pub fn autofallthrough(&self) -> bool {
        self.autofallthrough
    }

    /// Whether some function in it may read the caller's first INVITE, which is
    /// kept then as long as the call lasts. A switch may bring any function; only
    /// one that is put together from variables of a call, and so read by `EVAL`,
    /// is missed.
    pub fn reads_request(&self) -> bool {
        self.reads_request || self.asks
    }

    /// Whether some function in it may read the responses of dialled channels;
    /// see [`Plan::reads_request`].
    pub fn reads_responses(&self) -> bool {
        self.reads_responses || self.asks
    }

    /// `extenpatternmatchnew`: only the first of several patterns that match is
    /// taken, even if it has no such priority.
    pub fn is_trie(&self) -> bool {
        self.first_only
    }

    /// `overrideswitch`.
    pub fn override_switch(&self) -> Option<&Switch> {
        self.override_switch.as_ref()
    }

    /// The zone of times that name none.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Says which zone times without one are in; UTC else.
    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }
}
