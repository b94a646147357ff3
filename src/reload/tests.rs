//! Files on a disk, changed in between: what is told, and what stays.

use tempfile::TempDir;

use super::*;

/// A reloader over a directory, and what the shards would go by.
struct Rig {
    dir: TempDir,
    reloader: Reloader,
}

const SIP: &str = "[general]\nudpbindaddr=127.0.0.1\nminexpiry=30\n[phone](!)\ntype=friend\nhost=dynamic\n\
                   [1001](phone)\nsecret=one\n[1002](phone)\nsecret=two\n#include more.conf\n";

const PLAN: &str = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN})\n";

impl Rig {
    fn new(flags: &str) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("sip.conf", SIP);
        write("more.conf", "[1003](phone)\n");
        write("extensions.conf", PLAN);
        let (_, reloader) = crate::rig::reloader(dir.path(), flags);
        Rig { dir, reloader }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// What a reload would bring.
    fn draft(&self, parts: Parts) -> Result<(Loaded, Arc<Config>, Difference), String> {
        let (held, old) = (self.reloader.held(), self.reloader.live.config());
        let missing = old.general.missing;
        self.reloader.draft(&held, &old, parts, missing)
    }

    /// Goes by the files as they are now.
    fn adopt(&self) -> Difference {
        let (loaded, config, difference) = self.draft(Parts::ALL).unwrap();
        self.reloader.live.adopt(config);
        *self.reloader.held() = loaded;
        difference
    }

    fn config(&self) -> Arc<Config> {
        self.reloader.live.config()
    }
}

#[test]
fn files_that_have_not_changed_bring_the_very_same() {
    for flags in ["", "--t1 250"] {
        let rig = Rig::new(flags);
        let (_, config, difference) = rig.draft(Parts::ALL).unwrap();
        assert!(difference.is_empty());
        assert!(config.peers.is(&rig.config().peers));
        assert!(Arc::ptr_eq(&config.plan, &rig.config().plan));
        rig.write("sip.conf", &format!("; a comment\n{SIP}"));
        rig.write("extensions.conf", &format!("; a comment\n{PLAN}"));
        let (_, config, difference) = rig.draft(Parts::ALL).unwrap();
        assert!(difference.is_empty());
        assert!(config.peers.is(&rig.config().peers), "read anew, and alike");
    }
}

#[test]
fn what_changed_is_told_and_the_rest_is_kept() {
    let rig = Rig::new("");
    let changed = SIP
        .replace("minexpiry=30\n", "")
        .replace("secret=two", "secret=three\ncall-limit=2");
    rig.write("sip.conf", &changed);
    rig.write("more.conf", "[1004](phone)\n");
    let difference = rig.draft(Parts::ALL).unwrap().2;
    assert_eq!(difference.added, ["1004"]);
    assert_eq!(difference.removed, ["1003"]);
    assert_eq!(difference.changed().count(), 1);
    let changed = difference.changed().next().unwrap();
    let changes = changed.changes();
    let options: Vec<&str> = changes.iter().map(|change| change.option).collect();
    assert_eq!(
        (changed.name(), options),
        ("1002", vec!["call-limit", "secret"])
    );
    let before = rig.config();
    rig.adopt();
    let after = rig.config();
    let same = |name: &[u8]| {
        let (before, after) = (before.peers.by_name(name), after.peers.by_name(name));
        Arc::ptr_eq(before.unwrap(), after.unwrap())
    };
    assert!(same(b"1001") && !same(b"1002"));
    assert!(Arc::ptr_eq(&before.plan, &after.plan));
}

#[test]
fn an_option_that_is_removed_returns_to_its_default() {
    let rig = Rig::new("");
    assert_eq!(rig.config().general.minexpiry_s, 30);
    rig.write("sip.conf", &SIP.replace("minexpiry=30\n", ""));
    let difference = rig.adopt();
    assert_eq!(rig.config().general.minexpiry_s, 60);
    let change = &difference.general[0];
    assert_eq!(
        (change.option, &*change.old, &*change.new),
        ("minexpiry", "30", "60")
    );
}

#[test]
fn every_option_that_is_removed_returns_to_its_default() {
    let rig = Rig::new("");
    let fresh = rig.config().general.clone();
    let many = "allowguest=yes\nrealm=here\nuseragent=me\ncallerid=7\ndefaultexpiry=90\nmaxexpiry=900\n\
                compactheaders=yes\ncontext=elsewhere\nqualify=yes\nignoreregexpire=yes\nrtcachefriends=yes\n\
                alwaysauthreject=no\nallowexternaldomains=no\ndomain=here.example\ntimert1=250\n";
    let told = SIP.replace("minexpiry=30\n", &format!("minexpiry=30\n{many}"));
    rig.write("sip.conf", &told);
    let difference = rig.adopt();
    assert!(
        difference.general.len() >= many.lines().count(),
        "{}",
        difference.general.len()
    );
    assert_eq!(
        difference.changed().count(),
        3,
        "devices have it from [general]"
    );
    rig.write("sip.conf", SIP);
    rig.adopt();
    assert_eq!(rig.config().general, fresh);
}

#[test]
fn a_mistake_is_told_with_its_line_and_nothing_changes() {
    let rig = Rig::new("");
    rig.write("sip.conf", &format!("{SIP}[1005]\ntype=nothing\n"));
    rig.write("extensions.conf", "[default]\nexten => 1,1,Answer()\n");
    let refusal = rig.draft(Parts::ALL).err().unwrap();
    let line = SIP.lines().count() + 2;
    let place = format!("{}/sip.conf:{line}: ", rig.dir.path().display());
    assert!(refusal.starts_with(&place), "{refusal}");
    assert!(
        rig.draft(Parts {
            sip: false,
            plan: true
        })
        .is_ok()
    );
    rig.write("sip.conf", SIP);
    assert!(!rig.draft(Parts::ALL).unwrap().2.plan.is_empty());
}

#[test]
fn only_the_part_that_is_meant_is_read() {
    let rig = Rig::new("");
    rig.write("sip.conf", "[general\n");
    rig.write("extensions.conf", "[default]\nexten => 1,1,Answer()\n");
    let plan = Parts {
        sip: false,
        plan: true,
    };
    let difference = rig.draft(plan).unwrap().2;
    assert_eq!(difference.plan.extensions.len(), 2);
    let sip = Parts {
        sip: true,
        plan: false,
    };
    assert!(rig.draft(sip).is_err());
    rig.write("sip.conf", SIP);
    assert!(rig.draft(sip).unwrap().2.is_empty());
}

#[test]
fn what_takes_a_restart_is_said() {
    let rig = Rig::new("");
    rig.write(
        "sip.conf",
        &SIP.replace(
            "udpbindaddr=127.0.0.1",
            "udpbindaddr=127.0.0.2\ntos_sip=cs3",
        ),
    );
    let restart = rig.draft(Parts::ALL).unwrap().2.restart;
    assert_eq!(
        restart[0],
        "udpbindaddr: 127.0.0.1:5060 -> 127.0.0.2:5060 takes a restart"
    );
    assert_eq!(restart[1], "tos_sip takes effect with a restart");
    rig.write("sip.conf", SIP);
    rig.write("extconfig.conf", "[settings]\nsippeers => sqlite,db\n");
    rig.write("res_config_sqlite3.conf", "[db]\ndbfile=/nonexistent\n");
    let (_, config, difference) = rig.draft(Parts::ALL).unwrap();
    assert!(difference.restart[0].starts_with("extconfig.conf"));
    assert!(
        config.realtime.is_none(),
        "the databases are those of the start"
    );
    let mapping = |text: &str| {
        rig.write("res_config_sqlite3.conf", text);
        rig.draft(Parts::REST).unwrap().0.mapping
    };
    let here = mapping("[db]\ndbfile=/nonexistent\n");
    let there = mapping("[db]\ndbfile=/elsewhere\n");
    assert!(here != there && here.is_alike(&there));
    assert!(!here.is_alike(&Mapping::default()));
}

#[test]
fn cdr_conf_is_told_of_and_what_of_it_takes_a_restart() {
    for (flags, restarts) in [("", 0), ("--cdr /nonexistent", 1)] {
        let rig = Rig::new(flags);
        rig.write("cdr.conf", "[general]\nenable=no\n[csv]\nusegmtime=yes\n");
        let difference = rig.adopt();
        assert!(difference.records && difference.restart.is_empty());
        rig.write("cdr.conf", "[general]\nenable=yes\n[csv]\nusegmtime=yes\n");
        let difference = rig.draft(Parts::REST).unwrap().2;
        assert!(difference.records && difference.general.is_empty());
        assert_eq!(difference.restart.len(), restarts, "nobody writes any down");
    }
}

#[test]
fn who_may_reach_the_console_takes_a_restart() {
    let rig = Rig::new("");
    rig.write("asterisk.conf", "[files]\nastctlpermissions=0600\n");
    let restart = rig.draft(Parts::REST).unwrap().2.restart;
    assert!(restart[0].starts_with("astctlpermissions"), "{restart:?}");
}

#[test]
fn a_plan_without_modules_is_made_of_the_whole_one() {
    use pinion_sip::modules::{Module, Modules};
    let rig = Rig::new("");
    let missing = Missing {
        absent: Modules::default().with(Module::AppDial),
        ..Missing::default()
    };
    let held = rig.reloader.held();
    let earlier = rig.config();
    let without = assemble(&rig.reloader.basis, &held, missing, Some((&held, &earlier)));
    let dials = |config: &Config| {
        let context = config.plan.context("default").unwrap();
        context.extensions()[0].instructions()[0].is_known()
    };
    assert!(!dials(&without) && dials(&earlier));
    assert!(without.peers.is(&earlier.peers));
    let again = assemble(&rig.reloader.basis, &held, missing, Some((&held, &without)));
    assert!(Arc::ptr_eq(&again.plan, &without.plan));
    let whole = assemble(
        &rig.reloader.basis,
        &held,
        Missing::default(),
        Some((&held, &without)),
    );
    assert!(Arc::ptr_eq(&whole.plan, &earlier.plan));
}

#[test]
fn devices_that_somebody_is_told_of_are_not_taken_apart_there() {
    let rig = Rig::new("");
    rig.write("more.conf", "[1004](phone)\n");
    let (loaded, config, difference) = rig.draft(Parts::ALL).unwrap();
    assert!(config.peers.is(&loaded.config.peers), "indexed once");
    let (_, new) = difference.peers.clone().unwrap();
    rig.reloader.live.keep(new);
    drop((loaded, config));
    assert_eq!(rig.reloader.live.tidy(), 1);
    assert_eq!(difference.added, ["1004"]);
    drop(difference);
    assert_eq!(rig.reloader.live.tidy(), 0);
}

#[test]
fn what_went_before_is_kept_as_long_as_it_is_used() {
    let rig = Rig::new("");
    let (old, plan) = (rig.config(), Arc::clone(&rig.config().plan));
    rig.write("extensions.conf", "[default]\nexten => 1,1,Answer()\n");
    rig.adopt();
    let live = &rig.reloader.live;
    assert_eq!(
        live.tidy(),
        2,
        "a shard has the configuration, a call its plan"
    );
    drop(old);
    assert_eq!(live.tidy(), 1);
    let weak = Arc::downgrade(&plan);
    drop(plan);
    assert!(
        weak.upgrade().is_some(),
        "not taken apart by who used it last"
    );
    assert_eq!(live.tidy(), 0);
    assert!(weak.upgrade().is_none());
}
