//! What all handlers share, and the table of routes.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use icescope_evidence::Evidence;
use icescope_model::Monotonic;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::doors::rates::Rates;
use crate::error::Refusal;
use crate::options::Options;
use crate::resources::Resources;
use crate::{doors, live, offer, page, plugins, probes, sessions, whep, whip};

/// Live channels at one time, for all sessions: some per session of a large configuration.
const LIVE_CHANNELS: usize = 256;

/// Runs of probes that one address may ask for at once: all of them, and again.
const RUN_BURST: u32 = 10;
/// And one per this time after that.
const RUN_INTERVAL: Duration = Duration::from_secs(5);

/// A handler's way to [`App`].
pub(crate) type Shared = Arc<App>;

/// What all handlers share.
pub(crate) struct App {
    pub(crate) evidence: Evidence,
    options: RwLock<Arc<Options>>,
    rates: Mutex<Rates>,
    run_rates: Mutex<Rates>,
    resources: Mutex<Resources>,
    pub(crate) live_channels: Arc<Semaphore>,
    /// Owns what must go on when its request's connection breaks, and the live channels.
    pub(crate) tasks: TaskTracker,
    /// The server stops: live channels end.
    pub(crate) stop: CancellationToken,
}

impl App {
    pub(crate) fn new(options: Options, evidence: Evidence) -> Shared {
        Arc::new(Self {
            evidence,
            options: RwLock::new(Arc::new(options)),
            rates: Mutex::default(),
            run_rates: Mutex::default(),
            resources: Mutex::default(),
            live_channels: Arc::new(Semaphore::new(LIVE_CHANNELS)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The options as they are now.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_options(&self, options: Options) {
        *self.options.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
    }

    pub(crate) fn resources(&self) -> MutexGuard<'_, Resources> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses (429) an address that opens sessions too fast.
    pub(crate) fn admit(&self, from: IpAddr) -> Result<(), Refusal> {
        let options = self.options();
        let (burst, interval) = (options.session_burst, options.session_interval);
        take(&self.rates, from, burst, interval).map_err(|wait| {
            let remedy = format!("opens sessions too fast: try again in {wait} s (rates in [limits])");
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-fast", format!("{from} {remedy}"))
                .retry_after(wait)
        })
    }

    /// Refuses (429) an address that runs probes too fast: they ask foreign servers.
    pub(crate) fn admit_run(&self, from: IpAddr) -> Result<(), Refusal> {
        take(&self.run_rates, from, RUN_BURST, RUN_INTERVAL).map_err(|wait| {
            let message = format!("{from} runs probes too fast: try again in {wait} s");
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-fast", message).retry_after(wait)
        })
    }
}

/// Takes one token of the address, or tells how many seconds to wait for it.
fn take(rates: &Mutex<Rates>, from: IpAddr, burst: u32, interval: Duration) -> Result<(), u64> {
    let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = rates.take(from, Monotonic::now(), burst, interval);
    taken.map_err(|wait| wait.saturating_add(Duration::from_millis(999)).as_secs().max(1))
}

/// All routes, inside the doors.
pub(crate) fn routes(app: &Shared) -> Router {
    let router = Router::new()
        .route("/api/health", get(plugins::health))
        .route("/api/plugins", get(plugins::list))
        .route("/api/probes", get(probes::list))
        .route("/api/probes/{instance}/run", post(probes::run))
        .route("/api/sessions", get(sessions::list).post(sessions::open))
        .route("/api/sessions/{id}", get(sessions::record))
        .route("/api/sessions/{id}/events", post(sessions::exchange))
        .route("/api/sessions/{id}/share", post(sessions::share))
        .route("/api/sessions/{id}/live", get(live::upgrade))
        .route("/offer", post(offer::answer))
        .route("/whep", get(whep::discover).options(whep::discover).post(whep::default_source))
        .route("/whep/{source}", get(whep::discover).options(whep::discover).post(whep::named_source))
        .route("/whep/sessions/{key}", whep::session_routes())
        .route("/whip", get(whep::discover).options(whep::discover).post(whip::ingest))
        .route("/whip/sessions/{key}", whep::session_routes())
        .with_state(Arc::clone(app));
    router
        .merge(page::routes())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(app), doors::guard))
}

/// axum adds the `Allow` header.
async fn method_not_allowed(method: Method, uri: Uri) -> Refusal {
    let message = format!("{method} is not for {}: see the Allow header", doors::shown_path(uri.path()));
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
}

async fn not_found(uri: Uri) -> Refusal {
    let message = format!("there is nothing at {}", doors::shown_path(uri.path()));
    Refusal::new(StatusCode::NOT_FOUND, "not-found", message)
}
