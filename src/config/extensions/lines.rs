//! `exten` and `same`: the extension, the priority and the application of a
//! line, as Asterisk's `pbx_load_config` takes them apart.

use pinion_sip::dialplan::{
    ContextId, Line, applications, doubts, needs_media, split_call, substitute,
};
use std::borrow::Cow;

use super::expressions::faults;
use super::{Compiler, Globals, Names, did_you_mean, names};
use crate::config::file::{Entry, Position};

/// The longest extension field, in bytes, its caller's pattern included.
const FIELD_BYTES: usize = 255;

/// The longest name of an extension, in bytes (`AST_MAX_EXTENSION` less one).
const NAME_BYTES: usize = 79;

/// The longest arguments of an application, in bytes (`EXT_DATA_SIZE` less one).
const DATA_BYTES: usize = 8191;

/// What a line may refer to: the lines of its context before it.
pub(super) struct Before<'c> {
    /// The context's name.
    name: &'c str,
    context: ContextId,
    /// The last extension, and the callers it is for; none after a line whose
    /// extension cannot be.
    exten: Option<(String, Option<String>)>,
    last: Last,
}

impl<'c> Before<'c> {
    pub(super) fn new(name: &'c str, context: ContextId) -> Before<'c> {
        Before {
            name,
            context,
            exten: None,
            last: Last::None,
        }
    }
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

/// The variables of a hint's text: globals, and where the hint stands.
struct HintNames<'b> {
    globals: Globals<'b>,
    context: &'b str,
    exten: &'b str,
}

impl Names for HintNames<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "CONTEXT" => Some(self.context.into()),
            "EXTEN" => Some(self.exten.into()),
            _ => self.globals.variable(name),
        }
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        self.globals.function(name, arguments)
    }
}

impl Compiler {
    /// `exten => pattern[/caller],priority,application(arguments)`.
    pub(super) fn exten(&mut self, entry: &Entry, before: &mut Before<'_>) {
        let (field, rest) = split_field(&entry.value);
        let field = self.substitute(field.trim(), &entry.at);
        let (name, caller) = match field.split_once('/') {
            Some((name, caller)) => (name, Some(caller.to_owned())),
            None => (&*field, None),
        };
        before.exten = None;
        let refusal = if name.is_empty() {
            "this line has no extension. Write exten => name,priority,application.".into()
        } else if field.len() > FIELD_BYTES {
            format!(
                "an extension has at most {FIELD_BYTES} bytes. Shorten it; the line is dropped."
            )
        } else if !name.starts_with('_') && name.len() > NAME_BYTES {
            format!(
                "the name of an extension has at most {NAME_BYTES} bytes. Shorten it; the line is dropped."
            )
        } else {
            for doubt in names::doubts(name) {
                self.warn(&entry.at, doubt);
            }
            before.exten = Some((name.to_owned(), caller));
            return self.line(entry, rest, before);
        };
        self.grave(&entry.at, refusal);
    }

    /// `same => priority,application(arguments)`.
    pub(super) fn same(&mut self, entry: &Entry, before: &mut Before<'_>) {
        match before.exten {
            Some(_) => self.line(entry, &entry.value, before),
            None => self.grave(
                &entry.at,
                "there is no extension above for 'same'. Begin with exten =>.",
            ),
        }
    }

    /// `priority,application(arguments)`.
    fn line(&mut self, entry: &Entry, rest: &str, before: &mut Before<'_>) {
        let Some((exten, caller)) = before.exten.clone() else {
            return;
        };
        let caller = caller.as_deref();
        let (priority, call) = rest.split_once(',').unwrap_or((rest, ""));
        let (priority, label) = match priority.split_once('(') {
            None => (priority, None),
            Some((priority, label)) => match label.split_once(')') {
                Some((label, _)) => (priority, Some(label.trim())),
                None => {
                    let text = "this label is not closed. Write priority(label).";
                    return self.grave(&entry.at, text);
                }
            },
        };
        let priority = match self.priority(priority.trim(), &exten, caller, before) {
            Ok(priority) => priority,
            Err(text) => return self.grave(&entry.at, text),
        };
        let added = match priority {
            Priority::Hint => {
                before.last = Last::Hint;
                let devices = self.devices(call.trim(), &exten, before.name, &entry.at);
                self.builder
                    .add_hint(before.context, &exten, caller, &devices)
            }
            Priority::Number(priority) => {
                before.last = Last::Priority(priority);
                let (application, arguments) = self.call(call, &entry.at);
                if arguments.len() > DATA_BYTES {
                    let text = format!(
                        "arguments have at most {DATA_BYTES} bytes. Shorten them; the line is dropped."
                    );
                    return self.grave(&entry.at, text);
                }
                let at = entry.at.to_string();
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
            let text =
                format!("extension '{exten}' already has this priority. The first line stays.");
            self.grave(&entry.at, text);
        }
    }

    /// `n`, `s`, `hint`, a number or an earlier label, each with `+n`.
    fn priority(
        &mut self,
        text: &str,
        exten: &str,
        caller: Option<&str>,
        before: &Before<'_>,
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
            ("n" | "next" | "s" | "same", Last::Hint) => {
                return Err(format!(
                    "'{text}' after a hint has no number to follow. Write a number; the line is dropped."
                ));
            }
            ("s" | "same", Last::Priority(last)) => Some(last),
            ("n" | "next" | "s" | "same", Last::None) => {
                return Err(format!(
                    "'{text}' needs a line above in its context. Begin with priority 1."
                ));
            }
            _ => number(text).or_else(|| self.builder.label(before.context, exten, caller, text)),
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
        let (application, arguments) = parts(call);
        if application.is_empty() {
            let text = "this line has no application. Write exten => name,priority,application.";
            self.grave(at, text);
        } else if !applications().any(|name| name.eq_ignore_ascii_case(application)) {
            let hint = did_you_mean(application, applications());
            let text =
                format!("there is no application '{application}'; calls that reach it end.{hint}");
            self.grave(at, text);
        } else if call.contains('(') && !call.contains(')') {
            self.grave(at, "these arguments are not closed. Add a ')'.");
        }
        if self.media.is_none() && needs_media(application) {
            self.media = Some((application.into(), at.clone()));
        }
        let faults = faults(arguments);
        let doubts = doubts(application, arguments);
        for doubt in doubts.iter().filter(|doubt| !faults.contains(doubt)) {
            self.warn(at, format!("{doubt}."));
        }
        for fault in faults {
            self.grave(at, format!("{fault}."));
        }
        (application, arguments)
    }

    /// The devices of a hint, and its name in parentheses. Variables are those
    /// of the load, unless its extension is a pattern: then each extension that
    /// matches has its own.
    fn devices(&mut self, text: &str, exten: &str, context: &str, at: &Position) -> String {
        if exten.starts_with('_') || !text.contains('$') {
            return text.into();
        }
        let mut troubles = Vec::new();
        let mut names = HintNames {
            globals: Globals(&self.builder),
            context,
            exten,
        };
        let devices = substitute(text, &mut names, &mut troubles).into_owned();
        for trouble in troubles {
            self.grave(at, format!("{trouble}. Only globals can be used here."));
        }
        devices
    }
}

/// The extension field and the rest; commas inside `[…]` do not split.
fn split_field(text: &str) -> (&str, &str) {
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

/// The number a priority begins with.
fn number(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// The application and its arguments. Where its name would have to be found
/// out during the call, all of the text is the name, as in Asterisk.
fn parts(call: &str) -> (&str, &str) {
    let (application, arguments) = split_call(call);
    match application.contains("${") || application.contains("$[") {
        true => (call.trim(), ""),
        false => (application, arguments),
    }
}
