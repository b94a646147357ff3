//! A plan prepared for questions about all of its calls at once: who includes
//! whom, whatever the time, and what a search could meet. It judges nothing.

use std::collections::HashMap;

use pinion_sip::dialplan::{Context, Extension, Instruction, Match, Plan, Switch, Visit};

use crate::config::file::Position;

/// A plan, and what a search in each of its contexts comes to.
pub(super) struct Ground<'p> {
    pub(super) plan: &'p Plan,
    reaches: HashMap<&'p str, Vec<Reached<'p>>>,
}

/// A context that a search comes to.
#[derive(Clone, Copy)]
pub(super) struct Reached<'p> {
    pub(super) context: &'p Context,
    /// Whatever the time.
    pub(super) always: bool,
}

/// One instruction and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) context: &'p Context,
    pub(super) extension: &'p Extension,
    pub(super) instruction: &'p Instruction,
}

impl<'p> Ground<'p> {
    pub(super) fn new(plan: &'p Plan) -> Ground<'p> {
        let reach = |context: &'p Context| {
            let mut reached = Vec::new();
            plan.visit(context.name(), None, |visit| {
                if let Visit::Tried {
                    context, always, ..
                } = visit
                {
                    reached.push(Reached { context, always });
                }
                None::<()>
            });
            (context.name(), reached)
        };
        Ground {
            plan,
            reaches: plan.contexts().iter().map(reach).collect(),
        }
    }

    /// The contexts a search in one comes to, in order.
    pub(super) fn reach(&self, context: &str) -> &[Reached<'p>] {
        self.reaches.get(context).map_or(&[], Vec::as_slice)
    }

    /// The contexts whose calls may be in this one's lines: itself, and all
    /// that include it at last.
    pub(super) fn surroundings(&self, context: &'p Context) -> Vec<&'p Context> {
        let around = |of: &&Context| {
            let mut reached = self.reach(of.name()).iter();
            reached.any(|reached| std::ptr::eq(reached.context, context))
        };
        self.plan.contexts().iter().filter(around).collect()
    }

    /// Whether a search in a context asks what the plan cannot know.
    pub(super) fn asks(&self, context: &str) -> bool {
        let asks = |reached: &Reached<'_>| reached.context.switches().iter().any(Switch::asks);
        let first = self.plan.override_switch();
        first.is_some_and(Switch::asks) || self.reach(context).iter().any(asks)
    }

    /// The extensions that a number, a name or a pattern's own spelling meets
    /// in a context, whoever calls.
    pub(super) fn matching(&self, context: &str, exten: &str) -> Vec<&'p Extension> {
        let extensions = self
            .reach(context)
            .iter()
            .flat_map(|reached| reached.context.extensions());
        extensions
            .filter(|extension| extension.pattern().matches(exten) == Match::Yes)
            .collect()
    }

    /// Every instruction, in the order of contexts.
    pub(super) fn places(&self) -> impl Iterator<Item = Place<'p>> + use<'p> {
        places(self.plan)
    }
}

/// Every instruction of a plan.
pub(super) fn places(plan: &Plan) -> impl Iterator<Item = Place<'_>> {
    plan.contexts().iter().flat_map(|context| {
        context.extensions().iter().flat_map(move |extension| {
            let place = move |instruction| Place {
                context,
                extension,
                instruction,
            };
            extension.instructions().iter().map(place)
        })
    })
}

/// Where an instruction is written.
pub(super) fn position(instruction: &Instruction) -> Position {
    let (file, line) = match instruction.at.rsplit_once(':') {
        Some((file, line)) => match line.parse() {
            Ok(line) => (file, line),
            Err(_) => (&*instruction.at, 0),
        },
        None => (&*instruction.at, 0),
    };
    Position {
        file: file.into(),
        line,
    }
}
