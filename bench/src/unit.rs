//! The pieces of work whose cost is watched, by name.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::RecordDesk;
use pinion_runtime::journal::{Journal, Origin};
use pinion_sip::wire::{Fields, Message};

use crate::fixture::{invite_of_832_bytes, read_typed, record};
use crate::meter::{Meter, plain};
use crate::plan;
use crate::rig::{Rig, Users};
use crate::table::{Shape, Table};

/// A piece of work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// INVITE to BYE through Dial to a registered user, nobody challenged.
    Call,
    /// The same with the caller's INVITE challenged.
    CallWithDigest,
    /// The same as `Call` by a plan of twenty lines with Gosub, Set and GotoIf.
    CallByPlan,
    /// REGISTER, 401, REGISTER, 200.
    RegisterWithDigest,
    /// REGISTER with credentials for a nonce in hand, 200.
    RegisterRefresh,
    /// OPTIONS, 200.
    Options,
    /// An 832-byte INVITE: first line, Call-ID, where its fields are.
    ParseIntake,
    /// The same with its common fields typed.
    ParseTyped,
    /// An extension found among 10 000 prefixes of one context.
    FindPrefix,
    /// The same among as many patterns that overlap.
    FindOverlapping,
    /// The record of a call, into its shard's journal and to the desk.
    FileRecord,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Unit; 11] = [
        Unit::Call,
        Unit::CallWithDigest,
        Unit::CallByPlan,
        Unit::RegisterWithDigest,
        Unit::RegisterRefresh,
        Unit::Options,
        Unit::ParseIntake,
        Unit::ParseTyped,
        Unit::FindPrefix,
        Unit::FindOverlapping,
        Unit::FileRecord,
    ];

    /// Its name in reports, in the baseline and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Call => "call",
            Unit::CallWithDigest => "call-with-digest",
            Unit::CallByPlan => "call-by-plan",
            Unit::RegisterWithDigest => "register-with-digest",
            Unit::RegisterRefresh => "register-refresh",
            Unit::Options => "options",
            Unit::ParseIntake => "parse-intake",
            Unit::ParseTyped => "parse-typed",
            Unit::FindPrefix => "find-prefix",
            Unit::FindOverlapping => "find-overlapping",
            Unit::FileRecord => "file-record",
        }
    }

    /// The unit of that name.
    pub fn named(name: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Something that does the unit once each time it is called, `rest` after
    /// the one before, its cost measured by the meter it is handed.
    pub fn work(self, rest: Duration) -> Box<dyn FnMut(Meter)> {
        let rig = |users| Rig::new(users, plain);
        let on_rig = |mut rig: Rig, step: fn(&mut Rig)| -> Box<dyn FnMut(Meter)> {
            Box::new(move |meter| {
                rig.set_meter(meter);
                step(&mut rig);
                rig.rest(rest);
            })
        };
        match self {
            Unit::Call => on_rig(rig(Users::Open), Rig::call),
            Unit::CallWithDigest => on_rig(rig(Users::Secured), Rig::call),
            Unit::CallByPlan => {
                let plan = plan::compile(plan::TWENTY_LINES);
                on_rig(Rig::with_plan(Users::Open, plan, plain), Rig::call)
            }
            Unit::RegisterWithDigest => on_rig(rig(Users::Secured), Rig::register_anew),
            Unit::RegisterRefresh => on_rig(rig(Users::Secured), Rig::register),
            Unit::Options => on_rig(rig(Users::Open), Rig::options),
            Unit::ParseIntake => on_message(|message| {
                black_box(message.call_id());
            }),
            Unit::ParseTyped => on_message(|message| {
                read_typed(message).expect("well formed");
            }),
            Unit::FindPrefix => in_table(Shape::Prefixes),
            Unit::FindOverlapping => in_table(Shape::Overlapping),
            Unit::FileRecord => on_desk(),
        }
    }
}

/// Files a record each time; whoever writes them keeps up.
fn on_desk() -> Box<dyn FnMut(Meter)> {
    let dir = tempfile::tempdir().expect("a directory");
    let origin = Origin {
        boot: 1,
        node: String::new(),
    };
    let journal = Journal::create(&dir.path().join("0"), 1 << 16, origin, 1, 1);
    let journal = journal.expect("a journal");
    let marks = Arc::clone(journal.marks());
    let (desk, errands) = RecordDesk::new(16, vec![journal]);
    let mut filing = desk.filing(0);
    Box::new(move |meter| {
        let mut cdr = Some(Box::new(record()));
        meter(&mut || {
            let fate = filing.file(cdr.take().expect("a record is filed once"));
            assert!(!fate.unjournaled && !fate.dropped);
        });
        let filed = errands.take_waiting().expect("it was filed");
        marks.pass(0, filed.end.expect("it was journaled"));
    })
}

fn in_table(shape: Shape) -> Box<dyn FnMut(Meter)> {
    let mut table = Table::new(shape);
    Box::new(move |meter| {
        meter(&mut || {
            black_box(table.find());
        });
    })
}

fn on_message(look: fn(&Message<'_>)) -> Box<dyn FnMut(Meter)> {
    let datagram = invite_of_832_bytes();
    let mut fields = Fields::new();
    Box::new(move |meter| {
        meter(&mut || {
            let message = Message::parse(black_box(&datagram), &mut fields);
            look(&message.expect("readable"));
        });
    })
}
