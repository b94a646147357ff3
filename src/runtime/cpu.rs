//! Whether this processor is one the build is for. Builds for x86-64 use
//! AVX2 and what came with it (x86-64-v3, see `.cargo/config.toml`); elsewhere
//! they would end in an illegal instruction, which tells an operator nothing.

/// A sentence with a way out when this processor lacks what the build uses.
/// To be asked before anything else.
pub fn unsuited() -> Option<&'static str> {
    let built_for_v3 = cfg!(target_feature = "avx2");
    (built_for_v3 && !is_v3()).then_some(
        "this build needs a processor with AVX2 and BMI2 (x86-64-v3), which this one has not; \
         build with RUSTFLAGS=-Ctarget-cpu=native for it",
    )
}

/// Asks the processor itself: the usual macro answers for the build.
#[cfg(target_arch = "x86_64")]
fn is_v3() -> bool {
    let cpu = raw_cpuid::CpuId::new();
    let basic = cpu
        .get_feature_info()
        .is_some_and(|has| has.has_fma() && has.has_movbe() && has.has_f16c() && has.has_oxsave());
    let extended = cpu
        .get_extended_feature_info()
        .is_some_and(|has| has.has_avx2() && has.has_bmi1() && has.has_bmi2());
    let lzcnt = cpu
        .get_extended_processor_and_feature_identifiers()
        .is_some_and(|has| has.has_lzcnt());
    basic && extended && lzcnt
}

#[cfg(not(target_arch = "x86_64"))]
fn is_v3() -> bool {
    false
}

#[cfg(test)]
mod tests {
    /// A processor that runs this test runs the build.
    #[test]
    fn the_processor_of_this_test_is_suited() {
        assert_eq!(super::unsuited(), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn what_the_processor_says_is_what_the_kernel_found() {
        let found = std::fs::read_to_string("/proc/cpuinfo").expect("cpuinfo");
        let flags = found
            .lines()
            .find(|line| line.starts_with("flags"))
            .expect("flags");
        let v3 = ["avx2", "bmi1", "bmi2", "fma", "movbe", "f16c"];
        let all = v3
            .iter()
            .all(|flag| flags.split_whitespace().any(|has| has == *flag));
        assert_eq!(super::is_v3(), all);
    }
}
