//! Looking at a plugin without using it: for `icescope check-config` and `icescope plugins`.

use std::sync::Arc;

use icescope_model::EventSink;
use icescope_model::plugin::Isolation;
use tokio_util::sync::CancellationToken;

use crate::bring_up::{NotUp, fetch, load};
use crate::error::CheckProblem;
use crate::host::PluginHost;
use crate::options::{Options, PluginSpec};
use crate::schema;
use crate::voice::Voice;

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPlugin {
    /// Its id: `org.icescope.video.gstreamer`.
    pub id: String,
    /// Its kind and revision.
    pub kind: String,
    /// Its name for a person.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Who made it.
    pub vendor: String,
    /// SPDX expression.
    pub license: String,
    /// Where the library really is.
    pub path: String,
}

impl PluginHost {
    /// Verifies a plugin, loads it in a child process (whatever its isolation) and checks its configuration against the
    /// plugin's JSON Schema. Nothing is created. Blocks for as long as that takes; needs no runtime.
    pub fn check(options: &Options, spec: &PluginSpec) -> Result<CheckedPlugin, Vec<CheckProblem>> {
        // A runtime of its own on a thread of its own: the caller may or may not be inside another one.
        let checked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.map_err(|error| problem(error.to_string()))?.block_on(check(options, spec))
                })
                .join()
        });
        checked.unwrap_or_else(|_| Err(problem("the check itself failed; please report this".to_owned())))
    }
}

async fn check(options: &Options, spec: &PluginSpec) -> Result<CheckedPlugin, Vec<CheckProblem>> {
    let (path, _, library) = fetch(spec, options).map_err(|refused| problem(refused.to_string()))?;
    let (sink, _source) = EventSink::new(1);
    let voice = Arc::new(Voice::new(&spec.name, sink));
    let stop = CancellationToken::new();
    let (link, described) =
        load(spec, Isolation::Process, &library, options, &voice, &stop).await.map_err(|not_up| {
            problem(match not_up {
                NotUp::Refused(reason) | NotUp::Fell(_, _, reason) => reason,
                NotUp::Stopped => "the check was stopped".to_owned(),
            })
        })?;
    link.end().await;
    schema::check(&described.config_schema, &spec.config)?;
    Ok(CheckedPlugin {
        id: described.id,
        kind: described.kind,
        name: described.name,
        version: described.version,
        vendor: described.vendor,
        license: described.license,
        path: path.display().to_string(),
    })
}

fn problem(message: String) -> Vec<CheckProblem> {
    vec![CheckProblem { pointer: String::new(), message }]
}
