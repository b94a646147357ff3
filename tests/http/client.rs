//! A client of HTTP that asks once and reads to the end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for a path.
pub fn get(server: SocketAddr, path: &str) -> Answer {
    ask(server, "GET", path, &server.to_string())
}

/// Asks for a path, and waits longer for the answer.
pub fn get_within(server: SocketAddr, path: &str, limit: Duration) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    exchange(server, &request, limit)
}

/// Asks by any method, and by any name of the host.
pub fn ask(server: SocketAddr, method: &str, path: &str, host: &str) -> Answer {
    send(
        server,
        &format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
}

/// Sends a request as it stands; the connection ends with the answer.
pub fn send(server: SocketAddr, request: &str) -> Answer {
    exchange(server, request, PATIENCE)
}

fn exchange(server: SocketAddr, request: &str, limit: Duration) -> Answer {
    let mut stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(limit)).expect("a time limit");
    stream
        .write_all(request.as_bytes())
        .expect("it takes the request");
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("an answer to its end");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.expect("a status"),
        head: head.to_lowercase(),
        body: body.into(),
    }
}

/// The object a path answers with, which must be with 200.
pub fn object(server: SocketAddr, path: &str) -> Value {
    let answer = get(server, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).expect("JSON")
}
