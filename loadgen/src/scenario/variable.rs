//! The variables of a scenario: their names, scopes and values.

use std::collections::HashMap;

/// How long a variable lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// One call.
    Call,
    /// All calls of one user.
    User,
    /// All calls of one thread.
    Global,
}

/// Names one variable of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VariableId {
    /// How long it lives.
    pub scope: Scope,
    /// Its place among those of that scope.
    pub index: usize,
}

/// What a variable holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Value {
    /// Nothing, or the last match that failed.
    #[default]
    Unset,
    /// The result of arithmetic.
    Number(f64),
    /// Text.
    Text(Vec<u8>),
    /// The result of a test.
    Flag(bool),
}

impl Value {
    /// Whether `test` and `condexec` see it as set.
    pub fn is_set(&self) -> bool {
        !matches!(self, Value::Unset | Value::Flag(false))
    }

    /// The number it is or begins with; zero if none.
    pub fn number(&self) -> f64 {
        match self {
            Value::Unset => 0.0,
            Value::Number(number) => *number,
            Value::Text(text) => parse_number(text).unwrap_or(0.0),
            Value::Flag(flag) => f64::from(u8::from(*flag)),
        }
    }

    /// Appends it as `[$name]` shows it.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Unset => {}
            Value::Number(number) => out.extend_from_slice(format!("{number:.6}").as_bytes()),
            Value::Text(text) => out.extend_from_slice(text),
            Value::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        }
    }
}

/// The number `text` is, blanks around it aside.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The names of a scenario's variables, met while it is read.
#[derive(Debug, Default)]
pub struct Names {
    ids: HashMap<String, Name>,
    calls: usize,
    users: usize,
    globals: usize,
}

#[derive(Debug)]
struct Name {
    id: VariableId,
    line: u32,
    uses: u32,
}

impl Names {
    /// Gives `name` a scope longer than a call's. Whether it had none yet.
    pub fn declare(&mut self, name: &str, scope: Scope, line: u32) -> bool {
        if self.ids.contains_key(name) {
            return false;
        }
        let id = self.next(scope);
        let uses = 1;
        self.ids.insert(name.to_owned(), Name { id, line, uses });
        true
    }

    /// The variable `name`, one of the call unless declared otherwise.
    pub fn of(&mut self, name: &str, line: u32) -> VariableId {
        if let Some(known) = self.ids.get_mut(name) {
            known.uses += 1;
            return known.id;
        }
        let id = self.next(Scope::Call);
        let uses = 1;
        self.ids.insert(name.to_owned(), Name { id, line, uses });
        id
    }

    fn next(&mut self, scope: Scope) -> VariableId {
        let count = match scope {
            Scope::Call => &mut self.calls,
            Scope::User => &mut self.users,
            Scope::Global => &mut self.globals,
        };
        let index = *count;
        *count += 1;
        VariableId { scope, index }
    }

    /// How many variables live as long as `scope`.
    pub fn count(&self, scope: Scope) -> usize {
        match scope {
            Scope::Call => self.calls,
            Scope::User => self.users,
            Scope::Global => self.globals,
        }
    }

    /// Names met once, with the line: a slip of the pen, more often than not.
    pub fn lonely(&self) -> impl Iterator<Item = (&str, u32)> {
        let once = self.ids.iter().filter(|(_, name)| name.uses == 1);
        once.map(|(text, name)| (text.as_str(), name.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_variable_of_its_scope() {
        let mut names = Names::default();
        assert!(names.declare("g", Scope::Global, 1));
        assert!(!names.declare("g", Scope::User, 2));
        let (a, b) = (names.of("a", 3), names.of("b", 4));
        assert_eq!(names.of("a", 5), a);
        assert_ne!(a, b);
        assert_eq!(names.of("g", 6).scope, Scope::Global);
        assert_eq!(names.lonely().collect::<Vec<_>>(), [("b", 4)]);
    }

    #[test]
    fn values_are_shown_as_sipp_shows_them() {
        let shown = |value: Value| {
            let mut out = Vec::new();
            value.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(Value::Number(-0.8)), "-0.800000");
        assert_eq!(shown(Value::Flag(true)), "true");
        assert_eq!(shown(Value::Unset), "");
        assert!(!Value::Flag(false).is_set() && Value::Number(0.0).is_set());
        assert_eq!(Value::Text(b" 12 ".to_vec()).number(), 12.0);
    }
}
