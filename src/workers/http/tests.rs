//! Documents of a server of the test's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::*;

/// Answers so many requests, each with that text; yields what was asked.
fn server(answers: &'static [&'static str]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            head.push_str(&String::from_utf8(body).unwrap());
            asked.push(head);
            stream.write_all(answer.as_bytes()).unwrap();
        }
        asked
    };
    (address, std::thread::spawn(serve))
}

fn fetcher() -> Fetcher {
    Fetcher::new(Duration::from_secs(30), Arc::default())
}

fn fetch(url: String, post: Option<&str>, manner: Manner) -> Fetch {
    Fetch {
        url: url.into(),
        post: post.map(Box::from),
        manner,
    }
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

#[test]
fn a_document_is_got_in_the_manner_asked_for() {
    let (address, served) = server(&[HELLO]);
    let manner = Manner {
        user_agent: Some("me".into()),
        user_password: Some("a:b".into()),
        cookie: Some("c=1".into()),
        ..Manner::default()
    };
    let wanted = fetch(format!("http://{address}/x?y=1"), None, manner);
    assert_eq!(fetcher().fetch(&wanted).as_deref(), Some("hello"));
    let asked = served.join().unwrap().concat().to_lowercase();
    assert!(asked.starts_with("get /x?y=1 http/1.1\r\n"), "{asked}");
    for line in [
        "user-agent: me\r\n",
        "authorization: basic ytpi\r\n",
        "cookie: c=1\r\n",
    ] {
        assert!(asked.contains(line), "{asked}");
    }
}

#[test]
fn a_form_is_posted() {
    let (address, served) = server(&[HELLO]);
    let wanted = fetch(
        format!("http://{address}/"),
        Some("a=1&b=2"),
        Manner::default(),
    );
    assert_eq!(fetcher().fetch(&wanted).as_deref(), Some("hello"));
    let asked = served.join().unwrap().concat();
    assert!(asked.starts_with("POST / HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked
            .to_lowercase()
            .contains(&format!("content-type: {FORM}")),
        "{asked}"
    );
    assert!(asked.ends_with("a=1&b=2"), "{asked}");
}

#[test]
fn redirects_are_followed_where_it_is_asked_for() {
    const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 4\r\n\
                         Connection: close\r\n\r\ngone";
    let (address, served) = server(&[MOVED, MOVED, HELLO]);
    let mut fetcher = fetcher();
    let url = || format!("http://{address}/");
    let here = fetch(url(), None, Manner::default());
    assert_eq!(fetcher.fetch(&here).as_deref(), Some("gone"));
    let manner = Manner {
        redirects: 3,
        ..Manner::default()
    };
    let there = fetch(url(), None, manner);
    assert_eq!(fetcher.fetch(&there).as_deref(), Some("hello"));
    assert_eq!(served.join().unwrap().len(), 3);
}

#[test]
fn a_status_is_no_failure() {
    let (address, served) =
        server(&["HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"]);
    let wanted = fetch(format!("http://{address}/"), None, Manner::default());
    assert_eq!(fetcher().fetch(&wanted).as_deref(), Some("no"));
    served.join().unwrap();
}

#[test]
fn a_server_that_is_silent_costs_its_time_and_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let circuits = Arc::<Circuits>::default();
    let mut fetcher = Fetcher::new(Duration::from_millis(20), Arc::clone(&circuits));
    let wanted = fetch(url.clone(), None, Manner::default());
    for _ in 0..5 {
        assert_eq!(fetcher.fetch(&wanted), None);
    }
    assert!(!circuits.is_closed(&origin(&url)));
    drop(listener);
}

#[test]
fn what_is_no_url_brings_nothing() {
    for url in ["", "nonsense", "ftp://h/", "http://"] {
        let wanted = fetch(url.into(), None, Manner::default());
        assert_eq!(fetcher().fetch(&wanted), None, "{url}");
    }
}

#[test]
fn what_a_plan_does_wrong_is_not_held_against_a_server() {
    let (address, served) = server(&[HELLO]);
    let mut fetcher = fetcher();
    let manner = Manner {
        user_agent: Some("no\nheader".into()),
        ..Manner::default()
    };
    for _ in 0..10 {
        let spaced = format!("http://{address}/a b");
        assert_eq!(fetcher.fetch(&fetch(spaced, None, Manner::default())), None);
        let headed = format!("http://{address}/");
        assert_eq!(fetcher.fetch(&fetch(headed, None, manner.clone())), None);
    }
    let wanted = fetch(format!("http://{address}/"), None, Manner::default());
    assert_eq!(fetcher.fetch(&wanted).as_deref(), Some("hello"));
    served.join().unwrap();
}

#[test]
fn a_long_document_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // The reader leaves before the end.
        drop(stream.write_all(&[b'x'; 1_000_000]));
    });
    let circuits = Arc::<Circuits>::default();
    let mut fetcher = Fetcher::new(Duration::from_secs(30), circuits);
    let text = fetcher.fetch(&fetch(url, None, Manner::default())).unwrap();
    assert_eq!(text.len() as u64, LONGEST);
    serve.join().unwrap();
}
