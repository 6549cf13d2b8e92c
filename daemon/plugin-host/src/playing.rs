//! A stream's hold on one generation of its plugin: attaching, and what is played from there.

use std::time::Duration;

use icescope_model::media::{AccessUnit, Control, Format};
use tokio::sync::{oneshot, watch};

use crate::attached::{Attached, Got};
use crate::generation::{Generation, NotStarted, Request, Stage};
use crate::up::place_of;

/// The pauses between attempts to start a format that failed to start, in milliseconds; the last one repeats.
const PAUSES: [u64; 6] = [200, 500, 1_000, 2_000, 5_000, 30_000];

/// A format that plays.
pub(crate) struct On {
    attached: Attached,
    generation: Generation,
    stage: watch::Receiver<Stage>,
}

/// What comes of it.
pub(crate) enum Played {
    /// A frame.
    Unit(AccessUnit),
    /// The plugin should be asked for a key frame.
    WantsKey,
    /// The format's facts have changed.
    Format,
    /// It went down and may come back.
    Down(String),
    /// It will not come back.
    Over(String),
}

impl On {
    /// The format with its facts.
    pub(crate) fn format(&self) -> &Format {
        &self.attached.format
    }

    /// Passes controls on. `false`: not now.
    pub(crate) fn ask(&self, controls: Vec<Control>) -> bool {
        self.generation.requests.try_send(Request::Control { attachment: self.attached.id, controls }).is_ok()
    }

    /// While nobody takes any units: keeps the count of the dropped ones, and tells when the plugin stands elsewhere.
    pub(crate) async fn changed(&mut self) -> Played {
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.stage.changed() => {}
                () = self.attached.reader.count_drops() => {}
            }
            if let Some(played) = self.stage_changed() {
                return played;
            }
        }
    }

    /// What comes next. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Played {
        loop {
            let Self { attached, stage, .. } = self;
            let ended = async {
                match &mut attached.ended {
                    Some(ended) => ended.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Ok(()) = stage.changed() => {
                    if let Some(played) = self.stage_changed() {
                        return played;
                    }
                }
                ended = ended => {
                    self.attached.ended = None;
                    // An error: it was stopped or went down without a word, and the stage will tell.
                    if let Ok(reason) = ended {
                        return Played::Over(reason);
                    }
                }
                got = attached.reader.next() => return match got {
                    Ok(Got::Unit(unit)) => Played::Unit(unit),
                    Ok(Got::WantsKey) => Played::WantsKey,
                    Err(corrupt) => Played::Down(format!("its shared memory is broken: {corrupt}")),
                },
            }
        }
    }

    fn stage_changed(&mut self) -> Option<Played> {
        let stage = self.stage.borrow_and_update().clone();
        match stage {
            Stage::Ready { epoch, formats } if epoch == self.attached.epoch => {
                let format = formats.get(self.attached.index)?;
                if *format == self.attached.format {
                    return None;
                }
                if place_of(std::slice::from_ref(format), &self.attached.format).is_none() {
                    return Some(Played::Down("its formats have changed".to_owned()));
                }
                self.attached.format = format.clone();
                Some(Played::Format)
            }
            Stage::Disabled { reason } => Some(Played::Over(reason)),
            Stage::Stopped => Some(Played::Over("the source was taken out of the configuration".to_owned())),
            _ => {
                let message = self.generation.shared.status().message;
                Some(Played::Down(message.unwrap_or_else(|| "its plugin went down".to_owned())))
            }
        }
    }
}

/// Starts the format as soon as the generation is up, and tries again while that may help. The error says why nothing
/// can be played.
pub(crate) async fn attach(generation: Generation, format: Format) -> Result<On, String> {
    let mut pauses = PAUSES.iter().copied();
    loop {
        match generation.decided().await {
            Stage::Disabled { reason } => return Err(reason),
            Stage::Stopped => return Err("the source was taken out of the configuration".to_owned()),
            _ => {}
        }
        // Before the start: a change while it is answered must not be missed.
        let stage = generation.shared.watch();
        let (reply, answer) = oneshot::channel();
        let request = Request::Start { format: format.clone(), reply };
        if generation.requests.send(request).await.is_err() {
            return Err("the source was taken out of the configuration".to_owned());
        }
        match answer.await {
            Ok(Ok(attached)) => return Ok(On { attached, generation, stage }),
            Ok(Err(NotStarted::Never(reason))) => return Err(reason),
            // It went down over this start; when it is up again, or disabled, is told above.
            Err(_) => tokio::task::yield_now().await,
            Ok(Err(NotStarted::Later)) => {
                let pause = pauses.next().unwrap_or(PAUSES[PAUSES.len() - 1]);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }
}
