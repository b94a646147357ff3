//! `core show applications|functions`: what plans may use.

use pinion_sip::dialplan::{applications, functions};
use serde_json::json;

use super::{Command, Wrong, synopses};
use crate::config::did_you_mean;
use crate::control::house::House;
use crate::control::out::{Column, Form, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show application",
        arguments: "APPLICATION",
        summary: "What an application of the dialplan is for",
        run: |_, arguments, out| one(&APPLICATIONS, arguments, out),
    },
    Command {
        words: "core show applications",
        arguments: "[like TEXT]",
        summary: "The applications of the dialplan",
        run: all_applications,
    },
    Command {
        words: "core show function",
        arguments: "FUNCTION",
        summary: "What a function of the dialplan is for",
        run: |_, arguments, out| one(&FUNCTIONS, arguments, out),
    },
    Command {
        words: "core show functions",
        arguments: "[like TEXT]",
        summary: "The functions of the dialplan",
        run: all_functions,
    },
];

/// A kind of things that have names.
struct Kind {
    word: &'static str,
    names: fn() -> Vec<&'static str>,
    synopsis: fn(&str) -> (&'static str, &'static str),
}

const APPLICATIONS: Kind = Kind {
    word: "application",
    names: || sorted(applications().collect()),
    synopsis: synopses::application,
};

const FUNCTIONS: Kind = Kind {
    word: "function",
    names: || sorted(functions().collect()),
    synopsis: synopses::function,
};

fn sorted(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names
}

/// The names that hold the text of `[like TEXT]`.
fn like(kind: &Kind, arguments: &[&str]) -> Result<Vec<&'static str>, Wrong> {
    let text = match *arguments {
        [] => String::new(),
        ["like", text] => text.to_ascii_lowercase(),
        _ => return Err(Wrong::Usage),
    };
    let mut names = (kind.names)();
    names.retain(|name| name.to_ascii_lowercase().contains(&text));
    Ok(names)
}

fn one(kind: &Kind, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[asked] = arguments else {
        return Err(Wrong::Usage);
    };
    let names = (kind.names)();
    let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(asked)) else {
        let hint = did_you_mean(asked, names.iter().copied());
        let word = kind.word;
        return Ok(out.fail(format!("There is no {word} '{asked}'.{hint}"))?);
    };
    let (syntax, synopsis) = (kind.synopsis)(name);
    for line in [
        "",
        &format!("  -= Info about {} '{name}' =- ", kind.word),
        "",
        "[Synopsis]",
        synopsis,
        "",
        "[Syntax]",
        &format!("{name}({syntax})"),
        "",
    ] {
        out.remark(line)?;
    }
    let told = json!({"name": name, "syntax": format!("{name}({syntax})"), "synopsis": synopsis});
    Ok(out.member(kind.word, &told)?)
}

/// All of them, for programs.
fn table(kind: &Kind, names: &[&'static str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 3] = [
        Column::hidden("name"),
        Column::hidden("syntax"),
        Column::hidden("synopsis"),
    ];
    let mut table = out.table(&format!("{}s", kind.word), &COLUMNS)?;
    for name in names {
        let (syntax, synopsis) = (kind.synopsis)(name);
        table.row(&[(*name).into(), syntax.into(), synopsis.into()])?;
    }
    table.end()?;
    Ok(())
}

fn all_applications(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let names = like(&APPLICATIONS, arguments)?;
    if out.form() == Form::Json {
        return table(&APPLICATIONS, &names, out);
    }
    let (title, end) = match arguments {
        [] => ("Registered Asterisk Applications", "Registered"),
        _ => ("Matching Asterisk Applications", "Matching"),
    };
    out.line(format!("    -= {title} =-"))?;
    for name in &names {
        let (_, synopsis) = synopses::application(name);
        out.line(format!("  {name:>20}: {synopsis}"))?;
    }
    Ok(out.line(format!("    -= {} Applications {end} =-", names.len()))?)
}

fn all_functions(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let names = like(&FUNCTIONS, arguments)?;
    if out.form() == Form::Json {
        return table(&FUNCTIONS, &names, out);
    }
    let kind = if arguments.is_empty() {
        "Installed"
    } else {
        "Matching"
    };
    out.line(format!("{kind} Custom Functions:"))?;
    out.line("-".repeat(80))?;
    for name in &names {
        let (syntax, synopsis) = synopses::function(name);
        let syntax = format!("{name}({syntax})");
        out.line(format!("{name:<20.20}  {syntax:<35.35}  {synopsis}"))?;
    }
    let kind = kind.to_lowercase();
    Ok(out.line(format!("{} {kind} custom functions.", names.len()))?)
}
