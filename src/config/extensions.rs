//! extensions.conf: categories become contexts, lines become instructions.
//!
//! It reads what `file` has read and hands it to a `PlanBuilder`. What can
//! only fail during a call is warned about; nothing is executed here.

pub mod expressions;
mod lines;
mod names;

use std::borrow::Cow;
use std::collections::HashMap;

use pinion_sip::dialplan::{
    ContextId, General, MediaApps, Names, Plan, PlanBuilder, Schedule, Switch, SwitchKind,
    substitute,
};

use self::lines::Before;
use super::file::{self, Category, ConfigError, Entry, File, Position, Warning};
use super::words::{did_you_mean, truth};

/// The longest name of a context, in bytes (`AST_MAX_CONTEXT` less one).
const CONTEXT_BYTES: usize = 79;

/// The keys of a context.
const KEYS: [&str; 7] = [
    "exten",
    "same",
    "include",
    "ignorepat",
    "switch",
    "lswitch",
    "eswitch",
];

/// The keys of `[general]`.
const GENERAL_KEYS: [&str; 9] = [
    "autofallthrough",
    "clearglobalvars",
    "environment",
    "extenpatternmatchnew",
    "media_apps",
    "overrideswitch",
    "static",
    "userscontext",
    "writeprotect",
];

/// Reads a dialplan from a text; `name` is what warnings call it.
pub fn parse_extensions(text: &str, name: &str) -> Result<(Plan, Vec<Warning>), ConfigError> {
    file::parse(text, name).map(compile)
}

/// Compiles what the file layer, or a table, has read.
pub(crate) fn compile(file: File) -> (Plan, Vec<Warning>) {
    let mut compiler = Compiler {
        builder: PlanBuilder::new(),
        warnings: file.warnings,
        media: None,
        includes: Vec::new(),
    };
    let categories = || file.categories.iter().filter(|category| !category.template);
    let named = |name: &'static str| {
        categories().filter(move |category| category.name.eq_ignore_ascii_case(name))
    };
    let entries = |name| named(name).flat_map(|category| &category.entries);
    compiler.general(entries("general"));
    entries("globals").for_each(|entry| compiler.global(entry));
    for category in categories() {
        if !["general", "globals"]
            .iter()
            .any(|name| category.name.eq_ignore_ascii_case(name))
        {
            compiler.context(category);
        }
    }
    compiler.finish()
}

struct Compiler {
    builder: PlanBuilder,
    warnings: Vec<Warning>,
    /// The first application that needs media.
    media: Option<(String, Position)>,
    /// Lines that say what a context includes: the context, what, and where.
    includes: Vec<(ContextId, String, Position)>,
}

/// Globals, the only variables there are at load.
struct Globals<'b>(&'b PlanBuilder);

impl Names for Globals<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.global(name).map(Cow::Borrowed)
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        (name == "GLOBAL").then(|| self.0.global(arguments).unwrap_or_default().into())
    }
}

impl Compiler {
    fn warn(&mut self, at: &Position, text: impl Into<String>) {
        self.warnings.push(Warning::new(at, text));
    }

    /// Warns that a line, or a part of it, does not work.
    fn grave(&mut self, at: &Position, text: impl Into<String>) {
        self.warnings.push(Warning::grave(at, text));
    }

    fn substitute(&mut self, text: &str, at: &Position) -> String {
        let mut troubles = Vec::new();
        let value = substitute(text, &mut Globals(&self.builder), &mut troubles).into_owned();
        for trouble in troubles {
            self.grave(at, format!("{trouble}. Only globals can be used here."));
        }
        value
    }

    /// `[general]`. Of a key that is written twice the first counts, as where
    /// Asterisk looks one up.
    fn general<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) {
        let mut general = General::default();
        let mut seen: HashMap<String, Position> = HashMap::new();
        for entry in entries {
            let key = entry.key.to_ascii_lowercase();
            if let Some(first) = seen.get(&key) {
                let text = format!("{key} stands at {first}, too. That line counts.");
                self.warn(&entry.at, text);
                continue;
            }
            match key.as_str() {
                "autofallthrough" => {
                    let yes = self.truth(entry);
                    self.builder.autofallthrough(yes);
                }
                "extenpatternmatchnew" => {
                    let yes = self.truth(entry);
                    self.builder.trie(yes);
                }
                "overrideswitch" => {
                    let (name, data) = split_switch(&entry.value);
                    self.builder.override_switch(name, data);
                    self.known_switch(entry, name);
                }
                "media_apps" => match MediaApps::parse(&entry.value) {
                    Some(setting) => self.builder.media_apps(setting),
                    None => self.grave(
                        &entry.at,
                        "write media_apps=reject, noop or external:sip:host. It is ignored.",
                    ),
                },
                "clearglobalvars" => general.clearglobalvars = self.truth(entry),
                "environment" => general.environment = names(&entry.value),
                "static" => general.is_static = self.truth(entry),
                "writeprotect" => general.writeprotect = self.truth(entry),
                "userscontext" => general.userscontext = entry.value.as_str().into(),
                _ => {
                    let hint = did_you_mean(&key, GENERAL_KEYS.into_iter());
                    let text =
                        format!("'{key}' is not an option of [general]. It is ignored.{hint}");
                    self.warn(&entry.at, text);
                }
            }
            seen.insert(key, entry.at.clone());
        }
        self.builder.general(general);
    }

    /// Yes or no; what is neither is no, as in Asterisk.
    fn truth(&mut self, entry: &Entry) -> bool {
        truth(&entry.value).unwrap_or_else(|| {
            let text = format!(
                "the value '{}' of {} is taken as no. Write yes or no.",
                entry.value, entry.key
            );
            self.grave(&entry.at, text);
            false
        })
    }

    fn global(&mut self, entry: &Entry) {
        let value = self.substitute(&entry.value, &entry.at);
        self.builder.set_global(&entry.key, &value);
    }

    fn context(&mut self, category: &Category) {
        if category.name.len() > CONTEXT_BYTES {
            let text = format!(
                "the name of a context has at most {CONTEXT_BYTES} bytes. Shorten it; its lines are dropped."
            );
            return self.grave(&category.at, text);
        }
        let context = self.builder.context(&category.name);
        let mut before = Before::new(&category.name, context);
        for entry in &category.entries {
            let key = entry.key.to_ascii_lowercase();
            match key.as_str() {
                "exten" => self.exten(entry, &mut before),
                "include" => self.include(entry, context),
                "ignorepat" => {
                    let pattern = self.substitute(&entry.value, &entry.at);
                    self.builder.add_ignorepat(context, &pattern);
                }
                "switch" => {
                    let value = self.substitute(&entry.value, &entry.at);
                    self.switch(entry, context, SwitchKind::Switch, &value);
                }
                "lswitch" => self.switch(entry, context, SwitchKind::Lswitch, &entry.value),
                "eswitch" => self.switch(entry, context, SwitchKind::Eswitch, &entry.value),
                _ if key.starts_with("same") => self.same(entry, &mut before),
                _ => {
                    let hint = did_you_mean(&entry.key, KEYS.into_iter());
                    let text = format!("'{}' is not a line of a context.{hint}", entry.key);
                    self.grave(&entry.at, text);
                }
            }
        }
    }

    /// `include => context[,times,weekdays,mdays,months[,timezone]]`.
    fn include(&mut self, entry: &Entry, context: ContextId) {
        let value = self.substitute(&entry.value, &entry.at);
        let mut includes = self.includes.iter();
        if includes.any(|(of, what, _)| *of == context && *what == value) {
            let text = format!("'{value}' is included already. This line does nothing.");
            return self.warn(&entry.at, text);
        }
        let (name, times) = value.split_once(',').unwrap_or((&value, ""));
        let name = name.trim();
        let schedule = (!times.trim().is_empty()).then(|| Schedule::parse(times));
        for fault in schedule.iter().flat_map(Schedule::faults) {
            self.grave(&entry.at, format!("{fault}."));
        }
        self.builder.add_include(context, name, schedule);
        self.includes.push((context, value, entry.at.clone()));
    }

    /// `switch => name[/data]`.
    fn switch(&mut self, entry: &Entry, context: ContextId, kind: SwitchKind, value: &str) {
        let (name, data) = split_switch(value);
        self.builder.add_switch(context, kind, name, data);
        self.known_switch(entry, name);
    }

    fn known_switch(&mut self, entry: &Entry, name: &str) {
        if !Switch::is_known(name) {
            let text = format!("there is no switch '{name}'; it finds nothing. Realtime is one.");
            self.grave(&entry.at, text);
        }
    }

    fn finish(mut self) -> (Plan, Vec<Warning>) {
        if let Some((application, at)) = self.media.take() {
            let text = format!(
                "{application}, like other applications, needs media, which this engine has not. \
                 media_apps in [general] says what they do."
            );
            self.warn(&at, text);
        }
        let plan = self.builder.build();
        for (_, what, at) in &self.includes {
            let name = what.split(',').next().unwrap_or_default().trim();
            if plan.context(name).is_none() {
                let hint = did_you_mean(name, plan.contexts().iter().map(|context| context.name()));
                let text = format!("there is no context '{name}' to include.{hint}");
                self.warnings.push(Warning::grave(at, text));
            }
        }
        (plan, self.warnings)
    }
}

fn split_switch(value: &str) -> (&str, &str) {
    let (name, data) = value.split_once('/').unwrap_or((value, ""));
    (name.trim(), data.trim())
}

/// What stands between commas.
fn names(list: &str) -> Vec<Box<str>> {
    let names = list.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(Box::from)
        .collect()
}

#[cfg(test)]
mod tests;
