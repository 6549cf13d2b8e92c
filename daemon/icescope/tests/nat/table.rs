//! One table for people: behaviour by field, expected and found, and times.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use super::judge::{Field, Judgement};

/// All runs of one behaviour.
#[derive(Debug, Default)]
pub struct Row {
    /// Its name and family.
    pub name: String,
    /// The fields of each run.
    pub runs: Vec<Vec<Field>>,
    /// How long each measurement took.
    pub times: Vec<Duration>,
    /// The evidence of what was not right, for the one who mends it.
    pub notes: Vec<String>,
}

impl Row {
    /// How many fields of all runs turned out so.
    pub fn count(&self, judgement: Judgement) -> usize {
        self.runs.iter().flatten().filter(|field| field.judgement == judgement).count()
    }

    /// The middle one of its times.
    pub fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// The longest of its times.
    pub fn longest(&self) -> Duration {
        self.times.iter().max().copied().unwrap_or_default()
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

/// The table. A field shows what was expected where all runs found just that, else also what was found and how often.
pub fn table(title: &str, rows: &[Row]) -> String {
    let mut text = format!("\n{title}\n");
    for row in rows {
        let runs = row.runs.len();
        let _ = write!(text, "{:<42}", row.name);
        for (index, field) in row.runs.first().into_iter().flatten().enumerate() {
            let found = row.runs.iter().map(|run| &run[index]);
            let right = found.clone().filter(|field| field.judgement == Judgement::Right).count();
            let _ = write!(text, " {}={}", field.name, word(&field.expected));
            if right == runs
                && found.clone().all(|field| field.found == field.expected || field.expected.is_null())
            {
                continue;
            }
            let mut others: Vec<String> = found.map(|field| word(&field.found)).collect();
            others.sort_unstable();
            others.dedup();
            let _ = write!(text, "(right {right}/{runs}, found {})", others.join("|"));
        }
        let _ = writeln!(
            text,
            "  {runs} runs, median {:.0} ms, longest {:.0} ms",
            row.median().as_secs_f64() * 1e3,
            row.longest().as_secs_f64() * 1e3
        );
    }
    text
}
