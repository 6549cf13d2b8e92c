//! A list of steps: each is run, timed and told; a failed one does not stop the others.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How a step turned out when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says.
    Passed,
    /// It could not be done here, and why.
    Skipped(String),
}

/// One step.
pub struct Step {
    /// What `--only` and `--skip` call it.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// The doing.
    pub action: Box<dyn Fn() -> Result<Outcome>>,
}

impl Step {
    /// A step that passes when `action` returns.
    pub fn new(name: &str, about: &str, action: impl Fn() -> Result<()> + 'static) -> Self {
        let action = move || action().map(|()| Outcome::Passed);
        Self { name: name.to_owned(), about: about.to_owned(), action: Box::new(action) }
    }
}

/// Which steps are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only these, by prefix; all when empty.
    pub only: Vec<String>,
    /// Not these, by prefix.
    pub skip: Vec<String>,
    /// Only say what there is.
    pub list: bool,
    /// All cells of the lab's grid, where a fixed selection is the rule.
    pub grid: bool,
}

impl Choice {
    /// From the command line.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let mut choice = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let list = match word.as_str() {
                "--list" => {
                    choice.list = true;
                    continue;
                }
                "--grid" => {
                    choice.grid = true;
                    continue;
                }
                "--only" => &mut choice.only,
                "--skip" => &mut choice.skip,
                other => bail!(
                    "`{other}` is no option here; there are --list, --only STEP, --skip STEP and --grid"
                ),
            };
            let Some(names) = words.next() else {
                bail!("`{word}` wants the name of a step; --list names them")
            };
            list.extend(names.split(',').map(str::to_owned));
        }
        Ok(choice)
    }

    fn wants(&self, name: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|prefix| name.starts_with(prefix.as_str()));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

struct Told {
    name: String,
    took: Duration,
    outcome: Result<Outcome>,
}

/// Runs the wanted ones, prints a table and the closing line.
pub fn run(steps: &[Step], choice: &Choice) -> Result<ExitCode> {
    let wanted: Vec<&Step> = steps.iter().filter(|step| choice.wants(&step.name)).collect();
    if choice.list {
        for step in &wanted {
            println!("{:<16} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if wanted.is_empty() {
        bail!("no step is called {:?}; `cargo xtask test --list` names them", choice.only);
    }
    let mut told = Vec::new();
    for (index, step) in wanted.iter().enumerate() {
        println!("\n== {}/{} {}: {}", index + 1, wanted.len(), step.name, step.about);
        let start = Instant::now();
        let outcome = (step.action)();
        let took = start.elapsed();
        println!("== {} {} after {:.1} s", step.name, word(&outcome), took.as_secs_f64());
        if let Err(error) = &outcome {
            println!("   {error:#}");
        }
        told.push(Told { name: step.name.clone(), took, outcome });
    }
    Ok(summary(&told))
}

fn word(outcome: &Result<Outcome>) -> &'static str {
    match outcome {
        Ok(Outcome::Passed) => "passed",
        Ok(Outcome::Skipped(_)) => "SKIPPED",
        Err(_) => "FAILED",
    }
}

fn summary(told: &[Told]) -> ExitCode {
    println!("\nsteps");
    for step in told {
        println!("  {:<16} {:<8} {:>7.1} s", step.name, word(&step.outcome), step.took.as_secs_f64());
    }
    let all: Duration = told.iter().map(|step| step.took).sum();
    println!("  {:<16} {:<8} {:>7.1} s", "together", "", all.as_secs_f64());
    for step in told {
        match &step.outcome {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(why)) => println!("  SKIPPED {}: {why}", step.name),
            Err(error) => println!("  FAILED {}: {error:#}", step.name),
        }
    }
    let count = |wanted: &str| told.iter().filter(|step| word(&step.outcome) == wanted).count();
    let (passed, failed, skipped) = (count("passed"), count("FAILED"), count("SKIPPED"));
    let tail = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("\n{passed} passed, {failed} failed{tail}");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn steps_are_chosen_by_prefix() {
        let choice = Choice::parse(&words("--only e2e,format --skip e2e-firefox")).unwrap();
        assert!(choice.wants("e2e-chromium") && choice.wants("format"));
        assert!(!choice.wants("e2e-firefox") && !choice.wants("clippy"));
        assert!(Choice::default().wants("anything"));
    }

    #[test]
    fn an_unknown_option_and_a_missing_name_are_refused() {
        assert!(Choice::parse(&words("--fast")).is_err());
        assert!(Choice::parse(&words("--only")).is_err());
    }

    #[test]
    fn one_failed_step_fails_the_run_and_the_others_still_run() {
        let ran = std::rc::Rc::new(std::cell::Cell::new(0));
        let step = |name: &str, fails: bool| {
            let ran = std::rc::Rc::clone(&ran);
            Step::new(name, "", move || {
                ran.set(ran.get() + 1);
                anyhow::ensure!(!fails, "on purpose");
                Ok(())
            })
        };
        let failing = [step("a", true), step("b", false)];
        assert_eq!(run(&failing, &Choice::default()).unwrap(), ExitCode::FAILURE);
        assert_eq!(ran.get(), 2);
        assert_eq!(run(&failing[1..], &Choice::default()).unwrap(), ExitCode::SUCCESS);
    }
}
