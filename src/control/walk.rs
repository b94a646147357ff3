//! The contexts that a search goes through, and those it leaves out. It visits
//! them as the engine does, and looks at no extension.

use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{Context, Include, Plan};

/// How deep includes may nest (`AST_PBX_MAX_STACK`).
const INCLUDE_DEPTH: usize = 128;

/// A context a search comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Visit<'p> {
    /// Its extensions are tried. `by` is the context that includes it.
    Tried {
        context: &'p Context,
        by: Option<&'p Context>,
        /// Whether it is tried whatever the time.
        always: bool,
    },
    /// It is left out, for there is no such context.
    Missing {
        include: &'p Include,
        by: &'p Context,
    },
    /// It is left out, for it is not its time.
    Untimely {
        include: &'p Include,
        by: &'p Context,
    },
}

/// What a search that begins in `start` comes to, in order. With no `time`
/// every include is in its time.
pub(crate) fn walk<'p>(plan: &'p Plan, start: &str, time: Option<UnixTime>) -> Vec<Visit<'p>> {
    let mut walk = Walk {
        plan,
        time,
        visits: Vec::new(),
    };
    if let Some(context) = plan.context(start) {
        walk.visit(context, None, true, 0);
    }
    walk.visits
}

struct Walk<'p> {
    plan: &'p Plan,
    time: Option<UnixTime>,
    visits: Vec<Visit<'p>>,
}

impl<'p> Walk<'p> {
    fn visit(&mut self, context: &'p Context, by: Option<&'p Context>, always: bool, depth: usize) {
        let was_tried = |visit: &Visit<'p>| match visit {
            Visit::Tried { context: tried, .. } => std::ptr::eq(*tried, context),
            _ => false,
        };
        if self.visits.iter().any(was_tried) {
            return;
        }
        self.visits.push(Visit::Tried {
            context,
            by,
            always,
        });
        if depth == INCLUDE_DEPTH {
            return;
        }
        for include in context.includes() {
            let schedule = include.schedule.as_ref();
            let in_time = match (schedule, self.time) {
                (Some(schedule), Some(time)) => schedule.applies(time, self.plan.zone()),
                _ => true,
            };
            match self.plan.context(&include.name) {
                None => self.visits.push(Visit::Missing {
                    include,
                    by: context,
                }),
                Some(_) if !in_time => self.visits.push(Visit::Untimely {
                    include,
                    by: context,
                }),
                Some(included) => {
                    let always = always && schedule.is_none();
                    self.visit(included, Some(context), always, depth + 1);
                }
            }
        }
    }
}
