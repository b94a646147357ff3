//! The variables of one channel: names, values, and what outbound channels
//! inherit. Substitution and predefined names belong to others.

/// Bytes of names and values one call may hold.
const ROOM_BYTES: usize = 64 << 10;

/// Variables a call through one `Dial` sets, and the bytes of their texts.
const USUAL: usize = 6;
const USUAL_BYTES: usize = 128;

/// Bytes of forgotten texts that are not worth moving the others for.
const TIDY_BYTES: usize = 512;

/// There is no room for another value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Variables in the order they were first set. Their texts stand one behind
/// the other in one buffer: a call sets a few, and few are ever set again.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    list: Vec<Variable>,
    texts: String,
    /// Bytes of `texts` still in use.
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Variable {
    /// Where its name begins, without leading underscores; its value follows.
    start: u32,
    name_len: u32,
    value_len: u32,
    /// Of its name (see [`mark`]).
    mark: u16,
    heritage: Heritage,
}

/// The first and the last byte of a name, by which most names differ.
fn mark(name: &str) -> u16 {
    let bytes = name.as_bytes();
    let byte = |byte: Option<&u8>| byte.copied().unwrap_or_default();
    u16::from_le_bytes([byte(bytes.first()), byte(bytes.last())])
}

impl Variable {
    fn name<'t>(&self, texts: &'t str) -> &'t str {
        let start = self.start as usize;
        texts
            .get(start..start + self.name_len as usize)
            .unwrap_or_default()
    }

    fn value<'t>(&self, texts: &'t str) -> &'t str {
        let start = (self.start + self.name_len) as usize;
        texts
            .get(start..start + self.value_len as usize)
            .unwrap_or_default()
    }

    fn len(&self) -> usize {
        (self.name_len + self.value_len) as usize
    }
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

impl Heritage {
    fn underscores(self) -> &'static str {
        match self {
            Heritage::None => "",
            Heritage::Once => "_",
            Heritage::Ever => "__",
        }
    }
}

/// A name without the underscores that say who inherits it.
pub(super) fn bare(name: &str) -> &str {
    split_heritage(name).1
}

fn split_heritage(name: &str) -> (Heritage, &str) {
    match (name.strip_prefix("__"), name.strip_prefix('_')) {
        (Some(name), _) => (Heritage::Ever, name),
        (None, Some(name)) => (Heritage::Once, name),
        (None, None) => (Heritage::None, name),
    }
}

impl Variables {
    /// None, with room for what most calls set.
    pub fn new() -> Variables {
        Variables {
            list: Vec::with_capacity(USUAL),
            texts: String::with_capacity(USUAL_BYTES),
            bytes: 0,
        }
    }

    /// Sets a variable. `_NAME` is inherited by outbound channels, `__NAME` by
    /// theirs too; either replaces `NAME`, whatever its heritage was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Full> {
        let (heritage, name) = split_heritage(name);
        let known = self.position(name);
        let old = known
            .and_then(|at| self.list.get(at))
            .map_or(0, Variable::len);
        let bytes = self.bytes - old + name.len() + value.len();
        if bytes > ROOM_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        let variable = Variable {
            start: self.texts.len() as u32,
            name_len: name.len() as u32,
            value_len: value.len() as u32,
            mark: mark(name),
            heritage,
        };
        self.texts.push_str(name);
        self.texts.push_str(value);
        match known.and_then(|at| self.list.get_mut(at)) {
            Some(old) => *old = variable,
            None => self.list.push(variable),
        }
        self.tidy();
        Ok(())
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self.position(name) {
            self.bytes -= self.list.remove(at).len();
            self.tidy();
        }
    }

    /// The value of a name without underscores; case counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        Some(self.find(name)?.value(&self.texts))
    }

    /// A variable as it was set: its underscores, and its value.
    pub(super) fn whole(&self, name: &str) -> Option<(&'static str, &str)> {
        let variable = self.find(name)?;
        Some((variable.heritage.underscores(), variable.value(&self.texts)))
    }

    /// Names and values, in the order they were first set.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.list
            .iter()
            .map(|variable| (variable.name(&self.texts), variable.value(&self.texts)))
    }

    /// What an outbound channel gets: names to [`Variables::set`] there.
    pub fn inherited(&self) -> impl Iterator<Item = (String, &str)> {
        self.list.iter().filter_map(|variable| {
            let prefix = match variable.heritage {
                Heritage::None => return None,
                Heritage::Once => "",
                Heritage::Ever => "__",
            };
            let name = [prefix, variable.name(&self.texts)].concat();
            Some((name, variable.value(&self.texts)))
        })
    }

    fn find(&self, name: &str) -> Option<&Variable> {
        self.list.iter().find(self.named(name))
    }

    fn position(&self, name: &str) -> Option<usize> {
        let is_named = self.named(name);
        self.list.iter().position(|variable| is_named(&variable))
    }

    /// Tells a variable by its name.
    fn named(&self, name: &str) -> impl Fn(&&Variable) -> bool {
        let mark = mark(name);
        move |variable| variable.mark == mark && variable.name(&self.texts) == name
    }

    /// Drops the texts nobody refers to once they are the larger part, so that
    /// setting one variable for ever takes no more room than setting it once.
    fn tidy(&mut self) {
        if self.texts.len() > 2 * self.bytes + TIDY_BYTES {
            self.move_together();
        }
    }

    #[cold]
    fn move_together(&mut self) {
        let mut texts = String::with_capacity(self.bytes + TIDY_BYTES);
        for variable in &mut self.list {
            let start = texts.len() as u32;
            texts.push_str(variable.name(&self.texts));
            texts.push_str(variable.value(&self.texts));
            variable.start = start;
        }
        self.texts = texts;
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

    #[test]
    fn setting_one_variable_for_ever_takes_no_more_room() {
        let mut variables = Variables::new();
        variables.set("KEPT", "as it was").unwrap();
        for number in 0..10_000 {
            variables.set("COUNT", &number.to_string()).unwrap();
        }
        assert!(variables.texts.len() <= 2 * variables.bytes + TIDY_BYTES);
        assert_eq!(variables.value("COUNT"), Some("9999"));
        assert_eq!(variables.value("KEPT"), Some("as it was"));
        variables.remove("COUNT");
        assert_eq!(
            variables.iter().collect::<Vec<_>>(),
            [("KEPT", "as it was")]
        );
    }
}
