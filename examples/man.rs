//! Writes the manual pages of both programs, a file for each command, from what
//! their `--help` is made of: `cargo run --example man -- DIR DATE`, the date as
//! in 2026-11-23. For whoever makes packages; nothing else runs it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, CommandFactory, Parser};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use pinion::flags::Flags;
use pinion_loadgen::cli::Cli;

/// Writes the manual pages of pinion and pinion-load
#[derive(Parser)]
struct Wanted {
    /// Where to
    dir: PathBuf,
    /// What the pages say of their age, as in 2026-11-23
    date: String,
}

fn main() -> ExitCode {
    let Wanted { dir, date } = Wanted::parse();
    match write(&dir, &date) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes the pages of both programs into `dir`, which is made if need be.
pub fn write(dir: &Path, date: &str) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for program in [Flags::command(), Cli::command()] {
        Manual::of(&program, date).write(program, dir)?;
    }
    Ok(())
}

/// What all pages of a program say.
struct Manual {
    name: String,
    source: String,
    date: String,
}

impl Manual {
    fn of(program: &Command, date: &str) -> Manual {
        let name = program.get_name().to_owned();
        let version = program.get_version().unwrap_or_default();
        Manual {
            source: format!("{name} {version}"),
            name,
            date: date.into(),
        }
    }

    /// The page of a program, and those of its commands.
    fn write(&self, program: Command, dir: &Path) -> io::Result<()> {
        // The pages say what `help` would.
        let mut program = program.disable_help_subcommand(true);
        program.build();
        self.write_commands(program, dir)
    }

    fn write_commands(&self, command: Command, dir: &Path) -> io::Result<()> {
        let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        for sub in shown.cloned().collect::<Vec<_>>() {
            self.write_commands(sub, dir)?;
        }
        let (file, page) = self.page(command)?;
        fs::write(dir.join(file), page)
    }

    /// A page's file and text.
    fn page(&self, command: Command) -> io::Result<(String, String)> {
        let below = sections(&command);
        let man = Man::new(command.after_help(None::<&str>))
            .date(&self.date)
            .source(&self.source)
            .manual(format!("Manual of {}", self.name));
        let mut page = Vec::new();
        man.render(&mut page)?;
        below.to_writer(&mut page)?;
        let page = String::from_utf8(page).map_err(io::Error::other)?;
        // Two breaks around an empty line are one too many for mandoc.
        let page = page.replace("\n.br\n\n.br\n", "\n\n");
        Ok((man.get_filename(), page))
    }
}

/// What stands below the flags in `--help`: a section for each line that ends
/// with a colon, its lines as they are; what precedes these are notes.
fn sections(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let Some(text) = command.get_after_help().map(ToString::to_string) else {
        return roff;
    };
    let mut begun = false;
    for paragraph in text.split("\n\n") {
        if let Some((heading, lines)) = paragraph.split_once(":\n") {
            roff.control("SH", [heading.to_uppercase().as_str()]);
            roff.control("nf", []);
            for line in lines.lines() {
                roff.text([roman(line)]);
            }
            roff.control("fi", []);
        } else {
            match begun {
                true => roff.control("PP", []),
                false => roff.control("SH", ["NOTES"]),
            };
            roff.text([roman(paragraph.replace('\n', " "))]);
        }
        begun = true;
    }
    roff
}
