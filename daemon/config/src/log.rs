//! `[log]`

use tracing_subscriber::EnvFilter;

use crate::reader::Item;
use crate::table::Table;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const EXAMPLE: &str =
    "off, error, warn, info, debug or trace, or one for each part: \"info,icescope_peer=debug\"";

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A filter of `tracing-subscriber`'s `EnvFilter`; it has been parsed once.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Log {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log = Self {
            level: table.or("level", default.level, level),
            format: table.or("format", default.format, |item| item.one_of(&formats)),
        };
        table.finish();
        log
    }
}

fn level(item: &Item<'_>) -> Option<String> {
    let text = item.string(EXAMPLE)?;
    // A bare word that is no level is a target to the filter, with every detail: a slip would flood the log.
    let slip = text.split(',').map(str::trim).find(|part| {
        !part.contains(['=', '[', ':']) && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part))
    });
    if let Some(slip) = slip {
        let near = crate::keys::nearest(slip, LEVELS.into_iter());
        let near = near.map_or_else(String::new, |level| format!("; did you mean {level}?"));
        return item.fail_part(
            slip,
            format!("\"{}\" is not a level", slip.escape_debug()),
            format!("write {EXAMPLE}{near}"),
        );
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => {
            item.fail(format!("{} is not a filter: {error}", item.quoted()), format!("write {EXAMPLE}"))
        }
    }
}
