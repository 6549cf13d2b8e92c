//! `GET /api/plugins` and `GET /api/health`.

use axum::Json;
use axum::extract::State;
use icescope_model::api::Plugins;
use serde_json::{Value, json};

use crate::app::Shared;

/// The plugins as they are now. Open to whoever may open a session, whose live channel says the same.
pub(crate) async fn list(State(app): State<Shared>) -> Json<Plugins> {
    Json(Plugins { plugins: app.evidence.plugins() })
}

/// The daemon answers.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}
