//! What plans of other calls read and set of a channel's variables.

use smol_str::SmolStr;

use super::call::Call;
use super::exchange::Turn;
use super::run::RunId;
use crate::dialplan::{Foreign, Wish, shared_key};

impl Call {
    /// Answers a question about one of its channels; `None` if it has none of
    /// that name, or no room.
    pub fn foreign(&mut self, turn: &mut Turn<'_>, foreign: &Foreign) -> Option<String> {
        let name = foreign.channel.as_str();
        let own = self.channel_name(0);
        let own = own.filter(|own| own.eq_ignore_ascii_case(name));
        let (run, name) = match own {
            Some(own) => (Some(RunId::CALLER), own),
            None => self.run_named(name)?,
        };
        match &foreign.wish {
            Wish::Variable(variable) => run.and_then(|run| self.value_in(turn, run, variable)),
            Wish::Shared(variable) => self.shared(&shared_key(variable, &name)).map(String::from),
            Wish::Share(variable, value) => {
                let shared = self.share(&shared_key(variable, &name), value);
                shared.is_ok().then(String::new)
            }
        }
    }

    /// The channel of that name which the call has dialled, and the run it has a
    /// plan of its own in.
    fn run_named(&self, name: &str) -> Option<(Option<RunId>, SmolStr)> {
        self.channels.iter().find_map(|channel| {
            let own = channel.name(self.number);
            if own.eq_ignore_ascii_case(name) {
                return Some((channel.more.as_ref().and_then(|more| more.run), own));
            }
            let far = channel.local()?.run?;
            let own = channel.far_name(self.number);
            let is_far = own.eq_ignore_ascii_case(name);
            is_far.then_some((Some(far), own))
        })
    }
}
