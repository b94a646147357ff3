//! From a scenario file to a [`Scenario`]: everything is checked here, once,
//! and everything that cannot be run is named with its line.

mod actions;
mod element;
mod steps;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use roxmltree::{Document, Node, ParsingOptions};

use super::problem::{Problem, Problems};
use super::settings::Settings;
use super::step::{Kind, Role, Scenario, Step, Unexpected};
use super::table::Table;
use super::template::Reading;
use super::variable::{Names, Scope};
use element::{Element, line_of};

/// The label SIPp goes to with a message the scenario does not expect.
const UNEXPECTED: &str = "_unexp.main";

/// Elements that are steps, and so are counted by `[msg_index]`, `[branch]`
/// and `jump`.
const STEPS: [&str; 7] = [
    "send", "recv", "pause", "timewait", "nop", "sendCmd", "recvCmd",
];

/// A scenario, and what has no effect in it.
pub type Loaded = (Scenario, Vec<Problem>);

/// Reads the scenario file at `path`.
pub fn load(
    path: &Path,
    settings: &Settings,
    tables: &[Arc<Table>],
) -> Result<Loaded, Vec<Problem>> {
    let name = path.display().to_string();
    let mut problems = Problems::of(&name);
    match std::fs::read(path) {
        Ok(bytes) => {
            let directory = path.parent().unwrap_or(Path::new(""));
            let text = super::text::decode(bytes);
            compile(&name, &text, directory, settings, tables)
        }
        Err(error) => {
            problems.refuse(0, format!("cannot be read: {error}"));
            Err(problems.all())
        }
    }
}

/// Compiles `text`, the scenario file `name`; files it includes are sought in
/// `directory`.
pub fn compile(
    name: &str,
    text: &str,
    directory: &Path,
    settings: &Settings,
    tables: &[Arc<Table>],
) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Problems::of(name);
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            problems.refuse(error.pos().row, format!("is not XML: {error}"));
            return Err(problems.all());
        }
    };
    let mut names = Names::default();
    let compiler = Compiler {
        reading: Reading {
            problems: &mut problems,
            names: &mut names,
            settings,
            tables,
            directory,
        },
        labels: HashMap::new(),
        timers: Vec::new(),
        counters: Vec::new(),
        transactions: Vec::new(),
        methods: Vec::new(),
    };
    let scenario = compiler.scenario(document.root_element());
    problems.judge(scenario)
}

/// What is known while the elements are gone through.
struct Compiler<'a> {
    reading: Reading<'a>,
    /// Step by label.
    labels: HashMap<&'a str, usize>,
    timers: Vec<String>,
    counters: Vec<String>,
    transactions: Vec<String>,
    /// Methods of the requests sent so far: what a response may answer.
    methods: Vec<Box<str>>,
}

impl<'a> Compiler<'a> {
    fn scenario(mut self, root: Node<'a, 'a>) -> Scenario {
        if root.tag_name().name() != "scenario" {
            self.reading.problems.refuse(
                line_of(root),
                format!("<{}> is no <scenario>", root.tag_name().name()),
            );
        }
        self.declare(root);
        self.find_labels(root);
        let steps = self.steps(root);
        let init = root.children().find(|node| node.has_tag_name("init"));
        let init = init.map_or_else(Vec::new, |init| self.init(init));
        let unexpected = self.labels.get(UNEXPECTED).map(|&step| Unexpected {
            step,
            left: self.reading.names.of("_unexp.retaddr", 0),
        });
        self.warn_of_lonely(root);
        let names = &self.reading.names;
        Scenario {
            name: root.attribute("name").unwrap_or("unnamed").to_owned(),
            role: role_of(&steps),
            steps,
            init,
            timers: self.timers,
            counters: self.counters,
            transactions: self.transactions.len(),
            variables: [Scope::Call, Scope::User, Scope::Global].map(|scope| names.count(scope)),
            unexpected,
        }
    }

    /// `<Global>` and `<User>`, which hold wherever they stand.
    fn declare(&mut self, root: Node<'a, 'a>) {
        for node in root.children().filter(Node::is_element) {
            let scope = match node.tag_name().name() {
                "Global" => Scope::Global,
                "User" => Scope::User,
                _ => continue,
            };
            let line = line_of(node);
            for name in variables_of(node) {
                if !self.reading.names.declare(name, scope, line) {
                    self.reading
                        .problems
                        .refuse(line, format!("variable {name} is declared twice"));
                }
            }
        }
    }

    fn find_labels(&mut self, root: Node<'a, 'a>) {
        let mut at = 0;
        for node in root.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            if STEPS.contains(&name) {
                at += 1;
            } else if name == "label" {
                let mut element = Element::new(node);
                if let Some(id) = element.needed("id", self.reading.problems)
                    && self.labels.insert(id, at).is_some()
                {
                    self.reading
                        .problems
                        .refuse(element.line, format!("label {id} stands twice"));
                }
                element.finish(self.reading.problems);
            }
        }
    }

    fn steps(&mut self, root: Node<'a, 'a>) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in root.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            if STEPS.contains(&name) {
                steps.extend(self.step(node));
                continue;
            }
            match name {
                "label" | "Global" | "User" | "Reference" | "init" => {}
                "ResponseTimeRepartition" | "CallLengthRepartition" => {}
                "info" | "DefaultMessage" => self
                    .reading
                    .problems
                    .warn(line_of(node), format!("<{name}> has no effect")),
                _ => self
                    .reading
                    .problems
                    .refuse(line_of(node), format!("<{name}> is not supported")),
            }
        }
        steps
    }

    /// `<init>`: steps that only act.
    fn init(&mut self, init: Node<'a, 'a>) -> Vec<Step> {
        let mut steps = Vec::new();
        let labels = std::mem::take(&mut self.labels);
        self.find_labels(init);
        for node in init.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "nop" => steps.extend(self.step(node)),
                "label" => {}
                name => self.reading.problems.refuse(
                    line_of(node),
                    format!("<{name}> in <init> is not supported; <nop> and <label> are"),
                ),
            }
        }
        self.labels = labels;
        steps
    }

    fn warn_of_lonely(&mut self, root: Node<'a, 'a>) {
        let references = root
            .children()
            .filter(|node| node.has_tag_name("Reference"));
        let known: Vec<&str> = references.flat_map(variables_of).collect();
        let lonely: Vec<(String, u32)> = self
            .reading
            .names
            .lonely()
            .filter(|(name, line)| *line > 0 && !known.contains(name))
            .map(|(name, line)| (name.to_owned(), line))
            .collect();
        for (name, line) in lonely {
            self.reading.problems.warn(
                line,
                format!("variable {name} is met once; if that is meant, add <Reference variables=\"{name}\"/>"),
            );
        }
    }
}

/// The first `send` or `recv` says who speaks first.
fn role_of(steps: &[Step]) -> Role {
    let first = steps.iter().find_map(|step| match step.kind {
        Kind::Send(_) => Some(Role::Client),
        Kind::Recv(_) => Some(Role::Server),
        Kind::Pause(_) | Kind::Nop => None,
    });
    first.unwrap_or(Role::Client)
}

fn variables_of<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    let list = node.attribute("variables").unwrap_or("");
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}
