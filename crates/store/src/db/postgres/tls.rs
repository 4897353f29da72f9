//! Encryption of the connection to PostgreSQL, with the meanings that its own client library gives
//! `sslmode` (libpq, "SSL Mode Descriptions").

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::{Error, Result};

/// What of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checks {
    /// `prefer` and `require`: against listeners, not against impostors.
    Nothing,
    /// `verify-ca`
    Issuer,
    /// `verify-full`
    IssuerAndName,
}

#[derive(Debug)]
pub(super) struct Verification {
    pub checks: Checks,
    /// Who may have issued it; `None` for whom the operating system trusts.
    pub roots: Option<RootCertStore>,
}

/// The certificates of a PEM file.
pub(super) fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| e.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|e| e.to_string())?;
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    if roots.is_empty() { Err("it holds no certificate".into()) } else { Ok(roots) }
}

impl Verification {
    pub fn client_config(self) -> Result<ClientConfig> {
        let wrong =
            |e: &dyn std::fmt::Display| Error::Unusable(format!("TLS to the database: {e}"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(&e))?;
        let builder = match (self.checks, self.roots) {
            (Checks::IssuerAndName, None) => {
                builder.with_platform_verifier().map_err(|e| wrong(&e))?
            }
            (Checks::IssuerAndName, Some(roots)) => builder.with_root_certificates(roots),
            (checks, roots) => {
                let issuer = match (checks, roots) {
                    (Checks::Issuer, Some(roots)) => {
                        let provider = Arc::clone(&provider);
                        let issuer =
                            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
                        Some(issuer.build().map_err(|e| wrong(&e))?)
                    }
                    _ => None,
                };
                let lenient = Arc::new(Lenient { issuer, provider });
                builder.dangerous().with_custom_certificate_verifier(lenient)
            }
        };
        Ok(builder.with_no_client_auth())
    }
}

/// Takes certificates of any name, and without an `issuer` any certificate.
#[derive(Debug)]
struct Lenient {
    issuer: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(issuer) = &self.issuer else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            issuer.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
