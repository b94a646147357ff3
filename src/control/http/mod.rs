//! What programs and browsers see of a running engine: metrics, health, tables
//! as JSON, and one page that draws them. On a thread of its own, off by
//! default; it changes nothing.
//!
//! - `gate`: connections, as many and for as long as is allowed
//! - `metrics`: `/metrics`, for Prometheus
//! - `health`: `/healthz`, `/readyz`
//! - `api`, `cursor`: `/v1/…`, page by page
//! - `page`: `/`

mod api;
mod cursor;
mod gate;
mod health;
mod metrics;
mod page;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pinion_runtime::Census;
use pinion_sip::base::ShardId;
use pinion_sip::machine::{Page, Query, Stages};

use crate::Failure;
use crate::control::house::House;
use crate::control::session;
use crate::modules::Beside;

/// Requests answered at once: each may wait for shards.
const AT_ONCE: usize = 4;

/// Numbers that belong to no shard, by name, as they are now.
pub type Totals = Arc<dyn Fn() -> Vec<(String, u64)> + Send + Sync>;

/// What is shown.
struct View {
    house: Arc<House>,
    totals: Totals,
}

/// What a handler reaches.
type Shown = State<Arc<View>>;

/// A bound listener that nobody is answered by yet.
pub struct Http {
    listener: TcpListener,
    address: SocketAddr,
    anywhere: bool,
}

impl Http {
    /// Binds the address. Others than loopback ones have to be wanted: whoever
    /// reaches the port reads who is registered and who calls whom.
    pub fn bind(address: SocketAddr, anywhere: bool) -> Result<Http, Failure> {
        if !address.ip().is_loopback() && !anywhere {
            return Err(Failure::Settings(format!(
                "--http {address}: whoever reaches it sees who calls whom; --http-anywhere says that this is meant"
            )));
        }
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Http {
                listener,
                address,
                anywhere,
            })
        });
        bound.map_err(|error| Failure::Host(format!("--http {address}: {error}")))
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from now on, for as long as the process lives.
    pub fn open(self, house: Arc<House>, totals: Totals) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(AT_ONCE)
            .thread_keep_alive(Duration::from_secs(60))
            .thread_name("http-query")
            .on_thread_start(session::come_second)
            .build()?;
        let view = Arc::new(View { house, totals });
        let router = match self.anywhere {
            true => router(view),
            false => router(view).layer(from_fn(gate::by_address)),
        };
        let router = router.layer(map_response(gate::last));
        let serve = move || {
            session::come_second();
            let served: io::Result<()> = runtime.block_on(async {
                let gate = gate::Gate::new(self.listener)?;
                axum::serve(gate, router).await
            });
            if let Err(error) = served {
                tracing::error!("HTTP is not answered any more: {error}");
            }
        };
        std::thread::Builder::new()
            .name("http".into())
            .spawn(serve)?;
        Ok(())
    }
}

fn router(view: Arc<View>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/v1/channels", get(api::channels))
        .route("/v1/peers", get(api::peers))
        .route("/v1/registrations", get(api::registrations))
        .route("/v1/modules", get(api::modules))
        .route("/v1/shards", get(api::shards))
        .route("/v1/latency", get(api::latency))
        .layer(from_fn_with_state(Arc::clone(&view), loaded))
        .with_state(view)
}

/// Answers 503 as long as what is asked for is not loaded.
async fn loaded(State(view): Shown, request: Request, next: Next) -> Response {
    let modules = &view.house.modules;
    let module = match request.uri().path() {
        "/metrics" => Beside::Metrics,
        _ => Beside::Http,
    };
    match [Beside::Http, module]
        .iter()
        .find(|module| !modules.is_on(**module))
    {
        None => next.run(request).await,
        Some(module) => {
            let sentence = format!("{}.so is not loaded\n", module.name());
            (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
        }
    }
}

impl View {
    /// The numbers of all shards that answer.
    fn census(&self) -> Vec<Census> {
        self.house.shards.census()
    }

    /// What the stages have taken, all shards together but for those that do not
    /// answer, which are named.
    fn stages(&self) -> (Stages, Vec<ShardId>) {
        let (mut all, mut silent) = (Stages::default(), Vec::new());
        for (shard, page) in self.house.shards.ask_all(&Query::Stages) {
            match page {
                Some(Page::Stages(stages)) => all.merge(&stages),
                _ => silent.push(shard),
            }
        }
        (all, silent)
    }
}

/// Does what may wait for shards, and answers with what comes of it.
async fn answer<R: IntoResponse + Send + 'static>(
    State(view): Shown,
    work: impl FnOnce(&View) -> R + Send + 'static,
) -> Response {
    let done = tokio::task::spawn_blocking(move || work(&view).into_response());
    done.await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
