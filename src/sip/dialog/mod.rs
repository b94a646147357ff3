//! Dialogs (RFC 3261 §12): who we talk to, by which route, in which order.
//!
//! A `Dialog` refuses what §12.2 refuses and knows how to head the requests it
//! sends. It owns no transaction and no timer.

#[expect(
    clippy::module_inception,
    reason = "the folder is named after the type it is about"
)]
mod dialog;
mod route_set;
mod table;
mod texts;

pub use dialog::{Dialog, OutOfOrder, Role, SentBy, contact_uri};
pub use route_set::RouteSet;
pub use table::Table;
pub use texts::Sayings;
