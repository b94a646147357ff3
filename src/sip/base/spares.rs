//! Boxes used again, so that what comes and goes with messages is allocated
//! once. Knows nothing of what is in them.

/// Spare boxes, a bounded number of them. One comes back as it was left: its
/// buffers keep their room, and whoever takes it replaces what they hold.
pub struct Spares<T> {
    boxes: Vec<Box<T>>,
    most: usize,
    /// Whether a value is worth keeping: one whose buffers have grown is not.
    fits: fn(&T) -> bool,
}

impl<T> Spares<T> {
    /// None yet, and at most `most` values that fit.
    pub fn new(most: usize, fits: fn(&T) -> bool) -> Spares<T> {
        Spares {
            boxes: Vec::new(),
            most,
            fits,
        }
    }

    /// The spare given last.
    pub fn take(&mut self) -> Option<Box<T>> {
        self.boxes.pop()
    }

    /// Takes a box back, or drops it.
    pub fn give(&mut self, spare: Box<T>) {
        if self.boxes.len() < self.most && (self.fits)(&spare) {
            self.boxes.push(spare);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spares_come_back_as_they_were_left() {
        let mut spares = Spares::new(1, |_| true);
        spares.give(Box::new(7));
        assert_eq!(spares.take(), Some(Box::new(7)));
        assert_eq!(spares.take(), None);
    }

    #[test]
    fn spares_are_few_and_fit() {
        let mut spares = Spares::new(2, |number| *number < 10);
        for number in [10, 1, 2, 3] {
            spares.give(Box::new(number));
        }
        assert_eq!(spares.take(), Some(Box::new(2)));
        assert_eq!(spares.take(), Some(Box::new(1)));
        assert_eq!(spares.take(), None);
    }
}
