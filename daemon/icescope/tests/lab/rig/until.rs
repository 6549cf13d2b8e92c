//! Waiting for something to be so.

use std::time::{Duration, Instant};

/// Between two questions. It is no synchronisation: only the answer ends the wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks again and again until there is an answer; after `longest` that is an error which names `what`.
pub fn until<T>(what: &str, longest: Duration, mut question: impl FnMut() -> Option<T>) -> Result<T, String> {
    let end = Instant::now() + longest;
    loop {
        if let Some(answer) = question() {
            return Ok(answer);
        }
        if Instant::now() > end {
            return Err(format!("after {longest:?} still not: {what}"));
        }
        std::thread::sleep(PAUSE);
    }
}
