//! The three texts of a connection over TLS: whose certificates count, and who one is oneself.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// CA, client certificate and key, checked to fit together.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ClientConfig>,
    ca_expires_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Which text is no good, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No certificate of a CA is read from it.
    Ca,
    /// No certificate is read from it.
    Client,
    /// No unencrypted private key is read from it.
    Key,
    /// The key is another certificate's.
    Mismatch,
}

impl Identity {
    /// From PEM. Only this CA is trusted, none of the machine's own.
    ///
    /// # Errors
    /// Says which of the texts is wrong.
    pub fn read(ca: &str, certificate: &str, key: &str) -> Result<Self, CertificateFault> {
        let authorities = certificates(ca).ok_or(CertificateFault::Ca)?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|_| CertificateFault::Ca)?;
        }
        let chain = certificates(certificate).ok_or(CertificateFault::Client)?;
        let expires_at = end_of(&chain[0]).ok_or(CertificateFault::Client)?;
        let ca_expires_at = authorities.iter().filter_map(end_of).max().ok_or(CertificateFault::Ca)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| CertificateFault::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        if provider.key_provider.load_private_key(key.clone_key()).is_err() {
            return Err(CertificateFault::Key);
        }
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| CertificateFault::Ca)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|_| CertificateFault::Mismatch)?;
        Ok(Self { config: Arc::new(config), ca_expires_at, expires_at })
    }

    /// When the first of them is not valid any more.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at.min(self.ca_expires_at)
    }

    /// When the client certificate is not valid any more.
    pub(super) fn client_expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

/// Those of a PEM text; `None` when there are none or one does not read.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty())
}

/// Until when it is valid.
pub(super) fn end_of(certificate: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    DateTime::from_timestamp(read.validity().not_after.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["engine".to_owned()]).expect("a certificate can be made");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn the_text_that_is_wrong_is_named() {
        let ((certificate, key), (other, other_key)) = (made(), made());
        let fault = |ca: &str, certificate: &str, key: &str| Identity::read(ca, certificate, key).err();
        assert_eq!(fault(&other, &certificate, &key), None);
        assert_eq!(fault("", &certificate, &key), Some(CertificateFault::Ca));
        assert_eq!(fault(&key, &certificate, &key), Some(CertificateFault::Ca));
        assert_eq!(fault(&other, "no certificate", &key), Some(CertificateFault::Client));
        assert_eq!(fault(&other, &certificate, &other), Some(CertificateFault::Key));
        assert_eq!(fault(&other, &certificate, &other_key), Some(CertificateFault::Mismatch));
    }
}
