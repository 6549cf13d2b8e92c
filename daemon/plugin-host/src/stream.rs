//! A running stream of a source: it outlives crashes of the plugin and reloads of its configuration.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use icescope_model::media::{AccessUnit, Control, Format, MediaMessage};
use tokio::sync::{mpsc, watch};

use crate::generation::Generation;
use crate::playing::{On, Played, attach};
use crate::wishes::{Wished, Wishes};

/// Messages that wait for the receiver; the ring holds the other six of the contract's eight units.
pub(crate) const CHANNEL: usize = 2;

/// One format of one source, playing. Dropping it stops it.
#[derive(Debug)]
pub struct SourceStream {
    /// What comes out. Together with the plugin's queue it holds at most 8 units or 250 ms; when more is not taken,
    /// units are dropped up to the next key frame.
    pub messages: mpsc::Receiver<MediaMessage>,
    /// What can be asked of it.
    pub control: StreamControl,
}

/// Asks things of a stream. Cheap to clone; outlives the stream without effect.
#[derive(Debug, Clone)]
pub struct StreamControl {
    wishes: Arc<Wishes>,
}

impl StreamControl {
    pub(crate) fn new(wishes: Arc<Wishes>) -> Self {
        Self { wishes }
    }

    /// Asks for something; never blocks. Of several wishes of one kind that wait, the last one counts.
    pub fn send(&self, control: Control) {
        self.wishes.add(control);
    }
}

type Attaching = Pin<Box<dyn Future<Output = Result<On, String>> + Send>>;

/// What moves a stream.
#[allow(clippy::large_enum_variant, reason = "one at a time, moved once")]
enum Step {
    Closed,
    Wished,
    Replaced,
    Attached(Result<On, String>),
    Now(Played),
    Next(Played),
    CanTell,
}

/// The task behind a [`SourceStream`].
pub(crate) struct StreamTask {
    /// What was opened, with its facts as they were told last.
    format: Format,
    /// The generation to play from.
    generations: watch::Receiver<Generation>,
    out: mpsc::Sender<MediaMessage>,
    wishes: Arc<Wishes>,
    /// What holds for the next start, too: bit rate, frame rate, pause.
    lasting: Wished,
    /// What plays.
    now: Option<On>,
    /// Of a newer generation: takes over with its first key frame.
    next: Option<On>,
    /// What will play.
    attaching: Option<Attaching>,
    /// The next unit follows on a break.
    broken: bool,
    /// Why it was interrupted, until there is room to tell: whoever takes nothing must not keep it from coming back.
    untold: Option<String>,
}

impl StreamTask {
    pub(crate) fn new(
        format: Format,
        generations: watch::Receiver<Generation>,
        out: mpsc::Sender<MediaMessage>,
        wishes: Arc<Wishes>,
    ) -> Self {
        Self {
            format,
            generations,
            out,
            wishes,
            lasting: Wished::default(),
            now: None,
            next: None,
            attaching: None,
            broken: false,
            untold: None,
        }
    }

    /// Plays until the receiver is dropped, or there is nothing to play any more.
    pub(crate) async fn run(mut self) {
        self.attach();
        loop {
            let step = self.step().await;
            if !self.take(step).await {
                return;
            }
        }
    }

    fn attach(&mut self) {
        let generation = self.generations.borrow_and_update().clone();
        self.attaching = Some(Box::pin(attach(generation, self.format.clone())));
    }

    async fn step(&mut self) -> Step {
        let Self { now, next, attaching, out, generations, wishes, untold, .. } = self;
        tokio::select! {
            biased;
            () = out.closed() => Step::Closed,
            // An error means that the host is gone: then its plugins are stopped, which is heard below.
            Ok(()) = generations.changed() => Step::Replaced,
            attached = wait(attaching.as_mut()) => Step::Attached(attached),
            played = play_next(next.as_mut()) => Step::Next(played),
            Ok(_) = out.reserve(), if untold.is_some() => Step::CanTell,
            played = play(now.as_mut(), out, untold.is_none()) => Step::Now(played),
            () = wishes.added.notified() => Step::Wished,
        }
    }

    /// Does what the step asks for. `false`: the stream is over.
    async fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Closed => return false,
            Step::Wished => self.pass_wishes_on(),
            Step::Attached(Err(reason)) => return self.end(reason).await,
            Step::Attached(Ok(on)) => return self.attached(on).await,
            Step::Now(played) => return self.played(played).await,
            Step::CanTell => return self.tell_interruption().await,
            Step::Next(Played::Unit(unit)) => {
                self.now = self.next.take();
                self.broken = true;
                return self.tell_format().await && self.send_unit(unit).await;
            }
            Step::Next(Played::WantsKey) => ask(self.next.as_ref(), vec![Control::KeyFrame]),
            Step::Next(Played::Format) => {}
            Step::Replaced | Step::Next(Played::Down(_) | Played::Over(_)) => {
                self.next = None;
                self.attach();
            }
        }
        true
    }

    async fn played(&mut self, played: Played) -> bool {
        match played {
            Played::Unit(unit) => {
                self.pass_wishes_on();
                self.send_unit(unit).await
            }
            Played::WantsKey => {
                ask(self.now.as_ref(), vec![Control::KeyFrame]);
                true
            }
            Played::Format => self.tell_format().await,
            // Another generation is about to take over: then it does not matter why this one went.
            Played::Over(reason) if self.next.is_none() && self.attaching.is_none() => self.end(reason).await,
            Played::Down(reason) | Played::Over(reason) => {
                self.interrupt(reason);
                true
            }
        }
    }

    async fn attached(&mut self, on: On) -> bool {
        self.attaching = None;
        let lasting = self.lasting.clone().into_controls();
        if !lasting.is_empty() {
            ask(Some(&on), lasting);
        }
        if self.now.is_some() {
            self.next = Some(on);
            return true;
        }
        self.now = Some(on);
        self.pass_wishes_on();
        self.tell_format().await
    }

    fn interrupt(&mut self, reason: String) {
        self.broken = true;
        self.now = self.next.take();
        if self.now.is_none() && self.attaching.is_none() {
            self.attach();
        }
        self.untold = Some(reason);
    }

    async fn send(&mut self, message: MediaMessage) -> bool {
        self.tell_interruption().await && self.out.send(message).await.is_ok()
    }

    async fn tell_interruption(&mut self) -> bool {
        match self.untold.take() {
            Some(reason) => self.out.send(MediaMessage::Interrupted { reason }).await.is_ok(),
            None => true,
        }
    }

    async fn end(&mut self, reason: String) -> bool {
        let _ = self.send(MediaMessage::Ended { reason }).await;
        false
    }

    async fn send_unit(&mut self, mut unit: AccessUnit) -> bool {
        unit.discontinuity |= std::mem::take(&mut self.broken);
        self.send(MediaMessage::Unit(unit)).await
    }

    /// Tells the facts of what plays, if they are not those that were told last.
    async fn tell_format(&mut self) -> bool {
        match &self.now {
            Some(now) if now.format() != &self.format => {
                self.format = now.format().clone();
                self.send(MediaMessage::Format(self.format.clone())).await
            }
            _ => true,
        }
    }

    /// Passes on what was asked meanwhile; what cannot be passed on now waits on.
    fn pass_wishes_on(&mut self) {
        let Some(now) = &self.now else { return };
        let mut waiting = self.wishes.waiting();
        let controls = waiting.clone().into_controls();
        if !controls.is_empty() && now.ask(controls.clone()) {
            *waiting = Wished::default();
            for control in controls.into_iter().filter(|control| *control != Control::KeyFrame) {
                self.lasting.add(control);
            }
        }
    }
}

fn ask(on: Option<&On>, controls: Vec<Control>) {
    if let Some(on) = on {
        // A supervisor with 32 requests waiting is about to find its plugin hung.
        on.ask(controls);
    }
}

async fn wait(attaching: Option<&mut Attaching>) -> Result<On, String> {
    match attaching {
        Some(attaching) => attaching.await,
        None => std::future::pending().await,
    }
}

async fn play_next(on: Option<&mut On>) -> Played {
    match on {
        Some(on) => on.next().await,
        None => std::future::pending().await,
    }
}

/// The slot in the channel first, then the unit: what the receiver does not take stays in the plugin's queue, which
/// knows how to drop. Only this task sends, so the place cannot be lost in between. That the plugin went down is heard
/// with or without a place, and without one (`may_send`) nothing else is.
async fn play(on: Option<&mut On>, out: &mpsc::Sender<MediaMessage>, may_send: bool) -> Played {
    let Some(on) = on else { return std::future::pending().await };
    tokio::select! {
        biased;
        // An error: nobody listens any more, which is noticed elsewhere.
        _ = out.reserve(), if may_send => {}
        played = on.changed() => return played,
    }
    on.next().await
}
