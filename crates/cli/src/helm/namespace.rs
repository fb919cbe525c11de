//! The namespace of a release where no flag says it: that of the kubeconfig's context, as with Helm. No cluster is asked.

use std::path::{Path, PathBuf};

use kube::config::Kubeconfig;

/// Where nobody says.
const DEFAULT: &str = "default";

/// Namespace of a context: of the one that is named, or the current one.
pub(super) fn of_context(kubeconfig: Option<&Path>, context: Option<&str>) -> String {
    let config = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path).ok(),
        None => read(),
    };
    config
        .and_then(|config| namespace(&config, context))
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or_else(|| DEFAULT.to_owned())
}

/// The files of `KUBECONFIG`, or `~/.kube/config`; one that cannot be read names nothing, as with Helm.
fn read() -> Option<Kubeconfig> {
    if let Some(config) = Kubeconfig::from_env().ok().flatten() {
        return Some(config);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    Kubeconfig::read_from(home.join(".kube/config")).ok()
}

fn namespace(config: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let name = context.or(config.current_context.as_deref())?;
    let named = config.contexts.iter().find(|known| known.name == name)?;
    named.context.as_ref()?.namespace.clone()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_context_says() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u, \
                    namespace: team-a}}\n- {name: b, context: {cluster: c, user: u}}\n";
        std::fs::write(&file, text).unwrap();
        let of = |context| of_context(Some(&file), context);
        assert_eq!(of(None), "team-a");
        assert_eq!(of(Some("b")), DEFAULT);
        assert_eq!(of(Some("c")), DEFAULT);
        assert_eq!(
            of_context(Some(&directory.path().join("nowhere")), None),
            DEFAULT
        );
    }
}
