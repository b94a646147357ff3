//! The bindings of the AoRs whose home this shard is (RFC 3261 §10.3). It
//! applies checked updates and answers lookups; it parses no message.

use core::cmp::Reverse;
use core::time::Duration;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::wheel::Wheel;
use super::{Binding, Bindings, Contact, Refusal, Texts, Update};
use crate::base::{Flow, Handle, Hasher, Instant, Slab, Text};
use crate::wire::Uri;

/// How long lookups still find a binding that a phone is late to refresh, as
/// in Asterisk.
pub const GRACE: Duration = Duration::from_secs(10);

const MICROS_PER_S: u64 = 1_000_000;

/// A binding and its place in the order of updates.
#[derive(Clone)]
struct Record {
    binding: Binding,
    /// Rises with every contact this shard takes in; the least is the oldest.
    order: u64,
}

impl Record {
    /// When lookups no longer find it.
    fn end(&self) -> Instant {
        self.binding.expires + GRACE
    }
}

/// Highest q first, then newest.
type Records = SmallVec<[Record; 1]>;

/// An AoR with at least one binding.
struct Account {
    aor: Box<[u8]>,
    records: Records,
}

/// The bindings of one shard, at most as many as it was made for.
///
/// Operations cost O(contacts of one AoR); no cost grows with the number of
/// AoRs.
pub struct Location {
    accounts: Slab<Account>,
    /// The accounts by AoR: four bytes each.
    places: HashTable<u32>,
    /// One deadline per account, by its slot: the first end of a binding.
    wheel: Wheel,
    hasher: Hasher,
    capacity: usize,
    len: usize,
    order: u64,
}

impl Location {
    /// No bindings, and room for `capacity`.
    pub fn new(capacity: u32, hasher: Hasher) -> Location {
        Location {
            accounts: Slab::new(capacity),
            places: HashTable::with_capacity(capacity as usize),
            wheel: Wheel::new(),
            hasher,
            capacity: capacity as usize,
            len: 0,
            order: 0,
        }
    }

    /// Applies a REGISTER, whole or not at all (§10.3 steps 6 and 7), and
    /// returns all bindings after it, highest q first, then newest.
    ///
    /// A copy of a request already applied is out of order here: transactions
    /// absorb it before.
    pub fn update(&mut self, now: Instant, update: &Update) -> Result<Bindings, Refusal> {
        let hash = self.hasher.hash_one(update.aor.as_bytes());
        let account = self.find(hash, &update.aor);
        if let Some(refreshed) = account.and_then(|handle| self.refresh(now, handle, update)) {
            return refreshed;
        }
        let held = account
            .and_then(|handle| self.accounts.get(handle))
            .map_or(&[][..], |account| &account.records);
        let others = self.len - held.len();
        let mut records: Records = held
            .iter()
            .filter(|record| now < record.end())
            .cloned()
            .collect();
        if update.remove_all {
            for record in &records {
                refuse_disorder(record, update)?;
            }
            records.clear();
        } else if !update.contacts.is_empty() {
            self.apply(now, update, &mut records)?;
        }
        if others + records.len() > self.capacity {
            return Err(Refusal::Full);
        }
        let bindings = records
            .iter()
            .map(|record| record.binding.clone())
            .collect();
        self.len = others + records.len();
        self.commit(hash, account, &update.aor, records);
        Ok(bindings)
    }

    /// What nearly every update is: the only binding of an AoR anew, its
    /// contact spelled as before. `None` if this one is something else.
    fn refresh(
        &mut self,
        now: Instant,
        handle: Handle,
        update: &Update,
    ) -> Option<Result<Bindings, Refusal>> {
        let [contact] = update.contacts.as_slice() else {
            return None;
        };
        let [record] = self.accounts.get_mut(handle)?.records.as_mut_slice() else {
            return None;
        };
        let same = *record.binding.uri() == *contact.uri;
        if !same || contact.expires_s == 0 || update.remove_all || now >= record.end() {
            return None;
        }
        if let Err(refusal) = refuse_disorder(record, update) {
            return Some(Err(refusal));
        }
        self.order += 1;
        record.order = self.order;
        renew(&mut record.binding, now, update, contact);
        let bindings = core::iter::once(record.binding.clone()).collect();
        let end_s = end_s(record);
        self.wheel.set(handle, end_s);
        Some(Ok(bindings))
    }

    /// Makes `remembered`, newest first, the bindings of an AoR, as whoever
    /// outlives this process has them. One that is held already, the same
    /// contact by the same way, stays as it is but for its end: it knows more. Without
    /// room for all nothing changes.
    pub fn restore(&mut self, now: Instant, aor: &Text, remembered: Vec<Binding>) {
        let hash = self.hasher.hash_one(aor.as_bytes());
        let account = self.find(hash, aor);
        let held = account
            .and_then(|handle| self.accounts.get(handle))
            .map_or(&[][..], |account| &account.records);
        let others = self.len - held.len();
        let mut records = Records::new();
        for binding in remembered.into_iter().rev() {
            let is_it = |record: &&Record| {
                let known = &record.binding;
                known.uri() == binding.uri()
                    && known.flow.remote == binding.flow.remote
                    && known.node == binding.node
            };
            let known = held.iter().find(is_it);
            self.order += 1;
            // Another node may have renewed it.
            let end = binding.expires;
            let mut binding = known.map_or(binding, |record| record.binding.clone());
            binding.expires = binding.expires.max(end);
            let order = self.order;
            records.push(Record { binding, order });
        }
        records.retain(|record| now < record.end());
        if others + records.len() > self.capacity {
            return;
        }
        records.sort_unstable_by_key(|record| Reverse((record.binding.q, record.order)));
        self.len = others + records.len();
        self.commit(hash, account, aor, records);
    }

    /// Shows the bindings of an AoR, highest q first, then newest.
    pub fn lookup(&self, now: Instant, aor: &[u8], found: &mut impl FnMut(&Binding)) {
        let hash = self.hasher.hash_one(aor);
        let account = self
            .find(hash, aor)
            .and_then(|handle| self.accounts.get(handle));
        for record in account.iter().flat_map(|account| &account.records) {
            if now < record.end() {
                found(&record.binding);
            }
        }
    }

    /// The bindings of an AoR, highest q first, then newest.
    pub fn bindings(&self, now: Instant, aor: &[u8]) -> Vec<Binding> {
        let mut bindings = Vec::new();
        self.lookup(now, aor, &mut |binding| bindings.push(binding.clone()));
        bindings
    }

    /// Drops what has ended of one AoR and returns the AoR; `None` when
    /// nothing is left to drop. Lookups do not wait for it.
    pub fn expire(&mut self, now: Instant) -> Option<Text> {
        while let Some(handle) = self.wheel.expire(now.as_micros() / MICROS_PER_S) {
            let Some(account) = self.accounts.get_mut(handle) else {
                continue;
            };
            let before = account.records.len();
            account.records.retain(|record| now < record.end());
            let ended = before - account.records.len();
            let aor = Text::from(&*account.aor);
            self.len -= ended;
            if account.records.is_empty() {
                self.remove(self.hasher.hash_one(aor.as_bytes()), handle);
            } else {
                self.wheel.set(handle, first_end_s(&account.records));
            }
            if ended > 0 {
                return Some(aor);
            }
        }
        None
    }

    /// When `expire` is next wanted; may be early for contacts refreshed since.
    pub fn deadline(&self) -> Option<Instant> {
        self.wheel
            .deadline_s()
            .map(|second| Instant::from_micros(second.saturating_mul(MICROS_PER_S)))
    }

    /// Bindings held, ended ones included until `expire` drops them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of its accounts' slots let so far, with their share of the index.
    pub fn used_bytes(&self) -> usize {
        let share = self.places.allocation_size() / self.capacity.max(1);
        self.accounts.used_bytes() + share * self.accounts.used_slots()
    }

    /// Tells of the bindings of `most` accounts at most, from place `from` on;
    /// returns where the rest begins, if there is one.
    pub fn page(
        &self,
        now: Instant,
        from: u64,
        most: u32,
        mut tell: impl FnMut(&[u8], &Binding),
    ) -> Option<u64> {
        let end = from.saturating_add(most.max(1).into());
        let used = self.accounts.used_slots() as u64;
        for place in from..end.min(used) {
            let slot = u32::try_from(place).ok();
            let Some((_, account)) = slot.and_then(|slot| self.accounts.at(slot)) else {
                continue;
            };
            let live = account.records.iter().filter(|record| now < record.end());
            live.for_each(|record| tell(&account.aor, &record.binding));
        }
        (end < used).then_some(end)
    }

    /// AoRs with a binding.
    pub fn aors(&self) -> usize {
        self.accounts.len() as usize
    }

    /// Every AoR with a binding that lookups find, for display; in no order
    /// that means anything.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = (&[u8], &Binding)> {
        self.accounts.iter().flat_map(move |(_, account)| {
            let live = account
                .records
                .iter()
                .filter(move |record| now < record.end());
            live.map(|record| (&*account.aor, &record.binding))
        })
    }

    /// Adds, refreshes and removes the update's contacts in `records`, which
    /// are a copy: on refusal nothing has happened.
    fn apply(
        &mut self,
        now: Instant,
        update: &Update,
        records: &mut Records,
    ) -> Result<(), Refusal> {
        let order_before = self.order;
        for contact in &update.contacts {
            let at = position(records, &contact.uri);
            if let Some(record) = at.and_then(|at| records.get(at))
                && record.order <= order_before
            {
                refuse_disorder(record, update)?;
            }
            let known = at.map(|at| records.remove(at).binding);
            if contact.expires_s > 0 {
                self.order += 1;
                let binding = match known {
                    Some(mut known) => {
                        renew(&mut known, now, update, contact);
                        known
                    }
                    None => bind(now, update, contact),
                };
                records.push(Record {
                    binding,
                    order: self.order,
                });
            }
        }
        while records.len() > usize::from(update.max_contacts.max(1)) {
            let oldest = records
                .iter()
                .enumerate()
                .min_by_key(|(_, record)| record.order);
            let Some((at, _)) = oldest else { break };
            records.remove(at);
        }
        records.sort_unstable_by_key(|record| Reverse((record.binding.q, record.order)));
        Ok(())
    }

    fn find(&self, hash: u64, aor: &[u8]) -> Option<Handle> {
        let is_it = |&slot: &u32| {
            let account = self.accounts.at(slot);
            account.is_some_and(|(_, account)| *account.aor == *aor)
        };
        let slot = *self.places.find(hash, is_it)?;
        Some(self.accounts.at(slot)?.0)
    }

    /// Makes `records` the bindings of an AoR.
    fn commit(&mut self, hash: u64, account: Option<Handle>, aor: &Text, records: Records) {
        if records.is_empty() {
            if let Some(handle) = account {
                self.remove(hash, handle);
            }
            return;
        }
        let end_s = first_end_s(&records);
        let handle = match account {
            Some(handle) => {
                if let Some(account) = self.accounts.get_mut(handle) {
                    account.records = records;
                }
                handle
            }
            // Never full: every account holds a binding, and those are counted.
            None => match self.accounts.insert(Account {
                aor: aor.as_bytes().into(),
                records,
            }) {
                Ok(handle) => {
                    let (accounts, hasher) = (&self.accounts, &self.hasher);
                    self.places.insert_unique(hash, handle.slot, |&slot| {
                        let account = accounts.at(slot);
                        account.map_or(0, |(_, account)| hasher.hash_one(&*account.aor))
                    });
                    handle
                }
                Err(_) => return,
            },
        };
        self.wheel.set(handle, end_s);
    }

    fn remove(&mut self, hash: u64, handle: Handle) {
        self.wheel.cancel(handle);
        self.accounts.remove(handle);
        if let Ok(place) = self.places.find_entry(hash, |&slot| slot == handle.slot) {
            place.remove();
        }
    }
}

/// §10.3 steps 6 and 7: a binding yields to its own Call-ID only if the CSeq
/// is higher.
fn refuse_disorder(record: &Record, update: &Update) -> Result<(), Refusal> {
    let binding = &record.binding;
    if *binding.call_id() == *update.call_id && update.cseq <= binding.cseq {
        return Err(Refusal::OutOfOrder);
    }
    Ok(())
}

/// The record whose contact is `uri`: spelled the same, or else equivalent by
/// §19.1.4, which is not transitive.
fn position(records: &Records, uri: &Text) -> Option<usize> {
    let same = records
        .iter()
        .position(|record| *record.binding.uri() == **uri);
    same.or_else(|| {
        let uri = Uri::parse(uri).ok()?;
        records.iter().position(|record| {
            Uri::parse(record.binding.uri()).is_ok_and(|other| Uri::equivalent(&uri, &other))
        })
    })
}

/// The binding an update makes.
fn bind(now: Instant, update: &Update, contact: &Contact) -> Binding {
    Binding {
        texts: Texts::new(&contact.uri, &update.call_id, &update.user_agent),
        q: contact.q,
        expires: end_of_grant(now, contact),
        flow: path(update, contact),
        cseq: update.cseq,
        node: None,
    }
}

/// Makes a binding what an update says; its texts stay if they say the same.
fn renew(binding: &mut Binding, now: Instant, update: &Update, contact: &Contact) {
    let same = *binding.uri() == *contact.uri
        && *binding.call_id() == *update.call_id
        && *binding.user_agent() == *update.user_agent;
    if !same {
        *binding = bind(now, update, contact);
        return;
    }
    binding.q = contact.q;
    binding.expires = end_of_grant(now, contact);
    binding.flow = path(update, contact);
    binding.cseq = update.cseq;
    binding.node = None;
}

/// When the time granted to a contact ends.
fn end_of_grant(now: Instant, contact: &Contact) -> Instant {
    now + Duration::from_secs(contact.expires_s.into())
}

/// Where requests to a contact are sent: over a stream, by the connection its
/// REGISTER came by.
fn path(update: &Update, contact: &Contact) -> Flow {
    if update.flow.transport.is_reliable() {
        return update.flow;
    }
    let source = update.flow.remote;
    let literal = contact.address.filter(|_| !update.to_source);
    Flow {
        remote: literal.unwrap_or(source),
        ..update.flow
    }
}

/// The second by which the first of `records` has ended.
fn first_end_s(records: &Records) -> u64 {
    records.iter().map(end_s).min().unwrap_or_default()
}

/// The second by which a binding has ended.
fn end_s(record: &Record) -> u64 {
    record.end().as_micros().div_ceil(MICROS_PER_S)
}

#[cfg(test)]
mod tests;
