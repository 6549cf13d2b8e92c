//! What a stream was asked for: kept until it can be passed on, and for the next start of its plugin.

use std::sync::{Mutex, MutexGuard, PoisonError};

use icescope_model::media::Control;
use tokio::sync::Notify;

/// What was asked and not yet passed on, and what holds for the next start of the plugin, too.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    waiting: Mutex<Wished>,
    pub(crate) added: Notify,
}

/// At most one of each kind: the last one counts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wished {
    rate: Option<Control>,
    frame_rate: Option<Control>,
    paused: Option<bool>,
    key: bool,
}

impl Wished {
    pub(crate) fn add(&mut self, control: Control) {
        match control {
            Control::KeyFrame => self.key = true,
            Control::BitRate { .. } => self.rate = Some(control),
            Control::FrameRate { .. } => self.frame_rate = Some(control),
            Control::Pause => self.paused = Some(true),
            Control::Resume => self.paused = Some(false),
        }
    }

    /// In the order in which they are to be told.
    pub(crate) fn into_controls(self) -> Vec<Control> {
        let paused = self.paused.map(|paused| if paused { Control::Pause } else { Control::Resume });
        let key = self.key.then_some(Control::KeyFrame);
        [self.rate, self.frame_rate, paused, key].into_iter().flatten().collect()
    }
}

impl Wishes {
    pub(crate) fn waiting(&self) -> MutexGuard<'_, Wished> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, control: Control) {
        self.waiting().add(control);
        self.added.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_wishes_of_a_kind_the_last_one_counts() {
        let wishes = Wishes::default();
        for control in [
            Control::KeyFrame,
            Control::BitRate { target: 1, max: 2 },
            Control::Pause,
            Control::KeyFrame,
            Control::BitRate { target: 3, max: 4 },
            Control::Resume,
        ] {
            wishes.add(control);
        }
        let told = wishes.waiting().clone().into_controls();
        assert_eq!(told, [Control::BitRate { target: 3, max: 4 }, Control::Resume, Control::KeyFrame]);
    }
}
