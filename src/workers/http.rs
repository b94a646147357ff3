//! Documents by HTTP and HTTPS. One connection pool a thread.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinion_sip::dialplan::{Fetch, Manner, origin};
use ureq::config::Config;
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, Error, RequestBuilder};

use super::circuit::Circuits;

/// What is read of a document, in bytes: more than a variable holds.
const LONGEST: u64 = 64 << 10;

/// Who asks, where a plan does not say.
const USER_AGENT: &str = concat!("pinion/", env!("CARGO_PKG_VERSION"));

/// What a form is posted as.
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) struct Fetcher {
    /// The last one, with its connections, and whose manner it has.
    agent: Option<(Manner, Agent)>,
    timeout: Duration,
    circuits: Arc<Circuits>,
}

impl Fetcher {
    /// Nothing takes longer than `timeout`.
    pub fn new(timeout: Duration, circuits: Arc<Circuits>) -> Fetcher {
        Fetcher {
            agent: None,
            timeout,
            circuits,
        }
    }

    /// The text of a document, whatever its status; `None` where there is none.
    pub fn fetch(&mut self, fetch: &Fetch) -> Option<String> {
        let server = origin(&fetch.url);
        if !self.circuits.is_closed(&server) {
            return None;
        }
        let answer = self.ask(fetch);
        match &answer {
            Ok(_) => self.circuits.learn(&server, true),
            Err(error) if is_of_the_server(error) => self.circuits.learn(&server, false),
            Err(_) => {}
        }
        answer
            .inspect_err(|error| tracing::debug!("{server} is not to be read: {}", told(error)))
            .ok()
    }

    fn ask(&mut self, fetch: &Fetch) -> Result<String, Error> {
        let (agent, headers) = (self.agent(&fetch.manner), headers(&fetch.manner));
        let mut response = match &fetch.post {
            Some(body) => {
                let request = agent.post(&*fetch.url).content_type(FORM);
                let with = |request: RequestBuilder<_>, (name, value)| request.header(name, value);
                headers.into_iter().fold(request, with).send(&**body)?
            }
            None => {
                let request = agent.get(&*fetch.url);
                let with = |request: RequestBuilder<_>, (name, value)| request.header(name, value);
                headers.into_iter().fold(request, with).call()?
            }
        };
        text(response.body_mut())
    }

    /// One of that manner.
    fn agent(&mut self, manner: &Manner) -> Agent {
        match &self.agent {
            Some((known, agent)) if known == manner => agent.clone(),
            _ => {
                let agent = agent(manner, self.timeout);
                self.agent = Some((manner.clone(), agent.clone()));
                agent
            }
        }
    }
}

fn agent(manner: &Manner, timeout: Duration) -> Agent {
    let tls = TlsConfig::builder().disable_verification(!manner.verify);
    Config::builder()
        .http_status_as_error(false)
        .max_redirects(manner.redirects)
        .max_redirects_will_error(false)
        .timeout_global(Some(manner.timeout.unwrap_or(timeout).min(timeout)))
        .timeout_connect(manner.connect_timeout)
        .tls_config(tls.build())
        .build()
        .new_agent()
}

/// What a plan wants said beside the document.
fn headers(manner: &Manner) -> Vec<(&'static str, String)> {
    let user_agent = manner.user_agent.as_deref().unwrap_or(USER_AGENT);
    let mut headers = vec![("user-agent", user_agent.to_owned())];
    if let Some(credentials) = &manner.user_password {
        let credentials = BASE64.encode(credentials.as_bytes());
        headers.push(("authorization", format!("Basic {credentials}")));
    }
    for (name, value) in [("referer", &manner.referer), ("cookie", &manner.cookie)] {
        if let Some(value) = value {
            headers.push((name, value.to_string()));
        }
    }
    headers
}

/// The beginning of a document that is too long for a variable is enough.
fn text(body: &mut Body) -> Result<String, Error> {
    let mut bytes = Vec::new();
    body.as_reader().take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether it is the server's fault, and not what a plan wants of it.
fn is_of_the_server(error: &Error) -> bool {
    matches!(
        error,
        Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed
    )
}

/// What may be told of an error: a bad URL can hold credentials.
fn told(error: &Error) -> String {
    match error {
        Error::BadUri(_) => "that is no URL".into(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
