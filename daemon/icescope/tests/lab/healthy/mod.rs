//! Healthy sessions over different paths: all connect, and nothing is said to be wrong that is not.
//!
//! The ordinary run has 40 sessions, `ICESCOPE_LAB_BROWSER=all` has 100 and more. `ICESCOPE_LAB_ONLY` picks paths by a part of
//! their names.

mod paths;
mod patience;

use std::sync::Arc;
use std::time::{Duration, Instant};

use icescope_model::verdict::{Verdict, VerdictOutcome, Weight};
use icescope_natlab::{Coturn, CoturnOptions, Lab};

use self::paths::{Extra, Path, paths};
use crate::rig::{self, Attempt, BrowserEnd, DaemonEnd, SECRET, Wish, pool, table};

/// Paths at a time.
const AT_A_TIME: usize = 4;

/// Sessions of the ordinary run, and of the whole one, at least.
const SOME: usize = 40;
const ALL: usize = 100;

/// Frames of the uplink are counted by the daemon once a second.
const UPLINK_WITHIN: Duration = Duration::from_secs(30);

/// In the page: whether the daemon counts frames of its picture.
const UPLINK_ARRIVES: &str = "Number(document.querySelector('#uplink-stats')?.dataset.frames ?? 0) > 10";

/// What was said of the sessions of one path.
struct Said {
    path: &'static str,
    sessions: usize,
    alarms: Vec<String>,
}

/// What is wrong about a verdict over a healthy session.
fn alarms(verdict: &Verdict, path: &Path) -> Vec<String> {
    let mut alarms = Vec::new();
    if verdict.outcome != VerdictOutcome::Connected {
        alarms.push(format!("outcome {:?}: {}", verdict.outcome, verdict.summary));
    }
    if let Some(cause) = &verdict.cause {
        alarms.push(format!("cause {cause}: {}", verdict.summary));
    }
    let wrong = |weight, cause: &str| weight != Weight::Harmless && !path.allowed.contains(&cause);
    let findings = verdict.findings.iter().filter(|found| wrong(found.weight, &found.cause));
    alarms.extend(findings.map(|found| format!("{:?} {}: {}", found.weight, found.cause, found.summary)));
    alarms
}

/// One session of a path, or two with its uplink; what is wrong about each.
fn session(browser: &BrowserEnd<'_>, daemon: &DaemonEnd<'_>, path: &Path) -> Vec<Vec<String>> {
    let wish = Wish { forced: path.forced.clone(), ..Wish::default() };
    let result = if path.extra == Extra::Uplink {
        with_uplink(browser, daemon, &wish)
    } else {
        rig::attempt(browser, daemon, &wish).map(|told| vec![told.verdict])
    };
    match result {
        Ok(verdicts) => {
            let kind = |verdict: &Verdict| verdict.path.as_ref().map(|path| path.kind);
            let other = |verdict: &Verdict| {
                let other = kind(verdict) != Some(path.kind);
                other.then(|| format!("the path is {:?}, not {:?}", kind(verdict), path.kind))
            };
            verdicts.iter().map(|one| alarms(one, path).into_iter().chain(other(one)).collect()).collect()
        }
        Err(error) => vec![vec![error]],
    }
}

/// The session that plays and the one that sends, while both run.
fn with_uplink(
    browser: &BrowserEnd<'_>,
    daemon: &DaemonEnd<'_>,
    wish: &Wish,
) -> Result<Vec<Verdict>, String> {
    let attempt = Attempt::open(browser, daemon, wish)?;
    attempt.start()?;
    attempt.decided()?;
    attempt.page().click("#uplink")?;
    attempt.page().until(UPLINK_ARRIVES, UPLINK_WITHIN)?;
    let open = daemon.sessions()?.into_iter().filter(|session| session.closed.is_none());
    let verdicts: Vec<Verdict> = open.filter_map(|session| session.verdict).map(|verdict| *verdict).collect();
    if verdicts.len() == 2 { Ok(verdicts) } else { Err(format!("{} sessions, not two", verdicts.len())) }
}

fn walk(lab: &Arc<Lab>, coturn: &Coturn, path: &Path, times: usize) -> Said {
    let (here, there) = (lab.site(path.browser.clone()).unwrap(), lab.site(path.daemon.clone()).unwrap());
    // IPv4 addresses stand first, two of each family.
    let server = coturn.addresses()[if here.addresses().local_v4.is_empty() { 2 } else { 0 }];
    let daemon = DaemonEnd::start(&there, &(path.config)(server, &there));
    let browser = match path.extra {
        Extra::Firefox => BrowserEnd::firefox(&here),
        _ => BrowserEnd::start(&here, &[]),
    };
    let start = Instant::now();
    let said: Vec<Vec<String>> = (0..times).flat_map(|_| session(&browser, &daemon, path)).collect();
    println!("{:>5.1} s  {} sessions: {}", start.elapsed().as_secs_f64(), said.len(), path.name);
    Said { path: path.name, sessions: said.len(), alarms: said.into_iter().flatten().collect() }
}

#[test]
fn nothing_is_said_to_be_wrong_with_healthy_sessions() {
    rig::in_lab(|lab| {
        let start = Instant::now();
        let only = std::env::var("ICESCOPE_LAB_ONLY").unwrap_or_default();
        let paths: Vec<Path> = paths().into_iter().filter(|path| path.name.contains(&only)).collect();
        let least = if rig::is_all() { ALL } else { SOME };
        let secret = Some(SECRET.to_owned());
        let coturn = lab.coturn(&CoturnOptions { secret, ..CoturnOptions::default() }).unwrap();
        // The first paths once more than the others, so that the sum comes out.
        let times = |index: usize| least / paths.len() + usize::from(index < least % paths.len());
        let jobs = paths.iter().enumerate().map(|(index, path)| (path, times(index)));
        let said = pool(AT_A_TIME, jobs, |(path, times)| walk(lab, &coturn, path, times));
        let mut rows = vec![["path", "sessions", "false alarms"].map(str::to_owned).to_vec()];
        for one in &said {
            rows.push(vec![one.path.to_owned(), one.sessions.to_string(), one.alarms.len().to_string()]);
        }
        let (sessions, alarms) = said
            .iter()
            .fold((0, 0), |(sessions, alarms), one| (sessions + one.sessions, alarms + one.alarms.len()));
        rows.push(vec!["together".to_owned(), sessions.to_string(), alarms.to_string()]);
        println!("{}in {:.0?}", table(&rows), start.elapsed());
        let wrong: Vec<String> = said
            .iter()
            .flat_map(|one| one.alarms.iter().map(|alarm| format!("{}: {alarm}", one.path)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(!only.is_empty() || sessions >= least, "only {sessions} sessions");
    });
}
