//! A browser at a site, through its driver (`web/e2e/lab-driver`).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use icescope_natlab::{Process, Site};
use serde_json::{Value, json};

use super::until::until;

/// How long a request may take beyond what it waits for itself: only a hung browser meets it.
const PATIENCE: Duration = Duration::from_mins(1);

type Answer = Result<Value, String>;
type Waiting = Arc<Mutex<Option<HashMap<u64, SyncSender<Answer>>>>>;

/// A running browser; it ends when this is dropped.
pub struct BrowserEnd<'lab> {
    site: &'lab Site,
    process: Process,
    /// None once it was told to end.
    stdin: Mutex<Option<ChildStdin>>,
    /// Who waits for which answer; None once no more can come.
    waiting: Waiting,
    next: AtomicU64,
    reader: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

/// An open page; it is closed when this is dropped.
pub struct Page<'browser> {
    browser: &'browser BrowserEnd<'browser>,
    number: u64,
}

impl<'lab> BrowserEnd<'lab> {
    /// Starts Chromium on the site's host, with more arguments of its command line.
    pub fn start(site: &'lab Site, arguments: &[&str]) -> Self {
        Self::launch(site, "chromium", arguments)
    }

    /// Starts Firefox on the site's host.
    pub fn firefox(site: &'lab Site) -> Self {
        Self::launch(site, "firefox", &[])
    }

    fn launch(site: &'lab Site, kind: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e/lab-driver/driver.mjs");
        let errors = std::fs::File::create(folder.path().join("stderr")).unwrap();
        let mut command = site.command("node");
        command.arg(driver).arg(kind).args(arguments);
        // Profiles go where they vanish with us, however the browser ends.
        command.env("TMPDIR", folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut process = Process::start(command).expect("node starts (Node.js 20 or newer)");
        let stdin = process.child().stdin.take();
        let stdout = process.child().stdout.take().expect("its output is a pipe");
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        // The driver's first line answers a request that nobody had to make: it is ready.
        let (ready, is_ready) = sync_channel(1);
        waiting.lock().unwrap().as_mut().expect("it is new").insert(0, ready);
        let answers = Arc::clone(&waiting);
        let reader = std::thread::spawn(move || read(stdout, &answers));
        let (stdin, next) = (Mutex::new(stdin), AtomicU64::new(1));
        let browser = Self { site, process, stdin, waiting, next, reader: Some(reader), folder };
        match is_ready.recv_timeout(PATIENCE) {
            Ok(Ok(_)) => browser,
            _ => panic!("{kind} did not start:\n{}", browser.complaints()),
        }
    }

    /// The site that it is at.
    pub const fn site(&self) -> &'lab Site {
        self.site
    }

    /// Opens a page. `forced` are settings of all its connections (members of RTCConfiguration, and `transport`: `udp`, `tcp` or
    /// `tls` leaves TURN servers over that one only); `script` runs before the page's own; `permissions` are granted.
    pub fn open(
        &self,
        url: &str,
        forced: &Value,
        script: Option<&str>,
        permissions: &[&str],
    ) -> Result<Page<'_>, String> {
        let request = json!({"url": url, "forced": forced, "script": script, "permissions": permissions});
        let number = self.ask("open", request, PATIENCE)?.as_u64().ok_or("the driver gave no page")?;
        Ok(Page { browser: self, number })
    }

    /// Ends all its processes at once and without a word, as a crash or a power cut does.
    pub fn vanish(&self) -> Result<(), String> {
        self.ask("vanish", json!({}), PATIENCE).map(drop)
    }

    /// What the driver wrote to its standard error.
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    fn ask(&self, what: &str, mut request: Value, longest: Duration) -> Answer {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        request["id"] = id.into();
        request["do"] = what.into();
        let (sender, answer) = sync_channel(1);
        match &mut *self.waiting.lock().unwrap() {
            Some(waiting) => waiting.insert(id, sender),
            None => return Err(format!("the driver has ended:\n{}", self.complaints())),
        };
        {
            let mut stdin = self.stdin.lock().unwrap();
            let pipe = stdin.as_mut().ok_or("the driver was told to end")?;
            writeln!(pipe, "{request}").map_err(|error| format!("{what}: {error}\n{}", self.complaints()))?;
        }
        let answer = answer.recv_timeout(longest).map_err(|error| format!("no answer: {error}"));
        answer.and_then(|answer| answer).map_err(|error| format!("{what}: {error}"))
    }
}

impl Drop for BrowserEnd<'_> {
    fn drop(&mut self) {
        drop(self.stdin.lock().unwrap().take());
        // Closing takes it a moment; one that hangs is ended by `process`.
        let ended =
            until("the driver ends", Duration::from_secs(10), || self.process.child().try_wait().ok()?);
        if ended.is_ok()
            && let Some(reader) = self.reader.take()
        {
            let _ = reader.join();
        }
    }
}

/// Hands answers to those who wait, until the driver ends.
fn read(output: ChildStdout, waiting: &Waiting) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let to = answer["id"].as_u64().and_then(|id| waiting.lock().unwrap().as_mut()?.remove(&id));
        let said = match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or("an error without words").to_owned()),
            None => Ok(answer["ok"].clone()),
        };
        if let Some(to) = to {
            // Nobody waits any more if it came too late.
            let _ = to.try_send(said);
        }
    }
    // Whoever still waits is told by the end of the channel.
    waiting.lock().unwrap().take();
}

impl Page<'_> {
    /// Presses what a selector names, once it is there.
    pub fn click(&self, selector: &str) -> Result<(), String> {
        self.ask("click", json!({"selector": selector, "seconds": 15}), PATIENCE).map(drop)
    }

    /// The value of an expression; a promise is awaited.
    pub fn evaluate(&self, expression: &str) -> Answer {
        self.ask("evaluate", json!({"expression": expression}), PATIENCE)
    }

    /// The value of an expression, once it is truthy.
    pub fn until(&self, expression: &str, longest: Duration) -> Answer {
        let request = json!({"expression": expression, "seconds": longest.as_secs_f64()});
        self.ask("until", request, longest + PATIENCE)
    }

    /// What the page's console said of errors.
    pub fn errors(&self) -> Vec<String> {
        let said = self.ask("errors", json!({}), PATIENCE).unwrap_or_default();
        serde_json::from_value(said).unwrap_or_default()
    }

    /// A picture of the whole page, as PNG.
    pub fn screenshot(&self, path: &Path) -> Result<(), String> {
        self.ask("screenshot", json!({"path": path}), PATIENCE).map(drop)
    }

    fn ask(&self, what: &str, mut request: Value, longest: Duration) -> Answer {
        request["page"] = self.number.into();
        self.browser.ask(what, request, longest)
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // With the browser gone, so is the page.
        let _ = self.ask("close", json!({}), PATIENCE);
    }
}
