//! The generator against a server of a few lines.

use super::*;

/// Answers each request but every `skip`-th with 200, copying what it must.
fn serve(skip: u64, requests: u64) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        for count in 1..=requests {
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            let request = std::str::from_utf8(&buffer[..len]).unwrap();
            let via = request
                .lines()
                .find(|line| line.starts_with("Via:"))
                .unwrap();
            if count % skip != 0 {
                let _ = socket.send_to(
                    format!("SIP/2.0 100 Trying\r\n{via}\r\n\r\n").as_bytes(),
                    from,
                );
                let _ = socket.send_to(format!("SIP/2.0 200 OK\r\n{via}\r\n\r\n").as_bytes(), from);
            }
        }
    });
    address
}

fn load(target: SocketAddr) -> Load {
    Load {
        target,
        rate: 200,
        seconds: 1,
        patience: 500,
    }
}

#[test]
fn every_answer_is_found() {
    let report = run(&load(serve(u64::MAX, 200))).unwrap();
    assert_eq!(
        (report.answered(), report.lost(), report.refused),
        (200, 0, 0)
    );
}

#[test]
fn a_loss_is_told() {
    let report = run(&load(serve(10, 200))).unwrap();
    assert_eq!((report.answered(), report.lost()), (180, 20));
}

#[test]
fn only_final_responses_to_our_requests_are_answers() {
    let request = request(
        42,
        "127.0.0.1:9".parse().unwrap(),
        "127.0.0.1:5060".parse().unwrap(),
    );
    assert_eq!(answer(request.as_bytes()), None);
    let response = |status: &str, branch: &str| {
        format!("SIP/2.0 {status}\r\nVia: SIP/2.0/UDP h;branch={branch};rport=9\r\n\r\n")
    };
    assert_eq!(
        answer(response("200 OK", "z9hG4bK-load-42").as_bytes()),
        Some((200, 42))
    );
    assert_eq!(
        answer(response("100 Trying", "z9hG4bK-load-42").as_bytes()),
        None
    );
    assert_eq!(answer(response("200 OK", "z9hG4bK-other").as_bytes()), None);
    assert_eq!(answer(b"\xff"), None);
}

#[test]
fn requests_are_due_at_even_distances() {
    let pace = Pace {
        start: Instant::now(),
        rate: 3,
    };
    assert_eq!(pace.due(0), pace.start);
    assert_eq!(pace.due(3) - pace.start, Duration::from_secs(1));
    assert_eq!(pace.due(1) - pace.start, Duration::from_nanos(333_333_333));
}

#[test]
fn the_definition_is_consistent() {
    use clap::CommandFactory;
    Flags::command().debug_assert();
}
