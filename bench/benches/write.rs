//! How long writing a message takes.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::invite_of_832_bytes;
use pinion_sip::base::Flow;
use pinion_sip::wire::{Fields, HeaderName, Message, Method, Status, Writer, write_reply};

fn write(criterion: &mut Criterion) {
    let datagram = invite_of_832_bytes();
    let mut fields = Fields::new();
    let request = Message::parse(&datagram, &mut fields).expect("readable");
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let flow = Flow::udp(0, address("192.0.2.1:5060"), address("192.0.2.10:5060"));
    let mut buffer = Vec::with_capacity(2048);
    let mut group = criterion.benchmark_group("write");
    group.bench_function("a response", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            let status = (Status::OK, None);
            write_reply(&mut buffer, false, &request, flow, false, status, b"7a1c9e").end();
            black_box(buffer.len())
        });
    });
    group.bench_function("a request with a body", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            let mut writer = Writer::new(&mut buffer, false);
            writer.request(Method::Invite, b"sip:1002@192.0.2.20:5060");
            let via = b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0123456789abcdef;rport";
            writer.field(HeaderName::Via, via);
            writer.field(HeaderName::MaxForwards, b"69");
            writer.copy(&request, HeaderName::From);
            writer.copy(&request, HeaderName::To);
            writer.field(HeaderName::CallId, b"0123456789abcdef@192.0.2.1");
            writer.field(HeaderName::CSeq, b"102 INVITE");
            writer.field(HeaderName::Contact, b"<sip:1001@192.0.2.1:5060>");
            writer.field(HeaderName::UserAgent, b"pinion");
            writer.end_with_body(b"application/sdp", request.body());
            black_box(buffer.len())
        });
    });
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
