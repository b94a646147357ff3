//! `ResetCDR`, `ForkCDR` and `NoCDR`: what becomes of a call's record.
//!
//! They keep what a record is to be made of; it is made elsewhere.

use super::super::record::Record;
use super::super::step::{Next, Step};

/// `ResetCDR([options])`: the record begins anew. `v` keeps the fields the plan
/// has set, `e` allows it to be written again.
pub(super) fn reset(step: &mut Step<'_>, options: &str) -> Next {
    let now = step.now();
    let record = begin(step, options.contains('v'));
    record.sheet.begun = Some(now);
    record.sheet.answered_from = Some(now);
    if options.contains('e') {
        record.sheet.disabled = false;
    }
    Next::Continue
}

/// `ForkCDR([options])`: another record of the call begins. `v` copies the
/// fields, `r` lets its times begin now, `a` only that of the answer; `e` ends the
/// record before it.
pub(super) fn fork(step: &mut Step<'_>, options: &str) -> Next {
    let now = step.now();
    let (anew, answered) = (options.contains('r'), options.contains('a'));
    if step.state.account().is_some() {
        let ended = options.contains('e').then_some(now);
        step.state.record_mut().fork(ended);
    }
    let record = begin(step, options.contains('v'));
    if anew {
        record.sheet.begun = Some(now);
    }
    if anew || answered {
        record.sheet.answered_from = Some(now);
    }
    Next::Continue
}

/// `NoCDR()`: no record is written.
pub(super) fn none(step: &mut Step<'_>, _: &str) -> Next {
    if !step.is_sealed() {
        step.state.record_mut().sheet.disabled = true;
    }
    Next::Continue
}

/// Another record, with or without the fields of the one before.
fn begin<'s>(step: &'s mut Step<'_>, keep: bool) -> &'s mut Record {
    let record = step.state.record_mut();
    record.earlier = record.earlier.saturating_add(1);
    if !keep {
        record.sheet.fields = Default::default();
    }
    record
}

#[cfg(test)]
mod tests;
