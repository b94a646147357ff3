//! What programs and browsers see of a running engine by HTTP.

#[path = "../engine/address.rs"]
mod address;
#[path = "../console/asked.rs"]
#[expect(dead_code, reason = "these tests order, and read little")]
mod asked;
#[path = "../engine/mod.rs"]
#[expect(dead_code, reason = "these tests stop no engine")]
mod engine;

mod client;
mod page;
mod phone;
mod tables;
mod watching;

use std::net::{SocketAddr, TcpListener};

use engine::{Engine, Scratch};

/// Devices `1000` to `1029`, without passwords; `500` is refused with 503.
const EXTENSIONS: &str = "\
[default]
exten => 500,1,Congestion()
exten => _1XXX,1,Dial(SIP/${EXTEN},20)
";

/// An engine of two shards that answers HTTP, and where.
fn engine(name: &str, flags: &[&str]) -> (Engine, SocketAddr) {
    let mut sip = String::from("[general]\ncontext=default\n");
    for number in 1000..1030 {
        sip.push_str(&format!("[{number}]\ntype=friend\nhost=dynamic\n"));
    }
    let scratch = Scratch::new(name);
    scratch.write("sip.conf", &sip);
    scratch.write("extensions.conf", EXTENSIONS);
    let http = free_port();
    let shown = http.to_string();
    let mut all = vec!["--http", &shown, "--shards", "2"];
    all.extend_from_slice(flags);
    (Engine::start(scratch, address::free_address(), &all), http)
}

/// A TCP address of this process that nobody has.
fn free_port() -> SocketAddr {
    let any = SocketAddr::from((address::host(), 0));
    let listener = TcpListener::bind(any).expect("a free port");
    listener.local_addr().expect("its address")
}
