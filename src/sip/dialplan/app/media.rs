//! The applications that play, record or mix media, of which this engine has
//! none.
//!
//! They are known by name, and one setting says what becomes of a call that
//! comes to one: it ends, goes on, or is sent to an engine that has media.

use super::super::cause::Cause;
use super::super::step::{Ending, Next, Step};
use super::{Row, dial, row_of};

/// `media_apps=`: what an application that needs media does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum MediaApps {
    /// `reject`: the call ends, with 503 if it is unanswered.
    #[default]
    Reject,
    /// `noop`: nothing.
    NoOp,
    /// `external:<uri>`: the call is sent there, as `Dial` with option `g` would
    /// send it. The URI's user is the extension where it has none of its own.
    External(Box<str>),
}

impl MediaApps {
    /// Reads the value of `media_apps`.
    pub fn parse(text: &str) -> Option<MediaApps> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("reject") {
            return Some(MediaApps::Reject);
        }
        if text.eq_ignore_ascii_case("noop") {
            return Some(MediaApps::NoOp);
        }
        let uri = text.strip_prefix("external:")?.trim();
        let place = uri.strip_prefix("sip:").unwrap_or(uri);
        // Dial would take these for more than a place.
        let plain = !place.is_empty() && !place.contains([',', '&', '/', '(', ')', '!', ' ']);
        plain.then(|| MediaApps::External(place.into()))
    }
}

/// Does what the setting says.
fn run(step: &mut Step<'_>, _: &str) -> Next {
    match &step.plan.media_apps {
        MediaApps::NoOp => Next::Continue,
        _ if step.is_over() => Next::Continue,
        MediaApps::Reject => {
            step.state.cause = Cause::NORMAL_CIRCUIT_CONGESTION;
            Next::End(Ending::Congestion)
        }
        MediaApps::External(place) => {
            let resource = match place.contains('@') {
                true => place.to_string(),
                false => format!("{}@{place}", step.state.position.exten()),
            };
            dial::run(step, &format!("SIP/{resource},,g"))
        }
    }
}

/// The row of a name; case does not count.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

macro_rules! rows {
    ($($name:ident)*) => {
        pub(super) static ROWS: &[Row] = &[$(row_of(stringify!($name), run),)*];
    };
}

rows! {
    AddQueueMember ADSIProg AgentLogin AgentRequest AlarmReceiver AMD Authenticate BackGround
    BackgroundDetect Bridge BridgeWait CallCompletionCancel CallCompletionRequest ChangeMonitor
    ChanSpy ConfBridge ControlPlayback DAHDIBarge DAHDIRAS DAHDIScan
    DAHDISendCallreroutingFacility DAHDISendKeypadFacility DateTime Dictate Directory DISA Echo
    ExtenSpy ExternalIVR Festival Flash FollowMe GetCPEID ICES IVRDemo JACK MeetMe MeetMeAdmin
    MeetMeChannelAdmin MeetMeCount Milliwatt MinivmAccMess MinivmDelete MinivmGreet MinivmMWI
    MinivmNotify MinivmRecord MixMonitor Monitor Morsecode MP3Player MusicOnHold NBScat Page
    Park ParkAndAnnounce ParkedCall PauseMonitor PauseQueueMember Playback PlayTones
    PrivacyManager Queue QueueLog Read ReadExten ReceiveFAX Record RemoveQueueMember SayAlpha
    SayAlphaCase SayCountedAdj SayCountedNoun SayCountPL SayDigits SayNumber SayPhonetic
    SayUnixTime SendDTMF SendFAX SendImage SendText SendURL SetMusicOnHold SLAStation SLATrunk
    SMS SpeechActivateGrammar SpeechBackground SpeechCreate SpeechDeactivateGrammar
    SpeechDestroy SpeechLoadGrammar SpeechProcessingSound SpeechStart SpeechUnloadGrammar
    StartMusicOnHold StopMixMonitor StopMonitor StopMusicOnHold StopPlayTones TestClient
    TestServer UnpauseMonitor UnpauseQueueMember VMAuthenticate VMSayName VoiceMail
    VoiceMailMain VoiceMailPlayMsg WaitForNoise WaitForRing WaitForSilence WaitMusicOnHold
    Zapateller
}

#[cfg(test)]
mod tests;
