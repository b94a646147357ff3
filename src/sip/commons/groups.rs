//! Who is in which group (`GROUP`): exact across shards, as one of them counts
//! for all.
//!
//! A channel is in one group of each category at most. Its membership is a
//! lease with a name of its own, so that joining and leaving may be repeated
//! without harm, and so that those of a shard that was replaced are void.

use hashbrown::HashMap;
use regex_lite::RegexBuilder;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::base::{Hasher, ShardId};
use crate::machine::Lease;

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 64 << 10;

/// Those in one group of one category.
struct Group {
    name: SmolStr,
    category: SmolStr,
    members: u32,
}

impl Group {
    fn is(&self, name: &str, category: &str) -> bool {
        self.name == name && self.category == category
    }
}

/// All groups and their members.
pub struct Groups {
    members: HashMap<Lease, (SmolStr, SmolStr), Hasher>,
    /// By the name in lower case: names differ by more than case.
    groups: HashMap<SmolStr, SmallVec<[Group; 1]>, Hasher>,
}

impl Groups {
    /// Nobody is in any group.
    pub fn new(members: Hasher, groups: Hasher) -> Groups {
        Groups {
            members: HashMap::with_hasher(members),
            groups: HashMap::with_hasher(groups),
        }
    }

    /// Puts a member into a group, out of the one it was in.
    pub fn join(&mut self, lease: Lease, name: &SmolStr, category: &SmolStr) {
        self.leave(lease);
        self.members.insert(lease, (name.clone(), category.clone()));
        let spellings = self.groups.entry(key(name)).or_default();
        match spellings.iter_mut().find(|group| group.is(name, category)) {
            Some(group) => group.members += 1,
            None => spellings.push(Group {
                name: name.clone(),
                category: category.clone(),
                members: 1,
            }),
        }
    }

    /// Takes a member out; one that is in none is no harm.
    pub fn leave(&mut self, lease: Lease) {
        let Some((name, category)) = self.members.remove(&lease) else {
            return;
        };
        let key = key(&name);
        let Some(spellings) = self.groups.get_mut(&key) else {
            return;
        };
        if let Some(group) = spellings
            .iter_mut()
            .find(|group| group.is(&name, &category))
        {
            group.members -= 1;
        }
        spellings.retain(|group| group.members > 0);
        if spellings.is_empty() {
            self.groups.remove(&key);
        }
    }

    /// Members of a group in a category, in all of them if it is empty
    /// (`ast_app_group_get_count`). Case does not count.
    pub fn count(&self, name: &str, category: &str) -> u32 {
        let Some(spellings) = self.groups.get(&key(name)) else {
            return 0;
        };
        let counts =
            |group: &&Group| category.is_empty() || group.category.eq_ignore_ascii_case(category);
        spellings
            .iter()
            .filter(counts)
            .map(|group| group.members)
            .sum()
    }

    /// Members of the groups whose name, and category if there is a pattern for
    /// it, match (`ast_app_group_match_get_count`); none where a pattern is not
    /// a regular expression.
    pub fn matching(&self, name: &str, category: &str) -> u32 {
        let pattern = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(PATTERN_BYTES)
                .build()
                .ok()
        };
        let (Some(wanted), Some(within)) = (pattern(name), pattern(category)) else {
            return 0;
        };
        let counts = |group: &&Group| {
            let category_fits = category.is_empty()
                || !group.category.is_empty() && within.is_match(&group.category);
            category_fits && wanted.is_match(&group.name)
        };
        let groups = self.groups.values().flatten();
        groups.filter(counts).map(|group| group.members).sum()
    }

    /// Voids what earlier incarnations of `shard` held.
    pub fn replaced(&mut self, shard: ShardId, incarnation: u32) {
        let void = |lease: &&Lease| lease.shard == shard && lease.incarnation < incarnation;
        let gone: Vec<Lease> = self.members.keys().filter(void).copied().collect();
        for lease in gone {
            self.leave(lease);
        }
    }

    /// Members of all groups.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in any group.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

fn key(name: &str) -> SmolStr {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(shard: ShardId, incarnation: u32, serial: u64) -> Lease {
        Lease {
            shard,
            incarnation,
            serial,
        }
    }

    fn groups(members: &[(Lease, &str, &str)]) -> Groups {
        let hasher = || Hasher::with_seeds(1, 2, 3, 4);
        let mut groups = Groups::new(hasher(), hasher());
        for &(lease, name, category) in members {
            groups.join(lease, &name.into(), &category.into());
        }
        groups
    }

    #[test]
    fn a_member_is_in_one_group_however_often_it_joins() {
        let mut groups = groups(&[
            (lease(0, 0, 1), "out", ""),
            (lease(0, 0, 1), "out", ""),
            (lease(0, 0, 1), "in", ""),
        ]);
        assert_eq!((groups.count("out", ""), groups.count("in", "")), (0, 1));
        groups.leave(lease(0, 0, 1));
        groups.leave(lease(0, 0, 1));
        assert!(groups.is_empty() && groups.groups.is_empty());
    }

    #[test]
    fn case_does_not_count_and_no_category_is_every_category() {
        let groups = groups(&[
            (lease(0, 0, 1), "Out", "trunk"),
            (lease(1, 0, 1), "out", "TRUNK"),
            (lease(1, 0, 2), "OUT", ""),
        ]);
        assert_eq!(groups.count("out", "trunk"), 2);
        assert_eq!(groups.count("out", ""), 3);
        assert_eq!(groups.count("other", ""), 0);
    }

    #[test]
    fn patterns_match_names_and_categories() {
        let groups = groups(&[
            (lease(0, 0, 1), "trunk1", "out"),
            (lease(0, 0, 2), "trunk2", "in"),
            (lease(0, 0, 3), "other", ""),
        ]);
        assert_eq!(groups.matching("^trunk[0-9]$", ""), 2);
        assert_eq!(groups.matching("t", "^o"), 1);
        assert_eq!(groups.matching("(", ""), 0);
    }

    #[test]
    fn a_replaced_shard_is_in_no_group() {
        let mut groups = groups(&[
            (lease(0, 0, 1), "out", ""),
            (lease(1, 0, 1), "out", ""),
            (lease(1, 1, 1), "out", ""),
        ]);
        groups.replaced(1, 1);
        assert_eq!((groups.len(), groups.count("out", "")), (2, 2));
    }
}
