//! A telephone: registers, calls and answers, over a UDP socket of its own.
//! Judges nothing but the form of what it is answered.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pinion_runtime::uninterrupted;

use crate::address::host;
use crate::digest;

/// T1: when an unanswered request is first sent again.
const T1: Duration = Duration::from_millis(500);

/// The longest a final response may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a phone says it is.
pub const USER_AGENT: &str = "phone of the tests 1.0";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0\r\n";

/// A message, and when it came.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// All of it.
    pub text: String,
    /// From the request that it answers.
    pub after: Duration,
    /// From the request to the first sign of the other end: 180, or the final
    /// response.
    pub sign_after: Duration,
}

impl Response {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.text, name)
    }

    /// Asserts its status.
    pub fn expect(self, status: u16) -> Response {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// The value of the first header field of that name.
pub fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}

/// A status of a response, `None` of a request.
pub fn status(text: &str) -> Option<u16> {
    text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// One phone.
pub struct Phone {
    socket: UdpSocket,
    /// The engine it talks to.
    pub engine: SocketAddr,
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: String,
    call_id: String,
    cseq: u32,
}

/// A call that was answered.
pub struct Call {
    call_id: String,
    /// `From` and `To` as the 200 has them.
    ends: [String; 2],
    target: String,
    /// The 200 of the INVITE.
    pub answer: Response,
}

/// A name that no other thing has: `word` and a number.
pub fn fresh(word: &str) -> String {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("{word}{}-{serial}", std::process::id())
}

impl Phone {
    /// A phone at an address of its own.
    pub fn new(engine: SocketAddr, name: impl ToString, password: &str) -> Phone {
        let socket = UdpSocket::bind((host(), 0)).expect("a free port");
        Phone {
            name: name.to_string(),
            password: password.into(),
            ..Phone::at(socket, engine)
        }
    }

    /// A phone of nobody, at that socket.
    pub fn at(socket: UdpSocket, engine: SocketAddr) -> Phone {
        Phone {
            socket,
            engine,
            name: "nobody".into(),
            password: String::new(),
            call_id: fresh("reg"),
            cseq: 0,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// What it registers.
    pub fn contact(&self) -> String {
        format!("sip:{}@{};transport=udp", self.name, self.address())
    }

    /// Registers for so many seconds; the final response.
    pub fn register(&mut self, expires_s: u32) -> Response {
        let contact = format!("Contact: <{}>\r\nExpires: {expires_s}\r\n", self.contact());
        let (call_id, from) = (self.call_id.clone(), format!("<{}>", self.aor()));
        let uri = format!("sip:{}", self.engine);
        self.ask("REGISTER", &uri, &call_id, [&from, &from], &contact, "")
    }

    /// Registers and insists.
    pub fn registers(&mut self, expires_s: u32) {
        self.register(expires_s).expect(200);
    }

    /// Calls somebody; answered calls are acknowledged and stay.
    pub fn call(&mut self, callee: &str) -> Result<Call, Response> {
        let uri = format!("sip:{callee}@{}", self.engine);
        let contact = format!(
            "Contact: <{}>\r\nContent-Type: application/sdp\r\n",
            self.contact()
        );
        let (call_id, from) = (fresh("call"), format!("<{}>", self.aor()));
        let to = format!("<{uri}>");
        let answer = self.ask("INVITE", &uri, &call_id, [&from, &to], &contact, SDP);
        if answer.status != 200 {
            return Err(answer);
        }
        let ends = ["From", "To"].map(|name| answer.header(name).expect("it is there").to_owned());
        let target = answer.header("Contact").expect("a 200 of INVITE has it");
        let target = target.trim_start_matches('<');
        let target = target.split('>').next().unwrap_or_default().to_owned();
        let call = Call {
            call_id,
            ends,
            target,
            answer,
        };
        let cseq = self.cseq;
        let ack = self.request(
            "ACK",
            &call.target,
            &call.call_id,
            call.ends(),
            cseq,
            "",
            "",
        );
        self.send(&ack);
        Ok(call)
    }

    /// Calls somebody who answers.
    pub fn calls(&mut self, callee: &str) -> Call {
        self.call(callee)
            .unwrap_or_else(|refusal| panic!("{callee} does not answer: {}", refusal.text))
    }

    /// Ends a call; the other end agrees.
    pub fn hangs_up(&mut self, call: Call) -> Response {
        self.ask("BYE", &call.target, &call.call_id, call.ends(), "", "")
            .expect(200)
    }

    fn aor(&self) -> String {
        format!("sip:{}@{}", self.name, self.engine)
    }

    /// Sends a request, again with credentials when challenged; the final
    /// response. What else comes meanwhile is nothing to it.
    fn ask(
        &mut self,
        method: &str,
        uri: &str,
        call_id: &str,
        ends: [&str; 2],
        more: &str,
        body: &str,
    ) -> Response {
        let from = match ends[0].contains("tag=") {
            true => ends[0].to_owned(),
            false => format!("{};tag={}", ends[0], fresh("t")),
        };
        let ends = [from.as_str(), ends[1]];
        self.cseq += 1;
        let first = self.request(method, uri, call_id, ends, self.cseq, more, body);
        let answer = self.transact(method, &first);
        if !matches!(answer.status, 401 | 407) {
            return answer;
        }
        let (asked, given) = match answer.status {
            401 => ("WWW-Authenticate", "Authorization"),
            _ => ("Proxy-Authenticate", "Proxy-Authorization"),
        };
        let challenge = answer.header(asked).expect("a challenge");
        let value = digest::answer(challenge, method, uri, &self.name, &self.password, 1);
        self.cseq += 1;
        let more = format!("{more}{given}: {value}\r\n");
        let second = self.request(method, uri, call_id, ends, self.cseq, &more, body);
        self.transact(method, &second)
    }

    #[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
    fn request(
        &self,
        method: &str,
        uri: &str,
        call_id: &str,
        ends: [&str; 2],
        cseq: u32,
        more: &str,
        body: &str,
    ) -> String {
        let [from, to] = ends;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nUser-Agent: {USER_AGENT}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.address(),
            fresh("b"),
            body.len()
        )
    }

    fn send(&self, text: &str) {
        self.socket
            .send_to(text.as_bytes(), self.engine)
            .expect("loopback takes it");
    }

    fn transact(&self, method: &str, request: &str) -> Response {
        let started = Instant::now();
        let mut sign_after = None;
        let (mut wait, mut again) = (T1, started + T1);
        self.send(request);
        loop {
            let elapsed = started.elapsed();
            assert!(elapsed < PATIENCE, "no answer to:\n{request}");
            if let Some((text, _)) = receive(&self.socket, again) {
                let same = |name| header(&text, name) == header(request, name);
                let Some(status) = status(&text).filter(|_| same("CSeq") && same("Call-ID")) else {
                    continue;
                };
                if status > 100 {
                    sign_after.get_or_insert(started.elapsed());
                }
                if status < 200 {
                    // No more copies; the final response may take its time.
                    again = started + PATIENCE;
                    continue;
                }
                if method == "INVITE" && status >= 300 {
                    self.acknowledge(request, &text);
                }
                let after = started.elapsed();
                let sign_after = sign_after.unwrap_or(after);
                return Response {
                    status,
                    text,
                    after,
                    sign_after,
                };
            }
            if again <= Instant::now() {
                self.send(request);
                wait *= 2;
                again += wait;
            }
        }
    }

    /// The ACK of a refusal is of the INVITE's transaction (RFC 3261 §17.1.1.3).
    fn acknowledge(&self, invite: &str, refusal: &str) {
        let lines = invite.lines().take_while(|line| !line.is_empty());
        let mut ack = String::new();
        for line in lines {
            let name = line.split(':').next().unwrap_or_default();
            match name {
                "To" => ack += &format!("To: {}\r\n", header(refusal, "To").unwrap_or_default()),
                "CSeq" => ack += &format!("{}\r\n", line.replace("INVITE", "ACK")),
                "Content-Type" | "Content-Length" | "Contact" => {}
                _ if line.starts_with("INVITE ") => {
                    ack += &format!("{}\r\n", line.replacen("INVITE", "ACK", 1));
                }
                _ => ack += &format!("{line}\r\n"),
            }
        }
        self.send(&format!("{ack}Content-Length: 0\r\n\r\n"));
    }

    /// From now on it answers whoever calls, until what this returns is dropped.
    pub fn answers(self) -> Answering {
        let ends = Arc::new(AtomicBool::new(false));
        let taken = Arc::new(AtomicU32::new(0));
        let (over, count) = (Arc::clone(&ends), Arc::clone(&taken));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let until = Instant::now() + Duration::from_millis(50);
                if let Some((text, from)) = receive(&self.socket, until) {
                    self.react(&text, from, &count);
                }
            }
            self
        });
        Answering {
            ends,
            taken,
            thread: Some(thread),
        }
    }

    fn react(&self, text: &str, from: SocketAddr, taken: &AtomicU32) {
        let statuses: &[u16] = match text.split(' ').next() {
            Some("INVITE") => {
                taken.fetch_add(1, Ordering::Relaxed);
                &[180, 200]
            }
            Some("ACK") | None => &[],
            Some(word) if word.starts_with("SIP/") => &[],
            Some(_) => &[200],
        };
        for &status in statuses {
            let reply = self.reply(text, status);
            self.socket
                .send_to(reply.as_bytes(), from)
                .expect("loopback takes it");
        }
    }

    fn reply(&self, request: &str, status: u16) -> String {
        let mut reply = format!("SIP/2.0 {status} So be it\r\n");
        for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "to" if !line.contains("tag=") => reply += &format!("{line};tag={}\r\n", self.name),
                "via" | "from" | "to" | "call-id" | "cseq" | "record-route" => {
                    reply += &format!("{line}\r\n");
                }
                _ => {}
            }
        }
        let invited = request.starts_with("INVITE ") && status == 200;
        let (kind, body) = match invited {
            true => ("Content-Type: application/sdp\r\n", SDP),
            false => ("", ""),
        };
        reply += &format!("Contact: <{}>\r\n{kind}", self.contact());
        reply + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

impl Call {
    fn ends(&self) -> [&str; 2] {
        [&self.ends[0], &self.ends[1]]
    }
}

/// A phone that answers.
pub struct Answering {
    ends: Arc<AtomicBool>,
    taken: Arc<AtomicU32>,
    thread: Option<JoinHandle<Phone>>,
}

impl Answering {
    /// How many INVITEs came, copies included.
    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    /// It answers no more.
    pub fn stop(mut self) -> Phone {
        self.ends.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("no panic")
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The next datagram, if one comes in time.
pub fn receive(socket: &UdpSocket, until: Instant) -> Option<(String, SocketAddr)> {
    let mut bytes = [0; 4096];
    let received = uninterrupted(|| {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left)).expect("more than zero");
        socket.recv_from(&mut bytes)
    });
    match received {
        Ok((length, from)) => Some((String::from_utf8_lossy(&bytes[..length]).into(), from)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        // An ICMP answer to something sent earlier.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => None,
        Err(error) => panic!("{error}"),
    }
}
