//! `dialplan explain`: why a number leads where it leads. Every candidate in
//! the order in which it is tried, which won, why the others lost, and what
//! would run, as text or as JSON. Switches are named, not asked.

use std::io::{self, Write};

use pinion_sip::dialplan::{Context, Extension, Instruction, Match, Place, Plan, Visit};
use serde_json::{Value, json};

/// Candidates of one context that are told of though they do not match.
const TOLD: usize = 20;

/// What becomes of a call, and why.
pub struct Explanation<'p> {
    exten: String,
    context: String,
    caller: String,
    tried: Vec<Tried<'p>>,
    steps: Vec<Step<'p>>,
    outcome: String,
}

/// A context as a search comes to it.
struct Tried<'p> {
    visit: Visit<'p>,
    candidates: Vec<Candidate<'p>>,
    /// Names and patterns that do not match and are not among the candidates.
    others: usize,
}

/// An extension, and how it fared.
struct Candidate<'p> {
    extension: &'p Extension,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Won,
    /// It matches, and so did one before it.
    Later,
    /// The character, from 1, at which it does not match.
    Differs(usize),
    /// It ends in more than was dialled.
    WantsMore,
    OtherCaller,
    NoFirstPriority,
}

/// One priority of what would run, and whose it is.
struct Step<'p> {
    context: &'p Context,
    extension: &'p Extension,
    instruction: &'p Instruction,
}

/// Explains a call; `None` if there is no such context.
pub fn explain<'p>(plan: &'p Plan, place: Place<'_>) -> Option<Explanation<'p>> {
    plan.context(place.context)?;
    let mut won = false;
    let mut tried: Vec<Tried<'p>> = Vec::new();
    plan.visit(place.context, Some(place.time), |visit| {
        let mut of_context = Tried {
            visit,
            candidates: Vec::new(),
            others: 0,
        };
        if let Visit::Tried { context, .. } = visit {
            candidates(plan, context, place, &mut won, &mut of_context);
        }
        tried.push(of_context);
        None::<()>
    });
    Some(Explanation {
        exten: place.exten.into(),
        context: place.context.into(),
        caller: place.caller.into(),
        steps: steps(plan, &tried, place),
        outcome: outcome(plan, place),
        tried,
    })
}

/// Adds the candidates of one context to what was tried.
fn candidates<'p>(
    plan: &Plan,
    context: &'p Context,
    place: Place<'_>,
    won: &mut bool,
    tried: &mut Tried<'p>,
) {
    let mut first = true;
    for extension in context.extensions() {
        let fate = match extension.pattern().matches(place.exten) {
            Match::No => Fate::Differs(differs_at(extension, place.exten)),
            Match::CouldMatch => Fate::WantsMore,
            Match::Yes if !extension.takes(place.caller) => Fate::OtherCaller,
            Match::Yes => {
                let begins = extension.instructions().first();
                let begins = begins.is_some_and(|instruction| instruction.priority == 1);
                let counts = first || !plan.is_trie();
                first = false;
                match begins {
                    _ if *won || !counts => Fate::Later,
                    false => Fate::NoFirstPriority,
                    true => {
                        *won = true;
                        Fate::Won
                    }
                }
            }
        };
        let matches = !matches!(fate, Fate::Differs(_) | Fate::WantsMore);
        let is_told = extension.pattern().is_pattern() && tried.candidates.len() < TOLD;
        match matches || is_told {
            true => tried.candidates.push(Candidate { extension, fate }),
            false => tried.others += 1,
        }
    }
}

/// The first character, from 1, with which an extension cannot match.
fn differs_at(extension: &Extension, exten: &str) -> usize {
    let beginnings = exten.char_indices().map(|(at, character)| {
        let end = at + character.len_utf8();
        extension.pattern().matches(&exten[..end])
    });
    let (at, _) = (1..)
        .zip(beginnings)
        .find(|(_, beginning)| *beginning == Match::No)
        .unwrap_or((exten.chars().count(), Match::No));
    at
}

/// What would run if nothing jumps: priority by priority, each from the first
/// candidate that has it.
fn steps<'p>(plan: &Plan, tried: &[Tried<'p>], place: Place<'_>) -> Vec<Step<'p>> {
    let find = |priority: u32| {
        tried.iter().find_map(|tried| {
            let Visit::Tried { context, .. } = tried.visit else {
                return None;
            };
            let mut matching = tried.candidates.iter().filter(|candidate| {
                matches!(
                    candidate.fate,
                    Fate::Won | Fate::Later | Fate::NoFirstPriority
                )
            });
            let step = |candidate: &Candidate<'p>| {
                let extension = candidate.extension;
                let mut instructions = extension.instructions().iter();
                let instruction = instructions.find(|found| found.priority == priority)?;
                Some(Step {
                    context,
                    extension,
                    instruction,
                })
            };
            match plan.is_trie() {
                true => step(matching.next()?),
                false => matching.find_map(step),
            }
        })
    };
    let begins = plan.exists(place) == Match::Yes;
    (1..)
        .map_while(|priority| find(priority).filter(|_| begins))
        .collect()
}

/// What comes of it, in a sentence.
fn outcome(plan: &Plan, place: Place<'_>) -> String {
    match plan.exists(place) {
        Match::Yes if plan.autofallthrough() => {
            "After the last, the call ends as DIALSTATUS says (autofallthrough)."
        }
        Match::Yes => "After the last, the call waits for digits, and goes on at t.",
        _ if plan.may_ask(place) => "Nothing of the plan; a switch is asked during the call.",
        Match::CouldMatch => {
            "Nothing matches yet, but more digits could. A call that dials this gets 484."
        }
        Match::No => "Nothing matches. A call that dials this gets 404.",
    }
    .into()
}

impl Fate {
    fn sentence(self, extension: &Extension, exten: &str) -> String {
        match self {
            Fate::Won => "wins".into(),
            Fate::Later => "matches, but is tried later".into(),
            Fate::Differs(at) => {
                let character = exten.chars().nth(at.saturating_sub(1));
                let character = character.map_or(String::new(), |found| format!(" ('{found}')"));
                format!("does not match at character {at}{character}")
            }
            Fate::WantsMore => "wants more digits".into(),
            Fate::OtherCaller => {
                let caller = extension.caller().map_or("", |caller| caller.as_str());
                match caller {
                    "" => "matches, but is for calls without a caller's number".into(),
                    _ => format!("matches, but is for the caller {caller}"),
                }
            }
            Fate::NoFirstPriority => "matches, but has no priority 1".into(),
        }
    }
}

/// The name of an extension with its caller: `_X./42`.
fn called(extension: &Extension) -> String {
    match extension.caller() {
        Some(caller) => format!("{}/{}", extension.pattern().as_str(), caller.as_str()),
        None => extension.pattern().as_str().into(),
    }
}

/// Where an extension is written: its first line.
fn written(extension: &Extension) -> &str {
    let first = extension.instructions().first();
    first.map_or("", |instruction| &instruction.at)
}

impl Explanation<'_> {
    /// Whether the call would run anything.
    pub fn runs(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Writes it for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let caller = match &*self.caller {
            "" => "without a caller's number".into(),
            caller => format!("called by {caller}"),
        };
        writeln!(out, "{}@{}, {caller}\n", self.exten, self.context)?;
        for tried in &self.tried {
            self.write_tried(tried, out)?;
        }
        let mut last = None;
        if self.runs() {
            writeln!(out, "\nWhat would run:")?;
        }
        for step in &self.steps {
            let call = call(step.instruction);
            let priority = step.instruction.priority;
            let from = called(step.extension);
            let whose = match last.as_ref() == Some(&from) {
                true => String::new(),
                false => format!("  of {from} in [{}]", step.context.name()),
            };
            writeln!(
                out,
                "  {priority:>3}. {call:<45} {}{whose}",
                step.instruction.at
            )?;
            last = Some(from);
        }
        writeln!(out, "\n{}", self.outcome)
    }

    fn write_tried(&self, tried: &Tried<'_>, out: &mut dyn Write) -> io::Result<()> {
        let context = match tried.visit {
            Visit::Tried { context, by, .. } => {
                let by = by.map_or(String::new(), |by| format!(", included by [{}]", by.name()));
                writeln!(out, "[{}]{by}", context.name())?;
                context
            }
            Visit::Missing { include, by } => {
                return writeln!(
                    out,
                    "[{}], included by [{}]: there is no such context",
                    include.name,
                    by.name()
                );
            }
            Visit::Untimely { include, by } => {
                let times = include.schedule.as_ref().map_or("", |times| times.as_str());
                return writeln!(
                    out,
                    "[{}], included by [{}]: it is not its time ({times})",
                    include.name,
                    by.name()
                );
            }
        };
        for candidate in &tried.candidates {
            let name = called(candidate.extension);
            let fate = candidate.fate.sentence(candidate.extension, &self.exten);
            writeln!(
                out,
                "  {name:<17} {fate:<45} {}",
                written(candidate.extension)
            )?;
        }
        if tried.others > 0 {
            writeln!(out, "  {} others do not match", tried.others)?;
        }
        for switch in context.switches() {
            writeln!(out, "  switch {switch} would be asked here")?;
        }
        Ok(())
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let candidate = |candidate: &Candidate<'_>| {
            json!({
                "extension": called(candidate.extension),
                "at": written(candidate.extension),
                "won": candidate.fate == Fate::Won,
                "why": candidate.fate.sentence(candidate.extension, &self.exten),
            })
        };
        let tried = |tried: &Tried<'_>| match tried.visit {
            Visit::Tried { context, by, .. } => json!({
                "context": context.name(),
                "included_by": by.map(Context::name),
                "candidates": tried.candidates.iter().map(candidate).collect::<Vec<_>>(),
                "others": tried.others,
                "switches": context.switches().iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            Visit::Missing { include, by } => json!({
                "context": &*include.name,
                "included_by": by.name(),
                "skipped": "there is no such context",
            }),
            Visit::Untimely { include, by } => json!({
                "context": &*include.name,
                "included_by": by.name(),
                "skipped": "it is not its time",
                "times": include.schedule.as_ref().map(|times| times.as_str()),
            }),
        };
        let step = |step: &Step<'_>| {
            json!({
                "priority": step.instruction.priority,
                "label": step.instruction.label.as_deref(),
                "application": &*step.instruction.application,
                "arguments": &*step.instruction.arguments,
                "at": &*step.instruction.at,
                "extension": called(step.extension),
                "context": step.context.name(),
            })
        };
        json!({
            "exten": self.exten,
            "context": self.context,
            "caller": self.caller,
            "tried": self.tried.iter().map(tried).collect::<Vec<_>>(),
            "runs": self.steps.iter().map(step).collect::<Vec<_>>(),
            "outcome": self.outcome,
        })
    }
}

fn call(instruction: &Instruction) -> String {
    format!("{}({})", instruction.application, instruction.arguments)
}

#[cfg(test)]
mod tests;
