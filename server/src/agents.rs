//! What a new host fetches: the install script and the agent's program.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::AppState;

const SCRIPT: &str = include_str!("install.sh");

/// The script, with the address of this server in it.
pub async fn install_script(State(state): State<AppState>) -> Response {
    let text = SCRIPT.replace("@SERVER@", &state.config.public_base());
    ([(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], text).into_response()
}

/// `remotegpu-agent-x86_64`, or its `.sha256`. A native build without the architecture in its name serves this
/// machine's own.
pub async fn program(State(state): State<AppState>, Path(name): Path<String>) -> Response {
    let Some(folder) = &state.config.agent_dir else { return StatusCode::NOT_FOUND.into_response() };
    let (program, checksum) = match name.strip_suffix(".sha256") {
        Some(program) => (program, true),
        None => (name.as_str(), false),
    };
    let Some(arch) = program.strip_prefix("remotegpu-agent-").filter(|arch| ["x86_64", "aarch64"].contains(arch))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut found = tokio::fs::read(folder.join(program)).await;
    if found.is_err() && arch == std::env::consts::ARCH {
        found = tokio::fs::read(folder.join("remotegpu-agent")).await;
    }
    let Ok(bytes) = found else { return StatusCode::NOT_FOUND.into_response() };
    if checksum {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        return format!("{digest}  {program}\n").into_response();
    }
    let mut response = Body::from(bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}
