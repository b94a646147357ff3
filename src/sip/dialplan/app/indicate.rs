//! `Proceeding`, `Progress` and `Ringing`: show the caller a state.

use super::super::channel::Indication;
use super::super::step::{Next, Step};

pub(super) fn proceeding(step: &mut Step<'_>, _: &str) -> Next {
    indicate(step, Indication::Proceeding)
}

pub(super) fn progress(step: &mut Step<'_>, _: &str) -> Next {
    indicate(step, Indication::Progress)
}

pub(super) fn ringing(step: &mut Step<'_>, _: &str) -> Next {
    indicate(step, Indication::Ringing)
}

fn indicate(step: &mut Step<'_>, indication: Indication) -> Next {
    if !step.is_over() {
        step.channels.indicate(indication);
    }
    Next::Continue
}
