//! Frames on their way to the host.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsBuffer, IcsFrame};

use crate::{Error, Host};

/// What is known of one access unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// It can be decoded without earlier ones.
    pub key: bool,
    /// Something before it was lost or the source was restarted: media time may jump.
    pub discontinuity: bool,
    /// No later one refers to it.
    pub droppable: bool,
    /// Media time, in nanoseconds from an origin of the source's own.
    pub pts_ns: i64,
    /// How long it is shown, in nanoseconds; 0 if unknown.
    pub duration_ns: i64,
    /// When the picture was taken, on the clock of [`Host::now_ns`]; 0 if unknown.
    pub capture_ns: i64,
}

/// What became of a frame.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The host has it.
    Taken,
    /// The host was full. Nothing but a key frame is wanted next.
    Dropped,
    /// The stream is being stopped: no more frames.
    Stopping,
    /// The host refused it, with this status of the contract: the frame itself is wrong (empty, too large).
    Refused(i32),
}

type Owner = Box<dyn AsRef<[u8]> + Send>;

/// The bytes of one access unit.
pub enum Payload<'a> {
    /// The host copies them before `push` returns.
    Borrowed(&'a [u8]),
    /// The host takes them over and drops them when it is done, on any thread.
    Owned(Owner),
    /// Memory of the host's: it crosses without a copy.
    Host(HostBuffer),
}

impl Payload<'_> {
    /// Any owner of bytes.
    pub fn owned(owner: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::Owned(Box::new(owner))
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Vec<u8>> for Payload<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::owned(bytes)
    }
}

impl From<HostBuffer> for Payload<'_> {
    fn from(buffer: HostBuffer) -> Self {
        Self::Host(buffer)
    }
}

/// Memory of the host's for one frame, to be filled. Given back unused when it is dropped.
#[derive(Debug)]
pub struct HostBuffer {
    host: Host,
    raw: IcsBuffer,
    len: usize,
}

// SAFETY: the memory is this buffer's alone until it is pushed or released; `release` may be called from any thread.
unsafe impl Send for HostBuffer {}

impl HostBuffer {
    /// The bytes to fill; zeroed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the host gave at least `len` bytes, which were zeroed; nobody else uses them until they are pushed.
        unsafe { std::slice::from_raw_parts_mut(self.raw.data, self.len) }
    }

    /// Only the first `len` bytes will be pushed; no effect if it holds less.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl Drop for HostBuffer {
    fn drop(&mut self) {
        let IcsBuffer { owner, release, .. } = self.raw;
        // Once the instance is destroyed the memory is gone with it.
        self.host.call(|_, _| {
            if let Some(release) = release {
                // SAFETY: the host's own pair; given back once, for a pushed buffer is forgotten instead.
                unsafe { release(owner) };
            }
        });
    }
}

/// Where a started format's frames go. May be cloned and used from any thread; `push` never blocks.
#[derive(Debug, Clone)]
pub struct FrameSink {
    host: Host,
    format: u32,
    stopped: Arc<AtomicBool>,
}

impl FrameSink {
    pub(crate) fn new(host: &Host, format: u32) -> Self {
        Self { host: host.clone(), format, stopped: Arc::default() }
    }

    /// Called when the host stops the format: what a late thread pushes goes nowhere.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// The host, for its clock and log.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The index of the format that was started.
    pub fn format(&self) -> usize {
        self.format as usize
    }

    /// Whether the stream has been stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// `len` bytes of the host's memory, which cross to the daemon without a copy; `None` if there is no room now (push
    /// owned bytes instead, or drop the frame).
    pub fn alloc(&self, len: usize) -> Option<HostBuffer> {
        let mut raw =
            IcsBuffer { data: std::ptr::null_mut(), cap: 0, owner: std::ptr::null_mut(), release: None };
        let status = self.host.call(|host, ctx| {
            // SAFETY: a function of the host's with its ctx; the target lives here.
            host.alloc.map(|function| unsafe { function(ctx, len, &raw mut raw) })
        });
        if status.flatten() != Some(abi::ICS_OK) || raw.data.is_null() {
            return None;
        }
        let buffer = HostBuffer { host: self.host.clone(), raw, len };
        if raw.cap < len {
            return None;
        }
        // SAFETY: `cap` bytes are there by the contract. Zeroed so that `bytes_mut` shows initialised memory.
        unsafe { std::ptr::write_bytes(raw.data, 0, raw.cap) };
        Some(buffer)
    }

    /// Gives one whole access unit to the host.
    pub fn push<'a>(&self, info: FrameInfo, payload: impl Into<Payload<'a>>) -> Pushed {
        if self.is_stopped() {
            return Pushed::Stopping;
        }
        match payload.into() {
            Payload::Borrowed(bytes) => {
                self.send(&info, bytes.as_ptr(), bytes.len(), std::ptr::null_mut(), None)
            }
            Payload::Owned(owner) => self.send_owned(&info, owner),
            Payload::Host(buffer) => self.send_host(&info, buffer),
        }
    }

    fn send_owned(&self, info: &FrameInfo, owner: Owner) -> Pushed {
        // Boxed twice: the inner pointer is a wide one, `owner` is a thin one.
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: just made from a box, and not shared yet.
        let (data, len) = unsafe { ((*owner).as_ref().as_ref().as_ptr(), (*owner).as_ref().as_ref().len()) };
        let pushed = self.send(info, data, len, owner.cast(), Some(release_owner));
        if pushed != Pushed::Taken {
            // SAFETY: the host did not take it, so it is still ours, and it is released once.
            unsafe { release_owner(owner.cast()) };
        }
        pushed
    }

    fn send_host(&self, info: &FrameInfo, buffer: HostBuffer) -> Pushed {
        let IcsBuffer { data, owner, release, .. } = buffer.raw;
        let pushed = self.send(info, data, buffer.len, owner, release);
        if pushed == Pushed::Taken {
            // The host releases it. Its handle on the host is a counted pointer, which goes the ordinary way.
            let buffer = std::mem::ManuallyDrop::new(buffer);
            // SAFETY: read once out of a value that is never dropped.
            drop(unsafe { std::ptr::read(&raw const buffer.host) });
        }
        pushed
    }

    fn send(
        &self,
        info: &FrameInfo,
        data: *const u8,
        len: usize,
        owner: *mut c_void,
        release: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Pushed {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let frame = IcsFrame {
            size: size_of::<IcsFrame>() as u32,
            flags: flag(info.key, abi::ICS_FRAME_KEY)
                | flag(info.discontinuity, abi::ICS_FRAME_DISCONT)
                | flag(info.droppable, abi::ICS_FRAME_DROPPABLE),
            data,
            len,
            pts_ns: info.pts_ns,
            duration_ns: info.duration_ns,
            capture_ns: info.capture_ns,
            format: self.format,
            stream: 0,
            spatial: 0,
            temporal: 0,
            reserved0: 0,
            reserved: 0,
            owner,
            release,
        };
        let status = self.host.call(|host, ctx| {
            // SAFETY: a function of the host's with its ctx; the frame and its bytes live until it returns, and after
            // ICS_OK until `release`.
            host.push_frame.map(|function| unsafe { function(ctx, &raw const frame) })
        });
        match status.flatten() {
            Some(abi::ICS_OK) => Pushed::Taken,
            Some(abi::ICS_DROPPED) => Pushed::Dropped,
            None | Some(abi::ICS_E_STOPPING) => Pushed::Stopping,
            Some(status) => Pushed::Refused(status),
        }
    }

    /// Tells the host that the facts of this format have changed.
    pub fn format_changed(&self) {
        self.host.format_changed(self.format());
    }

    /// Tells the host that the source died or came to its end, unless the stream was stopped.
    pub fn ended(&self, why: &Error) {
        if !self.is_stopped() {
            self.host.ended(why);
        }
    }
}

/// The `release` of frames that own their bytes.
unsafe extern "C" fn release_owner(owner: *mut c_void) {
    let drop_it = || {
        // SAFETY: `owner` came from `Box::into_raw` in `send_owned` and is released once by the contract.
        drop(unsafe { Box::from_raw(owner.cast::<Owner>()) });
        Ok(())
    };
    // The owner's drop is the author's code.
    if let Err(error) = crate::boundary::caught("releasing a frame", drop_it) {
        tracing::error!(target: "plugin", "{error}");
    }
}
