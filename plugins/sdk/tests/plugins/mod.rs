//! Two plugins for the tests. Their authors write no `unsafe`.

#![allow(dead_code, reason = "not every test that shares this module uses all of it")]

use std::cell::RefCell;
use std::time::Duration;

use icescope_plugin_sdk::{
    Address, Bitstream, Control, Error, Evidence, Format, FrameInfo, FrameSink, Host, Lane, Level, Outcome,
    Payload, Probe, Request, Run, Transport, VideoSource, Worker,
};
use serde::Deserialize;

thread_local! {
    static LAST_HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// The host of the instance that this thread made last.
pub fn last_host() -> Host {
    LAST_HOST.take().expect("an instance was made")
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    panic_in: String,
    nested: Nested,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Nested {
    number: u32,
}

pub struct Source {
    config: Config,
    host: Host,
    worker: Option<Worker>,
}

impl Source {
    fn perhaps_panic(&self, call: &str) {
        assert!(self.config.panic_in != call, "on purpose in {call}");
    }
}

/// Bytes whose drop calls the host, from inside the host's call.
struct Owner(Host);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.log(Level::Info, "test", "owner dropped");
    }
}

impl VideoSource for Source {
    type Config = Config;

    fn create(config: Config, host: Host) -> Result<Self, Error> {
        if config.nested.number == 13 {
            return Err(Error::config("/nested/number", "13 is not allowed here"));
        }
        LAST_HOST.set(Some(host.clone()));
        let source = Self { config, host, worker: None };
        source.perhaps_panic("create");
        Ok(source)
    }

    fn formats(&mut self) -> Result<Vec<Format>, Error> {
        self.perhaps_panic("formats");
        Ok(vec![Format {
            bitstream: Bitstream::Frame,
            mime: "video/VP8".into(),
            fmtp: String::new(),
            width: 64,
            height: 48,
            frame_rate: (30, 1),
            bit_rate: Some((1, 2)),
        }])
    }

    fn start(&mut self, _format: usize, sink: FrameSink) -> Result<(), Error> {
        // The SDK asks for the formats first, which is another call.
        self.perhaps_panic("start");
        let panic = self.config.panic_in == "thread";
        self.worker = Some(self.host.spawn("frames", move || {
            assert!(!panic, "on purpose in thread");
            push_each_kind(&sink);
            Ok(())
        })?);
        Ok(())
    }

    fn control(&mut self, _format: usize, control: Control) -> Result<(), Error> {
        self.perhaps_panic("control");
        match control {
            Control::BitRate { target, max } => tracing::info!(target, max, "bit rate"),
            other => tracing::info!("control {other:?}"),
        }
        Ok(())
    }

    fn stop(&mut self, _format: usize) {
        self.perhaps_panic("stop");
        drop(self.worker.take());
        tracing::info!("stopped");
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.perhaps_panic("drop");
    }
}

fn push_each_kind(sink: &FrameSink) {
    let info = FrameInfo { key: true, ..FrameInfo::default() };
    let owned = sink.push(info, Payload::owned(Owner(sink.host().clone())));
    let borrowed = sink.push(info, &b"borrowed"[..]);
    drop(sink.alloc(100));
    let memory = sink.alloc(100).map(|mut memory| {
        memory.bytes_mut()[..6].copy_from_slice(b"host's");
        memory.truncate(6);
        memory
    });
    let host = memory.map_or("none".to_owned(), |memory| format!("{:?}", sink.push(info, memory)));
    tracing::info!("{owned:?} {borrowed:?} {host}");
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Args {
    act: String,
}

pub struct Prober;

impl Probe for Prober {
    type Config = Config;
    type Args = Args;

    fn create(_: Config, _: Host) -> Result<Self, Error> {
        Ok(Self)
    }

    fn run(&mut self, request: Request<Args>, run: &Run<'_>) -> Result<Outcome, Error> {
        match request.args.act.as_str() {
            "tell" => tell(run),
            "wait" => wait(run),
            "servers" => {
                let servers = run.ice_servers()?;
                let urls =
                    servers.map(|servers| servers.into_iter().map(|server| server.url).collect::<Vec<_>>());
                run.report("org.example.servers/1", "", Outcome::Pass, &urls)?;
                Ok(Outcome::Pass)
            }
            "big" => {
                run.report("org.example.big/1", "x", Outcome::Pass, &"y".repeat(1 << 20))?;
                Ok(Outcome::Pass)
            }
            "panic" => panic!("on purpose in run"),
            other => Err(Error::config("/act", format!("no act {other}"))),
        }
    }
}

fn tell(run: &Run<'_>) -> Result<Outcome, Error> {
    let address = Address("[2001:db8::1]:3478".parse().expect("an address"), Transport::Udp);
    let told = run
        .event("org.example.stun.binding/1")
        .summary("one binding")
        .span(run.new_span())
        .outcome(Outcome::Unknown)
        .seen(Evidence::Packet, Lane::Peer, Lane::Stun)
        .with("rtt", Duration::from_millis(3))
        .with("server", address)
        .with("tries", 2_u32)
        .with("ok", true)
        .with("name", "stün")
        .with("raw", vec![1_u8, 2])
        .with("ratio", 0.5)
        .with("offset", -7_i64)
        .emit();
    run.report("org.example.nat/1", "ipv4", Outcome::Failed, &serde_json::json!({ "told": told }))?;
    Ok(Outcome::Unknown)
}

fn wait(run: &Run<'_>) -> Result<Outcome, Error> {
    run.event("org.example.waiting/1").emit();
    let fd = run.cancel_fd().ok_or_else(|| Error::failed("no descriptor to wait on"))?;
    let limit = run.remaining().and_then(|left| rustix::event::Timespec::try_from(left).ok());
    let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    let ready =
        rustix::event::poll(&mut fds, limit.as_ref()).map_err(|error| Error::failed(error.to_string()))?;
    if ready == 0 {
        return Err(Error::timed_out("nothing came"));
    }
    assert!(run.cancelled(), "the descriptor and the flag say the same");
    Err(Error::cancelled())
}

icescope_plugin_sdk::export! {
    video_source Source {
        id: "org.example.source",
        name: "Source",
        version: "1.2.3",
        vendor: "example.org",
        license: "MIT",
        config_schema: "{}",
    }
    probe Prober {
        id: "org.example.probe",
    }
}
