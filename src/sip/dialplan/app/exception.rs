//! `RaiseException(reason)`: goes on at `e`.

use super::super::step::{Next, Step};

pub(super) fn raise(step: &mut Step<'_>, arguments: &str) -> Next {
    step.raise(arguments.trim())
}
