//! Which extensions of a context match what was dialled, in the list's order.
//!
//! The list is sorted, so that its patterns are the leaves of a tree whose
//! branches are their pieces. Going down it, narrow branches first, meets the
//! matching patterns in the order of the list and never looks at most others.
//! Built once for each context; it knows pieces and places in the list only.

use core::ops::Range;

use smallvec::SmallVec;

use super::pattern::{Match, Pattern, Piece, Set, follow, plain};

/// A list's patterns, ready to be searched.
#[derive(Clone, Debug, Default)]
pub(super) struct Automaton {
    /// How many names, from the first on, are exact.
    exact: u32,
    /// The root first; the children of a node follow each other.
    nodes: Box<[Node]>,
    /// The branches of one character, those of a node by rising character.
    bytes: Box<[u8]>,
    /// The wider branches, those of a node by precedence.
    sets: Box<[Set]>,
    /// The patterns' places by their spelling in lower case.
    spellings: Box<[u32]>,
}

/// What patterns that begin alike go on with: places in the list, by rising
/// weight of the next piece.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The first of all; one character or a set comes next.
    from: u32,
    /// The first with `.`, with `!`, at its end, and beyond.
    some: u32,
    any: u32,
    end: u32,
    beyond: u32,
    branches: Branches,
}

#[derive(Clone, Debug, Default)]
enum Branches {
    /// All spell the same from here on: a tree would save nothing.
    #[default]
    None,
    Some {
        /// The first child's node: those of `bytes`, then those of `sets`.
        children: u32,
        bytes: Range<u32>,
        sets: Range<u32>,
    },
}

/// What of the list is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// What matches.
    Matching,
    /// What more digits could make match, and perhaps some that never match.
    Beginning,
}

impl Automaton {
    /// Compiles a sorted list.
    pub(super) fn new<P: AsRef<Pattern>>(list: &[P]) -> Automaton {
        let exact = list.partition_point(|name| !name.as_ref().is_pattern());
        let mut grower = Grower {
            list,
            nodes: Vec::new(),
            bytes: Vec::new(),
            sets: Vec::new(),
            ahead: Vec::new(),
        };
        if exact < list.len() {
            grower.grow(exact..list.len());
        }
        let spelling = |&at: &u32| {
            let pattern = list.get(at as usize).map(AsRef::as_ref);
            pattern.map(|pattern| pattern.as_str().to_ascii_lowercase())
        };
        let mut spellings: Vec<u32> = (exact as u32..list.len() as u32).collect();
        spellings.sort_by_cached_key(spelling);
        Automaton {
            exact: exact as u32,
            nodes: grower.nodes.into(),
            bytes: grower.bytes.into(),
            sets: grower.sets.into(),
            spellings: spellings.into(),
        }
    }

    /// Visits places in `list`, which it was made of, by precedence, until one
    /// yields something.
    pub(super) fn search<P: AsRef<Pattern>, T>(
        &self,
        list: &[P],
        dialled: &str,
        wanted: Wanted,
        mut visit: impl FnMut(u32) -> Option<T>,
    ) -> Option<T> {
        let digits = plain(dialled.as_bytes());
        if self.exact > 0
            && let Some(found) = self.names(list, &digits, wanted).find_map(&mut visit)
        {
            return Some(found);
        }
        let mut search = Search {
            automaton: self,
            list,
            digits: &digits,
            wanted,
            ahead: SmallVec::new(),
        };
        if wanted == Wanted::Matching && dialled.starts_with('_') {
            let places = self.with_spelt(search, dialled);
            return places.into_iter().find_map(visit);
        }
        let mut found = self.nodes.first().map(|root| search.visit(root, 0));
        while let Some(places) = found {
            for place in places {
                if let Some(found) = visit(place) {
                    return Some(found);
                }
            }
            found = search.next();
        }
        None
    }

    /// Patterns also match their own spelling, in their turn.
    #[cold]
    fn with_spelt<P: AsRef<Pattern>>(&self, mut search: Search<'_, P>, spelling: &str) -> Vec<u32> {
        let mut places: Vec<u32> = self.spelt(search.list, spelling).collect();
        if let Some(root) = self.nodes.first() {
            places.extend(search.visit(root, 0));
        }
        places.extend(search.flatten());
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The exact names that are the digits, or begin with them.
    fn names<P: AsRef<Pattern>>(&self, list: &[P], digits: &[u8], wanted: Wanted) -> Range<u32> {
        let names = list.get(..self.exact as usize).unwrap_or_default();
        let from = names.partition_point(|name| name.as_ref().exact() < Some(digits));
        let is_wanted = |name: &&P| match (name.as_ref().exact(), wanted) {
            (name, Wanted::Matching) => name == Some(digits),
            (name, Wanted::Beginning) => name.is_some_and(|name| name.starts_with(digits)),
        };
        let count = names.iter().skip(from).take_while(is_wanted).count();
        from as u32..(from + count) as u32
    }

    /// The places of patterns spelt like that; case does not count.
    fn spelt<'a, P: AsRef<Pattern>>(
        &'a self,
        list: &'a [P],
        spelling: &str,
    ) -> impl Iterator<Item = u32> + use<'a, P> {
        let lower = spelling.to_ascii_lowercase();
        let written = |at: u32| list.get(at as usize).map(|name| name.as_ref().as_str());
        let from = self.spellings.partition_point(|&at| {
            written(at).is_some_and(|written| written.to_ascii_lowercase() < lower)
        });
        let is_spelt = move |at: &u32| {
            written(*at).is_some_and(|written| written.eq_ignore_ascii_case(&lower))
        };
        self.spellings
            .iter()
            .skip(from)
            .copied()
            .take_while(is_spelt)
    }
}

/// A tree in the making.
struct Grower<'a, P> {
    list: &'a [P],
    nodes: Vec<Node>,
    bytes: Vec<u8>,
    sets: Vec<Set>,
    /// Nodes to be made yet, with their places in the list and their depth.
    ahead: Vec<(usize, Range<usize>, usize)>,
}

impl<P: AsRef<Pattern>> Grower<'_, P> {
    fn piece(&self, at: usize, depth: usize) -> Option<&Piece> {
        self.list.get(at)?.as_ref().pieces().get(depth)
    }

    fn grow(&mut self, all: Range<usize>) {
        self.nodes.push(Node::default());
        self.ahead.push((0, all, 0));
        while let Some((at, all, depth)) = self.ahead.pop() {
            let made = self.node(all, depth);
            if let Some(node) = self.nodes.get_mut(at) {
                *node = made;
            }
        }
    }

    /// Makes a node of patterns whose first `depth` pieces are the same.
    fn node(&mut self, all: Range<usize>, depth: usize) -> Node {
        let pattern = |at: usize| self.list.get(at).map(AsRef::as_ref);
        let alike = pattern(all.start) == pattern(all.end - 1);
        let first = |beyond: fn(&Piece) -> bool| {
            let list = self.list.get(all.clone()).unwrap_or_default();
            let before = |name: &P| !name.as_ref().pieces().get(depth).is_some_and(beyond);
            all.start + list.partition_point(before)
        };
        let some = first(|piece| *piece >= Piece::Some);
        Node {
            from: all.start as u32,
            some: some as u32,
            any: first(|piece| *piece >= Piece::Any) as u32,
            end: first(|piece| *piece >= Piece::End) as u32,
            beyond: match alike {
                true => all.end as u32,
                false => first(|piece| *piece > Piece::End) as u32,
            },
            branches: match alike {
                true => Branches::None,
                false => self.branch(all.start..some, depth),
            },
        }
    }

    /// Makes a child for each piece that comes next.
    fn branch(&mut self, all: Range<usize>, depth: usize) -> Branches {
        let mut children = Vec::new();
        let (bytes, sets) = (self.bytes.len() as u32, self.sets.len() as u32);
        let mut from = all.start;
        while from < all.end {
            let piece = self.piece(from, depth).copied();
            let rest = self.list.get(from..all.end).unwrap_or_default();
            let alike = |name: &P| name.as_ref().pieces().get(depth).copied() == piece;
            let child = from..from + rest.partition_point(alike);
            from = child.end;
            match piece {
                Some(Piece::One(set)) if set.count() == 1 => self.bytes.push(set.lowest() as u8),
                Some(Piece::One(set)) if set.count() > 1 => self.sets.push(set),
                // Nothing is in the set, and nothing reaches what follows it.
                _ => continue,
            }
            children.push(child);
        }
        let first = self.nodes.len();
        let branches = Branches::Some {
            children: first as u32,
            bytes: bytes..self.bytes.len() as u32,
            sets: sets..self.sets.len() as u32,
        };
        self.nodes
            .resize_with(first + children.len(), Node::default);
        let numbered = children.into_iter().enumerate();
        let ahead = numbered.map(|(number, child)| (first + number, child, depth + 1));
        self.ahead.extend(ahead);
        branches
    }
}

/// What a search has still to look at.
enum Step {
    Node { node: u32, depth: u32 },
    Places(Range<u32>),
}

/// A search among the patterns: places by precedence, some at a time.
struct Search<'a, P> {
    automaton: &'a Automaton,
    list: &'a [P],
    digits: &'a [u8],
    wanted: Wanted,
    /// The next one last.
    ahead: SmallVec<[Step; 16]>,
}

impl<P: AsRef<Pattern>> Search<'_, P> {
    /// Looks at one node: what it finds comes first, then what it leads to.
    fn visit(&mut self, node: &Node, depth: usize) -> Range<u32> {
        let Branches::Some {
            children,
            bytes,
            sets,
        } = &node.branches
        else {
            return self.compare(node, depth);
        };
        let Some(&digit) = self.digits.get(depth) else {
            return match self.wanted {
                Wanted::Matching => node.any..node.beyond,
                Wanted::Beginning => node.from..node.any,
            };
        };
        if self.wanted == Wanted::Matching && node.some < node.end {
            self.ahead.push(Step::Places(node.some..node.end));
        }
        let mut lead = |child: usize| {
            self.ahead.push(Step::Node {
                node: children + child as u32,
                depth: depth as u32 + 1,
            });
        };
        let part = |range: &Range<u32>| range.start as usize..range.end as usize;
        let bytes = self.automaton.bytes.get(part(bytes)).unwrap_or_default();
        let sets = self.automaton.sets.get(part(sets)).unwrap_or_default();
        for (number, set) in sets.iter().enumerate().rev() {
            if set.contains(digit) {
                lead(bytes.len() + number);
            }
        }
        if let Some(number) = bytes.iter().position(|&byte| byte == digit) {
            lead(number);
        }
        0..0
    }

    /// Compares with the rest of the one pattern that is left.
    fn compare(&self, node: &Node, depth: usize) -> Range<u32> {
        let pattern = self.list.get(node.from as usize).map(AsRef::as_ref);
        let pieces = pattern.and_then(|pattern| pattern.pieces().get(depth..));
        let digits = self.digits.get(depth..).unwrap_or_default();
        let met = follow(pieces.unwrap_or_default(), digits.iter().copied());
        let wanted = match self.wanted {
            Wanted::Matching => Match::Yes,
            Wanted::Beginning => Match::CouldMatch,
        };
        match met == wanted {
            true => node.from..node.beyond,
            false => 0..0,
        }
    }
}

impl<P: AsRef<Pattern>> Iterator for Search<'_, P> {
    type Item = Range<u32>;

    fn next(&mut self) -> Option<Range<u32>> {
        match self.ahead.pop()? {
            Step::Places(places) => Some(places),
            Step::Node { node, depth } => {
                let node = self.automaton.nodes.get(node as usize)?;
                Some(self.visit(node, depth as usize))
            }
        }
    }
}

#[cfg(test)]
mod tests;
