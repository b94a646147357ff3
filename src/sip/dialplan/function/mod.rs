//! The dialplan functions: one row each.

use super::inquiry::{Inquiry, Reply};
use super::state::Scope;
use super::step::Step;

mod about;
mod cdr;
mod channel;
mod curl;
mod database;
mod device;
mod dial_group;
mod digest;
mod dns;
mod exception;
mod global;
pub(super) mod group;
mod handler;
mod hash;
mod import;
mod list;
mod local;
mod lock;
mod logic;
mod math;
mod message;
mod party;
mod plan;
mod realtime;
mod shell;
mod sprintf;
mod technology;
mod text;
mod time;
mod timeout;
mod uri;

pub use global::shared_key;
pub(super) use import::{ask as ask_import, tell as tell_import};

/// A function.
pub(super) struct Row {
    name: &'static str,
    /// `${NAME(arguments)}`.
    pub(super) read: Option<Read>,
    /// `Set(NAME(arguments)=value)`. What must be waited for is returned.
    pub(super) write: Option<Write>,
}

/// Sets what the arguments name to a value.
type Write = fn(&mut Step<'_>, &str, &str) -> Option<Inquiry>;

/// What a function is, of a call as it stands and its arguments.
type View = fn(&Scope<'_>, &str) -> String;

/// What a function has to ask, of its arguments; or what it is at once.
type Ask = fn(&mut Step<'_>, &str) -> Result<Inquiry, String>;

/// What a function is, of its arguments and the reply.
type Tell = fn(&mut Step<'_>, &str, Reply) -> String;

/// How a function is read.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// From the call as it stands, as often as need be.
    Plain(View),
    /// It changes something on the way: once for each instruction.
    Changing(fn(&mut Step<'_>, &str) -> String),
    /// It reads texts in its turn, or may have something to warn of.
    Evaluating(fn(&mut Step<'_>, &str) -> String),
    /// It needs something from outside, or has a value at once (`Err`).
    Asking(Ask, Tell),
    /// The same, where some of it is the call's own and at hand: for those who
    /// ask once, that is all of it.
    AtHand(View, Ask, Tell),
}

impl Read {
    /// How those read it who can neither wait nor change anything.
    pub(super) fn view(self) -> Option<View> {
        match self {
            Read::Plain(view) | Read::AtHand(view, ..) => Some(view),
            Read::Changing(_) | Read::Evaluating(_) | Read::Asking(..) => None,
        }
    }
}

const fn reading(name: &'static str, read: View) -> Row {
    Row {
        name,
        read: Some(Read::Plain(read)),
        write: None,
    }
}

const fn changing(name: &'static str, read: fn(&mut Step<'_>, &str) -> String) -> Row {
    Row {
        name,
        read: Some(Read::Changing(read)),
        write: None,
    }
}

const fn asking(name: &'static str, ask: Ask, tell: Tell) -> Row {
    Row {
        name,
        read: Some(Read::Asking(ask, tell)),
        write: None,
    }
}

const fn evaluating(name: &'static str, read: fn(&mut Step<'_>, &str) -> String) -> Row {
    Row {
        name,
        read: Some(Read::Evaluating(read)),
        write: None,
    }
}

const fn writing(name: &'static str, write: Write) -> Row {
    Row {
        name,
        read: None,
        write: Some(write),
    }
}

/// By name, so that each is found by halving.
static ROWS: &[Row] = &[
    writing("ARRAY", list::array),
    reading("BASE64_DECODE", digest::base64_decode),
    reading("BASE64_ENCODE", digest::base64_encode),
    asking(
        "BLACKLIST",
        database::ask_blacklist,
        database::tell_blacklist,
    ),
    Row {
        name: "CALLERID",
        read: Some(Read::Plain(party::read_caller)),
        write: Some(party::write_caller),
    },
    Row {
        name: "CALLERPRES",
        read: Some(Read::Plain(party::read_presentation)),
        write: Some(party::write_presentation),
    },
    Row {
        name: "CDR",
        read: Some(Read::Plain(cdr::read)),
        write: Some(cdr::write),
    },
    Row {
        name: "CDR_PROP",
        read: None,
        write: Some(cdr::write_property),
    },
    Row {
        name: "CHANNEL",
        read: Some(Read::Plain(channel::read)),
        write: Some(channel::write),
    },
    reading("CHECKSIPDOMAIN", technology::check_sip_domain),
    Row {
        name: "CONNECTEDLINE",
        read: Some(Read::Plain(party::read_connected)),
        write: Some(party::write_connected),
    },
    reading("CSV_QUOTE", text::csv_quote),
    asking("CURL", curl::ask, curl::tell),
    Row {
        name: "CURLOPT",
        read: Some(Read::Plain(curl::read_option)),
        write: Some(curl::write_option),
    },
    evaluating("CUT", list::cut),
    Row {
        name: "DB",
        read: Some(Read::Asking(database::ask, database::tell)),
        write: Some(database::write),
    },
    Row {
        name: "DB_DELETE",
        read: Some(Read::Asking(database::ask_delete, database::tell)),
        write: Some(database::delete),
    },
    asking("DB_EXISTS", database::ask, database::tell_exists),
    asking("DB_KEYS", database::ask_keys, database::tell_keys),
    changing("DEC", math::decrement),
    Row {
        name: "DEVICE_STATE",
        read: Some(Read::Asking(device::ask, device::tell)),
        write: Some(device::write),
    },
    Row {
        name: "DIALGROUP",
        read: Some(Read::Asking(dial_group::ask, dial_group::tell)),
        write: Some(dial_group::write),
    },
    reading("DIALPLAN_EXISTS", plan::exists),
    asking("ENUMLOOKUP", dns::ask_enum, dns::tell_enum),
    asking("ENUMQUERY", dns::ask_enum_query, dns::tell_enum_query),
    Row {
        name: "ENUMRESULT",
        read: Some(Read::Changing(dns::enum_result)),
        write: None,
    },
    reading("ENV", about::environment),
    evaluating("EVAL", text::eval),
    reading("EXCEPTION", exception::read),
    reading("EXISTS", logic::exists),
    evaluating("EXTENSION_STATE", plan::state),
    evaluating("FIELDNUM", list::field_number),
    evaluating("FIELDQTY", list::field_quantity),
    reading("FILTER", text::filter),
    Row {
        name: "GLOBAL",
        read: Some(Read::Plain(global::read)),
        write: Some(global::write),
    },
    Row {
        name: "GROUP",
        read: Some(Read::Plain(group::read)),
        write: Some(group::write),
    },
    asking("GROUP_COUNT", group::ask_count, group::tell_count),
    reading("GROUP_LIST", group::list),
    asking("GROUP_MATCH_COUNT", group::ask_match, group::tell_count),
    reading("HANGUPCAUSE", technology::hangup_cause),
    reading("HANGUPCAUSE_KEYS", technology::hangup_cause_keys),
    Row {
        name: "HASH",
        read: Some(Read::Changing(hash::read)),
        write: Some(hash::write),
    },
    reading("HASHKEYS", hash::keys),
    reading("HINT", plan::hint),
    evaluating("IF", logic::choose),
    evaluating("IFTIME", logic::choose_by_time),
    asking("IMPORT", import::ask, import::tell),
    changing("INC", math::increment),
    reading("ISNULL", logic::is_null),
    reading("KEYPADHASH", text::keypad_hash),
    reading("LEN", text::len),
    evaluating("LISTFILTER", list::filter),
    Row {
        name: "LOCAL",
        read: Some(Read::Plain(local::read)),
        write: Some(local::write),
    },
    reading("LOCAL_PEEK", local::peek),
    asking("LOCK", lock::ask_lock, lock::tell),
    Row {
        name: "MASTER_CHANNEL",
        read: Some(Read::Plain(import::master)),
        write: Some(import::set_master),
    },
    evaluating("MATH", math::math),
    reading("MD5", digest::md5),
    Row {
        name: "MESSAGE",
        read: Some(Read::Plain(message::read)),
        write: Some(message::write),
    },
    Row {
        name: "MESSAGE_DATA",
        read: Some(Read::Plain(message::read_data)),
        write: Some(message::write_data),
    },
    reading("PASSTHRU", text::pass_through),
    changing("POP", list::pop),
    writing("PUSH", list::push),
    reading("QUOTE", text::quote),
    changing("RAND", math::random),
    Row {
        name: "REALTIME",
        read: Some(Read::Asking(realtime::ask, realtime::tell)),
        write: Some(realtime::write),
    },
    Row {
        name: "REALTIME_DESTROY",
        read: Some(Read::Asking(realtime::ask_destroy, realtime::tell)),
        write: Some(realtime::destroy),
    },
    Row {
        name: "REALTIME_FIELD",
        read: Some(Read::Asking(realtime::ask, realtime::tell_field)),
        write: Some(realtime::write),
    },
    asking("REALTIME_HASH", realtime::ask, realtime::tell_hash),
    Row {
        name: "REALTIME_STORE",
        read: None,
        write: Some(realtime::store),
    },
    Row {
        name: "REDIRECTING",
        read: Some(Read::Plain(party::read_redirecting)),
        write: Some(party::write_redirecting),
    },
    evaluating("REGEX", text::regex),
    evaluating("REPLACE", text::replace),
    changing("SET", logic::set),
    reading("SHA1", digest::sha1),
    Row {
        name: "SHARED",
        read: Some(Read::AtHand(
            global::own_shared,
            global::ask_shared,
            import::tell,
        )),
        write: Some(global::write_shared),
    },
    asking("SHELL", shell::ask, shell::tell),
    changing("SHIFT", list::shift),
    Row {
        name: "SIPPEER",
        read: Some(Read::Asking(technology::sip_peer, technology::tell)),
        write: None,
    },
    reading("SIP_HEADER", technology::sip_header),
    reading("SORT", list::sort),
    evaluating("SPRINTF", sprintf::sprintf),
    reading("SQL_ESC", text::sql_escape),
    asking("SRVQUERY", dns::ask_srv, dns::tell_srv),
    asking("SRVRESULT", dns::ask_srv_result, dns::tell_srv_result),
    evaluating("STRFTIME", time::format),
    evaluating("STRPTIME", time::parse),
    evaluating("STRREPLACE", text::replace_text),
    Row {
        name: "TIMEOUT",
        read: Some(Read::Plain(timeout::read)),
        write: Some(timeout::write),
    },
    reading("TOLOWER", text::to_lower),
    reading("TOUPPER", text::to_upper),
    asking("TRYLOCK", lock::ask_try, lock::tell),
    asking("UNLOCK", lock::ask_unlock, lock::tell),
    writing("UNSHIFT", list::unshift),
    reading("URIDECODE", uri::decode),
    reading("URIENCODE", uri::encode),
    reading("VALID_EXTEN", plan::is_valid),
    reading("VERSION", about::version),
];

/// The names of all functions.
pub fn functions() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// The row of a name; case counts, as in Asterisk.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    let head = head(name);
    let from = HEADS.partition_point(|known| *known < head);
    let alike = HEADS
        .get(from..)?
        .iter()
        .take_while(|known| **known == head);
    let mut rows = ROWS.get(from..)?.iter().take(alike.count());
    rows.find(|row| row.name == name)
}

/// The first bytes of a name as a number that tells most names apart, and has
/// them in the same order.
const fn head(name: &str) -> u64 {
    match name.as_bytes() {
        [a, b, c, d, e, f, g, h, ..] => u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        mut short => {
            let (mut head, mut place) = (0, 64);
            while let [byte, rest @ ..] = short {
                place -= 8;
                head |= (*byte as u64) << place;
                short = rest;
            }
            head
        }
    }
}

/// Those of the rows.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
static HEADS: [u64; ROWS.len()] = {
    let mut heads = [0; ROWS.len()];
    let mut at = 0;
    while at < heads.len() {
        heads[at] = head(ROWS[at].name);
        at += 1;
    }
    heads
};

fn truth(yes: bool) -> String {
    if yes { "1" } else { "0" }.into()
}

/// The number a text begins with, as `sscanf("%lf")` reads it.
fn leading_float(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let is = |at: usize, any: &[u8]| {
        text.as_bytes()
            .get(at)
            .is_some_and(|byte| any.contains(byte))
    };
    let digits = |from: usize| {
        from + text
            .bytes()
            .skip(from)
            .take_while(u8::is_ascii_digit)
            .count()
    };
    let mut end = digits(usize::from(is(0, b"+-")));
    if is(end, b".") {
        end = digits(end + 1);
    }
    let exponent = end + 1 + usize::from(is(end + 1, b"+-"));
    if is(end, b"eE") && digits(exponent) > exponent {
        end = digits(exponent);
    }
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests;
