//! Where the host's calls come in: nothing unwinds out, nothing runs twice at a time, errors are written to the host's
//! memory.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, TryLockError};

use icescope_plugin_abi as abi;

use crate::{Error, Host, log};

/// What an `ics_instance` is in this SDK.
pub(crate) struct Instance<T> {
    pub(crate) host: Host,
    pub(crate) state: Mutex<T>,
}

/// Runs `call`; a panic becomes an error that says where it arose.
pub(crate) fn caught<R>(what: &str, call: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => Err(Error::panicked(format!("{what}: {}", log::take_panic(payload)))),
    }
}

/// The text of a panic's payload. A payload of another type is leaked: its `drop` is the author's and may panic again.
pub(crate) fn payload_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(payload) => {
                std::mem::forget(payload);
                "panicked with something that is not text".to_owned()
            }
        },
    }
}

/// Runs `call` on the instance's state, for a call of the contract named `what`.
///
/// # Safety
/// `instance` is null or was made by [`into_raw`] with this `T` and has not been taken back; `error` as [`fail`].
pub(crate) unsafe fn enter<T>(
    what: &str,
    instance: *mut abi::IcsInstance,
    error: *mut abi::IcsError,
    call: impl FnOnce(&mut T, &Host) -> Result<abi::IcsStatus, Error>,
) -> abi::IcsStatus {
    // SAFETY: the caller's promise.
    let Some(instance) = (unsafe { instance.cast::<Instance<T>>().as_ref() }) else {
        return abi::ICS_E_INVALID;
    };
    let _current = log::enter(&instance.host);
    let result = caught(what, || {
        let mut state = match instance.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::WouldBlock) => {
                return Err(Error::invalid(format!("{what}: another call of this instance is under way")));
            }
            Err(TryLockError::Poisoned(_)) => {
                return Err(Error::panicked(format!(
                    "{what}: this instance panicked in an earlier call; it has to be made anew"
                )));
            }
        };
        call(&mut state, &instance.host)
    });
    match result {
        Ok(status) => status,
        // SAFETY: the caller's promise.
        Err(failure) => unsafe { fail(what, &failure, error) },
    }
}

/// Writes `failure` to the host's memory, or to the log where the call has none; gives its status.
///
/// # Safety
/// `error` is null or shows a struct of the host's whose `text` takes `cap` bytes.
pub(crate) unsafe fn fail(what: &str, failure: &Error, error: *mut abi::IcsError) -> abi::IcsStatus {
    // SAFETY: the caller's promise.
    let known = unsafe { abi::read(error.cast_const()) };
    let Some(known) = known else {
        tracing::error!(target: "plugin", call = what, "{failure}");
        return failure.status();
    };
    let text = cut(failure.message(), known.cap as usize);
    // One byte stays for the null that ends it.
    let pointer = cut(failure.pointer(), known.pointer.len() - 1);
    // SAFETY: `text` fits `cap`, which `known.text` takes; `pointer` and its null fit the array; both were cut.
    unsafe {
        if !known.text.is_null() {
            std::ptr::copy_nonoverlapping(text.as_ptr(), known.text.cast::<u8>(), text.len());
            (&raw mut (*error).len).write(text.len() as u32);
        }
        let target = (&raw mut (*error).pointer).cast::<u8>();
        std::ptr::copy_nonoverlapping(pointer.as_ptr(), target, pointer.len());
        target.add(pointer.len()).write(0);
    }
    failure.status()
}

/// At most `limit` bytes of `text`, whole characters.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Hands an instance to the host.
pub(crate) fn into_raw<T>(host: Host, state: T) -> *mut abi::IcsInstance {
    Box::into_raw(Box::new(Instance { host, state: Mutex::new(state) })).cast()
}

/// Takes it back and drops it, after `wind_up`; then no call reaches the host any more.
///
/// # Safety
/// As [`enter`]; the pointer is not used again.
pub(crate) unsafe fn destroy<T>(instance: *mut abi::IcsInstance, wind_up: impl FnOnce(&mut T)) {
    if instance.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let instance = unsafe { Box::from_raw(instance.cast::<Instance<T>>()) };
    let Instance { host, state } = *instance;
    let current = log::enter(&host);
    let result = caught("destroy", move || {
        // A poisoned instance is dropped all the same: its threads have to be joined.
        let mut state = state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        wind_up(&mut state);
        Ok(())
    });
    if let Err(failure) = result {
        tracing::error!(target: "plugin", "{failure}");
    }
    drop(current);
    host.close();
}
