//! A scripted world for tests: channels that do as they are told.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::time::Duration;

use smol_str::SmolStr;

use super::party::Redirecting;

use super::*;
use crate::base::{Instant, Level, Limits, UnixTime};

/// Records what was done to it; ids count from 1.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) now: Instant,
    pub(super) answered: bool,
    pub(super) answered_at: Instant,
    /// Resources that cannot be requested.
    pub(super) refuse: Vec<(&'static str, u8)>,
    /// What was done, in order.
    pub(super) done: Vec<String>,
    /// Warnings and errors.
    pub(super) warnings: Vec<String>,
    /// What `Verbose` said.
    pub(super) said: Vec<String>,
    /// What else was told, and as what.
    pub(super) told: Vec<(&'static str, String)>,
    pub(super) next: u32,
    /// What channels are called, by rising id.
    pub(super) names: Vec<String>,
    /// What routines have left in a channel: (channel, name, value).
    pub(super) left: Vec<(u32, &'static str, &'static str)>,
    /// Where callees want to be rung: (channel, place).
    pub(super) forwards: Vec<(u32, &'static str)>,
    /// The responses by which channels failed.
    pub(super) refusals: Vec<(u32, u16)>,
    /// What had been dialled on the way here.
    pub(super) dialled: Vec<SmolStr>,
    /// What was asked, by rising ticket from 0; its replies are the test's.
    pub(super) asked: Vec<Inquiry>,
    /// Whether callees can be shown another caller.
    pub(super) presents: bool,
    /// What `random` yields next; it counts up.
    pub(super) chance: u64,
    /// Globals and shared variables that were set.
    pub(super) globals: Variables,
    pub(super) shared: Variables,
    /// The groups the caller's channel is in, and their categories.
    pub(super) groups: Vec<(&'static str, &'static str)>,
}

impl Fake {
    /// What was done since the last look.
    pub(super) fn take(&mut self) -> String {
        self.done.drain(..).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}

impl Channels for Fake {
    fn now(&self) -> Instant {
        self.now
    }

    fn indicate(&mut self, indication: Indication) {
        self.done.push(format!("{indication:?}"));
    }

    fn answer(&mut self) -> Result<(), NoMedia> {
        Err(NoMedia)
    }

    fn is_answered(&self) -> bool {
        self.answered
    }

    fn present(&mut self, number: &str, name: &str, presentation: Option<u8>) -> bool {
        if self.presents {
            let octet = presentation.filter(|&octet| octet != 0);
            let octet = octet.map_or(String::new(), |octet| format!("/{octet}"));
            self.done.push(format!("present:{name}<{number}>{octet}"));
        }
        self.presents
    }

    fn random(&mut self) -> u64 {
        self.chance += 1;
        self.chance - 1
    }

    fn answered_at(&self) -> Option<Instant> {
        self.answered.then_some(self.answered_at)
    }

    fn read(&self, function: &str, arguments: &str) -> Option<String> {
        let known = [
            ("SIP_HEADER", "Subject,2", "lunch"),
            ("SIPPEER", "100,context", "office"),
            ("CHECKSIPDOMAIN", "ours.example", "ours.example"),
            ("CHANNEL", "peerip", "192.0.2.7"),
            ("HANGUPCAUSE", "SIP/2-1,tech", "SIP 486 Busy Here"),
            ("HANGUPCAUSE_KEYS", "", "SIP/2-1"),
        ];
        let row = |row: &&(&str, &str, &str)| row.0 == function && row.1 == arguments;
        known.iter().find(row).map(|row| row.2.into())
    }

    fn forget_causes(&mut self) {
        self.done.push("forget".into());
    }

    fn redirect(&mut self, destination: &str) -> bool {
        self.done.push(format!("redirect:{destination}"));
        destination != "nowhere"
    }

    fn request(&mut self, tech: &str, resource: &str) -> Result<ChannelId, Cause> {
        if let Some(&(_, cause)) = self.refuse.iter().find(|(refused, _)| *refused == resource) {
            return Err(Cause(cause));
        }
        self.next += 1;
        self.names.push(format!("{tech}/{resource}-{}", self.next));
        self.done
            .push(format!("request:{}={tech}/{resource}", self.next));
        Ok(ChannelId(self.next))
    }

    fn inherit(&mut self, channel: ChannelId, name: &str, value: &str) {
        self.done
            .push(format!("inherit:{}:{name}={value}", channel.0));
    }

    fn channel_variable(&self, channel: ChannelId, name: &str) -> Option<&str> {
        let mut left = self.left.iter();
        let known = left.find(|(id, known, _)| (*id, *known) == (channel.0, name));
        known.map(|(_, _, value)| *value)
    }

    fn name(&self, channel: ChannelId) -> SmolStr {
        SmolStr::new(&self.names[channel.0 as usize - 1])
    }

    fn show(&mut self, channel: ChannelId, shown: Shown<'_>) {
        let (identity, presentation) = (shown.identity, shown.presentation);
        self.done
            .push(format!("show:{}:{identity:?}:{presentation:?}", channel.0));
    }

    fn tell_dialled(&mut self, channel: ChannelId, interfaces: &[SmolStr]) {
        self.done
            .push(format!("dialled:{}:{}", channel.0, interfaces.join("+")));
    }

    fn dialled(&self) -> &[SmolStr] {
        &self.dialled
    }

    fn routine(&mut self, channel: ChannelId, routine: Routine<'_>) -> bool {
        self.done.push(format!("{routine:?}:{}", channel.0));
        true
    }

    fn hold(&mut self, channel: ChannelId) {
        self.done.push(format!("hold:{}", channel.0));
    }

    fn go_on(&mut self, channel: ChannelId, (context, exten, priority): (&str, &str, u32)) -> bool {
        self.done
            .push(format!("go_on:{}={context},{exten},{priority}", channel.0));
        true
    }

    fn run_h(&mut self, channel: ChannelId) {
        self.done.push(format!("h:{}", channel.0));
    }

    fn forward(&self, channel: ChannelId) -> Option<Forward> {
        let mut forwards = self.forwards.iter();
        let (_, to) = forwards.find(|(id, _)| *id == channel.0)?;
        Some(Forward {
            to: SmolStr::new(to),
            context: "device".into(),
            from: Redirecting::default(),
        })
    }

    fn refusal(&self, channel: ChannelId) -> Option<u16> {
        let mut refusals = self.refusals.iter();
        let (_, code) = refusals.find(|(id, _)| *id == channel.0)?;
        Some(*code)
    }

    fn call(&mut self, channel: ChannelId) {
        self.done.push(format!("call:{}", channel.0));
    }

    fn hangup(&mut self, channel: ChannelId, cause: Cause, elsewhere: bool) {
        let elsewhere = if elsewhere { "e" } else { "" };
        self.done
            .push(format!("hangup:{}/{}{elsewhere}", channel.0, cause.0));
    }

    fn bridge(&mut self, channel: ChannelId) {
        self.answered = true;
        self.answered_at = self.now;
        self.done.push(format!("bridge:{}", channel.0));
    }

    fn ask(&mut self, inquiry: Inquiry) -> Option<Ticket> {
        self.asked.push(inquiry);
        Some(Ticket(self.asked.len() as u32 - 1))
    }

    fn global(&self, name: &str) -> Option<Cow<'_, str>> {
        self.globals.value(name).map(Cow::Borrowed)
    }

    fn set_global(&mut self, name: &str, value: &str) -> bool {
        self.globals.set(name, value).is_ok()
    }

    fn shared(&self, name: &str) -> Option<Cow<'_, str>> {
        self.shared.value(name).map(Cow::Borrowed)
    }

    fn share(&mut self, name: &str, value: &str) -> bool {
        self.shared.set(name, value).is_ok()
    }

    fn groups(&self) -> Vec<(SmolStr, SmolStr)> {
        let group = |&(group, category): &(&str, &str)| (group.into(), category.into());
        self.groups.iter().map(group).collect()
    }

    fn enlist(&mut self, channel: ChannelId, group: SmolStr, category: SmolStr) {
        self.done
            .push(format!("enlist:{}={group}@{category}", channel.0));
    }

    fn note(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String) {
        match level {
            Level::Error | Level::Warn => self.warnings.push(text()),
            Level::Info if cause == "verbose" => self.said.push(text()),
            Level::Info => self.told.push((cause, text())),
            _ => {}
        }
    }
}

/// A plan from lines `exten,priority,app(arguments)` of context `c`; `@name`
/// begins another context, `>name` includes one, `eswitch name/data` asks one;
/// `overrideswitch name/data` and `trie` are the options of those names.
pub(super) fn plan(lines: &[&str]) -> Plan {
    let mut builder = PlanBuilder::new();
    let mut context = builder.context("c");
    for line in lines {
        if let Some(name) = line.strip_prefix('@') {
            context = builder.context(name);
        } else if let Some(name) = line.strip_prefix('>') {
            builder.add_include(context, name, None);
        } else if let Some(switch) = line.strip_prefix("eswitch ") {
            let (name, data) = switch.split_once('/').unwrap();
            builder.add_switch(context, SwitchKind::Eswitch, name, data);
        } else if let Some(switch) = line.strip_prefix("overrideswitch ") {
            let (name, data) = switch.split_once('/').unwrap();
            builder.override_switch(name, data);
        } else if *line == "trie" {
            builder.trie(true);
        } else {
            add(&mut builder, context, line);
        }
    }
    builder.build()
}

/// Adds a line to a context.
pub(super) fn add(builder: &mut PlanBuilder, context: ContextId, line: &str) {
    let mut parts = line.splitn(3, ',');
    let (exten, caller) = match parts.next().unwrap().split_once('/') {
        Some((exten, caller)) => (exten.to_string(), Some(caller)),
        None => (line.split(',').next().unwrap().to_string(), None),
    };
    let priority = parts.next().unwrap();
    let (priority, label) = match priority.split_once('(') {
        Some((priority, label)) => (priority, label.strip_suffix(')')),
        None => (priority, None),
    };
    let (application, arguments) = split_call(parts.next().unwrap());
    let priority = priority.parse().unwrap();
    let line = Line {
        exten: &exten,
        caller,
        priority,
        label,
        application,
        arguments,
        at: "t:1",
    };
    builder.add(context, line).unwrap();
}

/// What `text` becomes in a call after `Set(…)` of each of `sets`, and what
/// was warned of.
pub(super) fn expand(sets: &[&str], text: &str) -> (String, Vec<String>) {
    let mut builder = PlanBuilder::new();
    builder.set_global("GREETING", "hello");
    let context = builder.context("c");
    let result = format!("RESULT={text}");
    let sets = sets.iter().copied().chain([&*result]);
    for (arguments, priority) in sets.zip(1..) {
        let line = Line {
            exten: "200",
            caller: None,
            priority,
            label: None,
            application: "Set",
            arguments,
            at: "t:1",
        };
        builder.add(context, line).unwrap();
    }
    builder
        .add_hint(context, "100", None, "SIP/100&SIP/101(Alice)")
        .unwrap();
    let mut plan = builder.build();
    plan.show_environment("HOME", "/root");
    let (mut cursor, mut fake) = enter(plan, "200");
    fake.presents = true;
    cursor.start(&mut fake);
    let result = cursor.variables().value("RESULT").unwrap_or("?").into();
    (result, fake.warnings)
}

/// 2024-02-29, a Thursday, 17:05:59 UTC.
pub(super) const NOW: UnixTime = UnixTime(1_709_226_359);

/// Somebody in context `c`.
pub(super) fn place(exten: &str) -> Place<'_> {
    Place {
        context: "c",
        exten,
        caller: "42",
        time: NOW,
    }
}

/// A call that has been started.
pub(super) fn call(lines: &[&str], exten: &str) -> (Cursor, Fake, Progress) {
    let (mut cursor, mut fake) = enter(plan(lines), exten);
    let progress = cursor.start(&mut fake);
    (cursor, fake, progress)
}

/// A call about to start.
pub(super) fn enter(plan: Plan, exten: &str) -> (Cursor, Fake) {
    let fake = Fake {
        now: Instant::from_micros(5_000_000),
        ..Fake::default()
    };
    let cursor = Cursor::new(Arc::new(plan), place(exten), "Ann", &Limits::default());
    (cursor, fake)
}

/// What `Verbose` said in a call that was warned of nothing, and its progress.
pub(super) fn said(lines: &[&str], exten: &str) -> (String, Progress) {
    let (_, fake, progress) = call(lines, exten);
    assert_eq!(fake.warnings, [""; 0], "{lines:?}");
    (fake.said.join(" "), progress)
}

/// What `Verbose` said in a call, and what was warned of.
pub(super) fn warned(lines: &[&str], exten: &str) -> (String, Vec<String>, Progress) {
    let (_, fake, progress) = call(lines, exten);
    (fake.said.join(" "), fake.warnings, progress)
}
