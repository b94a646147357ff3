//! Who calls and who is called: users by formula, or from a file. Names and
//! passwords are written where they are wanted, so a million users take no room.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::Hidden;

/// Text with a number in it: `user{0..999999}`, or `secret-of-{}` where `{}`
/// stands for the number of the user it belongs to, and `{user}` for its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Formula {
    parts: Vec<Part>,
    first: u64,
    count: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    /// The number, with leading zeros up to this width.
    Number(usize),
    Name,
}

impl Formula {
    /// How many users it makes: 1 without a range.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The number of the user `index`, which counts from 0 and over again.
    pub fn number(&self, index: u64) -> u64 {
        self.first + index % self.count.max(1)
    }

    /// Writes it for `number`; `name` is the user's own.
    fn write(&self, number: u64, name: &[u8], out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Name => out.extend_from_slice(name),
                Part::Number(width) => {
                    let digits = pinion_sip::base::Decimal::new(number);
                    let digits = digits.as_bytes();
                    out.extend((digits.len()..*width).map(|_| b'0'));
                    out.extend_from_slice(digits);
                }
            }
        }
    }
}

impl FromStr for Formula {
    type Err = String;
    fn from_str(text: &str) -> Result<Formula, String> {
        let mut formula = Formula {
            parts: Vec::new(),
            first: 0,
            count: 1,
        };
        let (mut rest, mut ranged) = (text, false);
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after
                .split_once('}')
                .ok_or_else(|| format!("{text}: a brace is not closed"))?;
            formula.parts.push(Part::Text(before.into()));
            match inside {
                "" => formula.parts.push(Part::Number(0)),
                "user" => formula.parts.push(Part::Name),
                range if !ranged => {
                    ranged = true;
                    let (first, last, width) = span(range).ok_or_else(|| {
                        format!("{text}: {{{range}}} is no range such as {{0..999}}")
                    })?;
                    (formula.first, formula.count) = (first, last - first + 1);
                    formula.parts.push(Part::Number(width));
                }
                _ => return Err(format!("{text}: one range is enough")),
            }
            rest = after;
        }
        formula.parts.push(Part::Text(rest.into()));
        if text.bytes().any(|byte| byte <= b' ' || byte == b'"') {
            return Err(format!("{text}: no white space and no quotes"));
        }
        Ok(formula)
    }
}

/// `0..99`, both ends included; leading zeros of the first give the width.
fn span(range: &str) -> Option<(u64, u64, usize)> {
    let (first, last) = range.split_once("..")?;
    let width = if first.len() > 1 && first.starts_with('0') {
        first.len()
    } else {
        0
    };
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last - first < 1 << 40).then_some((first, last, width))
}

/// A set of users with their passwords.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Users {
    /// Names and passwords by formula.
    Formula {
        /// The names.
        name: Formula,
        /// The passwords; `None` where none is wanted.
        password: Option<Hidden<Formula>>,
    },
    /// Names and passwords one by one.
    List(Arc<[(String, Option<Hidden<String>>)]>),
}

impl Users {
    /// Reads a file of lines `user;password`, or `user` alone. Further fields
    /// are passed over, as are empty lines, lines that begin with `#`, and the
    /// first line of an injection file (`SEQUENTIAL` and its kin).
    pub fn read(path: &Path) -> io::Result<Users> {
        let text = std::fs::read_to_string(path)?;
        let users: Arc<[_]> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .enumerate()
            .filter(|(index, line)| *index > 0 || !is_order(line))
            .map(|(_, line)| {
                let mut fields = line.split(';');
                let name = fields.next().unwrap_or_default().to_owned();
                let password = fields.next().filter(|field| !field.is_empty());
                (name, password.map(|password| Hidden(password.to_owned())))
            })
            .collect();
        if users.is_empty() {
            return Err(io::Error::other("no user in it"));
        }
        Ok(Users::List(users))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Users::Formula { name, .. } => name.count(),
            Users::List(users) => users.len() as u64,
        }
    }

    /// Writes the name of the user `index`, which counts from 0 and over again.
    pub fn write_name(&self, index: u64, out: &mut Vec<u8>) {
        match self {
            Users::Formula { name, .. } => name.write(name.number(index), b"", out),
            Users::List(_) => {
                if let Some((name, _)) = self.listed(index) {
                    out.extend_from_slice(name.as_bytes());
                }
            }
        }
    }

    /// Writes the password of the user `index`; `false` when it has none.
    pub fn write_password(&self, index: u64, out: &mut Vec<u8>) -> bool {
        match self {
            Users::Formula { password: None, .. } => false,
            Users::Formula {
                name,
                password: Some(Hidden(password)),
            } => {
                let mut own = Vec::with_capacity(32);
                self.write_name(index, &mut own);
                password.write(name.number(index), &own, out);
                true
            }
            Users::List(_) => match self.listed(index) {
                Some((_, Some(Hidden(password)))) => {
                    out.extend_from_slice(password.as_bytes());
                    true
                }
                _ => false,
            },
        }
    }

    fn listed(&self, index: u64) -> Option<&(String, Option<Hidden<String>>)> {
        let Users::List(users) = self else {
            return None;
        };
        users.get(usize::try_from(index % users.len().max(1) as u64).ok()?)
    }
}

/// Whether a file's first line is how an injection file says its order.
fn is_order(line: &str) -> bool {
    let word = line.split(',').next().unwrap_or_default();
    ["SEQUENTIAL", "RANDOM", "USER"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(users: &Users, index: u64) -> (String, Option<String>) {
        let (mut name, mut password) = (Vec::new(), Vec::new());
        users.write_name(index, &mut name);
        let has = users.write_password(index, &mut password);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(name), has.then(|| text(password)))
    }

    fn formula(name: &str, password: &str) -> Users {
        Users::Formula {
            name: name.parse().unwrap(),
            password: Some(password.parse().unwrap()),
        }
    }

    #[test]
    fn users_follow_their_formula_and_begin_again() {
        let users = formula("user{7..999999}", "secret-of-{}/{user}");
        assert_eq!(users.count(), 999_993);
        assert_eq!(
            of(&users, 0),
            ("user7".into(), Some("secret-of-7/user7".into()))
        );
        assert_eq!(of(&users, 999_993), of(&users, 0));
    }

    #[test]
    fn leading_zeros_give_the_width() {
        let users = formula("1{000..120}x", "p");
        assert_eq!(of(&users, 5), ("1005x".into(), Some("p".into())));
        assert_eq!(of(&users, 120).0, "1120x");
    }

    #[test]
    fn what_is_no_formula() {
        for wrong in ["a{", "a{1}", "a{5..1}", "a{1..2}{1..2}", "a b", "a{x..y}"] {
            assert!(wrong.parse::<Formula>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_names_them_one_by_one() {
        let path = std::env::temp_dir().join(format!("pinion-load-users-{}", std::process::id()));
        std::fs::write(&path, "SEQUENTIAL\n# who\n1001;one;x\n\n1002\n").unwrap();
        let users = Users::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(users.count(), 2);
        assert_eq!(of(&users, 2), ("1001".into(), Some("one".into())));
        assert_eq!(of(&users, 1), ("1002".into(), None));
    }
}
