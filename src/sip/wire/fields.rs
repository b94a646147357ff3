//! Where the header fields of one datagram stand, and the first of each name.

use arrayvec::ArrayVec;

use super::HeaderName;

/// How many header fields a message may have.
pub const MAX_FIELDS: usize = 256;

/// One header field of a datagram, as offsets: names and values are trimmed.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub name: Option<HeaderName>,
    pub name_at: u16,
    pub name_len: u16,
    pub value_at: u16,
    pub value_len: u16,
}

/// Stands for no field among the first ones.
const NONE: u16 = u16::MAX;

/// Room for the header fields of one message, lent to `Message::parse` and
/// used again for the next. About 3 KiB, of which a message touches the few
/// hundred bytes that find the first field of each name, and what its own fields
/// take.
pub struct Fields {
    list: ArrayVec<Field, MAX_FIELDS>,
    /// The first field of each name.
    first: [u16; HeaderName::COUNT],
    repeated: u128,
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::new()
    }
}

impl Fields {
    /// Empty room.
    pub const fn new() -> Fields {
        Fields {
            list: ArrayVec::new_const(),
            first: [NONE; HeaderName::COUNT],
            repeated: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.first = [NONE; HeaderName::COUNT];
        self.repeated = 0;
    }

    /// Keeps a field; `false` when there is no room.
    pub(super) fn push(&mut self, field: Field) -> bool {
        let index = self.list.len();
        if self.list.try_push(field).is_err() {
            return false;
        }
        if let Some(name) = field.name
            && let Some(first) = self.first.get_mut(name as usize)
        {
            if *first == NONE {
                *first = index as u16;
            } else {
                self.repeated |= name.bit();
            }
        }
        true
    }

    pub(super) fn has(&self, name: HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// Names in `names` that occur more than once.
    pub(super) fn repeated(&self, names: u128) -> u128 {
        self.repeated & names
    }

    /// All fields in order.
    pub(super) fn iter(&self) -> core::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// The first field of that name: O(1).
    pub(super) fn first(&self, name: HeaderName) -> Option<&Field> {
        self.list.get(usize::from(*self.first.get(name as usize)?))
    }

    /// The fields of that name in order, from the first on; looks no further
    /// when there is but one.
    pub(super) fn named(&self, name: HeaderName) -> impl Iterator<Item = &Field> + Clone {
        let first = self.first.get(name as usize).copied().unwrap_or(NONE);
        let first = usize::from(first);
        let end = if self.repeated & name.bit() != 0 {
            self.list.len()
        } else {
            first + 1
        };
        let fields = self.list.get(first..end).unwrap_or(&[]);
        fields.iter().filter(move |field| field.name == Some(name))
    }
}
