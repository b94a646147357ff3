//! What a new dialplan would change: contexts, extensions, globals. Where its
//! lines stand does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use pinion_sip::dialplan::{Context, Extension, Plan};
use serde_json::{Value, json};

use super::difference::tell_some;
use crate::control::out::Out;

/// Between two plans.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct PlanDifference {
    /// Contexts that are new.
    pub added: Vec<String>,
    /// Contexts that are gone.
    pub removed: Vec<String>,
    /// Extensions of contexts that stay: `exten@context`, and what becomes of
    /// them.
    pub extensions: Vec<(String, Fate)>,
    /// Contexts that stay and include, or ask, others than before.
    pub rewired: Vec<String>,
    /// `[globals]` that are set, changed or gone.
    pub globals: Vec<String>,
    /// Whether `[general]` says something else.
    pub general: bool,
}

/// What becomes of an extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is new.
    Added,
    /// It does something else.
    Changed,
    /// It is gone.
    Removed,
}

impl Fate {
    fn sign(self) -> char {
        match self {
            Fate::Added => '+',
            Fate::Changed => '~',
            Fate::Removed => '-',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Changed => "changed",
            Fate::Removed => "removed",
        }
    }
}

impl PlanDifference {
    /// What is different in `new`.
    pub fn between(old: &Plan, new: &Plan) -> PlanDifference {
        let mut difference = PlanDifference {
            general: general(old) != general(new),
            ..PlanDifference::default()
        };
        for context in new.contexts() {
            match old.context(context.name()) {
                Some(before) => difference.context(before, context),
                None => difference.added.push(context.name().into()),
            }
        }
        let names = old.contexts().iter().map(Context::name);
        let gone = names.filter(|name| new.context(name).is_none());
        difference.removed.extend(gone.map(String::from));
        let globals = |plan: &Plan| -> BTreeSet<(String, String)> {
            let own = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
            plan.globals().map(own).collect()
        };
        let (before, after) = (globals(old), globals(new));
        let names = before
            .symmetric_difference(&after)
            .map(|(name, _)| name.clone());
        difference.globals = names.collect::<BTreeSet<_>>().into_iter().collect();
        difference
    }

    fn context(&mut self, old: &Context, new: &Context) {
        let (before, after) = (extensions(old), extensions(new));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let fate = match (before.get(name), after.get(name)) {
                (None, _) => Fate::Added,
                (_, None) => Fate::Removed,
                (Some(old), Some(new)) if !alike(old, new) => Fate::Changed,
                _ => continue,
            };
            self.extensions
                .push((format!("{name}@{}", new.name()), fate));
        }
        if wires(old) != wires(new) {
            self.rewired.push(new.name().into());
        }
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        *self == PlanDifference::default()
    }

    /// Tells it in a line, or, `whole`, line by line.
    pub fn tell(&self, whole: bool, out: &mut Out<'_>) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let count = |fate| self.extensions.iter().filter(|(_, of)| *of == fate).count();
        out.remark(&format!(
            "extensions.conf: {} contexts added, {} removed; {} extensions added, {} changed, {} removed \
             in others; {} globals changed{}",
            self.added.len(),
            self.removed.len(),
            count(Fate::Added),
            count(Fate::Changed),
            count(Fate::Removed),
            self.globals.len(),
            if self.general { "; [general] changed" } else { "" },
        ))?;
        if !whole {
            return Ok(());
        }
        tell_some(out, self.added.iter(), |name| format!("  + [{name}]"))?;
        tell_some(out, self.removed.iter(), |name| format!("  - [{name}]"))?;
        tell_some(out, self.extensions.iter(), |(name, fate)| {
            format!("  {} {name}", fate.sign())
        })?;
        tell_some(out, self.rewired.iter(), |name| {
            format!("  ~ [{name}] includes others")
        })?;
        tell_some(out, self.globals.iter(), |name| {
            format!("  ~ global {name}")
        })
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|(name, fate)| json!({ "extension": name, "is": fate.word() }))
            .collect();
        json!({
            "added": self.added,
            "removed": self.removed,
            "extensions": extensions,
            "rewired": self.rewired,
            "globals": self.globals,
            "general": self.general,
        })
    }
}

fn general(plan: &Plan) -> impl PartialEq {
    (
        plan.general().clone(),
        plan.autofallthrough(),
        plan.is_trie(),
        plan.media_apps().clone(),
        plan.override_switch().map(ToString::to_string),
    )
}

/// By what `dialplan show` calls them: pattern, and callers if it is for some.
fn extensions(context: &Context) -> BTreeMap<String, &Extension> {
    let name = |extension: &Extension| match extension.caller() {
        Some(caller) => format!("{}/{}", extension.pattern().as_str(), caller.as_str()),
        None => extension.pattern().as_str().to_string(),
    };
    let all = context.extensions().iter();
    all.map(|extension| (name(extension), extension)).collect()
}

/// Whether two extensions do the same.
fn alike(old: &Extension, new: &Extension) -> bool {
    let (before, after) = (old.instructions(), new.instructions());
    old.hint() == new.hint()
        && before.len() == after.len()
        && before.iter().zip(after).all(|(old, new)| {
            (old.priority, &old.label, &old.application, &old.arguments)
                == (new.priority, &new.label, &new.application, &new.arguments)
        })
}

/// Which contexts and switches it leads to, and when.
fn wires(context: &Context) -> Vec<String> {
    let includes = context.includes().iter();
    let includes = includes.map(|include| format!("{} {:?}", include.name, include.schedule));
    let switches = context.switches().iter();
    let switches = switches.map(|switch| format!("{:?} {switch}", switch.kind()));
    let ignored = context.ignorepats().map(String::from);
    includes.chain(switches).chain(ignored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::extensions::parse_extensions;

    fn plan(text: &str) -> Plan {
        parse_extensions(text, "extensions.conf").unwrap().0
    }

    #[test]
    fn what_a_call_would_notice_is_told_and_nothing_else() {
        let old = plan(
            "[globals]\nA=1\nB=2\n[a]\nexten => 1,1,NoOp()\nexten => 2,1,NoOp()\nexten => 3,1,NoOp()\n\
             include => b\n[b]\nexten => 1,1,NoOp()\n[gone]\n",
        );
        let new = plan(
            ";; a comment more\n[globals]\nA=1\nB=3\n[a]\nexten => 1,1,NoOp()\nexten => 2,1,NoOp(x)\n\
             exten => _4X/100,1,NoOp()\n[b]\nexten => 1,1,NoOp()\n[new]\n",
        );
        assert!(PlanDifference::between(&old, &old).is_empty());
        let difference = PlanDifference::between(&old, &new);
        let expected = PlanDifference {
            added: vec!["new".into()],
            removed: vec!["gone".into()],
            extensions: vec![
                ("2@a".into(), Fate::Changed),
                ("3@a".into(), Fate::Removed),
                ("_4X/100@a".into(), Fate::Added),
            ],
            rewired: vec!["a".into()],
            globals: vec!["B".into()],
            general: false,
        };
        assert_eq!(difference, expected);
        let other = plan("[general]\nclearglobalvars=yes\n[globals]\nA=1\nB=2\n");
        assert!(PlanDifference::between(&old, &other).general);
    }

    #[test]
    fn where_lines_stand_does_not_count() {
        let (old, new) = (
            "[a]\nexten => 1,1,NoOp()\n",
            "\n\n; moved\n[a]\nexten => 1,1,NoOp()\n",
        );
        assert!(PlanDifference::between(&plan(old), &plan(new)).is_empty());
    }
}
