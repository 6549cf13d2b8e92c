//! The page: what `web/dist` held when the daemon was built (see `build.rs`).

use std::sync::OnceLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The page's routes. The files are unpacked once, however many servers there are.
pub(crate) fn routes() -> Router {
    static PAGE: OnceLock<Router> = OnceLock::new();
    PAGE.get_or_init(|| memory_serve::load!().index_file(Some("/index.html")).into_router())
        .clone()
        .route("/favicon.ico", get(no_icon))
}

/// Browsers ask for it on their own; the page's icon is named in its HTML.
async fn no_icon() -> Response {
    axum::http::StatusCode::NO_CONTENT.into_response()
}
