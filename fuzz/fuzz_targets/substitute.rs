//! Any text as the arguments of `Set`, in a call: every function is within
//! reach, and the call comes to an end.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pinion_sip::base::{Instant, Level, Limits, UnixTime};
use pinion_sip::dialplan::{
    Cause, ChannelId, Channels, Cursor, Event, Indication, Inquiry, Line, NoMedia, Place,
    PlanBuilder, Progress, Reply, Ticket,
};

/// A world where everything asked is known.
#[derive(Default)]
struct World {
    asked: u32,
}

impl Channels for World {
    fn now(&self) -> Instant {
        Instant::START
    }

    fn indicate(&mut self, _: Indication) {}

    fn answer(&mut self) -> Result<(), NoMedia> {
        Err(NoMedia)
    }

    fn is_answered(&self) -> bool {
        false
    }

    fn random(&mut self) -> u64 {
        7
    }

    fn request(&mut self, _: &str, _: &str) -> Result<ChannelId, Cause> {
        Err(Cause::NONE)
    }

    fn call(&mut self, _: ChannelId) {}

    fn hangup(&mut self, _: ChannelId, _: Cause, _: bool) {}

    fn bridge(&mut self, _: ChannelId) {}

    fn ask(&mut self, _: Inquiry) -> Option<Ticket> {
        self.asked += 1;
        Some(Ticket(self.asked))
    }

    fn note(&mut self, _: Level, _: &'static str, _: &mut dyn FnMut() -> String) {}
}

fuzz_target!(|text: &str| {
    let mut builder = PlanBuilder::new();
    let context = builder.context("c");
    builder.add_hint(context, "1", None, "SIP/1&SIP/2").unwrap();
    for (priority, arguments) in (1..).zip(["LIST=a,b,c", "N=1", text, &format!("X={text}")]) {
        let line = Line {
            exten: "1",
            caller: None,
            priority,
            label: None,
            application: "Set",
            arguments,
            at: "fuzz:1",
        };
        builder.add(context, line).unwrap();
    }
    let place = Place {
        context: "c",
        exten: "1",
        caller: "2",
        time: UnixTime(1_709_226_359),
    };
    let mut world = World::default();
    let mut cursor = Cursor::new(Arc::new(builder.build()), place, "Ann", &Limits::default());
    let mut progress = cursor.start(&mut world);
    while let Progress::Waiting(None) = progress {
        let reply = Event::Reply(Ticket(world.asked), Reply::Text("RINGING".into()));
        progress = cursor.handle(reply, &mut world);
        assert!(world.asked < 10_000);
    }
});
