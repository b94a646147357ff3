//! `CHANNEL(hangup_handler_push|pop|wipe)`: subroutines to run once the call
//! has hung up. They are written only.

use super::super::step::Step;

/// Does what one of these items asks for; false if `item` is none of them.
pub(super) fn write(step: &mut Step<'_>, item: &str, value: &str) -> bool {
    let item = item.to_ascii_lowercase();
    match item.strip_prefix("hangup_handler_") {
        Some("push") => {}
        Some("pop") => {
            step.state.pop_handler();
        }
        Some("wipe") => step.state.wipe_handlers(),
        _ => return false,
    }
    let location = value.trim();
    if !location.is_empty() && !step.state.push_handler(location) {
        let at = step.here();
        step.warn("arguments", || {
            format!("{at}: there are too many hangup handlers; this one is dropped")
        });
    }
    true
}
