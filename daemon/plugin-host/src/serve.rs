//! What streams and callers ask of a plugin that is up.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::media::{Control, Format};
use icescope_model::report::Report;
use icescope_model::{Level, Monotonic};
use icescope_plugin_abi as abi;
use rustix::event::EventfdFlags;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attached::{Attached, Feed};
use crate::bring_up::{mint, read_formats};
use crate::error::ProbeError;
use crate::generation::{NotStarted, Request, RunReply};
use crate::link::{Failure, Patience};
use crate::probe::{self, ProbeNote, ProbeRun};
use crate::proto::{Answer, Command};
use crate::ring::{self, Reader, Ring};
use crate::schema;
use crate::supervisor::{End, Supervisor, fallen};
use crate::up::{Running, Said, Up};

impl Supervisor {
    /// Does what was asked; an error is the end of the plugin's present life.
    pub(crate) async fn serve(&mut self, up: &mut Up, request: Request) -> Result<(), End> {
        match request {
            Request::Start { format, reply } => self.start(up, &format, reply).await,
            Request::Control { attachment, controls } => self.control(up, attachment, &controls).await,
            Request::Run { args, deadline, notes, reply } => {
                self.run_probe(up, args, deadline, notes, reply).await
            }
        }
    }

    async fn start(
        &mut self,
        up: &mut Up,
        wanted: &Format,
        reply: oneshot::Sender<Result<Attached, NotStarted>>,
    ) -> Result<(), End> {
        let Some(index) = up.place_of(wanted) else {
            let reason = format!("it does not offer {} any more", wanted.mime);
            let _ = reply.send(Err(NotStarted::Never(reason)));
            return Ok(());
        };
        // Left by a stream that is gone, whose leaving was not dealt with yet.
        if up.running.contains_key(&index) {
            self.stop_format(up, index).await?;
        }
        match self.started(up, index).await {
            Ok(attached) => {
                let format = up.formats.get(index).cloned();
                read_formats(self, up).await?;
                let mut attached = attached;
                if let Some(format) = up.formats.get(index).cloned().or(format) {
                    attached.format = format;
                }
                // Dropped here if nobody waits for it any more; then it is stopped with the next tidying.
                let _ = reply.send(Ok(attached));
                self.shared.say(None);
                Ok(())
            }
            Err(Failure::Refused(error)) if error.status != abi::ICS_E_PANIC => {
                let summary =
                    format!("`start` of {} failed: {}", wanted.mime, self.voice.clean(error.message));
                let name = &self.shared.spec.name;
                self.voice.happened("plugin.failed", Level::Error, format!("{name}: {summary}"));
                self.shared.say(Some(summary.clone()));
                let never = error.status == abi::ICS_E_UNSUPPORTED;
                let _ = reply.send(Err(if never { NotStarted::Never(summary) } else { NotStarted::Later }));
                Ok(())
            }
            Err(failure) => Err(fallen(failure)),
        }
    }

    async fn started(&mut self, up: &mut Up, index: usize) -> Result<Attached, Failure> {
        let ours =
            |error: std::io::Error| Failure::Crashed(format!("no shared memory could be made: {error}"));
        let memory = ring::create().map_err(|error| ours(error.into()))?;
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| ours(error.into()))?;
        let reader = Reader::new(Ring::map(&memory).map_err(|error| ours(error.into()))?);
        let command = Command::Start { format: index as u32 };
        let deadline = self.options.deadlines.call;
        up.call(command, &[memory.as_fd(), bell.as_fd()], deadline, &self.stop, &self.voice, &self.shared)
            .await?;
        self.attachments += 1;
        let (end, ended) = oneshot::channel();
        up.running.insert(index, Running::new(self.attachments, end));
        let format = up.formats[index].clone();
        let shared = Arc::clone(&self.shared);
        let reader = Feed::new(shared, reader, bell).map_err(ours)?;
        self.shared.join();
        Ok(Attached { id: self.attachments, epoch: self.epoch, index, format, ended: Some(ended), reader })
    }

    async fn control(&mut self, up: &mut Up, attachment: u64, controls: &[Control]) -> Result<(), End> {
        for &control in controls {
            // Its stream may be gone, or it may be of an earlier life of the plugin.
            let Some(index) = up.index_of(attachment) else { return Ok(()) };
            let (op, a, b) = in_numbers(control);
            let command = Command::Control { format: index as u32, op, a, b };
            match self.call(up, command, self.options.deadlines.control).await {
                Ok(_) => {}
                // A source without a settable bit rate may well say so.
                Err(Failure::Refused(error)) if error.status != abi::ICS_E_PANIC => {
                    tracing::debug!(plugin = self.shared.spec.name, ?control, "refused: {}", error.message);
                }
                Err(failure) => return Err(fallen(failure)),
            }
        }
        Ok(())
    }

    async fn run_probe(
        &mut self,
        up: &mut Up,
        args: Value,
        deadline: Duration,
        notes: mpsc::Sender<ProbeNote>,
        mut reply: RunReply,
    ) -> Result<(), End> {
        let name = self.shared.spec.name.clone();
        if let Err(problems) = schema::check(&up.described.args_schema, &args) {
            let pointer = problems.first().map(|problem| problem.pointer.clone()).unwrap_or_default();
            let message = schema::in_words(&problems);
            let _ = reply.send(Err(ProbeError::Arguments { name, pointer, message }));
            return Ok(());
        }
        self.runs += 1;
        let span = self.epoch << 32 | u64::from(self.runs);
        let servers = mint(&self.shared.spec, &self.options, &self.voice);
        let deadline_ns = Monotonic::now().plus(deadline).0;
        let command = Command::Run { args: args.to_string(), deadline_ns, span, servers };
        up.aside.run = Some(Said::default());
        let mut reports = Vec::new();
        let told = (&notes, &mut reports);
        let answer = self.running(up, command, deadline, told, &mut reply).await;
        let said = up.aside.run.take().unwrap_or_default();
        match answer {
            Ok(Answer::Ran { outcome }) => {
                let outcome = probe::outcome(outcome).unwrap_or(icescope_model::report::Outcome::Unknown);
                let _ =
                    reply.send(Ok(ProbeRun { span, outcome, reports, events_dropped: said.events_dropped }));
                Ok(())
            }
            Ok(other) => {
                Err(fallen(Failure::Crashed(format!("its driver gave the wrong answer: {other:?}"))))
            }
            Err(Failure::Refused(error)) if error.status != abi::ICS_E_PANIC => {
                let message = self.voice.clean(error.message);
                let _ = reply.send(Err(match error.status {
                    abi::ICS_E_CONFIG => ProbeError::Arguments { name, pointer: error.pointer, message },
                    _ => ProbeError::Failed { name, reason: message },
                }));
                Ok(())
            }
            Err(failure) => {
                let end = fallen(failure);
                if let End::Fell(_, _, reason) = &end {
                    let _ = reply
                        .send(Err(ProbeError::Failed { name, reason: self.voice.clean(reason.clone()) }));
                }
                Err(end)
            }
        }
    }

    /// The run itself: it is asked to wind up at its deadline, or when nobody waits for it any more.
    async fn running(
        &mut self,
        up: &mut Up,
        command: Command,
        deadline: Duration,
        (notes, reports): (&mpsc::Sender<ProbeNote>, &mut Vec<Report>),
        reply: &mut RunReply,
    ) -> Result<Answer, Failure> {
        let enough = CancellationToken::new();
        let all = deadline + self.options.deadlines.run_grace;
        let until = Instant::now() + deadline;
        let (voice, shared, stop) = (Arc::clone(&self.voice), Arc::clone(&self.shared), self.stop.clone());
        let Up { link, aside, .. } = up;
        let patience = Patience { deadline: all, hurry: self.options.deadlines.run_grace };
        let call = link.call(command, &[], patience, &enough, |note| {
            aside.put(&voice, &shared, note);
            if let Some(said) = &mut aside.run {
                for event in said.events.drain(..) {
                    let step = ProbeNote::Step(probe::event(&voice, event));
                    said.events_dropped += u64::from(notes.try_send(step).is_err());
                }
                for report in said.reports.drain(..) {
                    let report = probe::report(&voice, &shared.spec.name, report);
                    // What does not fit is in the run's result.
                    let _ = notes.try_send(ProbeNote::Report(report.clone()));
                    reports.push(report);
                }
            }
        });
        tokio::pin!(call);
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                () = stop.cancelled(), if !enough.is_cancelled() => enough.cancel(),
                () = reply.closed(), if !enough.is_cancelled() => enough.cancel(),
                () = tokio::time::sleep_until(until), if !enough.is_cancelled() => enough.cancel(),
            }
        }
    }
}

fn in_numbers(control: Control) -> (u32, u64, u64) {
    match control {
        Control::KeyFrame => (abi::ICS_CTL_KEYFRAME, 0, 0),
        Control::BitRate { target, max } => (abi::ICS_CTL_BITRATE, target, max),
        Control::FrameRate { numerator, denominator } => {
            (abi::ICS_CTL_FPS, u64::from(numerator), u64::from(denominator))
        }
        Control::Pause => (abi::ICS_CTL_PAUSE, 0, 0),
        Control::Resume => (abi::ICS_CTL_RESUME, 0, 0),
    }
}
