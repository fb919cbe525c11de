//! The command lines of the control plane: pure.

use std::path::Path;

use super::part::Part;
use super::place::{Place, User};

/// A free port on loopback for everybody who listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) api_server: u16,
    pub(crate) controller_manager: u16,
    pub(crate) scheduler: u16,
    pub(crate) kwok: u16,
}

/// The arguments of a program. `sources` is `tests/cluster`.
pub(crate) fn of(part: Part, place: &Place, sources: &Path, ports: Ports) -> Vec<String> {
    let file = |name: &str| place.file(name).display().to_string();
    let mut args = match part {
        Part::Etcd => etcd(&file("etcd"), ports.etcd),
        Part::KubeApiserver => api_server(place, sources, ports),
        Part::KubeControllerManager => {
            let mut args = component(place, User::ControllerManager, ports.controller_manager);
            args.extend([
                format!(
                    "--service-account-private-key-file={}",
                    file("certs/apiserver.key")
                ),
                format!("--root-ca-file={}", file("certs/apiserver.crt")),
                // The defaults are for a cluster of many, on a network; tests wait for every step.
                "--kube-api-qps=200".to_owned(),
                "--kube-api-burst=400".to_owned(),
                // A machine that is too busy for a heartbeat is no node that is lost.
                "--node-monitor-grace-period=1h".to_owned(),
                // Tests wait for autoscalers, too.
                "--horizontal-pod-autoscaler-sync-period=2s".to_owned(),
            ]);
            args
        }
        Part::KubeScheduler => component(place, User::Scheduler, ports.scheduler),
        Part::Kwok => vec![
            format!("--kubeconfig={}", place.kubeconfig(User::Kwok).display()),
            format!("--config={}", sources.join("stages.yaml").display()),
            "--manage-all-nodes=true".to_owned(),
            "--v=WARN".to_owned(),
            "--node-lease-duration-seconds=40".to_owned(),
            format!("--server-address=127.0.0.1:{}", ports.kwok),
            // Addresses as in the embedded cluster.
            "--node-ip=192.0.2.10".to_owned(),
            "--cidr=10.128.0.1/9".to_owned(),
        ],
    };
    if part == Part::Etcd {
        args.push("--log-level=warn".to_owned());
    }
    args
}

fn etcd(data: &str, port: u16) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}");
    vec![
        format!("--data-dir={data}"),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        // Data is thrown away at each start.
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn api_server(place: &Place, sources: &Path, ports: Ports) -> Vec<String> {
    let file = |name: &str| place.file(name).display().to_string();
    // The API server makes itself a key pair for TLS. The same signs the tokens of ServiceAccounts.
    let key = file("certs/apiserver.key");
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--cert-dir={}", file("certs")),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.api_server),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // Pods of tests name no ServiceAccount that is there.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!(
            "--service-account-issuer=https://127.0.0.1:{}/",
            ports.api_server
        ),
        format!("--service-account-key-file={key}"),
        format!("--service-account-signing-key-file={key}"),
        format!(
            "--audit-policy-file={}",
            sources.join("audit.yaml").display()
        ),
        format!("--audit-log-path={}", file("audit.log")),
        "--profiling=false".to_owned(),
    ]
}

fn component(place: &Place, user: User, port: u16) -> Vec<String> {
    let kubeconfig = place.kubeconfig(user).display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!(
            "--cert-dir={}",
            place.file(&format!("certs-{}", user.short())).display()
        ),
        "--leader-elect=false".to_owned(),
    ]
}

/// The file of tokens: one line per user, each an administrator.
pub(crate) fn tokens(tokens: &[(User, String)]) -> String {
    tokens
        .iter()
        .map(|(user, token)| {
            let name = user.name();
            format!("{token},{name},{name},\"system:masters\"\n")
        })
        .collect()
}

/// A kubeconfig. JSON is YAML.
pub(crate) fn kubeconfig(place: &Place, user: User, token: &str, url: &str) -> String {
    let document = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "oarlock", "cluster": {
            "server": url,
            "certificate-authority": place.file("certs/apiserver.crt"),
        }}],
        "users": [{"name": user.short(), "user": {"token": token}}],
        "contexts": [{"name": "oarlock", "context": {
            "cluster": "oarlock", "user": user.short(), "namespace": "default",
        }}],
        "current-context": "oarlock",
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn command_lines() {
        let place = Place::new(Path::new("/o"), Some("/o/cluster".into())).unwrap();
        let ports = Ports {
            etcd: 1,
            api_server: 2,
            controller_manager: 3,
            scheduler: 4,
            kwok: 5,
        };
        let lines = Part::ALL.map(|part| {
            let args = of(part, &place, Path::new("/o/tests/cluster"), ports);
            format!("{part}\n  {}", args.join("\n  "))
        });
        insta::assert_snapshot!(lines.join("\n"));
        for line in &lines {
            assert!(!line.contains("=0.0.0.0"), "loopback only: {line}");
        }
    }

    #[test]
    fn everybody_has_a_line_of_their_own() {
        let text = tokens(&User::ALL.map(|user| (user, format!("t-{}", user.short()))));
        insta::assert_snapshot!(text, @r#"
        t-admin,admin,admin,"system:masters"
        t-controller-manager,system:kube-controller-manager,system:kube-controller-manager,"system:masters"
        t-scheduler,system:kube-scheduler,system:kube-scheduler,"system:masters"
        t-kwok,kwok,kwok,"system:masters"
        "#);
    }
}
