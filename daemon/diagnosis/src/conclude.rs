//! From facts and faults to one verdict: the first broken stage, what else was found, and when to look again.

use icescope_model::api::{SessionState, SessionSummary};
use icescope_model::report::Report;
use icescope_model::verdict::{
    Certainty, Side, Stage, StageProgress, StageState, Verdict, VerdictOutcome, Weight,
};

use crate::certain;
use crate::course::{Course, MEDIA_WITHIN};
use crate::facts::Facts;
use crate::fault::Fault;
use crate::{path, stages};

/// Findings in a verdict at most: a person reads them.
const MOST_FINDINGS: usize = 12;

/// The verdict over these facts at this time.
pub fn conclude(
    facts: &Facts,
    head: &SessionSummary,
    reports: &[Report],
    now: i64,
) -> (Verdict, Option<i64>) {
    let course = Course::of(facts, head, now);
    let faults = stages::faults(facts, &course, reports);
    let broken = broken(&course, &faults);
    let outcome = outcome(facts, &course, head, broken);
    let mut verdict = match outcome {
        VerdictOutcome::Connected => path::connected(facts, &course),
        VerdictOutcome::Pending => pending(&course, broken),
        VerdictOutcome::Failed => failed(&course, head, broken),
    };
    verdict.outcome = outcome;
    let named = if outcome == VerdictOutcome::Connected { None } else { broken };
    verdict.findings = findings(&faults, named, outcome);
    verdict.stages = progress(&course, &verdict);
    verdict.path = path::of(facts);
    (verdict, again(&course, outcome))
}

/// The first stage that broke: a stage that was seen to be done, and all before it, cannot be what broke.
fn broken<'a>(course: &Course, faults: &'a [Fault]) -> Option<&'a Fault> {
    let floor = if course.lost { Some(Stage::Signalling) } else { course.floor() };
    let mut fatal: Vec<&Fault> = faults.iter().filter(|fault| fault.weight == Weight::Fatal).collect();
    // Faults of a connection that was lost later stand for themselves; those of its set-up are refuted by it.
    fatal.retain(|fault| floor.is_none_or(|floor| fault.stage > floor));
    if course.lost {
        fatal.retain(|fault| stages::is_late(fault.cause));
    }
    // Within a stage the rules come from the particular to the general; what is proven goes before what is likely.
    // A symptom comes last: it is proven by counting, but says less than what explains it.
    fatal.into_iter().min_by_key(|fault| (fault.stage, stages::is_symptom(fault.cause), fault.certainty))
}

/// Failed is said when it is certain, when an agent has given up, or when the wait of RFC 8863 is over: a path may come up late.
/// Who stops before that has no verdict.
fn outcome(facts: &Facts, course: &Course, head: &SessionSummary, broken: Option<&Fault>) -> VerdictOutcome {
    if course.lost && course.ended.is_some() {
        return VerdictOutcome::Failed;
    }
    if course.up.is_some() {
        let media = broken.is_some_and(|fault| fault.stage > Stage::Dtls);
        return if media { VerdictOutcome::Failed } else { VerdictOutcome::Connected };
    }
    let refused = broken.is_some_and(|fault| fault.stage <= Stage::Signalling);
    let waited = course.checks_end().is_some_and(|end| end <= course.now);
    // No answer came, and none will: nothing is left to wait for.
    let unanswered = refused && course.answered.is_none();
    if unanswered || broken.is_some_and(|fault| certain::is_hopeless(facts, fault)) {
        return VerdictOutcome::Failed;
    }
    // Who stops what has failed does not make it undecided again.
    if course.was_stopped() && !waited {
        return if refused { VerdictOutcome::Failed } else { VerdictOutcome::Pending };
    }
    let given_up = head.state == SessionState::Closed;
    if (given_up || waited) && !course.left { VerdictOutcome::Failed } else { VerdictOutcome::Pending }
}

fn of_fault(fault: &Fault) -> Verdict {
    Verdict {
        cause: Some(fault.cause.to_owned()),
        stage: fault.stage,
        side: fault.side,
        certainty: fault.certainty,
        summary: fault.summary.clone(),
        advice: fault.advice(),
        evidence: fault.evidence.clone(),
        ..Verdict::default()
    }
}

fn pending(course: &Course, broken: Option<&Fault>) -> Verdict {
    let stage = last_reached(course);
    if let Some(fault) = broken {
        let mut verdict = of_fault(fault);
        let lead = match (&course.ended, course.left) {
            (_, true) => "The page went away before it was decided",
            (Some(_), false) => "Ended before it was decided",
            (None, false) => "Not connected yet",
        };
        verdict.summary = format!("{lead}. {}", fault.summary);
        return verdict;
    }
    let summary = match (&course.ended, stage) {
        _ if course.left => {
            "The page went away before it was decided; nothing was seen to be broken until then."
        }
        (Some(_), _) => "Ended before it was decided; nothing was seen to be broken until then.",
        (None, Stage::Page) => "The session is open; no offer has been answered yet.",
        (None, Stage::Dtls | Stage::Nomination) => "A path was found; the DTLS handshake goes on.",
        (None, Stage::Checks) => "Checks go through; a pair is being chosen.",
        (None, _) => "The ends exchange candidates and check the paths between them.",
    };
    Verdict { stage, summary: summary.to_owned(), ..Verdict::default() }
}

fn failed(course: &Course, head: &SessionSummary, broken: Option<&Fault>) -> Verdict {
    if let Some(fault) = broken {
        return of_fault(fault);
    }
    // Every rule was asked and none fits: that is said, and not guessed over.
    let reason = head.closed.as_ref().map_or("", |closed| closed.reason.as_str());
    let stage =
        Stage::ALL.into_iter().rev().find(|stage| !course.reached(*stage) && Some(*stage) > course.floor());
    let stage = first_open(course).or(stage).unwrap_or_default();
    Verdict {
        stage,
        side: Side::Unknown,
        certainty: Certainty::Likely,
        summary: format!("Failed: {reason}. The evidence fits no known cause.").replace(": .", "."),
        advice: "Look at the timeline from the last step that was seen; export the record for a report."
            .to_owned(),
        ..Verdict::default()
    }
}

fn last_reached(course: &Course) -> Stage {
    Stage::ALL.into_iter().rfind(|stage| course.reached(*stage)).unwrap_or_default()
}

fn first_open(course: &Course) -> Option<Stage> {
    let floor = course.floor();
    Stage::ALL.into_iter().find(|stage| {
        // Servers are a means: none need be configured.
        *stage != Stage::Servers && !course.reached(*stage) && floor.is_none_or(|floor| *stage > floor)
    })
}

fn findings(
    faults: &[Fault],
    named: Option<&Fault>,
    outcome: VerdictOutcome,
) -> Vec<icescope_model::verdict::Finding> {
    let mut others: Vec<&Fault> = faults.iter().filter(|fault| named != Some(*fault)).collect();
    others.sort_by_key(|fault| (fault.weight, fault.stage, fault.certainty));
    let findings = others.into_iter().map(|fault| {
        let mut finding = fault.finding();
        // The connection is there in spite of it.
        if outcome == VerdictOutcome::Connected && finding.weight == Weight::Fatal {
            finding.weight = Weight::Degraded;
        }
        finding
    });
    findings.take(MOST_FINDINGS).collect()
}

fn progress(course: &Course, verdict: &Verdict) -> Vec<StageProgress> {
    let broken = (verdict.outcome == VerdictOutcome::Failed).then_some(verdict.stage);
    let state = |stage: Stage| match broken {
        Some(broken) if stage == broken => StageState::Broken,
        Some(broken) if stage > broken && !course.lost => StageState::NotReached,
        _ if course.reached(stage) => StageState::Reached,
        _ => StageState::Open,
    };
    Stage::ALL.into_iter().map(|stage| StageProgress { stage, state: state(stage) }).collect()
}

/// When a verdict may change by time alone.
fn again(course: &Course, outcome: VerdictOutcome) -> Option<i64> {
    if course.ended.is_some() {
        return None;
    }
    let media = course.up.filter(|_| !course.reached(Stage::Frames)).map(|up| up + MEDIA_WITHIN);
    let checks = course.checks_end().filter(|_| outcome == VerdictOutcome::Pending);
    let settled = course.answered.map(|answered| answered + stages::SETTLED);
    [media, checks, settled].into_iter().flatten().filter(|at| *at > course.now).min()
}
