//! One running stream: a format of a source, encoded once and packetised once for all its viewers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use icescope_model::media::{AccessUnit, Control, Format};
use icescope_model::signal::CloseReason;
use icescope_model::{Evidence, Lane, Monotonic, Observation, Scope, SessionId};

use super::gop::{Gop, Start};
use super::keyframes::{Ask, KeyFrames};
use super::packetiser::{Codec, Packetiser};
use super::rate::{Bounds, Rate, thinned};
use super::viewer::{Pushed, Viewer};
use crate::options::BitRates;
use crate::source::Controls;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A running stream.
pub(crate) struct Stream {
    /// Unique in this process.
    pub(crate) id: u64,
    /// The source's name.
    pub(crate) source: String,
    controls: Controls,
    bounds: Option<Bounds>,
    state: Mutex<State>,
}

struct State {
    packetiser: Packetiser,
    gop: Gop,
    keyframes: KeyFrames,
    viewers: Vec<Arc<Viewer>>,
    rate: Rate,
    ended: Option<String>,
}

impl Stream {
    /// A stream that has just been opened.
    pub(crate) fn new(
        source: &str,
        format: &Format,
        codec: Codec,
        controls: Controls,
        bit_rates: BitRates,
    ) -> Self {
        let bounds = Bounds::new((bit_rates.min, bit_rates.max), format.bit_rate);
        let start = bounds.map_or(bit_rates.start, |bounds| bit_rates.start.clamp(bounds.min, bounds.max));
        let stream = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            source: source.to_owned(),
            controls,
            bounds,
            state: Mutex::new(State {
                packetiser: Packetiser::new(codec),
                gop: Gop::default(),
                keyframes: KeyFrames::default(),
                viewers: Vec::new(),
                rate: Rate::new(start),
                ended: None,
            }),
        };
        if bounds.is_some() {
            stream.set_bit_rate(start);
        }
        stream
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_bit_rate(&self, target: u64) {
        // A quarter above the target is what key frames need without a visible drop in quality.
        (self.controls)(Control::BitRate { target, max: target + target / 4 });
    }

    /// Adds a viewer.
    pub(crate) fn join(&self, viewer: &Arc<Viewer>) {
        let ended = {
            let mut state = self.state();
            state.viewers.push(Arc::clone(viewer));
            state.ended.clone()
        };
        if let Some(reason) = ended {
            viewer.end(CloseReason::SourceEnded(reason));
        } else {
            self.warm_up();
        }
    }

    /// Somebody is about to watch: asks for a key frame now if there is none to begin with, so that it is there when the
    /// connection comes up.
    fn warm_up(&self) {
        let ask = {
            let mut state = self.state();
            state.gop.stale() && state.keyframes.ask(Monotonic::now()) == Ask::Now
        };
        if ask {
            (self.controls)(Control::KeyFrame);
        }
    }

    /// Removes a session's viewer.
    pub(crate) fn leave(&self, session: SessionId) {
        self.state().viewers.retain(|viewer| viewer.session != session);
    }

    /// Nobody watches.
    pub(crate) fn is_idle(&self) -> bool {
        self.state().viewers.is_empty()
    }

    /// It has come to its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    /// A viewer's connection is up: what it gets at once; from here on it is queued for. `None` if it no longer belongs here.
    pub(crate) fn begin(&self, viewer: &Viewer) -> Option<Start> {
        let (start, ask) = {
            let mut state = self.state();
            if !state.viewers.iter().any(|other| other.session == viewer.session) {
                return None;
            }
            let start = state.gop.start();
            viewer.go_live(&start);
            let ask = !start.complete && state.keyframes.ask(Monotonic::now()) == Ask::Now;
            (start, ask)
        };
        if ask {
            (self.controls)(Control::KeyFrame);
        }
        Some(start)
    }

    /// A viewer needs a key frame; `why` names what said so.
    pub(crate) fn ask_key_frame(&self, viewer: &Viewer, why: &str) {
        let ask = self.state().keyframes.ask(Monotonic::now());
        if ask == Ask::Now {
            (self.controls)(Control::KeyFrame);
        }
        let scope = Scope::Session(viewer.session);
        viewer.sink.send(
            Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Peer, "media.key_frame_requested")
                .summary(match ask {
                    Ask::Now => format!("{why}: a key frame was asked of the source"),
                    Ask::Later => format!("{why}: joined with the request made before"),
                })
                .with("reason", why)
                .with("coalesced", ask == Ask::Later),
        );
    }

    /// The next unit of the source: to all viewers.
    pub(crate) fn deliver(&self, unit: &AccessUnit) {
        let (wake, ask) = {
            let mut state = self.state();
            let Some(unit) = state.packetiser.packetise(unit) else { return };
            let unit = Arc::new(unit);
            if unit.key {
                state.keyframes.came();
            }
            state.gop.push(&unit);
            let mut wake = Vec::with_capacity(state.viewers.len());
            let mut overrun = false;
            let id = self.id;
            state.viewers.retain(|viewer| match viewer.push(id, &unit) {
                Pushed::Queued => {
                    wake.push(Arc::clone(viewer));
                    true
                }
                Pushed::Skipped => true,
                Pushed::Overrun => {
                    overrun = true;
                    true
                }
                Pushed::Gone => false,
            });
            let now = Monotonic::now();
            let ask = (overrun && state.keyframes.ask(now) == Ask::Now) || state.keyframes.due(now);
            (wake, ask)
        };
        if ask {
            (self.controls)(Control::KeyFrame);
        }
        for viewer in wake {
            viewer.wake();
        }
    }

    /// Units were lost before the next one.
    pub(crate) fn interrupted(&self) {
        self.state().gop.clear();
    }

    /// Nothing follows: all who watch it now are told.
    pub(crate) fn end(&self, reason: &str) {
        let viewers = {
            let mut state = self.state();
            state.ended = Some(reason.to_owned());
            state.gop.clear();
            std::mem::take(&mut state.viewers)
        };
        for viewer in viewers {
            // One that another stream is about to take over goes on.
            if viewer.stream().id == self.id {
                viewer.end(CloseReason::SourceEnded(reason.to_owned()));
            }
        }
    }

    /// Once a second: fits the bit rate to the viewers.
    pub(crate) fn adapt(&self) {
        let Some(bounds) = self.bounds else { return };
        let now = Monotonic::now();
        let (target, viewers) = {
            let mut state = self.state();
            let needs: Vec<_> =
                state.viewers.iter().filter(|viewer| viewer.is_live()).map(|v| v.need(now)).collect();
            for viewer in &state.viewers {
                viewer.set_thin(thinned(viewer.need(now), bounds, viewer.is_thin()));
            }
            let before = state.rate.target();
            let target = state.rate.next(&needs, bounds, now).map(|target| (before, target));
            (target, state.viewers.clone())
        };
        let Some((before, target)) = target else { return };
        self.set_bit_rate(target);
        for viewer in viewers {
            let scope = Scope::Session(viewer.session);
            viewer.sink.send(
                Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Peer, "media.bit_rate")
                    .summary(format!("the encoder goes from {} to {} kbit/s", before / 1000, target / 1000))
                    .with("targetBitrate", target),
            );
        }
    }
}
