//! The search for what to execute next: within a context by precedence, then
//! through the contexts it includes.
//!
//! It reads a plan and knows no call. What switches find is `switch`'s matter.

use smallvec::SmallVec;

use super::pattern::Match;
use super::plan::{Context, Extension, Instruction, Place, Plan, Seek};
use super::schedule::Schedule;

/// How deep includes may nest (`AST_PBX_MAX_STACK`).
const INCLUDE_DEPTH: usize = 128;

impl Plan {
    /// Whether a call may enter here (priority 1), or could with more digits.
    /// Switches are not asked: see [`Plan::may_ask`].
    pub fn exists(&self, place: Place<'_>) -> Match {
        let mut could = false;
        let found = self.walk(place, |context| {
            let found = self.own(context, place, Seek::Priority(1)).is_some();
            could = could || (!found && context.could_match(place.dialled(), place.caller));
            found.then_some(())
        });
        match (found, could) {
            (Some(()), _) => Match::Yes,
            (None, true) => Match::CouldMatch,
            (None, false) => Match::No,
        }
    }

    /// Whether a switch may know an extension that the plan itself does not
    /// have: only the call can ask it.
    pub fn may_ask(&self, place: Place<'_>) -> bool {
        let asks = |context: &Context| context.switches.iter().any(|switch| switch.asks());
        let asks = |context| (self.override_switch.is_some() || asks(context)).then_some(());
        self.asks && self.walk(place, asks).is_some()
    }

    /// Whether waiting for more digits could lead to another extension
    /// (`E_MATCHMORE`). A pattern that ends in `!` and matches already decides
    /// that there is nothing to wait for.
    pub fn wants_more(&self, place: Place<'_>) -> bool {
        let more = |context: &Context| {
            let mut candidates = context.extensions.iter().filter(|extension| {
                extension.takes(place.caller) && extension.find(Seek::Priority(1)).is_some()
            });
            candidates.find_map(|extension| extension.pattern().wants_more(place.dialled()))
        };
        self.walk(place, more) == Some(true)
    }

    /// The instruction to execute. A matching pattern without the priority
    /// sought gives way to the next one that has it, as in Asterisk, unless
    /// [`Plan::is_trie`].
    pub fn find(&self, place: Place<'_>, seek: Seek<'_>) -> Option<&Instruction> {
        self.walk(place, |context| self.own(context, place, seek))
    }

    /// What a context's own extensions have.
    pub(super) fn own<'p>(
        &self,
        context: &'p Context,
        place: Place<'_>,
        seek: Seek<'_>,
    ) -> Option<&'p Instruction> {
        let dialled = place.dialled();
        let takes = |extension: &Extension| extension.takes(place.caller);
        match self.first_only {
            true => context.matching(dialled, |extension| {
                takes(extension).then(|| extension.find(seek))
            })?,
            false => context.matching(dialled, |extension| {
                extension.find(seek).filter(|_| takes(extension))
            }),
        }
    }

    /// The hint of an extension.
    pub fn hint(&self, place: Place<'_>) -> Option<&str> {
        self.walk(place, |context| {
            context.matching(place.dialled(), Extension::hint)
        })
    }

    /// Visits contexts, depth first through includes that apply now, each
    /// once, until one yields something.
    pub(super) fn walk<'p, T>(
        &'p self,
        place: Place<'_>,
        mut visit: impl FnMut(&'p Context) -> Option<T>,
    ) -> Option<T> {
        let first = *self.names.get(place.context)?;
        // Most searches end in the first context.
        let context = self.contexts.get(first)?;
        match visit(context) {
            None if context.includes.is_empty() => None,
            None => self.walk_includes(place, first, visit),
            found => found,
        }
    }

    /// Goes on with what the `first` context includes.
    fn walk_includes<'p, T>(
        &'p self,
        place: Place<'_>,
        first: usize,
        mut visit: impl FnMut(&'p Context) -> Option<T>,
    ) -> Option<T> {
        let applies = |schedule: &Schedule| schedule.applies(place.time, &self.zone);
        let mut visited: SmallVec<[usize; 16]> = SmallVec::new();
        // Contexts still to visit, the next one last, with their depth.
        let mut ahead: SmallVec<[(usize, usize); 16]> = SmallVec::new();
        ahead.push((first, 0));
        while let Some((index, depth)) = ahead.pop() {
            if visited.contains(&index) {
                continue;
            }
            visited.push(index);
            let context = self.contexts.get(index)?;
            if depth > 0
                && let Some(found) = visit(context)
            {
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
