//! Helm's engine: a library component in Go.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::digest::{self, Stamp};
use crate::go::GoComponent;
use crate::process;
use crate::workspace::{modules_out, shown};

/// Of the component, and of its world.
pub(super) const NAME: &str = "helm-engine";
const HELM: &str = "helm.sh/helm/v4";

/// Builds the engine unless its inputs are those of the last time.
pub(super) fn build(root: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    let source = root.join("modules/helm/engine");
    let wit = [root.join("wit"), root.join("modules/helm/wit")];
    let out = modules_out(root).join(format!("{NAME}.wasm"));
    let mut inputs = vec![
        source.clone(),
        // The runtime of its bindings.
        root.join("tests/guests/go/runtime"),
        // The recipe is an input, too.
        root.join("crates/xtask/src/go.rs"),
        root.join("crates/xtask/src/go"),
        root.join("crates/xtask/src/modules/helm.rs"),
    ];
    inputs.extend(wit.iter().cloned());
    let stamp = Stamp::new(&out, digest::of_inputs(root, &inputs)?);
    if out.is_file() && stamp.is_current() {
        eprintln!("{}: unchanged", shown(root, &out));
        return Ok(());
    }
    if process::find("go").is_none() {
        bail!(
            "{} cannot be built without go; hint: install Go 1.26 or newer",
            shown(root, &out)
        );
    }
    let scratch = root.join("target/oarlock/scratch/helm");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    GoComponent {
        source: &source,
        wit: &[&wit[0], &wit[1]],
        world: NAME,
        // What a release of Helm says of itself.
        variables: &[(
            "helm.sh/helm/v4/internal/version.version",
            &helm_version(&source)?,
        )],
        warm_up: Some("oarlock_warm_up"),
        core: &scratch.join("engine.core.wasm"),
        out: &out,
    }
    .build()
    .context("cannot build Helm's engine")?;
    stamp.write()?;
    let size = fs::metadata(&out)
        .with_context(|| format!("the build left no {}", out.display()))?
        .len();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} KiB in {seconds:.1} s",
        shown(root, &out),
        size / 1024
    );
    Ok(())
}

/// The version of Helm that `go.mod` requires.
fn helm_version(source: &Path) -> anyhow::Result<String> {
    let file = source.join("go.mod");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    required(&text, HELM)
        .map(str::to_owned)
        .with_context(|| format!("{} requires no {HELM}", file.display()))
}

fn required<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next() == Some(module))
            .then(|| words.next())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_required_one() {
        let go_mod =
            "module m\n\nrequire (\n\thelm.sh/helm/v4 v4.2.4\n\tk8s.io/x v0.1.0 // indirect\n)\n";
        assert_eq!(required(go_mod, HELM), Some("v4.2.4"));
        assert_eq!(
            required("require k8s.io/x v0.1.0\n", "k8s.io/x"),
            Some("v0.1.0")
        );
        assert_eq!(required(go_mod, "helm.sh/helm"), None);
    }
}
