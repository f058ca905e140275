//! What a new host fetches: the install script and the agent's program.

use std::borrow::Cow;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::site::body;
use crate::{AppState, bundle};

const SCRIPT: &str = include_str!("install.sh");

/// The script, with the address of this server in it.
pub async fn install_script(State(state): State<AppState>) -> Response {
    let text = SCRIPT.replace("@SERVER@", &state.config.public_base());
    ([(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], text).into_response()
}

/// `remotegpu-agent-x86_64`, or its `.sha256`. A native build without the architecture in its name serves this
/// machine's own.
pub async fn program(State(state): State<AppState>, Path(name): Path<String>) -> Response {
    let (program, checksum) = match name.strip_suffix(".sha256") {
        Some(program) => (program, true),
        None => (name.as_str(), false),
    };
    let Some(arch) = program.strip_prefix("remotegpu-agent-").filter(|arch| ["x86_64", "aarch64"].contains(arch))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut found = read(&state, program).await;
    if found.is_none() && arch == std::env::consts::ARCH {
        found = read(&state, "remotegpu-agent").await;
    }
    let Some(bytes) = found else { return StatusCode::NOT_FOUND.into_response() };
    if checksum {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        return format!("{digest}  {program}\n").into_response();
    }
    let mut response = body(bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// From the folder that is configured, else from the program itself.
async fn read(state: &AppState, name: &str) -> Option<Cow<'static, [u8]>> {
    match &state.config.agent_dir {
        Some(folder) => tokio::fs::read(folder.join(name)).await.ok().map(Cow::Owned),
        None => bundle::file(&format!("agents/{name}")).map(Cow::Borrowed),
    }
}
