//! The bytecode is what its source compiles to.

use std::process::Command;

use super::*;
use crate::steer::bytecode::{CLANG, CODE};

const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/steer/build");

/// What the command prints; `None` without a compiler.
fn rebuilt() -> Option<String> {
    for tool in ["clang", "llvm-objcopy"] {
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!("NOT TESTED, for lack of {tool}: the eBPF program compiled again");
            return None;
        }
    }
    let output = Command::new(BUILD).arg("-").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_bytecode_is_what_the_source_compiles_to() {
    let Some(rebuilt) = rebuilt() else { return };
    if rebuilt.contains(&format!("CLANG: u32 = {CLANG};")) {
        let kept = include_str!("../bytecode.rs");
        assert!(
            rebuilt == kept,
            "src/runtime/steer/build makes another program; run it and commit what it makes"
        );
        return;
    }
    // Another compiler may write other instructions, but not another program.
    let code: Vec<u64> = rebuilt
        .split([' ', '\n', ','])
        .filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        .collect();
    let mut groups = bind(&["127.0.0.1:0"]);
    if steer(&groups, Way::Mesh).is_some() && code != CODE {
        match Ebpf::attach_code(&groups[0], &code) {
            Ok(_) => {
                let bench = Bench::new(groups.remove(0), "127.0.0.1");
                assert_eq!(bench.strays(2000), 0);
            }
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                eprintln!("NOT TESTED, for lack of CAP_BPF: another compiler's program");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
