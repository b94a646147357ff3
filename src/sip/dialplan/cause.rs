//! Hangup causes, and how they meet SIP's statuses in both directions.
//!
//! Tables only: what a callee's response means to `Dial`, what a cause means
//! to the caller, and what people call it (ITU-T Q.850).

use serde::{Deserialize, Serialize};

use crate::wire::Status;

/// A Q.850 hangup cause (0 to 127), as `HANGUPCAUSE` holds it.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
pub struct Cause(pub u8);

macro_rules! causes {
    ($($name:ident $code:literal $phrase:literal,)*) => {
        impl Cause {
            $(#[doc = $phrase]
            pub const $name: Cause = Cause($code);)*

            /// The phrase of `X-Asterisk-HangupCause`.
            pub const fn phrase(self) -> &'static str {
                match self.0 {
                    $($code => $phrase,)*
                    _ => "Unknown",
                }
            }

            /// The cause of a name such as `USER_BUSY` or `AST_CAUSE_USER_BUSY`,
            /// in any case.
            pub fn from_name(name: &str) -> Option<Cause> {
                let name = match name.split_at_checked(10) {
                    Some((prefix, rest)) if prefix.eq_ignore_ascii_case("AST_CAUSE_") => rest,
                    _ => name,
                };
                $(if name.eq_ignore_ascii_case(stringify!($name)) {
                    return Some(Cause::$name);
                })*
                None
            }
        }
    };
}

causes! {
    UNALLOCATED 1 "Unallocated (unassigned) number",
    NO_ROUTE_TRANSIT_NET 2 "No route to specified transmit network",
    NO_ROUTE_DESTINATION 3 "No route to destination",
    MISDIALLED_TRUNK_PREFIX 5 "Misdialled trunk prefix",
    CHANNEL_UNACCEPTABLE 6 "Channel unacceptable",
    CALL_AWARDED_DELIVERED 7 "Call awarded and being delivered in an established channel",
    PRE_EMPTED 8 "Pre-empted",
    NUMBER_PORTED_NOT_HERE 14 "Number ported elsewhere",
    NORMAL_CLEARING 16 "Normal Clearing",
    USER_BUSY 17 "User busy",
    NO_USER_RESPONSE 18 "No user responding",
    NO_ANSWER 19 "User alerting, no answer",
    SUBSCRIBER_ABSENT 20 "Subscriber absent",
    CALL_REJECTED 21 "Call Rejected",
    NUMBER_CHANGED 22 "Number changed",
    REDIRECTED_TO_NEW_DESTINATION 23 "Redirected to new destination",
    ANSWERED_ELSEWHERE 26 "Answered elsewhere",
    DESTINATION_OUT_OF_ORDER 27 "Destination out of order",
    INVALID_NUMBER_FORMAT 28 "Invalid number format",
    FACILITY_REJECTED 29 "Facility rejected",
    RESPONSE_TO_STATUS_ENQUIRY 30 "Response to STATus ENQuiry",
    NORMAL_UNSPECIFIED 31 "Normal, unspecified",
    NORMAL_CIRCUIT_CONGESTION 34 "Circuit/channel congestion",
    NETWORK_OUT_OF_ORDER 38 "Network out of order",
    NORMAL_TEMPORARY_FAILURE 41 "Temporary failure",
    SWITCH_CONGESTION 42 "Switching equipment congestion",
    ACCESS_INFO_DISCARDED 43 "Access information discarded",
    REQUESTED_CHAN_UNAVAIL 44 "Requested channel not available",
    FACILITY_NOT_SUBSCRIBED 50 "Facility not subscribed",
    OUTGOING_CALL_BARRED 52 "Outgoing call barred",
    INCOMING_CALL_BARRED 54 "Incoming call barred",
    BEARERCAPABILITY_NOTAUTH 57 "Bearer capability not authorized",
    BEARERCAPABILITY_NOTAVAIL 58 "Bearer capability not available",
    BEARERCAPABILITY_NOTIMPL 65 "Bearer capability not implemented",
    CHAN_NOT_IMPLEMENTED 66 "Channel not implemented",
    FACILITY_NOT_IMPLEMENTED 69 "Facility not implemented",
    INVALID_CALL_REFERENCE 81 "Invalid call reference value",
    INCOMPATIBLE_DESTINATION 88 "Incompatible destination",
    INVALID_MSG_UNSPECIFIED 95 "Invalid message unspecified",
    MANDATORY_IE_MISSING 96 "Mandatory information element is missing",
    MESSAGE_TYPE_NONEXIST 97 "Message type nonexist.",
    WRONG_MESSAGE 98 "Wrong message",
    IE_NONEXIST 99 "Info. element nonexist or not implemented",
    INVALID_IE_CONTENTS 100 "Invalid information element contents",
    WRONG_CALL_STATE 101 "Message not compatible with call state",
    RECOVERY_ON_TIMER_EXPIRE 102 "Recover on timer expiry",
    MANDATORY_IE_LENGTH_ERROR 103 "Mandatory IE length error",
    PROTOCOL_ERROR 111 "Protocol error, unspecified",
    INTERWORKING 127 "Interworking, unspecified",
}

impl Cause {
    /// No cause is known.
    pub const NONE: Cause = Cause(0);

    /// The final response that tells an unanswered caller of this cause
    /// (`hangup_cause2sip`); `None` where the table has none and 603 is sent.
    pub const fn status(self) -> Option<Status> {
        Some(match self.0 {
            1..=3 => Status::NOT_FOUND,
            17 => Status::BUSY_HERE,
            18 => Status::REQUEST_TIMEOUT,
            19 | 20 | 31 => Status::TEMPORARILY_UNAVAILABLE,
            21 => Status::FORBIDDEN,
            22 => Status::GONE,
            27 => Status::BAD_GATEWAY,
            28 => Status::ADDRESS_INCOMPLETE,
            29 => Status::NOT_IMPLEMENTED,
            34 | 42 | 66 => Status::SERVICE_UNAVAILABLE,
            38 | 127 => Status::SERVER_INTERNAL_ERROR,
            58 => Status::NOT_ACCEPTABLE_HERE,
            _ => return None,
        })
    }
}

/// How an outbound channel failed: the frame Asterisk would queue, and the cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// AST_CONTROL_BUSY.
    Busy(Cause),
    /// AST_CONTROL_CONGESTION.
    Congestion(Cause),
    /// The channel hung up with a cause.
    Hangup(Cause),
    /// It could never be dialled: not registered, unreachable, call limit.
    Unavailable(Cause),
    /// The callee wants to be rung elsewhere: 300, 301, 302, 305.
    Forwarded(Cause),
}

impl Failure {
    /// No response at all for `timerb`.
    pub const NO_RESPONSE: Failure = Failure::Congestion(Cause::NO_USER_RESPONSE);

    /// What a final response other than 2xx to an INVITE means
    /// (`hangup_sip2cause` and the frame that goes with it). 401 and 407 are
    /// those that could not be answered with credentials.
    pub const fn from_status(status: Status) -> Failure {
        use Failure::{Busy, Congestion, Forwarded, Hangup};
        match status.code() {
            300..=302 | 305 => Forwarded(Cause::NORMAL_CLEARING),
            303 | 304 | 306..=399 => Hangup(Cause::NORMAL_CLEARING),
            401 | 407 => Congestion(Cause::CALL_REJECTED),
            403 => Hangup(Cause::CALL_REJECTED),
            404 | 485 | 604 => Hangup(Cause::UNALLOCATED),
            408 => Hangup(Cause::NO_USER_RESPONSE),
            409 => Hangup(Cause::NORMAL_TEMPORARY_FAILURE),
            410 => Congestion(Cause::NUMBER_CHANGED),
            420 => Hangup(Cause::NO_ROUTE_DESTINATION),
            480 => Busy(Cause::NO_ANSWER),
            482 => Congestion(Cause::INTERWORKING),
            483 => Hangup(Cause::NO_ANSWER),
            484 => Hangup(Cause::INVALID_NUMBER_FORMAT),
            486 | 600 => Busy(Cause::USER_BUSY),
            487 => Hangup(Cause::NORMAL_CLEARING),
            488 | 606 => Hangup(Cause::BEARERCAPABILITY_NOTAVAIL),
            500 => Congestion(Cause::NETWORK_OUT_OF_ORDER),
            501 => Hangup(Cause::FACILITY_REJECTED),
            502 => Congestion(Cause::DESTINATION_OUT_OF_ORDER),
            503 => Congestion(Cause::NORMAL_CIRCUIT_CONGESTION),
            504 => Congestion(Cause::RECOVERY_ON_TIMER_EXPIRE),
            505..=599 => Hangup(Cause::NORMAL_CIRCUIT_CONGESTION),
            603 => Busy(Cause::CALL_REJECTED),
            _ => Hangup(Cause::INTERWORKING),
        }
    }

    /// The same frame for another cause, which somebody closer told.
    pub const fn because(self, cause: Cause) -> Failure {
        match self {
            Failure::Busy(_) => Failure::Busy(cause),
            Failure::Congestion(_) => Failure::Congestion(cause),
            Failure::Hangup(_) => Failure::Hangup(cause),
            Failure::Unavailable(_) => Failure::Unavailable(cause),
            Failure::Forwarded(_) => Failure::Forwarded(cause),
        }
    }

    /// The cause, whatever the frame.
    pub const fn cause(self) -> Cause {
        match self {
            Failure::Busy(cause)
            | Failure::Congestion(cause)
            | Failure::Hangup(cause)
            | Failure::Unavailable(cause)
            | Failure::Forwarded(cause) => cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Failure::{Busy, Congestion, Forwarded, Hangup};

    fn means(codes: &[u16], expected: Failure) {
        for &code in codes {
            assert_eq!(
                Failure::from_status(Status::new(code).unwrap()),
                expected,
                "{code}"
            );
        }
    }

    fn answers(causes: &[u8], code: u16) {
        for &cause in causes {
            assert_eq!(
                Cause(cause).status().map(Status::code),
                Some(code),
                "{cause}"
            );
        }
    }

    macro_rules! rows {
        ($($name:ident: $codes:expr => $failure:expr;)*) => {
            $(#[test]
            fn $name() {
                means(&$codes, $failure);
            })*
        };
    }

    rows! {
        row_3xx_forwards: [300, 301, 302, 305] => Forwarded(Cause(16));
        row_other_3xx_is_normal: [303, 380] => Hangup(Cause(16));
        row_401_407_are_rejected: [401, 407] => Congestion(Cause(21));
        row_403_is_rejected: [403] => Hangup(Cause(21));
        row_404_485_604_are_unallocated: [404, 485, 604] => Hangup(Cause(1));
        row_other_4xx_is_interworking:
            [400, 402, 405, 411, 413, 414, 415, 423, 481, 491, 493, 499] => Hangup(Cause(127));
        row_482_is_congestion: [482] => Congestion(Cause(127));
        row_408_is_no_response: [408] => Hangup(Cause(18));
        row_409_is_temporary: [409] => Hangup(Cause(41));
        row_410_is_changed: [410] => Congestion(Cause(22));
        row_420_is_no_route: [420] => Hangup(Cause(3));
        row_422_is_interworking: [422] => Hangup(Cause(127));
        row_480_is_busy: [480] => Busy(Cause(19));
        row_483_is_no_answer: [483] => Hangup(Cause(19));
        row_484_is_invalid_format: [484] => Hangup(Cause(28));
        row_486_600_are_busy: [486, 600] => Busy(Cause(17));
        row_487_is_normal: [487] => Hangup(Cause(16));
        row_488_606_are_not_available: [488, 606] => Hangup(Cause(58));
        row_500_is_out_of_order: [500] => Congestion(Cause(38));
        row_501_is_facility_rejected: [501] => Hangup(Cause(29));
        row_502_is_destination_out_of_order: [502] => Congestion(Cause(27));
        row_503_is_congestion: [503] => Congestion(Cause(34));
        row_other_5xx_is_circuit_congestion: [505, 513, 580] => Hangup(Cause(34));
        row_504_is_recovery: [504] => Congestion(Cause(102));
        row_603_is_busy: [603] => Busy(Cause(21));
        row_other_6xx_is_interworking: [601, 607] => Hangup(Cause(127));
    }

    #[test]
    fn row_no_response_is_congestion() {
        assert!(matches!(Failure::NO_RESPONSE, Congestion(_)));
    }

    #[test]
    fn causes_answer_the_caller() {
        answers(&[1, 2, 3], 404);
        answers(&[17], 486);
        answers(&[18], 408);
        answers(&[19, 20, 31], 480);
        answers(&[21], 403);
        answers(&[22], 410);
        answers(&[27], 502);
        answers(&[28], 484);
        answers(&[29], 501);
        answers(&[34, 42, 66], 503);
        answers(&[38, 127], 500);
        answers(&[58], 488);
        for cause in [0, 16, 26, 41, 102, 111] {
            assert_eq!(Cause(cause).status(), None, "{cause}");
        }
    }

    #[test]
    fn phrases_are_those_seen_on_the_wire() {
        for (cause, phrase) in [
            (16, "Normal Clearing"),
            (17, "User busy"),
            (19, "User alerting, no answer"),
            (34, "Circuit/channel congestion"),
            (58, "Bearer capability not available"),
            (0, "Unknown"),
            (4, "Unknown"),
        ] {
            assert_eq!(Cause(cause).phrase(), phrase);
        }
    }

    #[test]
    fn names_are_found_with_and_without_their_prefix() {
        assert_eq!(Cause::from_name("user_busy"), Some(Cause(17)));
        assert_eq!(
            Cause::from_name("AST_CAUSE_NORMAL_CLEARING"),
            Some(Cause(16))
        );
        assert_eq!(Cause::from_name("AST_CAUSE_"), None);
        assert_eq!(Cause::from_name("17"), None);
    }
}
