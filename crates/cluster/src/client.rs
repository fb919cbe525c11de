//! A client, from where Kubernetes' own tools look: `$KUBECONFIG`, `~/.kube/config`, the Pod's ServiceAccount.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use thiserror::Error;

use crate::fence::{Fence, line};

/// Where the API server is, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A kubeconfig file instead of the usual places.
    pub kubeconfig: Option<PathBuf>,
    /// A context other than the current one.
    pub context: Option<String>,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The kubeconfig file cannot be read.
    #[error("cannot read kubeconfig {}", path.display())]
    ReadKubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
    /// The kubeconfig file has no such context, or it is incomplete.
    #[error("cannot use the kubeconfig{}", context.as_ref().map(|c| format!(" (context {c:?})")).unwrap_or_default())]
    UseKubeconfig {
        /// The context that was asked for.
        context: Option<String>,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
    /// Neither a kubeconfig nor a Pod's ServiceAccount.
    #[error(
        "no Kubernetes API configured; hint: set KUBECONFIG, or run in a Pod with a ServiceAccount"
    )]
    Infer(#[source] Box<kube::config::InferConfigError>),
    /// The configuration makes no client.
    #[error("cannot set up the Kubernetes client")]
    Build(#[source] Box<kube::Error>),
    /// The user agent is no header value.
    #[error("{0:?} is no user agent")]
    UserAgent(String),
}

/// A client that names itself `user_agent`, such as `oarlock/0.1.0`.
///
/// Its own retries are off (see the transport's reasons), and so is a limit on reads: watches are silent for minutes.
///
/// # Errors
/// When no configuration is found, or it cannot be used.
pub async fn connect(source: &Source, user_agent: &str) -> Result<kube::Client, ConnectError> {
    Ok(open(source, user_agent).await?.client)
}

/// A client, and where it leads.
pub struct Connection {
    /// The client.
    pub client: kube::Client,
    /// Host and port of the API server, as metrics name it.
    pub host: String,
}

/// Clients of one API server.
#[derive(Clone)]
pub struct Clients {
    /// For whatever only looks.
    pub reads: kube::Client,
    /// For whatever changes something.
    pub writes: kube::Client,
}

impl From<kube::Client> for Clients {
    fn from(client: kube::Client) -> Self {
        Self {
            reads: client.clone(),
            writes: client,
        }
    }
}

/// As [`connect`], and tells where the client leads.
///
/// # Errors
/// As [`connect`].
pub async fn open(source: &Source, user_agent: &str) -> Result<Connection, ConnectError> {
    let config = configured(source, user_agent).await?;
    let host = host(&config);
    let client =
        kube::Client::try_from(config).map_err(|error| ConnectError::Build(Box::new(error)))?;
    Ok(Connection { client, host })
}

/// A client for [`Clients::writes`]: its connections are its own, and once `fence` is shut nothing leaves
/// them, not even what was on its way to the socket. Bytes that nobody acknowledges for `patience` are thrown away.
///
/// Behind an HTTP proxy it is an ordinary client.
///
/// # Errors
/// As [`connect`].
pub async fn open_fenced(
    source: &Source,
    user_agent: &str,
    fence: Fence,
    patience: Duration,
) -> Result<kube::Client, ConnectError> {
    let config = configured(source, user_agent).await?;
    let client = if config.proxy_url.is_some() {
        kube::Client::try_from(config)
    } else {
        line::client(&config, fence, patience)
    };
    client.map_err(|error| ConnectError::Build(Box::new(error)))
}

/// Host and port, without what stands before an @.
fn host(config: &Config) -> String {
    let authority = config.cluster_url.authority();
    authority.map_or_else(String::new, |authority| {
        let text = authority.as_str();
        text.rsplit('@').next().unwrap_or(text).to_owned()
    })
}

async fn configured(source: &Source, user_agent: &str) -> Result<Config, ConnectError> {
    let mut config = match &source.kubeconfig {
        Some(path) => from_file(path, source.context.clone()).await?,
        None if source.context.is_some() => from_default_file(source.context.clone()).await?,
        None => Config::infer()
            .await
            .map_err(|error| ConnectError::Infer(Box::new(error)))?,
    };
    let agent = HeaderValue::from_str(user_agent)
        .map_err(|_| ConnectError::UserAgent(user_agent.to_owned()))?;
    config.headers.push((USER_AGENT, agent));
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    config.read_timeout = None;
    config.write_timeout = Some(Duration::from_secs(30));
    Ok(config)
}

async fn from_file(path: &Path, context: Option<String>) -> Result<Config, ConnectError> {
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| ConnectError::ReadKubeconfig {
        path: path.to_owned(),
        source: Box::new(error),
    })?;
    from_kubeconfig(kubeconfig, context).await
}

async fn from_default_file(context: Option<String>) -> Result<Config, ConnectError> {
    let kubeconfig = Kubeconfig::read().map_err(|error| ConnectError::UseKubeconfig {
        context: context.clone(),
        source: Box::new(error),
    })?;
    from_kubeconfig(kubeconfig, context).await
}

async fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    context: Option<String>,
) -> Result<Config, ConnectError> {
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| ConnectError::UseKubeconfig {
            context,
            source: Box::new(error),
        })
}
