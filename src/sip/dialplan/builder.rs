//! Putting a plan together, line by line.
//!
//! It checks what a line means on its own; files, `n` and substitution at
//! load belong to whoever reads the text.

use alloc::collections::BTreeMap;

use hashbrown::HashMap;

use super::app::{self, MediaApps};
use super::automaton::Automaton;
use super::general::General;
use super::pattern::Pattern;
use super::plan::{Caller, Context, Extension, ExtensionId, Include, Instruction, Key, Plan};
use super::schedule::Schedule;
use super::switch::{Switch, SwitchKind};
use super::template::Template;
use super::zone::Zone;
use crate::base::Hasher;
use crate::modules::Missing;

/// Names a context of a builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContextId(usize);

/// A line that was not added: its extension already has that priority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duplicate;

/// One `exten` line, resolved.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The name or pattern.
    pub exten: &'a str,
    /// The pattern after `/`, the caller numbers it is for.
    pub caller: Option<&'a str>,
    /// From 1.
    pub priority: u32,
    /// `n(label)`.
    pub label: Option<&'a str>,
    /// The application's name.
    pub application: &'a str,
    /// Its arguments.
    pub arguments: &'a str,
    /// `file:line`.
    pub at: &'a str,
}

#[derive(Default)]
struct Draft {
    name: Box<str>,
    extensions: BTreeMap<Key, Entry>,
    includes: Vec<Include>,
    switches: Vec<Switch>,
    ignorepats: Vec<Box<str>>,
}

#[derive(Default)]
struct Entry {
    instructions: BTreeMap<u32, Instruction>,
    hint: Option<Box<str>>,
}

/// A plan in the making.
pub struct PlanBuilder {
    contexts: Vec<Draft>,
    names: HashMap<Box<str>, usize, Hasher>,
    globals: HashMap<Box<str>, Box<str>, Hasher>,
    autofallthrough: bool,
    trie: bool,
    override_switch: Option<Switch>,
    media_apps: MediaApps,
    reads_request: bool,
    reads_responses: bool,
    general: General,
}

impl Default for PlanBuilder {
    fn default() -> PlanBuilder {
        PlanBuilder::new()
    }
}

impl PlanBuilder {
    /// An empty plan, with `autofallthrough`.
    pub fn new() -> PlanBuilder {
        let hasher = Hasher::with_seeds(1, 2, 3, 4);
        PlanBuilder {
            contexts: Vec::new(),
            names: HashMap::with_hasher(hasher.clone()),
            globals: HashMap::with_hasher(hasher),
            autofallthrough: true,
            trie: false,
            override_switch: None,
            media_apps: MediaApps::default(),
            reads_request: false,
            reads_responses: false,
            general: General::default(),
        }
    }

    /// `autofallthrough=`.
    pub fn autofallthrough(&mut self, yes: bool) {
        self.autofallthrough = yes;
    }

    /// `extenpatternmatchnew=`: of several patterns that match only the first
    /// counts, and sets may hold escaped characters. Said before any line is
    /// added.
    pub fn trie(&mut self, yes: bool) {
        self.trie = yes;
    }

    /// `overrideswitch=name/data`: a switch asked in every context before its
    /// extensions. Its data is expanded during the call.
    pub fn override_switch(&mut self, name: &str, data: &str) {
        self.override_switch = Some(Switch::new(SwitchKind::Eswitch, name, data));
    }

    /// `media_apps=`.
    pub fn media_apps(&mut self, setting: MediaApps) {
        self.media_apps = setting;
    }

    /// The rest of `[general]`.
    pub fn general(&mut self, general: General) {
        self.general = general;
    }

    /// Sets a global; a later one of the same name replaces an earlier.
    pub fn set_global(&mut self, name: &str, value: &str) {
        self.look_for_functions(value);
        self.globals.insert(name.into(), value.into());
    }

    /// A global set so far.
    pub fn global(&self, name: &str) -> Option<&str> {
        self.globals.get(name).map(Box::as_ref)
    }

    /// The context called `name`, made if there is none yet.
    pub fn context(&mut self, name: &str) -> ContextId {
        if let Some(&index) = self.names.get(name) {
            return ContextId(index);
        }
        let index = self.contexts.len();
        self.contexts.push(Draft {
            name: name.into(),
            ..Draft::default()
        });
        self.names.insert(name.into(), index);
        ContextId(index)
    }

    /// Adds an instruction.
    pub fn add(&mut self, context: ContextId, line: Line<'_>) -> Result<(), Duplicate> {
        let Some(entry) = self.entry(context, line.exten, line.caller) else {
            return Ok(());
        };
        if entry.instructions.contains_key(&line.priority) {
            return Err(Duplicate);
        }
        let instruction = Instruction {
            priority: line.priority,
            label: line.label.map(Box::from),
            application: line.application.into(),
            arguments: Template::new(line.arguments),
            at: line.at.into(),
            row: app::row(line.application),
        };
        entry.instructions.insert(line.priority, instruction);
        self.look_for_functions(line.arguments);
        Ok(())
    }

    /// Finds the functions for which a call has to remember something.
    fn look_for_functions(&mut self, text: &str) {
        // Their arguments may be written in any case.
        let text = text.to_ascii_lowercase();
        let has = |names: &[&str]| names.iter().any(|name| text.contains(name));
        self.reads_request |= has(&["sip_header", "channel(from", "channel(useragent"]);
        self.reads_responses |= has(&["hangupcause(", "hangupcause_keys"]);
    }

    /// Adds a hint, `devices[(name)]`; the first of an extension stays.
    pub fn add_hint(
        &mut self,
        context: ContextId,
        exten: &str,
        caller: Option<&str>,
        devices: &str,
    ) -> Result<(), Duplicate> {
        let Some(entry) = self.entry(context, exten, caller) else {
            return Ok(());
        };
        if entry.hint.is_some() {
            return Err(Duplicate);
        }
        entry.hint = Some(devices.into());
        Ok(())
    }

    /// The priority that carries a label, so far.
    pub fn label(
        &mut self,
        context: ContextId,
        exten: &str,
        caller: Option<&str>,
        label: &str,
    ) -> Option<u32> {
        let entry = self
            .contexts
            .get(context.0)?
            .extensions
            .get(&self.key(exten, caller))?;
        let labelled = entry
            .instructions
            .values()
            .find(|instruction| instruction.label.as_deref() == Some(label));
        labelled.map(|instruction| instruction.priority)
    }

    /// Adds an include.
    pub fn add_include(&mut self, context: ContextId, name: &str, schedule: Option<Schedule>) {
        if let Some(draft) = self.contexts.get_mut(context.0) {
            draft.includes.push(Include {
                name: name.into(),
                schedule,
                context: None,
            });
        }
    }

    /// Adds a switch.
    pub fn add_switch(&mut self, context: ContextId, kind: SwitchKind, name: &str, data: &str) {
        if let Some(draft) = self.contexts.get_mut(context.0) {
            draft.switches.push(Switch::new(kind, name, data));
        }
    }

    /// Adds an `ignorepat`, for display.
    pub fn add_ignorepat(&mut self, context: ContextId, pattern: &str) {
        if let Some(draft) = self.contexts.get_mut(context.0) {
            draft.ignorepats.push(pattern.into());
        }
    }

    /// The plan.
    pub fn build(self) -> Plan {
        let names = self.names;
        let mut places = Vec::new();
        let finish = |(context, draft): (usize, Draft)| {
            let entries = draft.extensions.into_iter().enumerate();
            let extensions: Vec<Extension> = entries
                .map(|(place, (key, entry))| {
                    let id = ExtensionId(places.len() as u32);
                    places.push((context as u32, place as u32));
                    entry.finish(id, key)
                })
                .collect();
            let includes = draft.includes.into_iter().map(|mut include| {
                include.context = names.get(&include.name).copied();
                include
            });
            Context {
                name: draft.name,
                automaton: Automaton::new(&extensions),
                extensions,
                includes: includes.collect(),
                switches: draft.switches,
                ignorepats: draft.ignorepats,
            }
        };
        let drafts = self.contexts.into_iter().enumerate();
        let contexts: Vec<Context> = drafts.map(finish).collect();
        let mut switches = contexts.iter().flat_map(|context| &context.switches);
        let asks = switches.any(Switch::asks);
        let asks = asks || self.override_switch.as_ref().is_some_and(Switch::asks);
        Plan {
            asks,
            first_only: self.trie,
            override_switch: self.override_switch,
            contexts,
            extensions: places,
            names,
            globals: self.globals,
            environment: Vec::new(),
            autofallthrough: self.autofallthrough,
            general: self.general,
            zone: Zone::UTC,
            media_apps: self.media_apps,
            // What a switch's rows call is not known before.
            reads_request: self.reads_request || asks,
            reads_responses: self.reads_responses || asks,
            missing: Missing::default(),
        }
    }

    fn entry(
        &mut self,
        context: ContextId,
        exten: &str,
        caller: Option<&str>,
    ) -> Option<&mut Entry> {
        let key = self.key(exten, caller);
        let draft = self.contexts.get_mut(context.0)?;
        Some(draft.extensions.entry(key).or_default())
    }

    fn key(&self, exten: &str, caller: Option<&str>) -> Key {
        let pattern = match self.trie {
            true => Pattern::with_escapes,
            false => Pattern::new,
        };
        Key {
            pattern: pattern(exten),
            caller: caller.map_or(Caller::Any, |caller| {
                Caller::Number(pattern(&shrink(caller)))
            }),
        }
    }
}

impl Entry {
    fn finish(self, id: ExtensionId, key: Key) -> Extension {
        Extension {
            id,
            key,
            instructions: self.instructions.into_values().collect(),
            hint: self.hint,
        }
    }
}

/// A number pattern without the decoration people write: `() -` and all dots
/// but a last one, except within sets.
pub(super) fn shrink(number: &str) -> String {
    let mut in_set = false;
    let last = number.len().saturating_sub(1);
    let kept = number.char_indices().filter(|&(at, character)| {
        in_set = match character {
            '[' => true,
            ']' => false,
            _ => in_set,
        };
        in_set || !matches!(character, '(' | ')' | ' ' | '-') && (character != '.' || at == last)
    });
    kept.map(|(_, character)| character).collect()
}
