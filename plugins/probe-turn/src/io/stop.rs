//! The end that comes from outside: cancellation, or a deadline that is near. Unlike a plain runtime, which drops its work
//! there, this leaves time to give allocations back.

use std::convert::Infallible;
use std::time::Duration;

use icescope_plugin_sdk::{Error, Run};
use icescope_probe_kit::runtime;
use tokio::sync::watch;

/// Kept of a run's time for releases and reports: two round trips to the other side of the earth, with one request lost.
pub const RESERVE: Duration = Duration::from_secs(2);

/// What of the reserve releases may take.
pub const RELEASE: Duration = Duration::from_millis(1500);

/// Why a run has to wind up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The host cancelled it.
    Cancelled,
    /// Its deadline is near.
    Deadline,
}

impl Reason {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "the run was cancelled",
            Self::Deadline => "the run's time was up",
        }
    }
}

/// Knows when to wind up.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Reason>>);

impl Stop {
    /// Waits until the work has to wind up.
    pub async fn requested(mut self) -> Reason {
        match self.0.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(Reason::Cancelled),
            Err(_) => std::future::pending().await,
        }
    }

    /// Why the work has to wind up, if it has to.
    pub fn reason(&self) -> Option<Reason> {
        *self.0.borrow()
    }
}

/// Runs `work` on this thread. It is told when to stop, and then has [`RESERVE`] left.
///
/// # Errors
/// What `work` fails with; the system gives no runtime.
pub fn block_on<'a, T>(
    run: &'a Run<'a>,
    work: impl AsyncFnOnce(Stop) -> Result<T, Error>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::failed(format!("the system gave no event loop for the measurement: {error}"))
    })?;
    let (tell, told) = watch::channel(None);
    let result = runtime.block_on(async {
        let watching = async {
            let reason = tokio::select! {
                biased;
                _ = runtime::cancelled(run) => Reason::Cancelled,
                () = nearly_over(run) => Reason::Deadline,
            };
            tell.send_replace(Some(reason));
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            never = watching => match never {},
            result = work(Stop(told)) => result,
        }
    });
    // A name look-up of the system's that hangs must not hold the run.
    runtime.shutdown_background();
    result
}

async fn nearly_over(run: &Run<'_>) {
    match run.remaining() {
        // A run shorter than the reserve still measures for half of its time.
        Some(left) => tokio::time::sleep(left.saturating_sub(RESERVE).max(left / 2)).await,
        None => std::future::pending().await,
    }
}
