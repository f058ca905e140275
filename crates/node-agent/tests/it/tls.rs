//! `wss` with the server's certificate from a private authority.

use std::fs;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::agent::Agent;
use crate::server::{Policy, TestServer};

#[tokio::test]
async fn trusts_the_given_root_and_nothing_else() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let server = TestServer::start_with(Policy::default(), Some(TlsAcceptor::from(Arc::new(config)))).await;
    let url = format!("https://{}", server.address);
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, made.cert.pem()).unwrap();

    let trusting = Agent::start(&url, &dir.path().join("a"), &["--ca", ca.to_str().unwrap()], &[]);
    server.wait("a sample over TLS", |seen| !seen.committed.is_empty()).await;
    trusting.terminate();

    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(&ca, other.cert.pem()).unwrap();
    let linked = server.seen().upgrades.len();
    let doubting = Agent::start(&url, &dir.path().join("b"), &["--ca", ca.to_str().unwrap()], &[]);
    doubting.wait_for_log("no link to the server").await;
    assert_eq!(server.seen().upgrades.len(), linked, "the key must not reach a server that is not trusted");
    assert!(doubting.log().contains("certificate"), "{}", doubting.log());
    doubting.terminate();
}
