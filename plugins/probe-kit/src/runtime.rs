//! A runtime that ends with the run.

use std::time::Duration;

use icescope_plugin_sdk::{Error, Run};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What is kept of a run's time for writing its documents, when probes ask how long they may measure.
const MARGIN: Duration = Duration::from_millis(300);

/// The run, as its future sees it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    run: &'a Run<'a>,
}

impl<'a> Context<'a> {
    /// The run itself: events, reports, servers.
    pub fn run(self) -> &'a Run<'a> {
        self.run
    }

    /// How long is left; `None` without a deadline.
    pub fn remaining(self) -> Option<Duration> {
        self.run.remaining()
    }

    /// Whether the run has to wind up.
    pub fn cancelled(self) -> bool {
        self.run.cancelled()
    }

    /// How long may be measured so that there is time left to report: `wish` where the deadline allows it.
    pub fn budget(self, wish: Duration) -> Duration {
        match self.remaining() {
            // A run shorter than the margin still measures for half of its time.
            Some(left) => wish.min(left.saturating_sub(MARGIN).max(left / 2)),
            None => wish,
        }
    }
}

/// Runs `work` on this thread until it is done. At cancellation and at the deadline it is dropped where it stands.
///
/// # Errors
/// What `work` fails with; [`Error::cancelled`]; [`Error::timed_out`]; the system gives no runtime.
pub fn block_on<'a, T>(
    run: &'a Run<'a>,
    work: impl AsyncFnOnce(Context<'a>) -> Result<T, Error>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::failed(format!("the system gave no event loop for the measurement: {error}"))
    })?;
    let result = runtime.block_on(async {
        tokio::select! {
            // First: a cancelled run does not begin.
            biased;
            error = cancelled(run) => Err(error),
            result = work(Context { run }) => result,
            () = deadline(run) => Err(Error::timed_out("the run's deadline passed before the measurement was done")),
        }
    });
    // A name look-up of the system's that hangs must not hold the run: see `dns`.
    runtime.shutdown_background();
    result
}

async fn deadline(run: &Run<'_>) {
    match run.remaining() {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Waits until the run is cancelled; for ever if it is not. For work that has to leave something in order first, and so
/// cannot be dropped as [`block_on`] does.
pub async fn cancelled(run: &Run<'_>) -> Error {
    if run.cancelled() {
        return Error::cancelled();
    }
    let Some(fd) = run.cancel_fd() else { return std::future::pending().await };
    // The newer constructors are unsafe, for a type could close the descriptor while it is watched; an OwnedFd does not.
    #[allow(deprecated, reason = "see above")]
    let watch = fd.try_clone_to_owned().and_then(|fd| AsyncFd::with_interest(fd, Interest::READABLE));
    let ready = match &watch {
        Ok(watch) => watch.readable().await.map(drop),
        Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
    };
    match ready {
        Ok(()) => Error::cancelled(),
        // Without the descriptor the deadline still ends the run.
        Err(error) => {
            tracing::warn!("the run's cancel descriptor cannot be watched: {error}");
            std::future::pending().await
        }
    }
}
