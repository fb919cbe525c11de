//! Memory that this process may have, as the container says it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use oarlock_config::{InvalidQuantity, Quantity};
use oarlock_wasm::EngineOptions;

/// What libraries get of a container's memory: one part in so many. The rest is for caches, modules, and what is under way.
const SHARE: u64 = 2;

/// Libraries need some.
const LEAST: u64 = 1 << 20;

/// What is expected.
const FORM: &str = "expected bytes, 1Mi or more, such as 512Mi";

/// A number of bytes for libraries.
pub(crate) fn amount(text: &str) -> Result<Quantity, String> {
    let amount: Quantity = text.parse().map_err(|error: InvalidQuantity| {
        let hint = error.hint();
        format!("{error}; {}", hint.as_deref().unwrap_or(FORM))
    })?;
    if amount.bytes() < LEAST {
        return Err(format!("{text:?} is too little; {FORM}"));
    }
    Ok(amount)
}

/// Bytes for all libraries that run at a time: as somebody says, or what there is room for.
pub(crate) fn for_libraries(asked: Option<Quantity>) -> usize {
    let (limit, most) = (limit(Path::new("/")), share(None, None));
    let bytes = share(asked, limit);
    if let Some(limit) = limit.filter(|_| bytes < most) {
        tracing::info!(
            bytes,
            limit,
            "what libraries may have of the container's memory"
        );
    }
    bytes
}

fn share(asked: Option<Quantity>, limit: Option<u64>) -> usize {
    if let Some(asked) = asked {
        return usize::try_from(asked.bytes()).unwrap_or(usize::MAX);
    }
    let most = EngineOptions::default().library_memory;
    let part = limit.map(|limit| (limit / SHARE).max(LEAST));
    part.and_then(|part| usize::try_from(part).ok())
        .map_or(most, |part| part.min(most))
}

/// The memory limit of this process' control group and of those that it is in; none where nothing bounds it. `root` is `/`.
///
/// By cgroups(7): `/proc/self/cgroup` has a line `id:controllers:path` for each hierarchy, that of version 2 without
/// controllers. In a container the path may be of the host's tree, and what is mounted is the group itself: a group that is
/// not there says nothing.
fn limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let limits = groups.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|c| c == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let group = within(path);
        let groups = group.ancestors();
        groups
            .filter_map(|group| bytes(&root.join(mount).join(group).join(file)))
            .min()
    });
    limits.min()
}

/// A path below the mount. One that leads out of what is mounted is of no use.
fn within(path: &str) -> PathBuf {
    let path = Path::new(path.trim_start_matches('/'));
    let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
    if inside {
        path.to_owned()
    } else {
        PathBuf::new()
    }
}

/// None for `max`. Version 1 has a number for it that is larger than any memory.
fn bytes(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const MIB: u64 = 1 << 20;

    /// The limit that these files give.
    fn limited(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        limit(root.path())
    }

    #[test]
    fn a_container_of_version_2() {
        let pod = [
            ("proc/self/cgroup", "0::/"),
            ("sys/fs/cgroup/memory.max", "536870912"),
        ];
        assert_eq!(limited(&pod), Some(512 * MIB));
        let without = [pod[0], ("sys/fs/cgroup/memory.max", "max")];
        assert_eq!(limited(&without), None);
        assert_eq!(limited(&pod[..1]), None);
        assert_eq!(limited(&[]), None);
    }

    #[test]
    fn the_least_of_the_groups_around_it_holds() {
        let unit = ("proc/self/cgroup", "0::/system.slice/oarlock.service");
        let own = "sys/fs/cgroup/system.slice/oarlock.service/memory.max";
        let slice = "sys/fs/cgroup/system.slice/memory.max";
        assert_eq!(
            limited(&[unit, (own, "max"), (slice, "1048576")]),
            Some(MIB)
        );
        assert_eq!(
            limited(&[unit, (own, "1048576"), (slice, "2097152")]),
            Some(MIB)
        );
    }

    #[test]
    fn a_container_of_version_1() {
        // The path is the host's, what is mounted is the group.
        let groups = (
            "proc/self/cgroup",
            "9:name=systemd:/\n5:cpu,cpuacct:/kubepods/a\n4:hugetlb,memory:/kubepods/a\n0::/../b",
        );
        let mounted = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        assert_eq!(
            limited(&[groups, (mounted, "268435456"), ("sys/fs/b/memory.max", "1")]),
            Some(256 * MIB)
        );
        let unlimited = limited(&[groups, (mounted, "9223372036854771712")]);
        assert_eq!(share(None, unlimited), share(None, None));
    }

    #[test]
    fn libraries_get_what_there_is_room_for() {
        let mib = |limit: Option<u64>| share(None, limit.map(|mib| mib * MIB)) >> 20;
        assert_eq!(mib(None), 4096);
        assert_eq!(mib(Some(16 << 10)), 4096);
        assert_eq!(mib(Some(1024)), 512);
        assert_eq!(mib(Some(1)), 1);
        let asked = amount("6Gi").unwrap();
        assert_eq!(share(Some(asked), Some(512 * MIB)), 6 << 30);
    }

    #[test]
    fn amounts() {
        assert_eq!(amount("512Mi").unwrap().bytes(), 512 * MIB);
        insta::assert_snapshot!(amount("0").unwrap_err(), @r#""0" is too little; expected bytes, 1Mi or more, such as 512Mi"#);
        insta::assert_snapshot!(amount("much").unwrap_err(), @r#""much" is no quantity; expected bytes, 1Mi or more, such as 512Mi"#);
        insta::assert_snapshot!(amount("512MB").unwrap_err(), @r#"unknown suffix "MB"; write M"#);
    }
}
