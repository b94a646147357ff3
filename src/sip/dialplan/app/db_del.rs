//! `DBdel(family/key)` and `DBdeltree(family[/keytree])`: values of the AstDB
//! are removed.

use super::super::inquiry::{Entry, Inquiry, Verb};
use super::super::step::{Next, Step};

pub(super) fn one(step: &mut Step<'_>, arguments: &str) -> Next {
    remove(step, "DBdel", arguments, Verb::Remove)
}

pub(super) fn tree(step: &mut Step<'_>, arguments: &str) -> Next {
    remove(step, "DBdeltree", arguments, Verb::RemoveTree)
}

/// The plan goes on whatever comes of it.
fn remove(step: &mut Step<'_>, application: &str, arguments: &str, verb: Verb) -> Next {
    let path = arguments.trim().trim_matches('/');
    if path.is_empty() || verb == Verb::Remove && !path.contains('/') {
        super::complain(step, application, "it needs a family and a key");
        return Next::Continue;
    }
    let entry = Entry {
        path: path.into(),
        verb,
    };
    step.ask(Inquiry::Entry(Box::new(entry)), |_, _| Next::Continue)
}
