//! What a page is told of the probes: their heads and reports when those change, the steps of their runs as they come.

use std::time::Duration;

use icescope_evidence::{Position, Probes};
use icescope_model::api::ToPage;
use tokio::sync::watch;
use tokio::time::Instant;

/// What probes found is much at once, and a connection that is being set up goes first.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Words are at least this far apart, so that a burst of steps becomes a few messages.
const EVERY: Duration = Duration::from_millis(100);

pub(super) struct ProbeFeed {
    probes: Probes,
    revision: watch::Receiver<u64>,
    position: Position,
    /// When there is something to tell.
    due: Option<Instant>,
    told: Instant,
}

impl ProbeFeed {
    pub(super) fn new(probes: &Probes) -> Self {
        let now = Instant::now();
        Self {
            probes: probes.clone(),
            revision: probes.revision(),
            position: Position::default(),
            due: Some(now + FIRST_AFTER),
            told: now,
        }
    }

    /// The next words to the page. What this future has begun is kept when it is dropped.
    pub(super) async fn next(&mut self) -> Vec<ToPage> {
        loop {
            if let Some(due) = self.due {
                tokio::time::sleep_until(due).await;
                self.due = None;
                self.told = due;
                let news = self.probes.news(&mut self.position);
                if !news.is_empty() {
                    return news;
                }
            }
            // Its other end lives as long as `probes`.
            let _ = self.revision.changed().await;
            self.due = Some(Instant::now().max(self.told + EVERY));
        }
    }
}
