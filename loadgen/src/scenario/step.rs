//! A scenario as it is run: checked steps, their labels resolved.

use std::time::Duration;

use regex::bytes::Regex;

use super::distribution::Distribution;
use super::template::Template;
use super::variable::VariableId;

/// Who speaks first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The scenario: each call is begun.
    Client,
    /// The remote: each new Call-ID is a call.
    Server,
}

/// A whole scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, for people.
    pub name: String,
    /// Who speaks first.
    pub role: Role,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What to do once, before the first call.
    pub init: Vec<Step>,
    /// The names of its timers.
    pub timers: Vec<String>,
    /// The names of its counters.
    pub counters: Vec<String>,
    /// How many transactions it names.
    pub transactions: usize,
    /// How many variables each call has, each user, and each thread.
    pub variables: [usize; 3],
    /// Where unexpected messages are dealt with.
    pub unexpected: Option<Unexpected>,
}

/// The label `_unexp.main` and its variables.
#[derive(Clone, Copy, Debug)]
pub struct Unexpected {
    /// The step.
    pub step: usize,
    /// `_unexp.retaddr`: the step that was left.
    pub left: VariableId,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file.
    pub line: u32,
    /// What it does.
    pub kind: Kind,
    /// Where it leads to.
    pub branching: Branching,
    /// What it measures.
    pub marks: Marks,
    /// What it does besides.
    pub actions: Vec<Action>,
}

/// The attributes that lead elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Branching {
    /// The step to go on with.
    pub next: Option<usize>,
    /// Only if this is set.
    pub test: Option<VariableId>,
    /// And with this probability; always without one.
    pub chance: Option<f64>,
    /// Skipped unless this is set; with `true`, if it is.
    pub condition: Option<(VariableId, bool)>,
}

/// The attributes that measure and count.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Timers begun.
    pub start: Vec<usize>,
    /// Timers stopped.
    pub stop: Vec<usize>,
    /// Whether a stop may come again.
    pub repeats: bool,
    /// The counter increased.
    pub counter: Option<usize>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Sends a message.
    Send(Send),
    /// Waits for one.
    Recv(Recv),
    /// Lets time pass.
    Pause(Pause),
    /// Nothing but its actions.
    Nop,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Send {
    /// Its text.
    pub template: Template,
    /// Its method; `None` for a response.
    pub method: Option<Box<str>>,
    /// T1 of its copies; none are sent without it.
    pub t1: Option<Duration>,
    /// How many of a hundred are not really sent.
    pub lost: f64,
    /// Where to go on once all copies are sent in vain.
    pub on_timeout: Option<usize>,
    /// The transaction its branch is kept for.
    pub starts: Option<usize>,
}

/// A message to wait for.
#[derive(Clone, Debug)]
pub struct Recv {
    /// Which.
    pub expected: Expected,
    /// Whether it may stay away.
    pub optional: Optional,
    /// Its challenges are kept for `[authentication]`.
    pub keeps_challenge: bool,
    /// Its route set is kept for `[routes]` and `[next_url]`.
    pub keeps_routes: bool,
    /// How many of a hundred are passed over.
    pub lost: f64,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// Where to go on then.
    pub on_timeout: Option<usize>,
}

/// Which message is waited for.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A response to a request sent before.
    Response {
        /// The status.
        status: u16,
        /// The methods of the requests sent before it.
        methods: Vec<Box<str>>,
        /// The transaction it must be of.
        transaction: Option<usize>,
    },
    /// A request.
    Request(Box<str>),
    /// A request whose method matches.
    Matching(Regex),
}

/// Whether a message may stay away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Optional {
    /// It must come.
    No,
    /// It may come while its neighbours are waited for.
    Yes,
    /// It may come at any later time.
    Global,
}

/// How long to pause.
#[derive(Clone, Debug)]
pub struct Pause {
    /// The length in milliseconds.
    pub length: Length,
    /// The call has succeeded; only copies are answered yet.
    pub is_timewait: bool,
}

/// Where a pause's length comes from.
#[derive(Clone, Debug)]
pub enum Length {
    /// The settings (`-d`).
    Default,
    /// A distribution.
    Drawn(Distribution),
    /// A variable.
    Variable(VariableId),
}

/// A number written, or that of a variable.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// Written.
    Number(f64),
    /// A variable's.
    Variable(VariableId),
}

/// What a mismatch does to the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Nothing.
    No,
    /// The call fails unless it matches.
    Match,
    /// The call fails if it matches.
    Mismatch,
}

/// Where `ereg` looks.
#[derive(Clone, Debug)]
pub enum Place {
    /// The whole message.
    Message,
    /// Its body.
    Body,
    /// A header field.
    Header {
        /// What its line holds, up to and with the colon as a rule.
        name: Box<str>,
        /// Whether case is ignored.
        any_case: bool,
        /// Which of several, from 1.
        occurrence: usize,
        /// Whether the line must begin with it.
        at_start: bool,
    },
    /// A variable.
    Variable(VariableId),
}

/// The four operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The comparisons of `test`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    Equal,
    NotEqual,
    GreaterThan,
    LessThan,
    GreaterThanEqual,
    LessThanEqual,
}

/// What `int_cmd` ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// This call, as failed.
    Call,
    /// The run, once its calls have ended.
    Gracefully,
    /// The run.
    Now,
}

/// How loud a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loudness {
    /// `log`.
    Log,
    /// `warning`.
    Warning,
    /// `error`: ends the run.
    Error,
}

/// What changes a text in a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Takes blanks from both ends.
    Trim,
    /// Escapes what a URI may not hold (RFC 3986 §2.1).
    UrlEncode,
    /// Undoes that.
    UrlDecode,
}

/// One action. `to` is the variable it sets.
#[derive(Clone, Debug)]
pub enum Action {
    Ereg {
        pattern: Regex,
        place: Place,
        check: Check,
        to: Vec<VariableId>,
    },
    Assign {
        to: VariableId,
        value: Operand,
    },
    AssignStr {
        to: VariableId,
        value: Template,
    },
    Arithmetic {
        operation: Operation,
        to: VariableId,
        value: Operand,
    },
    Test {
        to: Option<VariableId>,
        left: VariableId,
        comparison: Comparison,
        right: Operand,
        check: Check,
    },
    StrCmp {
        to: Option<VariableId>,
        left: VariableId,
        right: Template,
        check: Check,
    },
    ToDouble {
        to: VariableId,
        from: VariableId,
    },
    Change {
        change: Change,
        to: VariableId,
    },
    Sample {
        to: VariableId,
        distribution: Distribution,
    },
    Index {
        to: VariableId,
    },
    Jump {
        step: Operand,
    },
    GetTimeOfDay {
        seconds: VariableId,
        microseconds: Option<VariableId>,
    },
    Lookup {
        to: VariableId,
        table: usize,
        key: Template,
    },
    Insert {
        table: usize,
        value: Template,
    },
    Replace {
        table: usize,
        line: Template,
        value: Template,
    },
    SetDest {
        host: Template,
        port: Template,
    },
    VerifyAuth {
        to: VariableId,
        username: Template,
        password: Template,
    },
    Tell {
        loudness: Loudness,
        text: Template,
    },
    Stop(Stop),
}
