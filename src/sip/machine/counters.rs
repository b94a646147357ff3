//! What a shard counts. One row each: name, meaning.

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Monotonic counts of one shard since it began.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Every counter with its name, in order.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams taken, keep-alives included.
    datagrams,
    /// Keep-alives (blank datagrams) ignored.
    keepalives,
    /// Datagrams handed to their home shard.
    handed_off,
    /// Datagrams that came from another shard.
    handed_in,
    /// Datagrams held back until it was known which shard their dialog is on.
    held_back,
    /// Datagrams nothing could be answered to.
    unreadable,
    /// Messages ignored because SIP is not spoken (`module unload chan_sip`).
    unheard,
    /// Requests refused for their form (400, 416, 420, 483, 505 …).
    malformed,
    /// Responses that matched no transaction, or had no valid form.
    stray_responses,
    /// Requests that named no dialog or transaction of ours (481). ACKs do not
    /// count: one to a reply that kept nothing finds nothing.
    stray_requests,
    /// Requests that failed as the network said that nobody takes them (ICMP).
    unreachable,
    /// Responses whose connection was gone, and that had no other.
    unsent_responses,
    /// Challenges sent.
    challenges,
    /// Requests refused for wrong credentials (403).
    forbidden,
    /// REGISTERs answered with 200.
    registered,
    /// Calls begun.
    calls_begun,
    /// Calls answered.
    calls_answered,
    /// Calls ended.
    calls_ended,
    /// Calls refused because a table was full, or the engine drains (503).
    calls_refused,
    /// Calls refused by a call limit.
    calls_limited,
    /// Calls that rang and were picked up.
    calls_picked_up,
    /// Records of calls handed out to be written.
    call_records,
    /// Client transactions refused because the table was full.
    refused_transactions,
    /// Questions put to other shards or workers.
    questions,
    /// Questions that met their deadline unanswered.
    questions_expired,
    /// Questions refused because the table was full.
    questions_refused,
    /// Errands put to the database.
    errands,
    /// Errands the database did not do.
    errands_failed,
    /// Devices of the database forgotten on demand.
    devices_pruned,
}
