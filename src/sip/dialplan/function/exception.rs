//! `EXCEPTION(reason|context|exten|priority)`: why the call is at `e`, and
//! where it was. Reasons of the engine's own are `INVALID`, `ERROR`,
//! `RESPONSETIMEOUT` and `ABSOLUTETIMEOUT`.

use super::super::state::Scope;

pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let course = scope.state.course.as_ref();
    let Some(exception) = course.and_then(|course| course.exception.as_ref()) else {
        return String::new();
    };
    let is = |name: &str| arguments.trim().eq_ignore_ascii_case(name);
    if is("reason") {
        exception.reason.as_str().into()
    } else if is("context") {
        exception.position.context().as_str().into()
    } else if is("exten") || is("extension") {
        exception.position.exten().as_str().into()
    } else if is("priority") {
        exception.position.priority.to_string()
    } else {
        String::new()
    }
}
