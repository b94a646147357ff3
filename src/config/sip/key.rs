//! What an option is: its names, where it may stand, what it does; and the
//! nearest known name to one that is unknown. The options are in `keys`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::device::Device;
use super::general::Globals;
use super::keys::KEYS;
use super::load::{Outcome, Setting};
use crate::config::words::{self, truth};

/// A row of the table of options.
pub(super) struct Key {
    /// The names that do this, in lower case with blanks between; matched
    /// without regard to case.
    pub names: &'static str,
    /// Where it may stand and what it does.
    pub effect: Effect,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// Whether a device whose value does not fit would let in whom it keeps
    /// out, were the option left alone.
    pub guards: bool,
}

/// Sets something of `[general]`.
pub(super) type InGeneral = fn(&mut Globals, &mut Setting<'_>) -> Outcome;
/// Sets something of a device.
pub(super) type InDevice = fn(&mut Device, &mut Setting<'_>) -> Outcome;

/// What an option does.
pub(super) enum Effect {
    /// Of `[general]` alone.
    General(InGeneral),
    /// Of devices alone.
    Device(InDevice),
    /// Of devices; in `[general]`, of those that do not say.
    Both(InDevice),
    /// One meaning in `[general]`, another in devices.
    Each(InGeneral, InDevice),
    /// Does nothing here: the value that asks for nothing else than what is
    /// done anyway, and why any other is in vain, which is said once.
    Inert(Place, &'static str, &'static str),
}

/// A kind of section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// `[general]` alone.
    General,
    /// Devices alone.
    Device,
    /// Both.
    Both,
}

impl Key {
    /// Its value is a secret, which no message shows.
    pub(super) const fn secret(mut self) -> Key {
        self.secret = true;
        self
    }

    /// It says who is kept out: without it the device must not be used.
    pub(super) const fn guards(mut self) -> Key {
        self.guards = true;
        self
    }

    /// Where it may stand.
    fn place(&self) -> Place {
        match self.effect {
            Effect::General(_) => Place::General,
            Effect::Device(_) => Place::Device,
            Effect::Both(_) | Effect::Each(..) => Place::Both,
            Effect::Inert(place, ..) => place,
        }
    }
}

impl Place {
    /// Whether what belongs here may stand in a section of `section`'s kind.
    pub(super) fn allows(self, section: Place) -> bool {
        self == Place::Both || self == section
    }
}

const fn row(names: &'static str, effect: Effect) -> Key {
    Key {
        names,
        effect,
        secret: false,
        guards: false,
    }
}

/// An option of `[general]`.
pub(super) const fn general(names: &'static str, set: InGeneral) -> Key {
    row(names, Effect::General(set))
}

/// An option of devices.
pub(super) const fn device(names: &'static str, set: InDevice) -> Key {
    row(names, Effect::Device(set))
}

/// An option of devices that `[general]` may set for all.
pub(super) const fn both(names: &'static str, set: InDevice) -> Key {
    row(names, Effect::Both(set))
}

/// An option with a meaning of its own in each place.
pub(super) const fn each(names: &'static str, in_general: InGeneral, in_device: InDevice) -> Key {
    row(names, Effect::Each(in_general, in_device))
}

/// Options that do nothing unless they say no, and why.
pub(super) const fn inert(names: &'static str, place: Place, why: &'static str) -> Key {
    inert_but(names, place, "no", why)
}

/// Options that do nothing unless they say `usual`, and why.
pub(super) const fn inert_but(
    names: &'static str,
    place: Place,
    usual: &'static str,
    why: &'static str,
) -> Key {
    row(names, Effect::Inert(place, usual, why))
}

/// Whether `value` asks for what is `usual`: the word, or one as true.
pub(super) fn asks_for(value: &str, usual: &str) -> bool {
    let truth_of_usual = truth(usual);
    value.eq_ignore_ascii_case(usual) || truth_of_usual.is_some() && truth(value) == truth_of_usual
}

impl Key {
    /// Its names.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.split_ascii_whitespace()
    }
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static Key>> = LazyLock::new(|| {
    let rows = KEYS.iter();
    rows.flat_map(|key| key.names().map(move |name| (name, key)))
        .collect()
});

/// The name and the row of an option.
pub(super) fn find(name: &str) -> Option<(&'static str, &'static Key)> {
    let (&name, &key) = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => BY_NAME.get_key_value(name.to_ascii_lowercase().as_str())?,
        false => BY_NAME.get_key_value(name)?,
    };
    Some((name, key))
}

/// The known option that an unknown one most likely meant, among those that
/// may stand in a section of this kind.
pub(super) fn nearest(name: &str, section: Place) -> Option<&'static str> {
    let keys = KEYS.iter().filter(|key| key.place().allows(section));
    words::nearest(name, keys.flat_map(Key::names))
}
