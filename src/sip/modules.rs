//! The parts of the protocol that an operator may take out of a running
//! engine, and sets of them. A part is compiled in and knows what it gives:
//! applications and functions of the dialplan. Taking one out changes a set in
//! the configuration; calls keep the plan they began with.

use core::fmt;

use crate::base::Transport;

/// One part. Names are Asterisk's, where Asterisk has such a file.
macro_rules! modules {
    ($($module:ident $name:literal $summary:literal [$($application:ident)*] [$($function:ident)*])*) => {
        /// A part that may be taken out.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Module {
            $(#[doc = $summary] $module,)*
        }

        impl Module {
            /// All of them.
            pub const ALL: &[Module] = &[$(Module::$module,)*];

            /// What operators call it, without `.so`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Module::$module => $name,)*
                }
            }

            /// What it is, in a few words.
            pub fn summary(self) -> &'static str {
                match self {
                    $(Module::$module => $summary,)*
                }
            }

            /// The applications it gives.
            pub fn applications(self) -> &'static [&'static str] {
                match self {
                    $(Module::$module => &[$(stringify!($application),)*],)*
                }
            }

            /// The functions it gives.
            pub fn functions(self) -> &'static [&'static str] {
                match self {
                    $(Module::$module => &[$(stringify!($function),)*],)*
                }
            }
        }
    };
}

modules! {
    ChanSip "chan_sip" "Session Initiation Protocol (SIP)"
        [SIPAddHeader SIPDtmfMode SIPRemoveHeader] [CHECKSIPDOMAIN SIPPEER SIP_HEADER]
    Registrar "res_sip_registrar" "Registrations (RFC 3261 section 10)" [] []
    Udp "res_sip_udp" "SIP over UDP (RFC 3261 section 18)" [] []
    Tcp "res_sip_tcp" "SIP over TCP (RFC 3261 section 18)" [] []
    PbxConfig "pbx_config" "The dialplan of extensions.conf" [] []
    PbxRealtime "pbx_realtime" "Extensions that live in a database" [] []
    AppCdr "app_cdr" "Calls without a record, records begun anew" [NoCDR ResetCDR] []
    AppCelGenUserEvent "app_celgenuserevent" "Channel events of the plan's own" [CELGenUserEvent] []
    AppChanIsAvail "app_chanisavail" "Whether devices could be called" [ChanIsAvail] []
    AppDb "app_db" "Deletes entries of the AstDB" [DBdel DBdeltree] []
    AppDial "app_dial" "Calls devices and joins who answers" [Dial RetryDial] []
    AppDirectedPickup "app_directed_pickup" "Answers calls that ring elsewhere"
        [Pickup PickupChan] []
    AppDumpChan "app_dumpchan" "Tells all of a channel" [DumpChan] []
    AppExec "app_exec" "Applications named by the call" [Exec ExecIf TryExec] []
    AppForkCdr "app_forkcdr" "A second record of one call" [ForkCDR] []
    AppMacro "app_macro" "Macros" [Macro MacroExclusive MacroExit MacroIf] []
    AppStack "app_stack" "Subroutines with variables of their own"
        [Gosub GosubIf Return StackPop] [LOCAL LOCAL_PEEK]
    AppSystem "app_system" "Commands of the host" [System TrySystem] []
    AppTransfer "app_transfer" "Sends a caller elsewhere" [Transfer] []
    AppUserEvent "app_userevent" "Events of the plan's own" [UserEvent] []
    AppVerbose "app_verbose" "Tells operators something" [Log Verbose] []
    AppWhile "app_while" "Loops"
        [ContinueWhile EndWhile ExitWhile While] []
    FuncBase64 "func_base64" "Texts in base64" [] [BASE64_DECODE BASE64_ENCODE]
    FuncBlacklist "func_blacklist" "Whether a caller is unwanted" [] [BLACKLIST]
    FuncCallerId "func_callerid" "Who calls, is called and has forwarded" []
        [CALLERID CALLERPRES CONNECTEDLINE REDIRECTING]
    FuncCdr "func_cdr" "The record of a call" [] [CDR CDR_PROP]
    FuncChannel "func_channel" "What a channel is" [] [CHANNEL MASTER_CHANNEL]
    FuncCurl "func_curl" "Asks web servers" [] [CURL CURLOPT]
    FuncCut "func_cut" "Fields of a text, sorted or chosen" [] [CUT SORT]
    FuncDb "func_db" "Entries of the AstDB" [] [DB DB_DELETE DB_EXISTS DB_KEYS]
    FuncDevState "func_devstate" "Whether a device is busy" [] [DEVICE_STATE]
    FuncDialGroup "func_dialgroup" "Groups of devices that ring together" [] [DIALGROUP]
    FuncDialplan "func_dialplan" "Whether the plan has an extension" []
        [DIALPLAN_EXISTS VALID_EXTEN]
    FuncEnum "func_enum" "Telephone numbers in the DNS (RFC 6116)" [] [ENUMLOOKUP ENUMQUERY ENUMRESULT]
    FuncEnv "func_env" "Variables of the environment" [] [ENV]
    FuncExtState "func_extstate" "Whether the devices of a hint are busy" [] [EXTENSION_STATE HINT]
    FuncGlobal "func_global" "Variables of all calls, and of other channels" [] [GLOBAL SHARED]
    FuncGroupCount "func_groupcount" "Calls counted by groups" []
        [GROUP GROUP_COUNT GROUP_LIST GROUP_MATCH_COUNT]
    FuncHangupCause "func_hangupcause" "Why dialled channels ended"
        [HangupCauseClear] [HANGUPCAUSE HANGUPCAUSE_KEYS]
    FuncLock "func_lock" "Locks between calls" [] [LOCK TRYLOCK UNLOCK]
    FuncLogic "func_logic" "Conditions" [] [EXISTS IF IFTIME IMPORT ISNULL SET]
    FuncMath "func_math" "Sums" [] [DEC INC MATH]
    FuncMd5 "func_md5" "MD5 digests" [] [MD5]
    FuncRand "func_rand" "Random numbers" [] [RAND]
    FuncRealtime "func_realtime" "Rows of a database" []
        [REALTIME REALTIME_DESTROY REALTIME_FIELD REALTIME_HASH REALTIME_STORE]
    FuncSha1 "func_sha1" "SHA-1 digests" [] [SHA1]
    FuncShell "func_shell" "What commands of the host print" [] [SHELL]
    FuncSprintf "func_sprintf" "Numbers and texts in a format" [] [SPRINTF]
    FuncSrv "func_srv" "SRV records of the DNS (RFC 2782)" [] [SRVQUERY SRVRESULT]
    FuncStrings "func_strings" "Texts, lists and hashes" [ClearHash]
        [ARRAY CSV_QUOTE EVAL FIELDNUM FIELDQTY FILTER HASH HASHKEYS KEYPADHASH LEN LISTFILTER
         PASSTHRU POP PUSH QUOTE REGEX REPLACE SHIFT STRFTIME STRPTIME STRREPLACE TOLOWER TOUPPER UNSHIFT]
    FuncTimeout "func_timeout" "Limits of time for a call" [] [TIMEOUT]
    FuncUri "func_uri" "Texts as URIs write them" [] [URIDECODE URIENCODE]
    FuncVersion "func_version" "Which version this is" [] [VERSION]
}

impl Module {
    /// What carries messages so.
    pub fn of_transport(transport: Transport) -> Module {
        match transport {
            Transport::Udp => Module::Udp,
            Transport::Tcp => Module::Tcp,
        }
    }

    /// Whose an application is; `None` for those that are always there.
    pub fn of_application(name: &str) -> Option<Module> {
        let gives = |module: &Module| {
            let mut names = module.applications().iter();
            names.any(|known| known.eq_ignore_ascii_case(name))
        };
        Module::ALL.iter().copied().find(gives)
    }

    /// Whose a function is; `None` for those that are always there.
    pub fn of_function(name: &str) -> Option<Module> {
        let gives = |module: &Module| module.functions().contains(&name);
        Module::ALL.iter().copied().find(gives)
    }

    fn bit(self) -> u64 {
        1 << self as u64
    }
}

// A set is one word.
const _: () = assert!(Module::ALL.len() <= 64);

/// A set of modules.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Modules(u64);

impl Modules {
    /// Whether it has one of them.
    pub fn has(self, module: Module) -> bool {
        self.0 & module.bit() != 0
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same with one more.
    #[must_use]
    pub fn with(self, module: Module) -> Modules {
        Modules(self.0 | module.bit())
    }

    /// The same without one.
    #[must_use]
    pub fn without(self, module: Module) -> Modules {
        Modules(self.0 & !module.bit())
    }

    /// What is in it, in the order of [`Module::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Module> {
        let all = Module::ALL.iter().copied();
        all.filter(move |&module| self.has(module))
    }
}

impl FromIterator<Module> for Modules {
    fn from_iter<I: IntoIterator<Item = Module>>(modules: I) -> Modules {
        modules.into_iter().fold(Modules::default(), Modules::with)
    }
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Module::name))
            .finish()
    }
}

/// What of the engine is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Missing {
    /// Not loaded.
    pub absent: Modules,
    /// About to be: what they have begun goes on, and what is new is refused
    /// with 503.
    pub leaving: Modules,
}

impl Missing {
    /// Whether a module takes nothing new.
    pub fn has(self, module: Module) -> bool {
        self.absent.has(module) || self.leaving.has(module)
    }

    /// Whether new calls that come so are refused: what carries them, or tells
    /// where they go, is about to leave.
    pub fn refuses_calls(self, transport: Transport) -> bool {
        let carriers = [
            Module::ChanSip,
            Module::of_transport(transport),
            Module::PbxConfig,
        ];
        !self.leaving.is_empty() && carriers.iter().any(|&module| self.leaving.has(module))
    }

    /// Whether messages that come so are heard, and others sent so.
    pub fn carries(self, transport: Transport) -> bool {
        let needed = [Module::ChanSip, Module::of_transport(transport)];
        self.absent.is_empty() || !needed.iter().any(|&module| self.absent.has(module))
    }

    /// Whether nothing is missing.
    pub fn is_empty(self) -> bool {
        self.absent.is_empty() && self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::{applications, functions};

    #[test]
    fn what_modules_give_is_there_and_each_thing_is_of_one() {
        for module in Module::ALL {
            for name in module.applications() {
                assert!(applications().any(|known| known == *name), "{name}");
                assert_eq!(Module::of_application(name), Some(*module));
            }
            for name in module.functions() {
                assert!(functions().any(|known| known == *name), "{name}");
                assert_eq!(Module::of_function(name), Some(*module));
            }
        }
        assert_eq!(Module::of_application("retrydial"), Some(Module::AppDial));
        assert_eq!(Module::of_application("Answer"), None);
        assert_eq!(Module::of_function("len"), None, "case counts");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Modules = [Module::FuncVersion, Module::ChanSip].into_iter().collect();
        assert!(set.has(Module::ChanSip) && !set.has(Module::AppDial));
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Module::ChanSip, Module::FuncVersion]
        );
        assert!(
            set.without(Module::ChanSip)
                .without(Module::FuncVersion)
                .is_empty()
        );
    }
}
