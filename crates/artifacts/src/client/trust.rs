//! Whose certificates are trusted, and which one is shown.

use oarlock_core::artifact::{Credentials, FetchError};
use oarlock_core::reference::Digest;
use reqwest::{Certificate, ClientBuilder, Identity, Url};

/// The TLS of one origin.
pub(super) enum Trust<'a> {
    /// No TLS, and so no need of a machine that trusts anybody.
    Plain,
    /// With TLS.
    Tls {
        /// Certificates to trust, and no others (PEM); `None` for what the machine trusts.
        ca: Option<&'a str>,
        /// Client certificate and key, PEM.
        client: Option<&'a (String, String)>,
    },
}

impl<'a> Trust<'a> {
    /// For `url`; `own` is whether it is of the origin that the credentials are for.
    pub(super) fn of(url: &Url, credentials: &'a Credentials, own: bool) -> Self {
        if url.scheme() == "http" {
            return Self::Plain;
        }
        Self::Tls {
            ca: credentials.ca.as_deref(),
            client: credentials.client.as_ref().filter(|_| own),
        }
    }

    pub(super) fn digest(&self) -> Digest {
        let text = match self {
            Self::Plain => "plain".to_owned(),
            Self::Tls { ca, client } => {
                let client = client.map(|(certificate, key)| (certificate, key));
                format!("{ca:?} {client:?}")
            }
        };
        Digest::of(text.as_bytes())
    }

    pub(super) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, FetchError> {
        let (ca, client) = match self {
            Self::Plain => return Ok(builder.tls_certs_only([])),
            Self::Tls { ca, client } => (*ca, *client),
        };
        let builder = match ca {
            None => builder,
            Some(ca) => builder.tls_certs_only(certificates(ca)?),
        };
        match client {
            None => Ok(builder),
            Some((certificate, key)) => {
                let both = format!("{certificate}\n{key}\n");
                let identity = Identity::from_pem(both.as_bytes()).map_err(|_| {
                    FetchError::Unauthorized(
                        "can't create TLS config for client: the client certificate or its key is not PEM; hint: `certFile` \
                         and `keyFile` hold blocks that begin with -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----"
                            .to_owned(),
                    )
                })?;
                Ok(builder.identity(identity))
            }
        }
    }
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, FetchError> {
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
    if certificates.is_empty() {
        return Err(FetchError::Unauthorized(
            "can't create TLS config for client: the CA bundle holds no certificate; hint: `caFile` holds PEM blocks that \
             begin with -----BEGIN CERTIFICATE-----"
                .to_owned(),
        ));
    }
    Ok(certificates)
}
