//! The variables of one channel: names, values, and what outbound channels
//! inherit. Substitution and predefined names belong to others.

/// Bytes of names and values one call may hold.
const ROOM_BYTES: usize = 64 << 10;

/// There is no room for another value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Variables in the order they were first set.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    list: Vec<Variable>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Variable {
    /// Without leading underscores.
    name: Box<str>,
    value: Box<str>,
    heritage: Heritage,
}

/// How many generations of outbound channels get a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Heritage {
    /// `NAME`.
    None,
    /// `_NAME`.
    Once,
    /// `__NAME`.
    Ever,
}

fn split_heritage(name: &str) -> (Heritage, &str) {
    match (name.strip_prefix("__"), name.strip_prefix('_')) {
        (Some(name), _) => (Heritage::Ever, name),
        (None, Some(name)) => (Heritage::Once, name),
        (None, None) => (Heritage::None, name),
    }
}

impl Variables {
    /// None.
    pub fn new() -> Variables {
        Variables::default()
    }

    /// Sets a variable. `_NAME` is inherited by outbound channels, `__NAME` by
    /// theirs too; either replaces `NAME`, whatever its heritage was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Full> {
        let (heritage, name) = split_heritage(name);
        let bytes = self.bytes - self.value(name).map_or(0, |old| name.len() + old.len())
            + name.len()
            + value.len();
        if bytes > ROOM_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        match self
            .list
            .iter_mut()
            .find(|variable| &*variable.name == name)
        {
            Some(variable) => {
                variable.value = value.into();
                variable.heritage = heritage;
            }
            None => self.list.push(Variable {
                name: name.into(),
                value: value.into(),
                heritage,
            }),
        }
        Ok(())
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self
            .list
            .iter()
            .position(|variable| &*variable.name == name)
        {
            let variable = self.list.remove(at);
            self.bytes -= variable.name.len() + variable.value.len();
        }
    }

    /// The value of a name without underscores; case counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.list
            .iter()
            .find(|variable| &*variable.name == name)
            .map(|variable| &*variable.value)
    }

    /// Names and values, in the order they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list
            .iter()
            .map(|variable| (&*variable.name, &*variable.value))
    }

    /// What an outbound channel gets: names to [`Variables::set`] there.
    pub fn inherited(&self) -> impl Iterator<Item = (String, &str)> {
        self.list.iter().filter_map(|variable| {
            let prefix = match variable.heritage {
                Heritage::None => return None,
                Heritage::Once => "",
                Heritage::Ever => "__",
            };
            Some(([prefix, &variable.name].concat(), &*variable.value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_whatever_its_underscores() {
        let mut variables = Variables::new();
        variables.set("__A", "1").unwrap();
        variables.set("A", "2").unwrap();
        assert_eq!(variables.iter().collect::<Vec<_>>(), [("A", "2")]);
        assert_eq!(variables.inherited().count(), 0);
        assert_eq!(variables.value("a"), None);
        variables.remove("A");
        assert_eq!(variables.value("A"), None);
    }

    #[test]
    fn one_underscore_is_inherited_once_and_two_ever() {
        let mut first = Variables::new();
        for (name, value) in [("A", "1"), ("_B", "2"), ("__C", "3")] {
            first.set(name, value).unwrap();
        }
        let mut second = Variables::new();
        for (name, value) in first.inherited() {
            second.set(&name, value).unwrap();
        }
        assert_eq!(second.iter().collect::<Vec<_>>(), [("B", "2"), ("C", "3")]);
        assert_eq!(
            second.inherited().collect::<Vec<_>>(),
            [("__C".into(), "3")]
        );
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let mut variables = Variables::new();
        let long = "x".repeat(ROOM_BYTES - 1);
        variables.set("A", &long).unwrap();
        assert_eq!(variables.set("B", "1"), Err(Full));
        variables.set("A", &long[1..]).unwrap();
        assert_eq!(variables.set("B", ""), Ok(()));
        variables.remove("A");
        variables.set("C", "1").unwrap();
        assert_eq!(variables.bytes, 3);
    }
}
