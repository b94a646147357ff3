//! Documents by HTTP and HTTPS. One connection pool a thread.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinion_sip::dialplan::{Fetch, Manner};
use ureq::config::Config;
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, RequestBuilder};

use super::circuit::Circuits;

/// The longest document, in bytes: more than a variable holds.
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
        if !self.circuits.is_closed(server) {
            return None;
        }
        let answer = self.ask(fetch);
        self.circuits.learn(server, answer.is_ok());
        answer
            .inspect_err(|error| tracing::debug!("{server} is not to be read: {error}"))
            .ok()
    }

    fn ask(&mut self, fetch: &Fetch) -> Result<String, ureq::Error> {
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
        .user_agent(manner.user_agent.as_deref().unwrap_or(USER_AGENT))
        .tls_config(tls.build())
        .build()
        .new_agent()
}

/// What a plan wants said beside the document.
fn headers(manner: &Manner) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
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

fn text(body: &mut Body) -> Result<String, ureq::Error> {
    let bytes = body.with_config().limit(LONGEST).read_to_vec()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `scheme://host:port` of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..start + end).unwrap_or(url)
}

#[cfg(test)]
mod tests;
