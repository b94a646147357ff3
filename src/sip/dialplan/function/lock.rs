//! `LOCK(name)`, `TRYLOCK(name)` and `UNLOCK(name)`: one call at a time, over
//! all shards. They are `1` if it worked, else `0`.
//!
//! A channel may take a lock more than once and gives it up as often. What it
//! still holds when its call ends is free again. `LOCK` waits its turn, but not
//! longer than three seconds.

use super::super::inquiry::{Hold, Inquiry, Reply};
use super::super::step::Step;

pub(super) fn ask_lock(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    Ok(take(arguments, true))
}

pub(super) fn ask_try(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    Ok(take(arguments, false))
}

pub(super) fn ask_unlock(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    Ok(Inquiry::Unlock(arguments.trim().into()))
}

pub(super) fn tell(_: &mut Step<'_>, _: &str, reply: Reply) -> String {
    reply.text().unwrap_or_else(|| "0".into())
}

fn take(name: &str, wait: bool) -> Inquiry {
    let hold = Hold::Lock(name.trim().into());
    Inquiry::Take { hold, wait }
}
