//! `tracing` and panics of the plugin, forwarded to the host's log.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::boundary::payload_text;
use crate::host::WeakHost;
use crate::{Host, Level};

/// Live instances, newest last: where threads that the SDK did not start log to.
static LIVE: Mutex<Vec<WeakHost>> = Mutex::new(Vec::new());

thread_local! {
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
    static LAST_PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// Makes the instance known and, once per library, takes over `tracing` and the panic hook.
pub(crate) fn install(host: &Host) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails where the plugin is linked into a program that has a subscriber already (its own tests): that stays.
        let _ = tracing::subscriber::set_global_default(Forward);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !on_panic(info) {
                before(info);
            }
        }));
    });
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.retain(WeakHost::is_open);
    live.push(host.downgrade());
}

/// What is logged on this thread goes to this instance's log until the guard is dropped.
pub(crate) fn enter(host: &Host) -> Current {
    Current(CURRENT.replace(Some(host.clone())))
}

pub(crate) struct Current(Option<Host>);

impl Drop for Current {
    fn drop(&mut self) {
        let before = self.0.take();
        // Thread-local storage may be gone at a thread's end; then nobody logs there either.
        let _ = CURRENT.try_with(|current| drop(current.replace(before)));
    }
}

/// This thread's instance, else the newest live one; and whether it is this thread's own.
fn current() -> Option<(Host, bool)> {
    let own =
        CURRENT.try_with(|current| current.try_borrow().ok().and_then(|host| host.clone())).ok().flatten();
    if let Some(host) = own {
        return Some((host, true));
    }
    // Nothing logs while it holds this lock.
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.iter().rev().find_map(WeakHost::upgrade).map(|host| (host, false))
}

/// Logs a panic. False where the thread is not the SDK's: then whoever had the hook before has to hear of it too.
fn on_panic(info: &PanicHookInfo<'_>) -> bool {
    let message = info.payload_as_str().unwrap_or("something that is not text");
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let text = format!("panicked at {place}: {message}");
    let found = current();
    if let Some((host, _)) = &found {
        let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
        host.log(Level::Error, "panic", &format!("thread «{name}» {text}"));
    }
    let _ = LAST_PANIC.try_with(|last| last.set(Some(text)));
    matches!(found, Some((_, true)))
}

/// What the hook noted of the panic that was just caught on this thread, else the payload's own text.
pub(crate) fn take_panic(payload: Box<dyn Any + Send>) -> String {
    let text = payload_text(payload);
    LAST_PANIC.try_with(Cell::take).ok().flatten().unwrap_or(text)
}

/// Forwards events; spans are not kept: the host's log is a list of lines, and steps are told with [`crate::Event`].
struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The host's level may change at any time: ask each time.
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && current().is_some_and(|(host, _)| Level::from(*metadata.level()) <= host.log_level())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let Some((host, _)) = current() else { return };
        let mut line = Line::default();
        event.record(&mut line);
        let text = line.message + &line.fields;
        host.log((*event.metadata().level()).into(), event.metadata().target(), text.trim_start());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
