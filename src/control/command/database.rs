//! `database …`: the AstDB, whose values lie on the shards that are home to
//! their families.

use std::collections::VecDeque;

use pinion_sip::base::ShardId;
use pinion_sip::dialplan::{Entry, Inquiry, Reply, Verb};
use pinion_sip::machine::{Page, Query};

use super::inquiry::inquire;
use super::silent::Silent;
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Column, Form, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "database del",
        arguments: "FAMILY KEY",
        summary: "Remove a value of the AstDB",
        run: del,
    },
    Command {
        words: "database deltree",
        arguments: "FAMILY [KEYTREE]",
        summary: "Remove a family of the AstDB, or what is below a key of it",
        run: deltree,
    },
    Command {
        words: "database get",
        arguments: "FAMILY KEY",
        summary: "A value of the AstDB",
        run: get,
    },
    Command {
        words: "database put",
        arguments: "FAMILY KEY VALUE",
        summary: "Set a value of the AstDB",
        run: put,
    },
    Command {
        words: "database show",
        arguments: "[FAMILY] [KEYTREE]",
        summary: "The values of the AstDB, of a family, or below a key of it",
        run: show,
    },
];

fn ask(house: &House, path: String, verb: Verb) -> Reply {
    let path = path.into();
    inquire(house, Inquiry::Entry(Box::new(Entry { path, verb })))
}

fn get(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[family, key] = arguments else {
        return Err(Wrong::Usage);
    };
    match ask(house, format!("{family}/{key}"), Verb::Read) {
        Reply::Text(value) => {
            out.member("value", &value.as_str().into())?;
            Ok(out.remark(&format!("Value: {value}"))?)
        }
        Reply::Nothing => Ok(out.fail("Database entry not found.")?),
        Reply::Rows(_) | Reply::Failed => unanswered(out),
    }
}

fn put(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[family, key, value] = arguments else {
        return Err(Wrong::Usage);
    };
    match ask(house, format!("{family}/{key}"), Verb::Write(value.into())) {
        Reply::Text(_) => Ok(out.line("Updated database successfully")?),
        _ => Ok(out.fail("Failed to update entry")?),
    }
}

fn del(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[family, key] = arguments else {
        return Err(Wrong::Usage);
    };
    match ask(house, format!("{family}/{key}"), Verb::Remove) {
        Reply::Text(_) => Ok(out.line("Database entry removed.")?),
        Reply::Nothing => Ok(out.fail("Database entry does not exist.")?),
        Reply::Rows(_) | Reply::Failed => unanswered(out),
    }
}

fn deltree(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let path = match *arguments {
        [family] => family.to_string(),
        [family, tree] => format!("{family}/{tree}"),
        _ => return Err(Wrong::Usage),
    };
    let count = Entries::new(house, &path).count();
    match ask(house, path, Verb::RemoveTree) {
        Reply::Text(_) => Ok(out.line(format!("{} database entries removed.", count.max(1)))?),
        Reply::Nothing => Ok(out.fail("Database entries do not exist.")?),
        Reply::Rows(_) | Reply::Failed => unanswered(out),
    }
}

fn unanswered(out: &mut Out<'_>) -> Result<(), Wrong> {
    Ok(out.fail("The shard that has it does not answer.")?)
}

fn show(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 2] = [Column::hidden("path"), Column::hidden("value")];
    let path = match *arguments {
        [] => String::new(),
        [family] => family.to_string(),
        [family, tree] => format!("{family}/{tree}"),
        _ => return Err(Wrong::Usage),
    };
    let mut entries = Entries::new(house, &path);
    if out.form() == Form::Json {
        let mut table = out.table("entries", &COLUMNS)?;
        for (path, value) in entries.by_ref() {
            table.row(&[format!("/{path}").into(), (&*value).into()])?;
        }
        table.end()?;
    } else {
        let mut count = 0;
        for (path, value) in entries.by_ref() {
            count += 1;
            out.line(format!("{:<50}: {value:<25}", format!("/{path}")))?;
        }
        out.line(format!("{count} results found."))?;
    }
    Ok(entries.silent.own_up(out)?)
}

/// A path and its value.
type Pair = (Box<str>, Box<str>);

/// The values below a path, by path, from all shards at once, each asked for a
/// few at a time.
struct Entries<'h> {
    house: &'h House,
    path: &'h str,
    shards: Vec<Part>,
    silent: Silent,
}

/// What one shard has of them.
#[derive(Default)]
struct Part {
    waiting: VecDeque<Pair>,
    /// The last path asked for; `None` once there are no more.
    last: Option<Box<str>>,
}

impl<'h> Entries<'h> {
    fn new(house: &'h House, path: &'h str) -> Entries<'h> {
        let part = |_| Part {
            waiting: VecDeque::new(),
            last: Some("".into()),
        };
        Entries {
            house,
            path,
            shards: (0..house.shards.count()).map(part).collect(),
            silent: Silent::default(),
        }
    }

    /// Has the next value of each shard at hand.
    fn fill(&mut self) {
        for (shard, part) in (0..).zip(&mut self.shards) {
            let shard: ShardId = shard;
            let Some(last) = part.last.take_if(|_| part.waiting.is_empty()) else {
                continue;
            };
            let query = Query::Entries(self.path.into(), last);
            if let Some(Page::Entries(more)) = self.silent.ask(self.house, shard, query) {
                part.last = more.last().map(|(path, _)| path.clone());
                part.waiting.extend(more);
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Pair;

    fn next(&mut self) -> Option<Pair> {
        self.fill();
        let parts = self.shards.iter_mut();
        let first = parts
            .filter(|part| !part.waiting.is_empty())
            .min_by(|one, other| one.waiting.front().cmp(&other.waiting.front()));
        first?.waiting.pop_front()
    }
}
