//! The AstDB: values by family and key, as far as a shard is their home.
//!
//! It keeps what it is told; what outlives the process is others' matter.

use alloc::collections::BTreeMap;
use core::ops::Bound;

use crate::dialplan::{Entry, Verb};

/// Bytes of paths and values a shard may hold.
const ROOM_BYTES: usize = 64 << 20;

/// Longest `family/key`, in bytes.
const PATH_BYTES: usize = 255;

/// Values by `family/key`, in the order of their bytes.
#[derive(Default)]
pub struct Store {
    values: BTreeMap<Box<str>, Box<str>>,
    bytes: usize,
}

/// There is no room, or the path is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;

impl Store {
    /// The value at a path.
    pub fn value(&self, path: &str) -> Option<&str> {
        self.values.get(path).map(Box::as_ref)
    }

    /// Sets the value at a path.
    pub fn put(&mut self, path: &str, value: &str) -> Result<(), NoRoom> {
        let old = self.value(path).map_or(0, |old| path.len() + old.len());
        let bytes = self.bytes - old + path.len() + value.len();
        if path.len() > PATH_BYTES || bytes > ROOM_BYTES {
            return Err(NoRoom);
        }
        self.bytes = bytes;
        self.values.insert(path.into(), value.into());
        Ok(())
    }

    /// Removes the value at a path.
    pub fn remove(&mut self, path: &str) -> Option<Box<str>> {
        let value = self.values.remove(path)?;
        self.bytes -= path.len() + value.len();
        Some(value)
    }

    /// Paths and values below a path, by path.
    pub fn below<'s>(&'s self, path: &str) -> impl Iterator<Item = (&'s str, &'s str)> + use<'s> {
        let start: Box<str> = [path, "/"].concat().into();
        let inside = start.clone();
        self.values
            .range(start..)
            .map(|(path, value)| (&**path, &**value))
            .take_while(move |(path, _)| path.starts_with(&*inside))
    }

    /// The same from behind another path; all values if `path` is empty.
    pub fn behind<'s>(
        &'s self,
        path: &str,
        last: &str,
    ) -> impl Iterator<Item = (&'s str, &'s str)> + use<'s> {
        let inside: Box<str> = match path {
            "" => "".into(),
            path => [path, "/"].concat().into(),
        };
        let from = match &*inside > last {
            true => Bound::Included(inside.clone()),
            false => Bound::Excluded(last.into()),
        };
        self.values
            .range((from, Bound::Unbounded))
            .map(|(path, value)| (&**path, &**value))
            .take_while(move |(path, _)| path.starts_with(&*inside))
    }

    /// Removes a value and all below it; returns their paths.
    pub fn remove_tree(&mut self, path: &str) -> Vec<Box<str>> {
        let below = self.below(path).map(|(path, _)| Box::from(path));
        let mut paths: Vec<Box<str>> = below.collect();
        if self.values.contains_key(path) {
            paths.push(path.into());
        }
        for path in &paths {
            self.remove(path);
        }
        paths
    }

    /// The names right below a path, joined by commas.
    pub fn names(&self, path: &str) -> String {
        let (mut names, mut last) = (String::new(), "");
        for (below, _) in self.below(path) {
            let rest = below.get(path.len() + 1..).unwrap_or_default();
            let name = rest.split('/').next().unwrap_or_default();
            if name == last {
                continue;
            }
            if !last.is_empty() {
                names.push(',');
            }
            names.push_str(name);
            last = name;
        }
        names
    }

    /// Puts members into the list at a path, or takes one out.
    pub fn enlist(&mut self, path: &str, members: &str, out: bool) -> Result<(), NoRoom> {
        let known = self.value(path).unwrap_or_default();
        let mut list: Vec<&str> = known.split('&').filter(|part| !part.is_empty()).collect();
        for member in members.split('&').filter(|part| !part.is_empty()) {
            list.retain(|known| !out || *known != member);
            if !out && !list.contains(&member) {
                list.push(member);
            }
        }
        let list = list.join("&");
        self.put(path, &list)
    }

    /// Values kept.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes of paths and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Does what a plan asks; the paths whose values changed, and what the plan
    /// hears: a text, or nothing where there is none.
    pub fn serve(&mut self, entry: &Entry) -> (Vec<Box<str>>, Option<String>) {
        let path = &*entry.path;
        let changed = |done: Result<(), NoRoom>| match done {
            Ok(()) => (vec![path.into()], Some(String::new())),
            Err(NoRoom) => (Vec::new(), None),
        };
        match &entry.verb {
            Verb::Read => (Vec::new(), self.value(path).map(String::from)),
            Verb::Write(value) => changed(self.put(path, value)),
            Verb::Enlist(members) => changed(self.enlist(path, members, false)),
            Verb::Strike(members) => changed(self.enlist(path, members, true)),
            Verb::Remove => match self.remove(path) {
                Some(value) => (vec![path.into()], Some(value.into())),
                None => (Vec::new(), None),
            },
            Verb::RemoveTree => {
                let paths = self.remove_tree(path);
                let any = (!paths.is_empty()).then(String::new);
                (paths, any)
            }
            Verb::Names => (Vec::new(), Some(self.names(path))),
            Verb::HasAny(keys) => {
                let mut paths = keys.iter().map(|key| [path, "/", key].concat());
                let any = paths.any(|path| self.values.contains_key(&*path));
                (Vec::new(), any.then(String::new))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let mut store = Store::default();
        for path in ["a/1/x", "a/1/y", "a/2", "ab/3"] {
            store.put(path, "v").unwrap();
        }
        store
    }

    #[test]
    fn names_are_those_right_below() {
        let store = store();
        assert_eq!(store.names("a"), "1,2");
        assert_eq!(store.names("a/1"), "x,y");
        assert_eq!(store.names("b"), "");
    }

    #[test]
    fn values_are_told_from_behind_a_path() {
        let store = store();
        let told = |path, last| {
            let values = store.behind(path, last);
            values.map(|(path, _)| path).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("", ""), "a/1/x a/1/y a/2 ab/3");
        assert_eq!(told("", "a/1/y"), "a/2 ab/3");
        assert_eq!(told("a", ""), "a/1/x a/1/y a/2");
        assert_eq!(told("a", "a/1/x"), "a/1/y a/2");
        assert_eq!(told("b", ""), "");
    }

    #[test]
    fn a_tree_goes_with_all_below_it() {
        let mut store = store();
        assert_eq!(store.remove_tree("a/1").len(), 2);
        assert_eq!(store.remove_tree("a").len(), 1);
        assert_eq!(store.len(), 1);
        assert_eq!(store.bytes, 5);
    }

    #[test]
    fn lists_hold_each_member_once() {
        let mut store = Store::default();
        store.enlist("d/g", "SIP/1&SIP/2", false).unwrap();
        store.enlist("d/g", "SIP/2&SIP/3", false).unwrap();
        assert_eq!(store.value("d/g"), Some("SIP/1&SIP/2&SIP/3"));
        store.enlist("d/g", "SIP/2", true).unwrap();
        assert_eq!(store.value("d/g"), Some("SIP/1&SIP/3"));
    }

    #[test]
    fn room_is_bounded() {
        let mut store = Store::default();
        let long = "x".repeat(ROOM_BYTES);
        assert_eq!(store.put("a/b", &long), Err(NoRoom));
        assert_eq!(store.put(&"p".repeat(PATH_BYTES + 1), ""), Err(NoRoom));
    }
}
