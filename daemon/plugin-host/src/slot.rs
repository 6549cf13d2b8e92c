//! One configured name: the generation that counts, and the streams that play from it.

use std::collections::HashMap;
use std::sync::Arc;

use icescope_model::media::{Format, MediaMessage, SourceError};
use tokio::sync::{mpsc, watch};

use crate::generation::{Generation, Stage};

/// One configured name.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    /// The generation that counts.
    pub(crate) current: watch::Sender<Generation>,
    /// A changed one that is not up yet.
    pub(crate) next: Option<Generation>,
    /// Formats that are open, by media type and parameters, each with a place that its stream holds.
    pub(crate) open: HashMap<(String, String), mpsc::WeakSender<MediaMessage>>,
}

impl Slot {
    pub(crate) fn new(generation: Generation) -> Self {
        Self {
            name: generation.shared.spec.name.clone(),
            current: watch::Sender::new(generation),
            next: None,
            open: HashMap::new(),
        }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.current.borrow().clone()
    }

    pub(crate) fn stop(&self) {
        self.generation().stop.cancel();
        if let Some(next) = &self.next {
            next.stop.cancel();
        }
    }

    pub(crate) fn formats(&self) -> Result<Arc<Vec<Format>>, SourceError> {
        let generation = self.generation();
        let name = || self.name.clone();
        match generation.shared.stage() {
            Stage::Ready { formats, .. } if generation.shared.is_source() => Ok(formats),
            Stage::Ready { .. } => {
                Err(SourceError::Failed { name: name(), reason: "it is a plugin of another kind".to_owned() })
            }
            Stage::Starting => Err(SourceError::Starting { name: name(), retry_after_s: 1 }),
            Stage::BackingOff { until } => {
                let rest = until.saturating_duration_since(tokio::time::Instant::now());
                let retry_after_s = u32::try_from(rest.as_secs()).unwrap_or(30) + 1;
                Err(SourceError::Starting { name: name(), retry_after_s })
            }
            Stage::Disabled { reason } => Err(SourceError::Failed { name: name(), reason }),
            Stage::Stopped => Err(SourceError::Failed { name: name(), reason: "it is stopped".to_owned() }),
        }
    }
}

pub(crate) fn find<'a>(slots: &'a [Slot], name: &str) -> Result<&'a Slot, SourceError> {
    slots.iter().find(|slot| slot.name == name).ok_or_else(|| {
        let known: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
        SourceError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}
