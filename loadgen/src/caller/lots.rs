//! What is drawn by weight: the units of a mix, the behaviours of those called.

use pinion_sip::base::Random;

/// Values, each with the sum of the weights up to its own.
pub(super) struct Lots<T>(Vec<(T, u64)>);

impl<T: Copy> Lots<T> {
    /// Values and their weights.
    pub(super) fn new<'a>(weighted: impl IntoIterator<Item = &'a (T, u32)>) -> Lots<T>
    where
        T: 'a,
    {
        let mut sum = 0;
        let summed = weighted.into_iter().map(|&(value, weight)| {
            sum += u64::from(weight);
            (value, sum)
        });
        Lots(summed.collect())
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of the values; nothing is drawn from `random` where there is no
    /// choice. `None` if there is no value.
    pub(super) fn draw(&self, random: &mut Random) -> Option<T> {
        let [(only, _)] = self.0[..] else {
            let &(_, sum) = self.0.last()?;
            let drawn = random.below(sum);
            let found = self.0.iter().find(|&&(_, sum)| drawn < sum);
            return found.map(|&(value, _)| value);
        };
        Some(only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_by_their_weights() {
        let lots = Lots::new(&[('a', 9), ('b', 0), ('c', 1)]);
        let mut random = Random::from_u64(1);
        let mut drawn = [0; 3];
        for _ in 0..10_000 {
            let value = lots.draw(&mut random).unwrap();
            drawn[usize::from(value as u8 - b'a')] += 1;
        }
        assert!((8800..9200).contains(&drawn[0]), "{drawn:?}");
        assert_eq!((drawn[1], drawn[0] + drawn[2]), (0, 10_000));
    }

    #[test]
    fn no_choice_draws_nothing() {
        let (mut random, mut untouched) = (Random::from_u64(1), Random::from_u64(1));
        assert_eq!(Lots::new(&[('a', 5)]).draw(&mut random), Some('a'));
        assert_eq!(Lots::<char>::new(&[]).draw(&mut random), None);
        assert_eq!(random.next_u64(), untouched.next_u64());
    }
}
