//! A plan without what modules would give it. Made from the whole plan, which
//! whoever takes modules out keeps; calls never see it change.

use super::app;
use super::function;
use super::plan::{Instruction, Plan};
use super::switch::Switch;
use crate::modules::{Missing, Module};

impl Plan {
    /// The same plan, as far as it goes without these: without `pbx_config`
    /// it has no contexts, without `pbx_realtime` no switch, and applications
    /// and functions of the others do not exist.
    #[must_use]
    pub fn without(&self, missing: Missing) -> Plan {
        let mut plan = self.clone();
        plan.missing = missing;
        if missing.absent.has(Module::PbxConfig) {
            plan.contexts.clear();
            plan.names.clear();
            plan.override_switch = None;
            plan.asks = false;
        }
        if missing.has(Module::PbxRealtime) {
            plan.override_switch = None;
            plan.asks = false;
            let contexts = plan.contexts.iter_mut();
            contexts.for_each(|context| context.switches.retain(|switch| !Switch::asks(switch)));
        }
        let takes = |name: &str| Module::of_application(name).is_some_and(|of| missing.has(of));
        for instruction in plan.instructions_mut() {
            if takes(&instruction.application) {
                instruction.row = None;
            }
        }
        plan
    }

    fn instructions_mut(&mut self) -> impl Iterator<Item = &mut Instruction> {
        let contexts = self.contexts.iter_mut();
        let extensions = contexts.flat_map(|context| &mut context.extensions);
        extensions.flat_map(|extension| &mut extension.instructions)
    }

    /// The row of an application that is there.
    pub(super) fn application(&self, name: &str) -> Option<&'static app::Row> {
        let row = app::row(name)?;
        let missing = || Module::of_application(name).is_some_and(|of| self.missing.has(of));
        (self.missing.is_empty() || !missing()).then_some(row)
    }

    /// The row of a function that is there.
    pub(super) fn function(&self, name: &str) -> Option<&'static function::Row> {
        let row = function::row(name)?;
        let missing = || Module::of_function(name).is_some_and(|of| self.missing.has(of));
        (self.missing.is_empty() || !missing()).then_some(row)
    }

    /// Whether an application is about to go.
    pub(super) fn is_leaving(&self, name: &str) -> bool {
        let leaving = self.missing.leaving;
        !leaving.is_empty() && Module::of_application(name).is_some_and(|of| leaving.has(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;
    use crate::dialplan::fake::{enter, place, plan};
    use crate::dialplan::{Ending, Match, Progress, Seek};
    use crate::modules::Modules;
    use crate::wire::Status;

    fn absent(modules: &[Module]) -> Missing {
        Missing {
            absent: modules.iter().copied().collect(),
            ..Missing::default()
        }
    }

    /// What `Verbose` says, how often something is warned of, and how it ends.
    fn run(lines: &[&str], missing: Missing) -> (String, usize, Progress) {
        let (mut cursor, mut fake) = enter(plan(lines).without(missing), "1");
        let progress = cursor.start(&mut fake);
        (fake.said.join(" "), fake.warnings.len(), progress)
    }

    #[test]
    fn an_application_of_a_missing_module_does_not_exist() {
        let lines = [
            "1,1,Verbose(a)",
            "1,2,ExecIf(1?Verbose(b))",
            "1,3,Dial(SIP/2)",
        ];
        let (said, warned, progress) = run(&lines, absent(&[Module::AppDial]));
        assert_eq!((said.as_str(), warned), ("a b", 1));
        assert!(matches!(progress, Progress::Ended(Ending::Hangup(_))));
        let (said, warned, _) = run(&lines, absent(&[Module::AppVerbose]));
        assert_eq!((said.as_str(), warned), ("", 1));
    }

    #[test]
    fn a_function_of_a_missing_module_does_not_exist() {
        let lines = ["1,1,Verbose(${LEN(abc)}${MD5(a)})"];
        let (said, warned, _) = run(&lines, absent(&[Module::FuncMd5]));
        assert_eq!((said.as_str(), warned), ("3", 1));
        assert_eq!(run(&lines, absent(&[Module::FuncUri])).1, 0);
    }

    #[test]
    fn a_call_that_comes_to_a_leaving_module_is_answered_503() {
        let missing = Missing {
            leaving: Modules::default().with(Module::AppDial),
            ..Missing::default()
        };
        let (_, warned, progress) = run(&["1,1,Dial(SIP/2)"], missing);
        let Progress::Ended(ending) = progress else {
            panic!("{progress:?}")
        };
        assert_eq!((ending.status(), warned), (Status::SERVICE_UNAVAILABLE, 0));
    }

    #[test]
    fn without_pbx_config_there_are_no_contexts() {
        let whole = plan(&["1,1,Answer()"]);
        assert_eq!(whole.exists(place("1")), Match::Yes);
        let bare = whole.without(absent(&[Module::PbxConfig]));
        assert_eq!(bare.exists(place("1")), Match::No);
        assert_eq!(bare.contexts().len(), 0);
    }

    #[test]
    fn what_is_missing_comes_back_from_the_whole_plan() {
        let whole = plan(&["1,1,Dial(SIP/2)"]);
        let without = whole.without(absent(&[Module::AppDial]));
        let known = |plan: &Plan| plan.find(place("1"), Seek::Priority(1)).unwrap().is_known();
        assert!(!known(&without) && known(&whole.without(Missing::default())));
    }

    #[test]
    fn a_call_in_an_application_tells_which() {
        let (mut cursor, mut fake) = enter(plan(&["1,1,NoOp()", "1,2,Wait(5)"]), "1");
        cursor.start(&mut fake);
        assert_eq!(cursor.application(Instant::START), Some("Wait"));
    }
}
