//! The numbers of shards that have a metric: by which name, and what is said of
//! them. How they are told is not known here.

use Kind::{Counter, Gauge};

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only rises, until the shard is replaced.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// A number of the shards.
pub(super) struct Row {
    /// Its name in a census.
    pub(super) own: &'static str,
    /// Whether it only rises.
    pub(super) kind: Kind,
    /// Its metric, without what all of them begin and counters end with.
    pub(super) name: &'static str,
    /// What it is divided by to be in base units.
    pub(super) unit: f64,
    /// What is said of it; no stop at its end.
    pub(super) help: &'static str,
}

/// A row a line: its name in a census, kind, metric, unit if any, and help.
macro_rules! rows {
    ($($own:ident $kind:ident $name:ident $(/ $unit:literal)? $help:literal)*) => {
        &[$(Row {
            own: stringify!($own),
            kind: $kind,
            name: stringify!($name),
            unit: 1.0 $(* $unit)?,
            help: $help,
        },)*]
    };
}

/// What is worth a series for each shard.
pub(super) const BY_SHARD: &[Row] = rows! {
    busy_us Counter busy_seconds / 1e6 "Time a shard spent working, in seconds"
    turns Counter turns "Turns of a shard's loop"
    faults Counter faults "Times a shard was replaced after a fault"
    udp_received Counter udp_received_datagrams "Datagrams taken from the kernel"
    udp_sent Counter udp_sent_datagrams "Datagrams the kernel took"
    tcp_connections Gauge tcp_connections "TCP connections there are"
    tcp_received Counter tcp_received_messages "Messages taken from TCP connections"
    tcp_sent Counter tcp_sent_messages "Messages put to TCP connections"
    udp_kernel_drops Counter udp_dropped_by_kernel_datagrams "Datagrams the kernel had no room for"
    udp_send_drops Counter udp_dropped_at_send_datagrams "Datagrams that found no room to be sent"
    mesh_drops Counter mesh_dropped_envelopes "Envelopes to other shards that found no room"
    handed_off Counter handed_over_datagrams "Datagrams handed to their home shard"
    calls Gauge calls "Calls there are"
    dialogs Gauge dialogs "Dialogs there are"
    transactions Gauge transactions "Transactions there are"
    bindings Gauge registered_contacts "Contacts registered"
    pending Gauge pending_questions "Questions that wait for an answer"
    calls_begun Counter calls_begun "Calls begun"
    calls_answered Counter calls_answered "Calls answered"
    calls_ended Counter calls_ended "Calls ended"
    registered Counter registrations "REGISTERs answered with 200"
};

/// What is told of all shards together.
pub(super) const SUMMED: &[Row] = rows! {
    udp_receive_errors Counter udp_receive_errors "Receive calls that failed"
    udp_send_errors Counter udp_send_errors "Datagrams the kernel refused"
    udp_icmp_errors Counter udp_icmp_errors "Errors the network reported about datagrams (ICMP)"
    udp_send_waits Counter udp_send_waits "Datagrams that waited for room in the kernel"
    tcp_accepted Counter tcp_accepted_connections "TCP connections that others opened"
    tcp_accept_errors Counter tcp_accept_errors "TCP connections that could not be accepted"
    tcp_refused_full Counter tcp_refused_for_room "TCP connections refused for want of room"
    tcp_refused_strangers Counter tcp_refused_strangers "TCP connections refused as too many had shown no credentials (tcpauthlimit)"
    tcp_opened Counter tcp_opened_connections "TCP connections that we opened"
    tcp_unreachable Counter tcp_unreachable "TCP connections that could not be opened"
    tcp_closed_by_remote Counter tcp_closed_by_remote "TCP connections that the remote closed"
    tcp_broken Counter tcp_broken "TCP connections that broke"
    tcp_closed_idle Counter tcp_closed_idle "TCP connections closed as nothing came"
    tcp_closed_strangers Counter tcp_closed_strangers "TCP connections closed for want of credentials (tcpauthtimeout)"
    tcp_closed_slow Counter tcp_closed_slow "TCP connections closed as the remote read too slowly"
    tcp_closed_unframed Counter tcp_closed_unframed "TCP connections closed as messages could not be told apart"
    mesh_posted Counter mesh_posted_envelopes "Envelopes put to other shards and workers"
    mesh_collected Counter mesh_collected_envelopes "Envelopes taken from others"
    mesh_rings Counter mesh_rings "Shards woken by others"
    errands_refused Counter errands_refused "Errands their desk had no room for"
    datagrams Counter datagrams "Datagrams handled, keep-alives included"
    keepalives Counter keepalives "Keep-alives"
    handed_in Counter handed_in_datagrams "Datagrams that came from another shard"
    held_back Counter held_back_datagrams "Datagrams that waited until it was known which shard they are for"
    unreadable Counter unreadable_datagrams "Datagrams nothing could be answered to"
    unheard Counter unheard_datagrams "Messages ignored as what takes them is not loaded (chan_sip, res_sip_udp, res_sip_tcp)"
    call_records Counter call_records "Records of calls that were made"
    unsent Counter unsent_requests "Requests of ours that no connection took, or nobody at all (ICMP)"
    unreachable Counter unreachable_requests "Requests of ours that the network says nobody takes (ICMP)"
    unsent_responses Counter unsent_responses "Responses that no connection took"
    records_dropped Counter records_dropped "Records of calls that found no room"
    records_unjournaled Counter records_unjournaled "Records of calls that found no room in their journal, and would be lost with the process"
    malformed Counter malformed_requests "Requests refused for their form"
    stray_requests Counter stray_requests "Requests of no dialog or transaction"
    stray_responses Counter stray_responses "Responses of no transaction"
    challenges Counter challenges "Challenges sent"
    forbidden Counter forbidden_requests "Requests refused for wrong credentials"
    calls_refused Counter calls_refused "Calls refused with 503"
    calls_picked_up Counter calls_picked_up "Calls that were picked up"
    calls_limited Counter calls_limited "Calls refused by a call limit"
    refused_transactions Counter transactions_refused "Transactions that found no room"
    retransmissions Counter retransmissions "Messages sent again"
    absorbed Counter absorbed_requests "Copies of requests that were answered alike"
    merged Counter merged_requests "Requests that came by two ways (482)"
    timeouts Counter transaction_timeouts "Requests of ours without a final response"
    unacknowledged Counter unacknowledged_answers "2xx responses of ours without an ACK"
    questions Counter questions "Questions put to other shards or workers"
    questions_expired Counter questions_expired "Questions nobody answered in time"
    questions_refused Counter questions_refused "Questions that found no room"
    errands Counter database_questions "Questions put to the database"
    errands_failed Counter database_questions_failed "Questions the database did not answer"
    devices_pruned Counter devices_pruned "Devices of the database forgotten by order"
    devices_known Gauge devices_known "Devices of the database that are known"
    strangers_known Gauge strangers_known "Names known not to be in the database"
    database_late Gauge database_late_shards "Shards the database does not answer"
    watched Gauge watched_contacts "Contacts that are asked whether they live"
    messages Gauge messages_relayed "MESSAGEs that wait for their answer"
    places Gauge call_limit_places "Places taken in call limits"
    moved Gauge moved_dialogs "Dialogs that live on another shard than their home"
    members Gauge group_members "Channels in groups"
    locks Gauge locks "Locks held"
    entries Gauge astdb_entries "Values of the AstDB"
    releases Gauge releases "Places on their way back"
};
