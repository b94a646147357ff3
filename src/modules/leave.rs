//! How a module is unloaded that is used: at once, once it is not, or after some
//! time in which nothing new is taken.

use std::time::Duration;

/// What becomes of those who use it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// A module that is used is not unloaded.
    Unused,
    /// It is unloaded as soon as it is not used; it may be used until then.
    WhenIdle,
    /// What is new is refused with 503 from now on, and calls may end by
    /// themselves for that long.
    Drain(Duration),
    /// Calls that cannot go on without it are ended.
    Now,
}

/// The longest a drain may take.
const LONGEST_S: u64 = 86_400;

impl Manner {
    /// What follows the names of modules; and those. `None`: it is none.
    pub fn split<'w>(words: &'w [&'w str]) -> Option<(&'w [&'w str], Manner)> {
        match words {
            [names @ .., "now"] => Some((names, Manner::Now)),
            [names @ .., "when-idle"] => Some((names, Manner::WhenIdle)),
            [names @ .., "drain", seconds] => {
                let seconds = seconds
                    .parse()
                    .ok()
                    .filter(|&seconds| seconds <= LONGEST_S)?;
                Some((names, Manner::Drain(Duration::from_secs(seconds))))
            }
            names => Some((names, Manner::Unused)),
        }
        .filter(|(names, _)| !names.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manner_stands_behind_the_names() {
        let drain = Manner::Drain(Duration::from_secs(60));
        assert_eq!(
            Manner::split(&["a", "b"]),
            Some((&["a", "b"][..], Manner::Unused))
        );
        assert_eq!(
            Manner::split(&["a", "now"]),
            Some((&["a"][..], Manner::Now))
        );
        assert_eq!(
            Manner::split(&["a", "when-idle"]),
            Some((&["a"][..], Manner::WhenIdle))
        );
        assert_eq!(
            Manner::split(&["a", "drain", "60"]),
            Some((&["a"][..], drain))
        );
        for wrong in [
            &["now"][..],
            &[],
            &["a", "drain", "soon"],
            &["a", "drain", "-1"],
        ] {
            assert_eq!(Manner::split(wrong), None, "{wrong:?}");
        }
    }
}
