//! `ENV` and `VERSION`: what is known of the program and its surroundings.

use super::super::state::Scope;

/// `ENV(name)`: a variable of the environment that the configuration lets
/// plans see; nothing for others. It cannot be set.
pub(super) fn environment(scope: &Scope<'_>, arguments: &str) -> String {
    scope
        .plan
        .environment(arguments.trim())
        .unwrap_or("")
        .into()
}

/// `VERSION([item])`: this engine, or for `ASTERISK_VERSION_NUM` the number of
/// the Asterisk whose behaviour it has, for plans that ask.
pub(super) fn version(_: &Scope<'_>, arguments: &str) -> String {
    match arguments.trim() {
        "" => concat!("pinion ", env!("CARGO_PKG_VERSION"), " (Asterisk 13.3.2)"),
        "ASTERISK_VERSION_NUM" => "130302",
        _ => "",
    }
    .into()
}
