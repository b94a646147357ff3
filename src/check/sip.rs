//! The contexts that sip.conf sends calls to. Its options are `config`'s
//! matter.

use std::collections::HashSet;

use pinion_sip::dialplan::Plan;

use super::{Finding, Severity};
use crate::config::did_you_mean;
use crate::config::file::{Category, Entry, File};
use crate::config::sip::Sip;

/// The options whose value is a context.
const CONTEXTS: [&str; 2] = ["context", "outofcall_message_context"];

/// Where a call of sip.conf may enter the plan.
pub(super) fn entries(sip: &Sip) -> HashSet<String> {
    let defaults = &sip.general.defaults;
    let domains = sip.general.domain_contexts.iter();
    let mut entries: HashSet<String> = domains.map(|(_, context)| context.to_string()).collect();
    for peer in sip.peers.iter().chain([defaults]) {
        entries.insert(peer.context.to_string());
        entries.extend(
            peer.outofcall_message_context
                .iter()
                .map(ToString::to_string),
        );
    }
    entries
}

/// Finds the contexts that extensions.conf has not.
pub(super) fn lint(file: &File, sip: &Sip, plan: &Plan, findings: &mut Vec<Finding>) {
    let used = file.categories.iter().filter(|category| !category.template);
    for entry in used.clone().flat_map(|category| &category.entries) {
        if let Some(context) = context(entry).filter(|name| plan.context(name).is_none()) {
            let hint = did_you_mean(context, plan.contexts().iter().map(|known| known.name()));
            findings.push(Finding {
                at: entry.at.clone(),
                severity: Severity::Error,
                text: format!("extensions.conf has no context '{context}'.{hint}"),
            });
        }
    }
    let says_where = |category: &Category| {
        let mut entries = category.entries.iter();
        entries.any(|entry| entry.key.eq_ignore_ascii_case("context"))
    };
    let is = |category: &&Category, name: &str| category.name.eq_ignore_ascii_case(name);
    let all = &sip.general.defaults.context;
    if used
        .clone()
        .any(|category| is(&category, "general") && says_where(category))
        || plan.context(all).is_some()
    {
        return;
    }
    let devices = |category: &&Category| {
        let special = ["general", "authentication"];
        !special.iter().any(|name| is(category, name)) && !says_where(category)
    };
    let mut silent = used.filter(devices);
    if let Some(first) = silent.next() {
        let others = match silent.count() {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        findings.push(Finding {
            at: first.at.clone(),
            severity: Severity::Error,
            text: format!(
                "[{}]{others} has no context=, and extensions.conf no context '{all}' for its calls.",
                first.name
            ),
        });
    }
}

/// The context an option names.
fn context(entry: &Entry) -> Option<&str> {
    let is = |name: &str| entry.key.eq_ignore_ascii_case(name);
    if is("domain") {
        let (_, context) = entry.value.split_once(',')?;
        return Some(context.trim()).filter(|context| !context.is_empty());
    }
    let names = CONTEXTS.iter().any(|name| is(name));
    names
        .then_some(&*entry.value)
        .filter(|value| !value.is_empty())
}
