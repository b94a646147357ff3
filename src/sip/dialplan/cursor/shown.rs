//! What a call is about to do, for display.

use alloc::borrow::Cow;
use core::cell::Cell;

use super::super::party::{Party, PartyField};
use super::super::plan::{Instruction, Plan};
use super::super::state::State;
use super::super::substitute::{Names, substitute};
use super::Cursor;
use crate::base::Instant;

impl Cursor {
    /// The application at hand; `None` for one that a switch has found.
    pub fn application(&self, now: Instant) -> Option<&str> {
        Some(&self.instruction(now)?.application)
    }

    /// The application at hand and its arguments, with the values of variables
    /// and of the globals that `global` knows, as they are now; as they stand in
    /// the plan where the channel alone does not know all of them.
    pub fn at_hand<'a>(
        &'a self,
        now: Instant,
        global: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Option<(&'a str, Cow<'a, str>)> {
        let found = self.instruction(now)?;
        let mut known = Known {
            plan: &self.plan,
            state: &self.state,
            global,
            all: Cell::new(true),
        };
        let mut troubles = Vec::new();
        let arguments = substitute(&found.arguments, &mut known, &mut troubles);
        let arguments = match known.all.get() && troubles.is_empty() {
            true => arguments,
            false => Cow::Borrowed(&*found.arguments),
        };
        Some((&found.application, arguments))
    }

    fn instruction(&self, now: Instant) -> Option<&Instruction> {
        let position = &self.state.position;
        self.state.instruction(&self.plan, position, now)
    }
}

/// What a channel knows by itself, for display.
struct Known<'a, 'g> {
    plan: &'a Plan,
    state: &'a State,
    /// A global that has been set since the plan was loaded.
    global: &'g dyn Fn(&str) -> Option<&'a str>,
    /// Whether it has known all that was asked.
    all: Cell<bool>,
}

impl Names for Known<'_, '_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match name {
            "EXTEN" => self.state.position.exten().as_str(),
            "CONTEXT" => self.state.position.context(),
            _ => {
                let own = self.state.variables.value(name);
                let global = || (self.global)(name).or_else(|| self.plan.global(name));
                match own.or_else(global) {
                    Some(value) => value,
                    None => {
                        self.all.set(false);
                        return None;
                    }
                }
            }
        };
        Some(Cow::Borrowed(value))
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        let field = match (name, arguments) {
            ("CALLERID", "num" | "number") => PartyField::Number,
            ("CALLERID", "name") => PartyField::Name,
            _ => {
                self.all.set(false);
                return Some(String::new());
            }
        };
        Some(self.state.party(Party::Caller, field).into())
    }
}
