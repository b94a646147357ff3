//! The groups whose calls may be picked up: those a device rings in, and those
//! it picks up from.

use smol_str::SmolStr;

/// The highest number of a group.
const HIGHEST: u32 = 63;

/// Groups by number (`callgroup`, `pickupgroup`) and by name
/// (`namedcallgroup`, `namedpickupgroup`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Groups {
    /// Bit n stands for group n.
    numbers: u64,
    names: Vec<SmolStr>,
}

/// A device's groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PickupGroups {
    /// Those its calls ring in.
    pub call: Groups,
    /// Those whose calls it may pick up.
    pub pickup: Groups,
}

impl Groups {
    /// Takes other numbers: `1,3-5`. False, and nothing changed, where the text
    /// is no list of numbers from 0 to 63.
    pub fn set_numbers(&mut self, text: &str) -> bool {
        let mut numbers = 0;
        for part in text.split(',').map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse::<u32>()) else {
                return false;
            };
            if first > last || last > HIGHEST {
                return false;
            }
            numbers = (first..=last).fold(numbers, |numbers, group| numbers | 1 << group);
        }
        self.numbers = numbers;
        true
    }

    /// Takes other names: `sales,desk`.
    pub fn set_names(&mut self, text: &str) {
        let names = text.split(',').map(str::trim);
        self.names = names
            .filter(|name| !name.is_empty())
            .map(SmolStr::new)
            .collect();
    }

    /// The numbers, as operators are told them: `1, 3, 4`.
    pub fn numbers(&self) -> String {
        let held = (0..=HIGHEST).filter(|group| self.numbers >> group & 1 == 1);
        held.map(|group| group.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The names, as operators are told them.
    pub fn names(&self) -> String {
        self.names.join(", ")
    }

    /// Whether some group is in both.
    pub fn meet(&self, other: &Groups) -> bool {
        self.numbers & other.numbers != 0
            || self.names.iter().any(|name| other.names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(text: &str) -> Groups {
        let mut groups = Groups::default();
        assert!(groups.set_numbers(text), "{text}");
        groups
    }

    #[test]
    fn numbers_are_a_list_of_ranges() {
        for (text, expected) in [
            ("", ""),
            ("1", "1"),
            ("1,3-5", "1, 3, 4, 5"),
            (" 63 , 0 - 1,", "0, 1, 63"),
        ] {
            assert_eq!(numbered(text).numbers(), expected, "{text}");
        }
        let mut groups = numbered("7");
        for text in ["64", "a", "1-", "3-2", "1 2", "-1", "0-4294967295"] {
            assert!(!groups.set_numbers(text), "{text}");
        }
        assert_eq!(groups, numbered("7"), "nothing changed");
    }

    #[test]
    fn groups_meet_by_number_or_by_name() {
        let (mut one, mut two) = (numbered("1-3"), numbered("4"));
        assert!(!one.meet(&two));
        assert!(one.meet(&numbered("3,63")));
        one.set_names("sales, desk");
        two.set_names("lab,,desk");
        assert!(one.meet(&two));
        two.set_names("Desk");
        assert!(!one.meet(&two), "names are told apart by case");
        assert_eq!(one.names(), "sales, desk");
    }
}
