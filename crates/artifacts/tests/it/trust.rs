//! TLS: who is trusted, and who sees a client's certificate.

use oarlock_core::artifact::{Artifact, Artifacts as _, Credentials, FetchError, Source, Wanted};

use crate::archive::{depot, wanted};
use crate::server::{Reply, Server, chart};

const CA: &str = include_str!("oci/tls/ca.pem");
const OTHER_CA: &str = include_str!("oci/tls/tokens.pem");

fn trusting(ca: &str) -> Credentials {
    Credentials {
        ca: Some(ca.to_owned()),
        ..Credentials::default()
    }
}

fn known() -> Credentials {
    Credentials {
        client: Some((
            include_str!("tls/client.pem").to_owned(),
            include_str!("tls/client.key.pem").to_owned(),
        )),
        ..trusting(CA)
    }
}

async fn get(
    server: &Server,
    path: &str,
    credentials: Credentials,
) -> Result<Artifact, FetchError> {
    let wanted = Wanted {
        credentials,
        ..wanted(Source::Archive(format!("{}{path}", server.url)))
    };
    depot().fetch(wanted).await
}

#[tokio::test]
async fn a_ca_bundle_is_trusted_and_no_other() {
    let server = Server::start_tls().await;
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    assert!(get(&server, "/web.tgz", trusting(CA)).await.is_ok());
    let mut texts = Vec::new();
    for credentials in [
        trusting(OTHER_CA),
        trusting("no certificate"),
        Credentials {
            client: Some(("none".to_owned(), "none".to_owned())),
            ..trusting(CA)
        },
    ] {
        let error = get(&server, "/web.tgz", credentials).await.unwrap_err();
        texts.push(server.shown(error));
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    failed to fetch http://charts.example/web.tgz: client error (Connect): invalid peer certificate: UnknownIssuer; hint: is the address right, is the server up, and is its certificate from an authority that is trusted here?
    can't create TLS config for client: the CA bundle holds no certificate; hint: `caFile` holds PEM blocks that begin with -----BEGIN CERTIFICATE-----
    can't create TLS config for client: the client certificate or its key is not PEM; hint: `certFile` and `keyFile` hold blocks that begin with -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----
    ");
    // What the machine trusts, it be nobody.
    let machine = get(&server, "/web.tgz", Credentials::default()).await;
    assert!(matches!(machine, Err(FetchError::Unavailable(_))));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_client_certificate_is_for_its_own_server() {
    let (server, other) = (Server::start_tls().await, Server::start_tls().await);
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    server.put("/away", Reply::redirect(&format!("{}/web.tgz", other.url)));
    other.put("/web.tgz", Reply::ok(chart("web", "2.0.0")));
    assert!(get(&server, "/web.tgz", known()).await.is_ok());
    assert!(get(&server, "/away", known()).await.is_ok());
    assert!(get(&server, "/web.tgz", trusting(CA)).await.is_ok());
    let shown = |server: &Server| -> Vec<bool> {
        let seen = server.seen().into_iter();
        seen.map(|seen| seen.certificate).collect()
    };
    assert_eq!(shown(&server), [true, true, false]);
    assert_eq!(shown(&other), [false]);
}

#[tokio::test]
async fn tls_is_not_left() {
    let (server, plain) = (Server::start_tls().await, Server::start().await);
    server.put(
        "/web.tgz",
        Reply::redirect(&format!("{}/web.tgz", plain.url)),
    );
    plain.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    let error = get(&server, "/web.tgz", trusting(CA)).await.unwrap_err();
    insta::assert_snapshot!(server.shown(error), @"failed to fetch http://charts.example/web.tgz: it redirects to a URL without TLS, while its own is with TLS");
    assert_eq!(plain.seen(), []);
    // The other way is a way.
    plain.put("/up", Reply::redirect(&format!("{}/up", server.url)));
    server.put("/up", Reply::ok(chart("web", "1.2.3")));
    assert!(get(&plain, "/up", trusting(CA)).await.is_ok());
}
