//! Whose certificates count for a provider, and what is said when one does not.
//!
//! Beside the machine's own authorities count those that were entered with the provider. A certificate that was entered and
//! is shown by the server itself, to the byte, is trusted as it is, though it is marked as an authority's, as
//! `openssl req -x509` makes them, or names no host: the line is opened by its key alone, which nobody else has. It must be
//! valid at the time, and vouches for nobody else by that.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Those the machine trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` count.
static NATIVE_ROOTS: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate that this machine trusts does not read");
    }
    found.certs
});

/// Certificates of a PEM text; `None` when there are none or one does not read.
pub(super) fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.ok().filter(|found| !found.is_empty())?;
    let mut store = RootCertStore::empty();
    found.iter().all(|certificate| store.add(certificate.clone()).is_ok()).then_some(found)
}

/// TLS that trusts the machine's certificates and these.
pub(super) fn tls(more: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(NATIVE_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| error.to_string())?;
    let Some(pem) = more else {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    };
    let entered = certificates(pem).ok_or("the provider's certificates do not read")?;
    roots.add_parsable_certificates(entered.iter().cloned());
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = OrExactly { usual: usual.map_err(|error| error.to_string())?, entered };
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// As usual, or else exactly one of the certificates that were entered.
#[derive(Debug)]
struct OrExactly {
    usual: Arc<WebPkiServerVerifier>,
    entered: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for OrExactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if usual.is_ok() || !self.entered.iter().any(|entered| entered.as_ref() == end_entity.as_ref()) {
            return usual;
        }
        must_be_valid(end_entity, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn must_be_valid(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let (validity, now) = (read.validity(), i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// What to do about a line that could not be encrypted, where its error says why: the key of a text.
pub(super) fn fault_key(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    use CertificateError as C;
    match cause(error)? {
        Error::InvalidCertificate(why) => match why {
            C::NotValidForName | C::NotValidForNameContext { .. } => Some("identity-fault-tls-name"),
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                Some("identity-fault-tls-expired")
            }
            C::UnknownIssuer => Some("identity-fault-tls-unknown"),
            // Another certificate of the same name was entered: as after the server made itself a new one.
            C::BadSignature => Some("identity-fault-tls-signature"),
            // The library that says so is none of ours: its word is known by its text alone.
            C::Other(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => Some("identity-fault-tls-self"),
            _ => None,
        },
        Error::InvalidMessage(_) => Some("identity-fault-tls-plain"),
        _ => None,
    }
}

/// The error of TLS among an error's causes.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        // The source of what such an error wraps is its own source: what it wraps is looked at first.
        if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            next = Some(wrapped);
            continue;
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, IsCa, KeyPair};

    use super::*;

    /// As `openssl req -x509` makes them: signed by itself, an authority's.
    fn made(names: &[&str], year: i32) -> CertifiedKey<KeyPair> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(year, 1, 1));
        let signing_key = KeyPair::generate().expect("a key");
        CertifiedKey { cert: params.self_signed(&signing_key).expect("a certificate"), signing_key }
    }

    /// What is said to a server with this certificate by who trusts these.
    fn said(shown: &CertifiedKey<KeyPair>, host: &str, entered: &str) -> Option<&'static str> {
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(shown.signing_key.serialize_der().into());
        let ring = || Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
        let server = server.expect("versions").with_no_client_auth();
        let server = server.with_single_cert(vec![shown.cert.der().clone()], key).expect("it fits");
        let client = Arc::new(tls(Some(entered)).expect("they read"));
        let host = ServerName::try_from(host.to_owned()).expect("a name");
        let mut client = rustls::ClientConnection::new(client, host).expect("a client");
        let mut server = rustls::ServerConnection::new(Arc::new(server)).expect("a server");
        while client.is_handshaking() || server.is_handshaking() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).expect("it fits");
            }
            server.read_tls(&mut &there[..]).expect("it is all there");
            let _ = server.process_new_packets();
            while server.wants_write() {
                server.write_tls(&mut back).expect("it fits");
            }
            client.read_tls(&mut &back[..]).expect("it is all there");
            if let Err(error) = client.process_new_packets() {
                return Some(fault_key(&io::Error::other(error)).unwrap_or("another"));
            }
        }
        None
    }

    #[test]
    fn a_certificate_signed_by_itself_counts_where_exactly_it_was_entered() {
        let (directory, other) = (made(&["ldap.example.org"], 2100), made(&["ldap.example.org"], 2100));
        let (own, others) = (directory.cert.pem(), other.cert.pem());
        assert_eq!(said(&directory, "ldap.example.org", &own), None);
        assert_eq!(said(&directory, "10.0.0.7", &format!("{others}{own}")), None, "whatever it names");
        assert_eq!(said(&made(&[], 2100), "ldap.example.org", &own), Some("identity-fault-tls-self"), "another");
        assert_eq!(said(&directory, "ldap.example.org", &others), Some("identity-fault-tls-self"));
        let old = made(&["ldap.example.org"], 2021);
        assert_eq!(said(&old, "ldap.example.org", &old.cert.pem()), Some("identity-fault-tls-expired"));
    }

    #[test]
    fn a_certificate_of_an_authority_has_to_name_the_host() {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("a certificate").pem();
        let issuer = rcgen::Issuer::new(params, key);
        let params = CertificateParams::new(vec!["ldap.example.org".to_owned()]).expect("a name");
        let signing_key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&signing_key, &issuer).expect("a certificate");
        let leaf = CertifiedKey { cert, signing_key };
        assert_eq!(said(&leaf, "ldap.example.org", &authority), None);
        assert_eq!(said(&leaf, "elsewhere.example.org", &authority), Some("identity-fault-tls-name"));
        let stranger = made(&[], 2100).cert.pem();
        assert_eq!(said(&leaf, "ldap.example.org", &stranger), Some("identity-fault-tls-signature"), "the same name");
    }
}
