//! Where a call stands, and where it may go: context, extension and priority.
//!
//! It remembers which extension of the plan that is, so that going from one
//! priority to the next, and back from a subroutine, searches once.

use core::cell::Cell;
use core::fmt;

use smol_str::SmolStr;

use super::plan::{Extension, ExtensionId, Instruction, Place, Plan, Seek, dialled};
use crate::base::UnixTime;

/// A place in the plan a call runs in. It belongs to that plan alone.
#[derive(Clone)]
pub(super) struct Position {
    context: SmolStr,
    exten: SmolStr,
    /// From 1; one less where a call is about to go on.
    pub(super) priority: u32,
    /// The extension that has the say (see [`Plan::home`]).
    home: Cell<ExtensionId>,
}

/// It has not been looked for.
const UNSOUGHT: ExtensionId = ExtensionId(u32::MAX);

/// There is none: each priority has to be searched.
const NONE: ExtensionId = ExtensionId(u32::MAX - 1);

impl Position {
    pub(super) fn new(context: SmolStr, exten: SmolStr, priority: u32) -> Position {
        Position {
            context,
            exten,
            priority,
            home: Cell::new(UNSOUGHT),
        }
    }

    /// Another priority of the same extension.
    pub(super) fn at(&self, priority: u32) -> Position {
        Position {
            priority,
            ..self.clone()
        }
    }

    /// Another extension of the same context.
    pub(super) fn of(&self, exten: SmolStr, priority: u32) -> Position {
        Position::new(self.context.clone(), exten, priority)
    }

    pub(super) fn context(&self) -> &SmolStr {
        &self.context
    }

    pub(super) fn exten(&self) -> &SmolStr {
        &self.exten
    }

    /// Context, extension and priority.
    pub(super) fn parts(&self) -> (&str, &str, u32) {
        (&self.context, &self.exten, self.priority)
    }

    /// What its extension has, for a caller of that number at that time.
    pub(super) fn find<'p>(
        &self,
        plan: &'p Plan,
        seek: Seek<'_>,
        caller: &str,
        time: impl FnOnce() -> UnixTime,
    ) -> Option<&'p Instruction> {
        let found = self.home(plan).and_then(|home| home.find(seek));
        found.or_else(|| self.search(plan, seek, caller, time()))
    }

    /// What stands at its priority, where its extension has the say and has that
    /// one: so it is with most steps.
    pub(super) fn instruction<'p>(&self, plan: &'p Plan) -> Option<&'p Instruction> {
        self.home(plan)?.at(self.priority)
    }

    fn home<'p>(&self, plan: &'p Plan) -> Option<&'p Extension> {
        if self.home.get() == UNSOUGHT {
            self.look_for_home(plan);
        }
        plan.extension(self.home.get())
    }

    /// Apart from the way that most steps take, as [`Position::search`] is.
    #[cold]
    fn look_for_home(&self, plan: &Plan) {
        let home = plan.home(&self.context, dialled(&self.exten));
        self.home.set(home.unwrap_or(NONE));
    }

    #[cold]
    fn search<'p>(
        &self,
        plan: &'p Plan,
        seek: Seek<'_>,
        caller: &str,
        time: UnixTime,
    ) -> Option<&'p Instruction> {
        let place = Place {
            context: &self.context,
            exten: &self.exten,
            caller,
            time,
        };
        plan.find(place, seek)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{},{},{}",
            self.context, self.exten, self.priority
        )
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Position) -> bool {
        self.priority == other.priority
            && self.exten == other.exten
            && self.context == other.context
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialplan::fake::{NOW, add};
    use crate::dialplan::{PlanBuilder, Schedule};

    /// Extensions that overlap, for some callers and for all.
    const LINES: &[&str] = &[
        "12,1,A",
        "12,2,B",
        "12/42,2,C",
        "12/7,1,D",
        "_1X,2,E",
        "_1X,3(here),F",
        "_X./42,1,G",
        "_X.,1(here),H",
        "_X.,4,I",
        "s,1,J",
    ];

    /// Contexts, each with what it includes: `c` first, `b` by day alone.
    const CONTEXTS: [(&str, &[&str]); 3] = [("c", &["b", "a"]), ("b", &["a"]), ("a", &[])];

    /// A plan of the lines that are chosen for each context.
    fn plan(trie: bool, chosen: &[Vec<&'static str>]) -> Plan {
        let mut builder = PlanBuilder::new();
        builder.trie(trie);
        for ((name, includes), lines) in CONTEXTS.iter().zip(chosen) {
            let context = builder.context(name);
            for line in lines {
                add(&mut builder, context, line);
            }
            for include in *includes {
                let by_day = Schedule::parse("09:00-18:00,*,*,*");
                let schedule = (*include == "b").then_some(by_day);
                builder.add_include(context, include, schedule);
            }
        }
        builder.build()
    }

    fn chosen() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
        let lines = prop::sample::subsequence(LINES, 0..=LINES.len());
        prop::collection::vec(lines, CONTEXTS.len())
    }

    proptest! {
        /// By day and by night, whoever calls, whatever was sought before.
        #[test]
        fn a_position_finds_what_a_search_finds(
            trie: bool,
            chosen in chosen(),
            exten in prop::sample::select(&["12", "1-2", "13", "7", "77", "s", "", "_X."][..]),
        ) {
            let plan = plan(trie, &chosen);
            let position = Position::new("c".into(), exten.into(), 1);
            let numbers = (1..=5).map(Seek::Priority);
            for seek in numbers.chain([Seek::Label("here"), Seek::Label("gone")]) {
                for (caller, hours) in [("42", 0), ("7", 12), ("", 0), ("42", 12)] {
                    let time = UnixTime(NOW.0 + hours * 3600);
                    let place = Place { context: "c", exten, caller, time };
                    let found = position.find(&plan, seek, caller, || time);
                    let sought = plan.find(place, seek);
                    prop_assert_eq!(found.map(core::ptr::from_ref), sought.map(core::ptr::from_ref));
                    if let Seek::Priority(priority) = seek
                        && let Some(found) = position.at(priority).instruction(&plan)
                    {
                        prop_assert_eq!(Some(core::ptr::from_ref(found)), sought.map(core::ptr::from_ref));
                    }
                }
            }
        }
    }
}
