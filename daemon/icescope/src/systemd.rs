//! What systemd is told (sd_notify(3)). Without systemd, all of this does nothing.

use sd_notify::NotifyState;

/// The daemon listens and its plugins are up.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; `ready` ends it.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now());
    tell(&states);
}

/// The daemon is stopping.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Closing sessions")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify systemd over NOTIFY_SOCKET: {error}");
    }
}
