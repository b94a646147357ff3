//! Two URIs, one per line: split, and compared both ways.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pinion_sip::base::Text;
use pinion_sip::wire::Uri;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(bytes.len());
    let (first, second) = (&bytes[..end], bytes.get(end + 1..).unwrap_or(b""));
    let parsed = [Uri::parse(first), Uri::parse(second)];
    for uri in parsed.iter().flatten() {
        let mut user = Text::new();
        uri.user_decoded(&mut user);
        assert!(uri.user_eq(&user));
        assert!(Uri::equivalent(uri, uri));
        assert_eq!(uri.socket_addr(5060).map(|address| address.ip()), uri.ip());
    }
    if let [Ok(a), Ok(b)] = &parsed {
        assert_eq!(Uri::equivalent(a, b), Uri::equivalent(b, a));
    }
});
