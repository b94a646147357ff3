//! The search for what to execute next: within a context by precedence, then
//! through the contexts it includes.
//!
//! It reads a plan and knows no call. What switches find is `switch`'s matter.

use smallvec::SmallVec;

use super::pattern::Match;
use super::plan::{Context, Extension, ExtensionId, Include, Instruction, Place, Plan, Seek};
use super::schedule::Schedule;
use crate::base::UnixTime;

/// How deep includes may nest (`AST_PBX_MAX_STACK`).
const INCLUDE_DEPTH: usize = 128;

/// What a search comes to.
#[derive(Clone, Copy, Debug)]
pub enum Visit<'p> {
    /// A context whose extensions are tried.
    Tried {
        /// It.
        context: &'p Context,
        /// The context that includes it; `None` for the first.
        by: Option<&'p Context>,
        /// Whether it is tried whatever the time.
        always: bool,
    },
    /// An include that is left out, for there is no such context.
    Missing {
        /// It.
        include: &'p Include,
        /// The context it stands in.
        by: &'p Context,
    },
    /// An include that is left out, for it is not its time.
    Untimely {
        /// It.
        include: &'p Include,
        /// The context it stands in.
        by: &'p Context,
    },
}

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

    /// The extension that has the say at a place: what it has, [`Plan::find`] finds
    /// there, whoever calls and whenever. Nothing where that depends on the caller's
    /// number or the time.
    pub(super) fn home(&self, context: &str, dialled: &str) -> Option<ExtensionId> {
        let first = self.visit(context, None, |seen| match seen {
            Visit::Tried { always: false, .. } => Some(None),
            Visit::Tried { context, .. } => context.matching(dialled, Some).map(Some),
            Visit::Missing { .. } | Visit::Untimely { .. } => None,
        });
        let first = first.flatten()?;
        first.caller().is_none().then_some(first.id)
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
        self.visit(place.context, Some(place.time), |seen| match seen {
            Visit::Tried { context, .. } => visit(context),
            Visit::Missing { .. } | Visit::Untimely { .. } => None,
        })
    }

    /// Shows what a search that begins in `start` comes to, in its order,
    /// until that yields something. With no `time` every include is in its
    /// time.
    pub fn visit<'p, T>(
        &'p self,
        start: &str,
        time: Option<UnixTime>,
        mut see: impl FnMut(Visit<'p>) -> Option<T>,
    ) -> Option<T> {
        let first = *self.names.get(start)?;
        // Most searches end in the first context.
        let context = self.contexts.get(first)?;
        let seen = see(Visit::Tried {
            context,
            by: None,
            always: true,
        });
        match seen {
            None if context.includes.is_empty() => None,
            None => self.visit_includes(first, time, see),
            found => found,
        }
    }

    /// Goes on with what the `first` context includes.
    fn visit_includes<'p, T>(
        &'p self,
        first: usize,
        time: Option<UnixTime>,
        mut see: impl FnMut(Visit<'p>) -> Option<T>,
    ) -> Option<T> {
        let mut visited: SmallVec<[usize; 16]> = SmallVec::new();
        visited.push(first);
        // Includes still to look at, the next one last.
        let mut ahead: SmallVec<[Ahead<'p>; 16]> = SmallVec::new();
        ahead.extend(self.contexts.get(first)?.ahead(true, 1));
        while let Some(next) = ahead.pop() {
            let Ahead { include, by, .. } = next;
            let schedule = include.schedule.as_ref();
            let applies =
                |schedule: &Schedule| time.is_none_or(|time| schedule.applies(time, &self.zone));
            let seen = match include.context {
                None => see(Visit::Missing { include, by }),
                Some(_) if !schedule.is_none_or(applies) => see(Visit::Untimely { include, by }),
                Some(index) if visited.contains(&index) => None,
                Some(index) => {
                    visited.push(index);
                    let context = self.contexts.get(index)?;
                    let always = next.always && schedule.is_none();
                    if next.depth < INCLUDE_DEPTH {
                        ahead.extend(context.ahead(always, next.depth + 1));
                    }
                    see(Visit::Tried {
                        context,
                        by: Some(by),
                        always,
                    })
                }
            };
            if seen.is_some() {
                return seen;
            }
        }
        None
    }
}

/// An include that a search has still to look at.
struct Ahead<'p> {
    include: &'p Include,
    by: &'p Context,
    /// Whether what includes it is tried whatever the time.
    always: bool,
    depth: usize,
}

impl Context {
    /// Its includes, the first one last.
    fn ahead(&self, always: bool, depth: usize) -> impl Iterator<Item = Ahead<'_>> {
        self.includes.iter().rev().map(move |include| Ahead {
            include,
            by: self,
            always,
            depth,
        })
    }
}

#[cfg(test)]
mod tests;
