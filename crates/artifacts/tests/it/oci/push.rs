//! Pushes with another client than the one that is tested.

use std::collections::BTreeMap;

use flate2::Compression;
use flate2::write::GzEncoder;
use oci_client::client::{
    Certificate, CertificateEncoding, ClientConfig, ClientProtocol, Config, ImageLayer,
};
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::json;

use super::server::CA;

pub(crate) const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
pub(crate) const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
pub(crate) const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
pub(crate) const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub(crate) struct Pusher {
    client: Client,
    registry: String,
    auth: RegistryAuth,
}

impl Pusher {
    /// To the registry at `address`.
    pub(crate) fn new(address: &str, tls: bool, auth: RegistryAuth) -> Self {
        let config = ClientConfig {
            protocol: if tls {
                ClientProtocol::Https
            } else {
                ClientProtocol::Http
            },
            extra_root_certificates: vec![Certificate {
                encoding: CertificateEncoding::Pem,
                data: CA.as_bytes().to_vec(),
            }],
            ..ClientConfig::default()
        };
        Self {
            client: Client::new(config),
            registry: address.to_owned(),
            auth,
        }
    }

    /// As `helm push` does: the digest of the manifest.
    pub(crate) async fn chart(&self, repository: &str, version: &str, archive: &[u8]) -> String {
        let tag = version.replace('+', "_");
        let name = repository.rsplit('/').next().unwrap();
        let config = json!({"name": name, "version": version, "apiVersion": "v2"}).to_string();
        let layers = vec![layer(CHART, archive, &[])];
        self.image(repository, &tag, CHART_CONFIG, &config, layers)
            .await
    }

    /// Any image with a tag: the digest of its manifest.
    pub(crate) async fn image(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        config: &str,
        layers: Vec<ImageLayer>,
    ) -> String {
        let config = Config::new(config.as_bytes().to_vec(), media_type.to_owned(), None);
        let mut manifest = OciImageManifest::build(&layers, &config, None);
        manifest.media_type = Some(MANIFEST.to_owned());
        let reference = self.reference(repository, tag);
        let pushed = self
            .client
            .push(&reference, &layers, config, &self.auth, Some(manifest))
            .await
            .unwrap();
        let _url = pushed.manifest_url;
        self.client
            .fetch_manifest_digest(&reference, &self.auth)
            .await
            .unwrap()
    }

    /// A manifest as it is, whose parts are there.
    pub(crate) async fn manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        manifest: String,
    ) {
        let reference = self.reference(repository, tag);
        self.client
            .store_auth_if_needed(reference.resolve_registry(), &self.auth)
            .await;
        let media_type = media_type.parse().unwrap();
        self.client
            .push_manifest_raw(&reference, manifest.into_bytes(), media_type)
            .await
            .unwrap();
    }

    /// The manifest of a tag, to push it again as another one.
    pub(crate) async fn raw(&self, repository: &str, tag: &str) -> String {
        let reference = self.reference(repository, tag);
        let (bytes, _) = self
            .client
            .pull_manifest_raw(&reference, &self.auth, &[MANIFEST])
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn reference(&self, repository: &str, tag: &str) -> Reference {
        Reference::with_tag(self.registry.clone(), repository.to_owned(), tag.to_owned())
    }
}

pub(crate) fn layer(media_type: &str, data: &[u8], annotations: &[(&str, &str)]) -> ImageLayer {
    let annotations: BTreeMap<String, String> = annotations
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    ImageLayer::new(data.to_vec(), media_type.to_owned(), Some(annotations))
}

/// The archive of a chart with nothing but its `Chart.yaml`.
pub(crate) fn archive(name: &str, version: &str) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, format!("{name}/Chart.yaml"), text.as_bytes())
        .unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}
