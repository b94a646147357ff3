//! A context with very many patterns, and numbers to look for in it.

use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{Line, Match, Place, Plan, PlanBuilder, Seek};

/// How many patterns a large table has.
const PATTERNS: u32 = 10_000;

/// How many numbers are looked for in turn.
const NUMBERS: u32 = 256;

/// What the patterns of a table look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `_X.` alone.
    One,
    /// Exact names of five digits.
    Names,
    /// Prefixes of four digits, as routes have them: `_0049X.`.
    Prefixes,
    /// Prefixes of three to seven digits, one within the other, before `_X.`.
    Nested,
    /// Eight pieces of all kinds: many begin to match and few go on.
    Overlapping,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 5] = [
        Shape::One,
        Shape::Names,
        Shape::Prefixes,
        Shape::Nested,
        Shape::Overlapping,
    ];

    fn pattern(self, number: u32) -> String {
        match self {
            Shape::One => "_X.".into(),
            Shape::Names => format!("{:05}", number * 7 % 100_000),
            Shape::Prefixes => format!("_{number:04}X."),
            Shape::Nested => {
                let digits = format!("{:07}", u64::from(number) * 7_919 % 10_000_000);
                format!("_{}.", &digits[..3 + number as usize % 5])
            }
            Shape::Overlapping => {
                const PIECES: [&str; 8] = ["1", "2", "5", "N", "Z", "X", "[13-5]", "[2-79]"];
                let piece = |place: u32| PIECES[(scatter(number * 8 + place) % 8) as usize];
                ["_".into(), (0..8).map(piece).collect::<String>()].concat()
            }
        }
    }

    fn number(self, number: u32) -> String {
        let number = scatter(number);
        match self {
            Shape::Names => format!("{:05}", number % PATTERNS * 7 % 100_000),
            Shape::Overlapping => format!("{:08}", number % 100_000_000),
            _ => format!("{:09}", number % 1_000_000_000),
        }
    }
}

/// Spreads numbers that follow each other.
fn scatter(number: u32) -> u32 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca77) >> 3
}

/// A plan of one context and numbers dialled there, one after the other.
pub struct Table {
    plan: Plan,
    numbers: Vec<String>,
    next: usize,
}

impl Table {
    /// A table of one shape.
    pub fn new(shape: Shape) -> Table {
        let mut builder = PlanBuilder::new();
        let context = builder.context("c");
        for number in 0..if shape == Shape::One { 1 } else { PATTERNS } {
            let line = Line {
                exten: &shape.pattern(number),
                caller: None,
                priority: 1,
                label: None,
                application: "NoOp",
                arguments: "",
                at: "bench:1",
            };
            // A pattern drawn twice counts once.
            let _ = builder.add(context, line);
        }
        Table {
            plan: builder.build(),
            numbers: (0..NUMBERS).map(|number| shape.number(number)).collect(),
            next: 0,
        }
    }

    /// Patterns in the table.
    pub fn len(&self) -> usize {
        self.plan.contexts()[0].extensions().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place<'a>(&self, exten: &'a str) -> Place<'a> {
        Place {
            context: "c",
            exten,
            caller: "",
            time: UnixTime(0),
        }
    }

    /// Looks for the next number; whether it is there.
    pub fn find(&mut self) -> bool {
        self.next = (self.next + 1) % self.numbers.len();
        let place = self.place(&self.numbers[self.next]);
        self.plan.find(place, Seek::Priority(1)).is_some()
    }

    /// Looks for a number nobody has.
    pub fn miss(&self) -> bool {
        self.plan.exists(self.place("*9912345")) == Match::No
    }
}
