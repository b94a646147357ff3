//! What differs between two devices, or two `[general]`s, option by option, for
//! people. No secret is shown.

use core::fmt::Debug;

use super::general::General;
use super::peer::Peer;

/// An option whose value is another than before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The option.
    pub option: &'static str,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

impl Change {
    fn of<T: PartialEq + Debug>(option: &'static str, old: &T, new: &T) -> Option<Change> {
        (old != new).then(|| Change {
            option,
            old: shown(old),
            new: shown(new),
        })
    }

    fn of_secret<T: PartialEq>(option: &'static str, old: &T, new: &T) -> Option<Change> {
        (old != new).then(|| Change {
            option,
            old: "<set>".into(),
            new: "<another>".into(),
        })
    }
}

fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let inner = text.strip_prefix("Some(");
    let text = inner
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(&text);
    match text {
        "true" => "yes".into(),
        "false" => "no".into(),
        "None" => "none".into(),
        text => text.into(),
    }
}

/// Compares two values of a type field by field. All its fields are named, so
/// that one which is added is not forgotten here.
macro_rules! changes {
    ($type:ident $old:ident $new:ident
     shown [$($field:ident $option:literal)*]
     secret [$($secret:ident $hidden:literal)*]
     apart [$($apart:ident)*]) => {{
        let $type { $($field: _,)* $($secret: _,)* $($apart: _,)* } = $old;
        let shown = [$(Change::of($option, &$old.$field, &$new.$field)),*];
        let secret = [$(Change::of_secret($hidden, &$old.$secret, &$new.$secret)),*];
        shown.into_iter().chain(secret).flatten().collect::<Vec<Change>>()
    }};
}

impl Peer {
    /// What is different in `new`.
    pub fn changes(&self, new: &Peer) -> Vec<Change> {
        let old = self;
        changes!(Peer old new
            shown [
                name "name" kind "type" host "host" defaultip "defaultip" defaultuser "defaultuser"
                context "context" callerid "callerid" callingpres "callingpres" fromuser "fromuser"
                fromdomain "fromdomain" insecure "insecure" acl "permit" contact_acl "contactpermit"
                call_limit "call-limit" busylevel "busylevel" nat "nat" transports "transport" qualify "qualify"
                qualifyfreq "qualifyfreq" keepalive "keepalive" timer_t1 "timert1" timer_b "timerb"
                maxforwards "maxforwards" max_contacts "max_contacts" setvar "setvar"
                header "header" disallowed_methods "disallowed_methods" usereqphone "usereqphone"
                trustrpid "trustrpid" sendrpid_pai "sendrpid" trust_id_outbound "trust_id_outbound"
                allowoverlap "allowoverlap" outboundproxy "outboundproxy"
                use_q850_reason "use_q850_reason" promiscredir "promiscredir"
                final_response "final_response" noanswer_response "noanswer_response"
                outofcall_message_context "outofcall_message_context"
                description "description" accountcode "accountcode" amaflags "amaflags"
                pickup_groups "callgroup"
            ]
            secret [secret "secret" remotesecret "remotesecret" credentials "auth"]
            apart [hashed])
    }
}

impl General {
    /// What is different in `new`, what holds for devices that do not say
    /// included; of sip.conf alone.
    pub fn changes(&self, new: &General) -> Vec<Change> {
        let old = self;
        let mut changes = changes!(General old new
            shown [
                allowguest "allowguest" match_auth_username "match_auth_username"
                alwaysauthreject "alwaysauthreject" auth_options_requests "auth_options_requests"
                auth_message_requests "auth_message_requests"
                accept_outofcall_message "accept_outofcall_message"
                send_diversion "send_diversion" realm "realm"
                auth_algorithms "auth_algorithms" useragent "useragent" callerid "callerid"
                domains "domain" domain_contexts "domain" allowexternaldomains "allowexternaldomains"
                defaultexpiry_s "defaultexpiry" minexpiry_s "minexpiry" maxexpiry_s "maxexpiry"
                refuse_short_expiry "short_expiry" contact_acl "contactpermit"
                compactheaders "compactheaders" pass_headers "pass_headers" t1min "t1min" timer_t2 "timert2"
                timer_t4 "timert4" shrinkcallerid "shrinkcallerid" externaddr "externaddr"
                externtcpport "externtcpport"
                localnet "localnet" matchexternaddrlocally "matchexternaddrlocally"
                tcp_switch "--tcp-switch" tos_sip "tos_sip" cos_sip "cos_sip" rtcachefriends "rtcachefriends"
                rtupdate "rtupdate" rtautoclear_s "rtautoclear" rtsavesysname "rtsavesysname"
                rtsavepath "rtsavepath" ignoreregexpire "ignoreregexpire" systemname "systemname"
            ]
            secret []
            apart [missing defaults records]);
        changes.extend(old.defaults.changes(&new.defaults));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PeerKind, Secret};

    #[test]
    fn what_differs_is_told_by_its_option_and_secrets_are_not() {
        let old = Peer::new("a", PeerKind::Friend);
        let mut new = old.clone();
        assert_eq!(old.changes(&new), []);
        new.call_limit = 2;
        new.fromuser = Some("me".into());
        new.trustrpid = true;
        new.secret = Secret::Plain("hush".into());
        new.remotesecret = Some("hush".into());
        let told: Vec<String> = old
            .changes(&new)
            .iter()
            .map(|change| format!("{}: {} -> {}", change.option, change.old, change.new))
            .collect();
        let expected = [
            "fromuser: none -> \"me\"",
            "call-limit: 0 -> 2",
            "trustrpid: no -> yes",
            "secret: <set> -> <another>",
            "remotesecret: <set> -> <another>",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn general_tells_of_what_devices_have_from_it() {
        let old = General::default();
        let mut new = old.clone();
        new.minexpiry_s = 10;
        new.defaults.context = "elsewhere".into();
        let options: Vec<&str> = old
            .changes(&new)
            .iter()
            .map(|change| change.option)
            .collect();
        assert_eq!(options, ["minexpiry", "context"]);
    }
}
