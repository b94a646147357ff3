//! The applications: one file and one row each.

use super::cursor::Routine;
use super::step::{App, Event, Next, Step};
use super::substitute::{self, Names};
use crate::base::Instant;

mod answer;
mod busy;
mod cdr;
mod chan_is_avail;
mod channel_redirect;
mod db_del;
mod dial;
mod exception;
mod exec;
mod gosub;
mod goto;
mod hangup;
mod indicate;
mod log;
mod macros;
mod media;
mod message_send;
mod originate;
mod pickup;
mod retry_dial;
mod set;
mod sip_header;
mod soft_hangup;
mod system;
mod transfer;
mod wait;
mod wait_exten;
mod while_loop;

pub(super) use macros::leave as leave_macro;
pub use media::MediaApps;

/// Runs an application with substituted arguments.
type Run = fn(&mut Step<'_>, &str) -> Next;

/// An application.
#[derive(Debug)]
pub(super) struct Row {
    name: &'static str,
    run: Run,
    /// What is odd about arguments before substitution, in sentences.
    doubts: fn(&str) -> Vec<String>,
}

const fn row_of(name: &'static str, run: Run) -> Row {
    Row {
        name,
        run,
        doubts: |_| Vec::new(),
    }
}

static ROWS: &[Row] = &[
    row_of("Answer", answer::run),
    row_of("Busy", busy::busy),
    row_of("CELGenUserEvent", log::cel_event),
    row_of("ChanIsAvail", chan_is_avail::run),
    row_of("ChannelRedirect", channel_redirect::run),
    row_of("ClearHash", set::clear_hash),
    row_of("Congestion", busy::congestion),
    row_of("ContinueWhile", while_loop::resume),
    row_of("DBdel", db_del::one),
    row_of("DBdeltree", db_del::tree),
    Row {
        name: "Dial",
        run: dial::run,
        doubts: dial::doubts,
    },
    row_of("DumpChan", log::dump_channel),
    row_of("EndWhile", while_loop::end),
    row_of("Exec", exec::exec),
    row_of("ExecIf", exec::exec_if),
    row_of("ExecIfTime", exec::exec_if_time),
    row_of("ExitWhile", while_loop::exit),
    row_of("ForkCDR", cdr::fork),
    row_of("Gosub", gosub::gosub),
    row_of("GosubIf", gosub::gosub_if),
    row_of("Goto", goto::goto),
    row_of("GotoIf", goto::goto_if),
    row_of("GotoIfTime", goto::goto_if_time),
    row_of("Hangup", hangup::run),
    row_of("HangupCauseClear", hangup::clear_causes),
    row_of("ImportVar", set::import),
    row_of("Incomplete", busy::incomplete),
    row_of("Log", log::log),
    row_of("MSet", set::many),
    row_of("Macro", macros::run),
    row_of("MacroExclusive", macros::run),
    row_of("MacroExit", macros::exit),
    row_of("MacroIf", macros::run_if),
    row_of("MessageSend", message_send::run),
    row_of("NoCDR", cdr::none),
    row_of("NoOp", log::no_op),
    row_of("Originate", originate::run),
    row_of("Pickup", pickup::pickup),
    row_of("PickupChan", pickup::pickup_channel),
    row_of("Proceeding", indicate::proceeding),
    row_of("Progress", indicate::progress),
    row_of("RaiseException", exception::raise),
    row_of("ResetCDR", cdr::reset),
    Row {
        name: "RetryDial",
        run: retry_dial::run,
        doubts: retry_dial::doubts,
    },
    row_of("Return", gosub::leave),
    row_of("Ringing", indicate::ringing),
    row_of("Set", set::one),
    row_of("SIPAddHeader", sip_header::add),
    row_of("SIPDtmfMode", sip_header::dtmf_mode),
    row_of("SIPRemoveHeader", sip_header::remove),
    row_of("SoftHangup", soft_hangup::run),
    row_of("StackPop", gosub::stack_pop),
    row_of("System", system::system),
    row_of("Transfer", transfer::run),
    row_of("TryExec", exec::try_exec),
    row_of("TrySystem", system::try_system),
    row_of("UserEvent", log::user_event),
    row_of("Verbose", log::verbose),
    row_of("Wait", wait::run),
    row_of("WaitExten", wait_exten::run),
    row_of("While", while_loop::start),
];

/// The names of all applications.
pub fn applications() -> impl Iterator<Item = &'static str> {
    ROWS.iter().chain(media::ROWS).map(|row| row.name)
}

/// Names an application by its place among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApplicationId(pub u16);

impl ApplicationId {
    pub(super) fn of(row: &'static Row) -> ApplicationId {
        let own = place(ROWS, row);
        let place = own.or_else(|| Some(ROWS.len() + place(media::ROWS, row)?));
        ApplicationId(place.and_then(|at| at.try_into().ok()).unwrap_or(u16::MAX))
    }

    /// Its name; empty for one there is not.
    pub fn name(self) -> &'static str {
        applications().nth(self.0.into()).unwrap_or_default()
    }
}

/// The place of a row in its table, by where it lies.
fn place(table: &'static [Row], row: &'static Row) -> Option<usize> {
    let address = core::ptr::from_ref(row).addr();
    let offset = address.checked_sub(table.as_ptr().addr())?;
    Some(offset / size_of::<Row>()).filter(|&place| place < table.len())
}

/// What is odd about a call of an application before any call is made, in
/// sentences. What depends on variables is left for the call.
pub fn doubts(application: &str, arguments: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if !arguments.contains("${") {
        substitute::substitute(arguments, &mut NoNames, &mut doubts);
    }
    if let Some(row) = row(application) {
        doubts.extend((row.doubts)(arguments));
    }
    doubts
}

/// The row of a name; case does not count.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    let mut rows = ROWS.iter();
    let own = rows.find(|row| row.name.eq_ignore_ascii_case(name));
    own.or_else(|| media::row(name))
}

/// Whether an application needs media, and so does what `media_apps` says.
pub fn needs_media(name: &str) -> bool {
    media::row(name).is_some()
}

/// Runs an application with substituted arguments.
pub(super) fn run(step: &mut Step<'_>, row: &Row, arguments: &str) -> Next {
    if step.state.ending.is_none()
        && let Some(account) = step.state.account_mut()
    {
        account.note(row.name, arguments);
    }
    (row.run)(step, arguments)
}

/// Sends a channel into a routine as soon as it is started.
pub(super) fn enter(routine: Routine<'_>) -> Box<dyn App> {
    let (run, arguments): (Run, &str) = match routine {
        Routine::Gosub(arguments) => (gosub::gosub, arguments),
        Routine::Macro(arguments) => (macros::run, arguments),
    };
    Box::new(Entry {
        run,
        arguments: arguments.into(),
    })
}

/// Runs an application as soon as a channel is started.
pub(super) fn first(row: &'static Row, arguments: &str) -> Box<dyn App> {
    Box::new(First {
        row,
        arguments: arguments.into(),
    })
}

/// An application to run first.
struct First {
    row: &'static Row,
    arguments: Box<str>,
}

impl App for First {
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        step.channels.runs(ApplicationId::of(self.row), 1);
        run(step, self.row, &self.arguments)
    }
}

/// A routine to enter first.
struct Entry {
    run: Run,
    arguments: Box<str>,
}

impl App for Entry {
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        match (self.run)(step, &self.arguments) {
            Next::Continue => step.after_leaving(Next::Continue),
            next => next,
        }
    }
}

/// Nothing is set before a call; functions are not judged.
struct NoNames;

impl Names for NoNames {
    fn variable(&self, _: &str) -> Option<alloc::borrow::Cow<'_, str>> {
        None
    }

    fn function(&mut self, _: &str, _: &str) -> Option<String> {
        Some(String::new())
    }
}

/// A number of seconds, fractions allowed, as a duration; nothing if it is
/// not positive.
fn seconds(text: &str) -> Option<core::time::Duration> {
    positive(text.trim(), 1.0)
}

/// A length of time: seconds unless a unit follows (`ast_app_parse_timelen`);
/// nothing if it is not positive.
fn duration(text: &str) -> Option<core::time::Duration> {
    let text = text.trim();
    let end = text.find(|character: char| !matches!(character, '0'..='9' | '.' | '-' | '+'));
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let second = match unit.as_str() {
        "" => 1.0,
        "ms" => 0.001,
        unit if unit.starts_with('h') => 3600.0,
        unit if unit.starts_with('m') => 60.0,
        unit if unit.starts_with('s') => 1.0,
        _ => return None,
    };
    positive(number, second)
}

/// So many times so many seconds.
fn positive(number: &str, second: f64) -> Option<core::time::Duration> {
    let seconds = number.parse::<f64>().ok()? * second;
    (seconds > 0.0).then(|| core::time::Duration::try_from_secs_f64(seconds).ok())?
}

/// Complains about an argument.
fn complain(step: &mut Step<'_>, application: &str, text: &str) {
    let at = step.here();
    step.warn("arguments", || format!("{at}: {application}: {text}"));
}

#[cfg(test)]
mod tests {
    use super::{ApplicationId, applications, row};

    /// The applications of 13.3.2 that steer a plan or are about its channel.
    const NAMES: &str = "Answer Busy CELGenUserEvent ClearHash Congestion ContinueWhile Dial DumpChan \
        EndWhile Exec ExecIf ExecIfTime ExitWhile ForkCDR Gosub GosubIf Goto GotoIf GotoIfTime \
        Hangup HangupCauseClear ImportVar Incomplete Log MSet Macro MacroExclusive MacroExit \
        MacroIf NoCDR NoOp Pickup PickupChan Proceeding Progress RaiseException ResetCDR RetryDial Return Ringing \
        SIPAddHeader SIPDtmfMode SIPRemoveHeader Set StackPop Transfer TryExec UserEvent Verbose \
        Wait WaitExten While";

    #[test]
    fn the_applications_of_signalling_are_known_in_any_case() {
        for name in NAMES.split(' ').filter(|name| !name.is_empty()) {
            assert!(row(name).is_some(), "{name}");
            assert!(row(&name.to_ascii_lowercase()).is_some(), "{name}");
        }
    }

    #[test]
    fn an_application_is_named_by_its_place() {
        for name in applications() {
            let row = row(name).expect("a row");
            assert_eq!(ApplicationId::of(row).name(), name);
        }
        assert_eq!(ApplicationId(u16::MAX).name(), "");
    }
}
