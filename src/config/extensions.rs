//! extensions.conf: categories become contexts, lines become instructions.
//!
//! It reads what `file` has read and hands it to a `PlanBuilder`. What can
//! only fail during a call is warned about; nothing is executed here.

use std::borrow::Cow;

use pinion_sip::dialplan::{
    ContextId, Line, MediaApps, Names, Pattern, Plan, PlanBuilder, Schedule, Switch, SwitchKind,
    applications, doubts, needs_media, split_call, substitute,
};

use super::file::{self, Category, ConfigError, Entry, File, Position, Warning};
use super::words::truth;

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

/// Reads a dialplan from a text; `name` is what warnings call it.
pub fn parse_extensions(text: &str, name: &str) -> Result<(Plan, Vec<Warning>), ConfigError> {
    file::parse(text, name).map(compile)
}

/// Compiles what the file layer, or a table, has read.
pub(super) fn compile(file: File) -> (Plan, Vec<Warning>) {
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
    entries("general").for_each(|entry| compiler.general(entry));
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
    /// Contexts that must exist in the end.
    includes: Vec<(String, Position)>,
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

/// What a line may refer to: the lines of its context before it.
struct Before {
    context: ContextId,
    /// The last extension, and the callers it is for.
    exten: Option<(String, Option<String>)>,
    last: Last,
}

/// The priority of the line before.
#[derive(Clone, Copy)]
enum Last {
    None,
    Hint,
    Priority(u32),
}

/// The third field of a line: `priority[+n][(label)]`.
enum Priority {
    Hint,
    Number(u32),
}

impl Compiler {
    fn warn(&mut self, at: &Position, text: impl Into<String>) {
        self.warnings.push(Warning::new(at, text));
    }

    fn substitute(&mut self, text: &str, at: &Position) -> String {
        let mut troubles = Vec::new();
        let value = substitute(text, &mut Globals(&self.builder), &mut troubles).into_owned();
        for trouble in troubles {
            self.warn(at, format!("{trouble}. Only globals can be used here."));
        }
        value
    }

    fn general(&mut self, entry: &Entry) {
        let yes = truth(&entry.value) == Some(true);
        match entry.key.to_ascii_lowercase().as_str() {
            "autofallthrough" => self.builder.autofallthrough(yes),
            "extenpatternmatchnew" => self.builder.trie(yes),
            "overrideswitch" => {
                let (name, data) = split_switch(&entry.value);
                self.builder.override_switch(name, data);
                self.known_switch(entry, name);
            }
            "media_apps" => match MediaApps::parse(&entry.value) {
                Some(setting) => self.builder.media_apps(setting),
                None => self.warn(
                    &entry.at,
                    "write media_apps=reject, noop or external:sip:host. It is ignored.",
                ),
            },
            "static" | "writeprotect" | "clearglobalvars" | "userscontext" => {}
            key => self.warn(
                &entry.at,
                format!("'{key}' is not an option of [general]. It is ignored."),
            ),
        }
    }

    fn global(&mut self, entry: &Entry) {
        let value = self.substitute(&entry.value, &entry.at);
        self.builder.set_global(&entry.key, &value);
    }

    fn context(&mut self, category: &Category) {
        let context = self.builder.context(&category.name);
        let mut before = Before {
            context,
            exten: None,
            last: Last::None,
        };
        for entry in &category.entries {
            let key = entry.key.to_ascii_lowercase();
            match key.as_str() {
                "exten" => self.exten(entry, &mut before),
                "include" => self.include(entry, context),
                "ignorepat" => self.builder.add_ignorepat(context, &entry.value),
                "switch" => {
                    let value = self.substitute(&entry.value, &entry.at);
                    self.switch(entry, context, SwitchKind::Switch, &value);
                }
                "lswitch" => self.switch(entry, context, SwitchKind::Lswitch, &entry.value),
                "eswitch" => self.switch(entry, context, SwitchKind::Eswitch, &entry.value),
                _ if key.starts_with("same") => self.same(entry, &mut before),
                _ => {
                    let hint = did_you_mean(&entry.key, KEYS.into_iter());
                    self.warn(
                        &entry.at,
                        format!("'{}' is not a line of a context.{hint}", entry.key),
                    );
                }
            }
        }
    }

    /// `exten => pattern[/caller],priority,application(arguments)`.
    fn exten(&mut self, entry: &Entry, before: &mut Before) {
        let (name, rest) = split_name(&entry.value);
        let name = self.substitute(name.trim(), &entry.at);
        let (name, caller) = match name.split_once('/') {
            Some((name, caller)) => (name, Some(caller.to_owned())),
            None => (&*name, None),
        };
        if name.is_empty() {
            return self.warn(
                &entry.at,
                "this line has no extension. Write exten => name,priority,application.",
            );
        }
        if let Some(doubt) = Pattern::new(name).doubt() {
            self.warn(
                &entry.at,
                format!("the pattern '{name}' {doubt}. Check it."),
            );
        }
        if name == "_." {
            self.warn(
                &entry.at,
                "'_.' matches even special extensions such as h. Use '_X.' instead.",
            );
        }
        before.exten = Some((name.to_owned(), caller));
        self.line(entry, rest, before);
    }

    /// `same => priority,application(arguments)`.
    fn same(&mut self, entry: &Entry, before: &mut Before) {
        match before.exten {
            Some(_) => self.line(entry, &entry.value, before),
            None => self.warn(
                &entry.at,
                "there is no extension above for 'same'. Begin with exten =>.",
            ),
        }
    }

    /// `priority,application(arguments)`.
    fn line(&mut self, entry: &Entry, rest: &str, before: &mut Before) {
        let Some((exten, caller)) = before.exten.clone() else {
            return;
        };
        let (priority, call) = rest.split_once(',').unwrap_or((rest, ""));
        let (priority, label) = match priority.split_once('(') {
            None => (priority, None),
            Some((priority, label)) => match label.split_once(')') {
                Some((label, _)) => (priority, Some(label.trim())),
                None => {
                    return self.warn(
                        &entry.at,
                        "this label is not closed. Write priority(label).",
                    );
                }
            },
        };
        let priority = match self.priority(priority.trim(), &exten, caller.as_deref(), before) {
            Ok(priority) => priority,
            Err(text) => return self.warn(&entry.at, text),
        };
        let added = match priority {
            Priority::Hint => {
                before.last = Last::Hint;
                self.builder
                    .add_hint(before.context, &exten, caller.as_deref(), call.trim())
            }
            Priority::Number(priority) => {
                before.last = Last::Priority(priority);
                let (application, arguments) = self.call(call, &entry.at);
                let at = entry.at.to_string();
                let caller = caller.as_deref();
                let line = Line {
                    exten: &exten,
                    caller,
                    priority,
                    label,
                    application,
                    arguments,
                    at: &at,
                };
                self.builder.add(before.context, line)
            }
        };
        if added.is_err() {
            self.warn(
                &entry.at,
                format!("extension '{exten}' already has this priority. The first line stays."),
            );
        }
    }

    /// `n`, `s`, `hint`, a number or an earlier label, each with `+n`.
    fn priority(
        &mut self,
        text: &str,
        exten: &str,
        caller: Option<&str>,
        before: &Before,
    ) -> Result<Priority, String> {
        let (text, plus) = text.split_once('+').unwrap_or((text, "0"));
        let text = text.trim();
        let plus: u32 = plus
            .trim()
            .parse()
            .map_err(|_| format!("'+{plus}' is not a number. Write n+1."))?;
        let base = match (text, before.last) {
            ("hint", _) => return Ok(Priority::Hint),
            ("n" | "next", Last::Priority(last)) => last.checked_add(1),
            ("n" | "next", Last::Hint) => {
                return Err(format!(
                    "'{text}' after a hint has no number to follow. Write a number; the line is dropped."
                ));
            }
            ("s" | "same", Last::Priority(last)) => Some(last),
            ("n" | "next" | "s" | "same", _) => {
                return Err(format!(
                    "'{text}' needs a line above in its context. Begin with priority 1."
                ));
            }
            _ => text
                .parse()
                .ok()
                .or_else(|| self.builder.label(before.context, exten, caller, text)),
        };
        let priority = base
            .and_then(|base| base.checked_add(plus))
            .filter(|&priority| priority > 0);
        priority.map(Priority::Number).ok_or_else(|| {
            format!(
                "'{text}' is neither a priority above 0 nor a label above. The line is dropped."
            )
        })
    }

    /// `application(arguments)`, and what is odd about it.
    fn call<'t>(&mut self, call: &'t str, at: &Position) -> (&'t str, &'t str) {
        let (application, arguments) = split_call(call);
        if application.is_empty() {
            self.warn(
                at,
                "this line has no application. Write exten => name,priority,application.",
            );
        } else if !applications().any(|name| name.eq_ignore_ascii_case(application)) {
            let hint = did_you_mean(application, applications());
            self.warn(
                at,
                format!("there is no application '{application}'; calls that reach it end.{hint}"),
            );
        } else if call.contains('(') && !call.contains(')') {
            self.warn(at, "these arguments are not closed. Add a ')'.");
        }
        if self.media.is_none() && needs_media(application) {
            self.media = Some((application.into(), at.clone()));
        }
        for doubt in doubts(application, arguments) {
            self.warn(at, format!("{doubt}."));
        }
        (application, arguments)
    }

    /// `include => context[,times,weekdays,mdays,months[,timezone]]`.
    fn include(&mut self, entry: &Entry, context: ContextId) {
        let value = self.substitute(&entry.value, &entry.at);
        let (name, times) = value.split_once(',').unwrap_or((&value, ""));
        let name = name.trim();
        let schedule = match (times.trim(), Schedule::parse(times)) {
            ("", _) => None,
            (_, Ok(schedule)) => {
                if let Some(zone) = schedule.unknown_zone() {
                    let text = format!("there is no time zone '{zone}'. Times are taken as UTC.");
                    self.warn(&entry.at, text);
                }
                Some(schedule)
            }
            (_, Err(text)) => {
                return self.warn(&entry.at, format!("{text}. The include is dropped."));
            }
        };
        self.builder.add_include(context, name, schedule);
        self.includes.push((name.into(), entry.at.clone()));
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
            self.warn(&entry.at, text);
        }
    }

    fn finish(mut self) -> (Plan, Vec<Warning>) {
        if let Some((application, at)) = self.media.take() {
            self.warn(
                &at,
                format!(
                    "{application}, like other applications, needs media, which this engine has \
                     not. media_apps in [general] says what they do."
                ),
            );
        }
        let plan = self.builder.build();
        for (name, at) in &self.includes {
            if plan.context(name).is_none() {
                let hint = did_you_mean(name, plan.contexts().iter().map(|context| context.name()));
                self.warnings.push(Warning::new(
                    at,
                    format!("there is no context '{name}' to include.{hint}"),
                ));
            }
        }
        (plan, self.warnings)
    }
}

fn split_switch(value: &str) -> (&str, &str) {
    let (name, data) = value.split_once('/').unwrap_or((value, ""));
    (name.trim(), data.trim())
}

/// The extension field and the rest; commas inside `[…]` do not split.
fn split_name(text: &str) -> (&str, &str) {
    let mut in_set = false;
    let comma = text.find(|character| {
        in_set = match character {
            '[' => true,
            ']' => false,
            _ => in_set,
        };
        character == ',' && !in_set
    });
    comma.map_or((text, ""), |comma| (&text[..comma], &text[comma + 1..]))
}

/// ` Did you mean '…'?`, or nothing if no name comes close.
fn did_you_mean<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> String {
    let text = text.to_lowercase();
    let distance = |name: &str| strsim::jaro_winkler(&text, &name.to_lowercase());
    let best = names
        .map(|name| (distance(name), name))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match best {
        Some((distance, name)) if distance > 0.8 => format!(" Did you mean '{name}'?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
