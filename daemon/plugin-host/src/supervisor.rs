//! One plugin's supervisor: starts it, makes its calls, and starts it again when it went down.

use std::sync::Arc;
use std::time::Duration;

use icescope_model::plugin::Isolation;
use icescope_model::{Level, Monotonic};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bring_up::{self, NotUp};
use crate::generation::{NotStarted, Request, Shared, Stage};
use crate::link::Failure;
use crate::options::Options;
use crate::policy::{Decision, Fall, Policy};
use crate::proto::{Answer, Command, Note};
use crate::up::Up;
use crate::voice::Voice;

/// How a plugin's life ended for now.
pub(crate) enum End {
    /// As the host asked.
    Stopped,
    /// A probe that nobody asked for anything for a while; the request that wakes it is kept.
    Idle,
    /// It went down.
    Fell(Fall, &'static str, String),
    /// It must not be started again.
    Disabled(String),
}

/// Observation kinds of the two ways to fall.
pub(crate) const CRASHED: &str = "plugin.crashed";
pub(crate) const HUNG: &str = "plugin.hung";
const FAILED: &str = "plugin.failed";

/// The supervisor of one generation.
pub(crate) struct Supervisor {
    pub(crate) options: Arc<Options>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) voice: Arc<Voice>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) stop: CancellationToken,
    /// Starts so far.
    pub(crate) epoch: u64,
    /// Attachments so far.
    pub(crate) attachments: u64,
    /// Runs of a probe so far.
    pub(crate) runs: u32,
    /// The request that woke an idle probe.
    woken_by: Option<Request>,
}

impl Supervisor {
    pub(crate) fn new(
        options: Arc<Options>,
        shared: Arc<Shared>,
        voice: Arc<Voice>,
        requests: mpsc::Receiver<Request>,
        stop: CancellationToken,
    ) -> Self {
        Self { options, shared, voice, requests, stop, epoch: 0, attachments: 0, runs: 0, woken_by: None }
    }

    /// Looks after the plugin until it is stopped.
    pub(crate) async fn run(mut self) {
        let mut policy = Policy::new(self.options.backoff.clone());
        let mut quiet = false;
        loop {
            let end = match bring_up::bring_up(&mut self).await {
                Ok(up) => {
                    policy.up(Monotonic::now());
                    self.ready(&up, quiet);
                    self.keep(up).await
                }
                Err(not_up) => end(not_up),
            };
            self.shared.process(None);
            quiet = matches!(end, End::Idle);
            match end {
                End::Idle if self.rest().await => {}
                End::Stopped | End::Idle => break,
                End::Disabled(reason) => {
                    self.disable("plugin.refused", reason).await;
                    break;
                }
                End::Fell(fall, kind, reason) => {
                    if !self.fell(&mut policy, fall, kind, reason).await {
                        break;
                    }
                }
            }
        }
        self.shared.go(Stage::Stopped, Some("stopped".to_owned()));
    }

    fn ready(&mut self, up: &Up, quiet: bool) {
        let formats = Arc::new(up.formats.clone());
        self.shared.process(up.link.process_id());
        self.shared.go(Stage::Ready { epoch: self.epoch, formats }, None);
        if !quiet {
            let described = &up.described;
            let summary =
                format!("{}: {} {} is ready", self.shared.spec.name, described.id, described.version);
            self.voice.happened("plugin.ready", Level::Info, summary);
        }
    }

    /// Waits with a probe whose child has ended for the next request. `false`: to be stopped.
    async fn rest(&mut self) -> bool {
        self.shared.say(Some("idle: its process is started when it is asked to run".to_owned()));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            request = self.requests.recv() => {
                self.woken_by = request;
                self.woken_by.is_some()
            }
        }
    }

    async fn disable(&mut self, kind: &'static str, reason: String) {
        let name = &self.shared.spec.name;
        self.voice.happened(kind, Level::Error, format!("{name}: {reason}"));
        if kind != "plugin.disabled" {
            let summary = format!("{name}: disabled until the configuration is reloaded");
            self.voice.happened("plugin.disabled", Level::Error, summary);
        }
        let reason = self.voice.clean(reason);
        self.shared.go(Stage::Disabled { reason: reason.clone() }, Some(reason));
        self.refuse_until(None).await;
    }

    /// A fall: waits for the next start. `false`: to be stopped.
    async fn fell(&mut self, policy: &mut Policy, fall: Fall, kind: &'static str, reason: String) -> bool {
        let name = &self.shared.spec.name;
        self.voice.happened(kind, Level::Error, format!("{name}: {reason}"));
        if kind == HUNG && self.shared.spec.isolation == Isolation::InProcess {
            let reason = format!(
                "{reason}. In the daemon's own process a hung plugin cannot be ended: it stays disabled until the \
                 configuration is reloaded. Set isolation = \"process\" to have it restarted instead"
            );
            self.disable("plugin.disabled", reason).await;
            return false;
        }
        match policy.fell(fall, Monotonic::now()) {
            Decision::Disable(crashes) => {
                let reason = format!(
                    "{crashes} crashes within {} s, the last: {reason}. Mend or replace the plugin, then reload the \
                     configuration (SIGHUP)",
                    self.options.backoff.window.as_secs()
                );
                self.disable("plugin.disabled", reason).await;
                false
            }
            Decision::Retry(pause) => {
                let reason = format!("{}; next start in {} s", self.voice.clean(reason), pause.as_secs_f32());
                self.shared.go(Stage::BackingOff { until: Instant::now() + pause }, Some(reason));
                let go_on = self.refuse_until(Some(pause)).await;
                if go_on {
                    self.shared.restarted();
                }
                go_on
            }
        }
    }

    /// Answers requests with «not now» for a while, or until it is stopped. `false`: stopped.
    async fn refuse_until(&mut self, pause: Option<Duration>) -> bool {
        let until = pause.map(|pause| Instant::now() + pause);
        let sleep = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                () = &mut sleep => return true,
                request = self.requests.recv() => match request {
                    Some(Request::Start { reply, .. }) => {
                        let _ = reply.send(Err(NotStarted::Later));
                    }
                    Some(Request::Run { reply, .. }) => {
                        let reason = self.shared.status().message.unwrap_or_default();
                        let name = self.shared.spec.name.clone();
                        let _ = reply.send(Err(crate::error::ProbeError::NotReady { name, reason }));
                    }
                    Some(Request::Control { .. }) => {}
                    None => return false,
                },
            }
        }
    }

    /// Serves a plugin that is up until it is not.
    async fn keep(&mut self, mut up: Up) -> End {
        let idle = up.is_probe().then_some(self.options.probe_idle);
        loop {
            if let Err(fallen) = self.tidy(&mut up).await {
                return self.finish(up, fallen).await;
            }
            let request = match self.woken_by.take() {
                Some(request) => Some(request),
                None => {
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return self.finish(up, End::Stopped).await,
                        note = up.link.next() => {
                            let Some(note) = note else {
                                let reason = up.link.gone().await;
                                return End::Fell(Fall::Crash, CRASHED, reason);
                            };
                            up.aside.put(&self.voice, &self.shared, note);
                            continue;
                        }
                        () = self.shared.has_left.notified() => continue,
                        request = self.requests.recv() => request,
                        () = sleep(idle) => return self.finish(up, End::Idle).await,
                    }
                }
            };
            let Some(request) = request else { return self.finish(up, End::Stopped).await };
            if let Err(fallen) = self.serve(&mut up, request).await {
                return self.finish(up, fallen).await;
            }
        }
    }

    /// Deals with what was set aside, and stops what was left.
    async fn tidy(&mut self, up: &mut Up) -> Result<(), End> {
        for attachment in self.shared.take_left() {
            if let Some(index) = up.index_of(attachment) {
                self.stop_format(up, index).await?;
            }
        }
        for note in std::mem::take(&mut up.aside.notes) {
            match note {
                Note::FormatsChanged => bring_up::read_formats(self, up).await?,
                Note::Ended { why, message } => {
                    let message = self.voice.clean(message);
                    if why < 0 {
                        return Err(End::Fell(Fall::Error, FAILED, format!("its source ended: {message}")));
                    }
                    self.voice.happened(
                        "plugin.ended",
                        Level::Info,
                        format!("{}: {message}", self.shared.spec.name),
                    );
                    for index in up.running() {
                        if let Some(running) = up.running.get_mut(&index) {
                            running.end(message.clone());
                        }
                        self.stop_format(up, index).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Destroys what can still be destroyed in good order.
    async fn finish(&mut self, mut up: Up, end: End) -> End {
        // A call that was cut short because the plugin is to go is no fault of the plugin's.
        if self.stop.is_cancelled() && !matches!(end, End::Stopped) {
            up.link.end().await;
            return End::Stopped;
        }
        let orderly = match &end {
            End::Stopped | End::Idle => true,
            End::Fell(fall, ..) => *fall == Fall::Error,
            End::Disabled(_) => false,
        };
        if orderly {
            let deadline = self.options.deadlines.destroy;
            for index in up.running() {
                let stop = Command::Stop { format: index as u32 };
                let never = CancellationToken::new();
                if up.link.call(stop, &[], deadline, &never, |_| {}).await.is_err() {
                    break;
                }
            }
            let never = CancellationToken::new();
            match up.link.call(Command::Destroy, &[], deadline, &never, |_| {}).await {
                Ok(_) | Err(Failure::Refused(_)) => {}
                Err(Failure::Crashed(how)) => {
                    self.voice.happened(CRASHED, Level::Warn, format!("{}: {how}", self.shared.spec.name));
                }
                Err(Failure::Hung(how)) => {
                    self.voice.happened(HUNG, Level::Warn, format!("{}: {how}", self.shared.spec.name));
                }
            }
        }
        up.link.end().await;
        end
    }

    /// Makes a call into a plugin that is up.
    pub(crate) async fn call(
        &self,
        up: &mut Up,
        command: Command,
        deadline: Duration,
    ) -> Result<Answer, Failure> {
        up.call(command, &[], deadline, &self.stop, &self.voice, &self.shared).await
    }

    pub(crate) async fn stop_format(&mut self, up: &mut Up, index: usize) -> Result<(), End> {
        up.running.remove(&index);
        let deadline = self.options.deadlines.call;
        match self.call(up, Command::Stop { format: index as u32 }, deadline).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(error)) if error.status != icescope_plugin_abi::ICS_E_PANIC => {
                let summary = format!("{}: `stop` failed: {}", self.shared.spec.name, error.message);
                self.voice.happened(FAILED, Level::Warn, summary);
                Ok(())
            }
            Err(failure) => Err(fallen(failure)),
        }
    }
}

async fn sleep(idle: Option<Duration>) {
    match idle {
        Some(idle) => tokio::time::sleep(idle).await,
        None => std::future::pending().await,
    }
}

fn end(not_up: NotUp) -> End {
    match not_up {
        NotUp::Stopped => End::Stopped,
        NotUp::Refused(reason) => End::Disabled(reason),
        NotUp::Fell(fall, kind, reason) => End::Fell(fall, kind, reason),
    }
}

/// What a failed call means for a plugin that is up. A caught panic leaves an instance that nobody may trust.
pub(crate) fn fallen(failure: Failure) -> End {
    match failure {
        Failure::Crashed(how) => End::Fell(Fall::Crash, CRASHED, how),
        Failure::Hung(how) => End::Fell(Fall::Crash, HUNG, how),
        Failure::Refused(error) if error.status == icescope_plugin_abi::ICS_E_PANIC => {
            End::Fell(Fall::Crash, CRASHED, format!("it panicked: {}", error.message))
        }
        Failure::Refused(error) => End::Fell(Fall::Error, FAILED, error.message),
    }
}
