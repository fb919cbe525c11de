//! Names that Kubernetes takes, made of texts that it may not take.
//!
//! A text that is fine stays as it is. Of any other the forbidden characters are replaced, and six digits of its hash
//! keep two different texts apart.

const LIMIT: usize = 63;
const HASH: usize = 7;

/// Name of the Deployment of a version.
pub(crate) fn deployment(name: &str, version: &str) -> String {
    let text = format!("{name}-{version}");
    let fine = text.len() <= LIMIT && text.split('.').all(is_dns_label);
    if fine {
        text
    } else {
        replaced(&text, |byte| byte.is_ascii_lowercase() || byte == b'.')
    }
}

/// A name beside `name`, for another revision of the same version.
pub(crate) fn revised(name: &str, revision: &str) -> String {
    suffixed(name, &revision[..revision.len().min(HASH - 1)])
}

/// Name of the Job of a revision. Another attempt is another Job.
pub(crate) fn job(name: &str, revision: &str, attempt: u32) -> String {
    let revision = &revision[..revision.len().min(HASH - 1)];
    match attempt {
        0 | 1 => suffixed(name, &format!("migration-{revision}")),
        again => suffixed(name, &format!("migration-{revision}-{again}")),
    }
}

fn suffixed(name: &str, suffix: &str) -> String {
    let room = LIMIT.saturating_sub(suffix.len() + 1);
    let name = name[..name.len().min(room)].trim_end_matches(['-', '.']);
    format!("{name}-{suffix}")
}

/// A label's value.
pub(crate) fn label(text: &str) -> String {
    let edge = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    let fine = text.len() <= LIMIT
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && edge(text.bytes().next())
        && edge(text.bytes().last());
    if fine {
        String::from(text)
    } else {
        replaced(text, |byte| {
            byte.is_ascii_alphabetic() || b"_.".contains(&byte)
        })
    }
}

/// Name of the container of an image: the last part of its path, without tag and digest.
pub(crate) fn container(image: &str) -> String {
    let path = image.split('@').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = last.split(':').next().unwrap_or_default();
    if name.len() <= LIMIT && is_dns_label(name) {
        String::from(name)
    } else {
        replaced(name, |byte| byte.is_ascii_lowercase())
    }
}

/// The whole reference of an image. `+` cannot stand in a tag, and is written `_`, as registries of charts do.
pub(crate) fn image(image: &str, version: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) || image.contains('@') {
        String::from(image)
    } else {
        format!("{image}:{}", version.replace('+', "_"))
    }
}

/// RFC 1123.
pub(crate) fn is_dns_label(text: &str) -> bool {
    let edge = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

fn replaced(text: &str, fine: impl Fn(u8) -> bool) -> String {
    let mut name: String = text
        .bytes()
        .map(|byte| {
            if fine(byte) || byte.is_ascii_digit() {
                byte
            } else {
                byte.to_ascii_lowercase()
            }
        })
        .map(|byte| {
            if fine(byte) || byte.is_ascii_digit() {
                char::from(byte)
            } else {
                '-'
            }
        })
        .collect();
    // Parts between dots must not begin or end with a hyphen.
    while let Some(at) = ["-.", ".-", ".."].iter().find_map(|pair| name.find(pair)) {
        name.replace_range(
            at..at + 2,
            if name[at..].starts_with("..") {
                "."
            } else {
                "-"
            },
        );
    }
    name.truncate(LIMIT - HASH);
    let name = name.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let hash = hash(text);
    if name.is_empty() {
        format!("x-{hash}")
    } else {
        format!("{name}-{hash}")
    }
}

/// 24 bits of FNV-1a: the same in every release, unlike the standard library's hashers.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:06x}", (hash ^ (hash >> 32)) & 0xff_ffff)
}

#[cfg(test)]
mod tests {
    use super::{container, deployment, image, is_dns_label, job, label, revised};

    #[test]
    fn revisions_and_jobs_have_names_of_their_own() {
        assert_eq!(revised("nginx-1.7.7", "0123456789"), "nginx-1.7.7-012345");
        assert_eq!(job("nginx", "0123456789", 1), "nginx-migration-012345");
        assert_eq!(job("nginx", "0123456789", 2), "nginx-migration-012345-2");
        let long = "x".repeat(63);
        assert!(revised(&long, "0123456789").len() <= 63);
        assert!(job(&long, "0123456789", 12).len() <= 63);
        assert_eq!(
            revised(&"x-".repeat(28), "0123456789"),
            format!("{}x-012345", "x-".repeat(27))
        );
    }

    #[test]
    fn keeps_what_is_fine_and_replaces_the_rest() {
        assert_eq!(deployment("nginx", "1.7.7"), "nginx-1.7.7");
        assert_eq!(
            deployment("app", "1.0.0+exp.sha.5114f85"),
            "app-1.0.0-exp.sha.5114f85-f7178e"
        );
        assert_eq!(deployment("app", "V2"), "app-v2-4ca0d6");
        assert_ne!(deployment("app", "V2"), deployment("app", "v2"));
        assert_eq!(label("1.7.7"), "1.7.7");
        assert_eq!(label("1.0.0+exp"), "1.0.0-exp-8b1c9a");
        assert_eq!(label(""), "");
    }

    #[test]
    fn every_name_is_one_that_kubernetes_takes() {
        let long = "x".repeat(100);
        for version in [
            "",
            "+",
            "-",
            "1..2",
            ".-.",
            "ü",
            "A_b",
            "1.0-",
            long.as_str(),
            "1.7.7",
        ] {
            let name = deployment("app", version);
            assert!(
                name.len() <= 63 && name.split('.').all(is_dns_label),
                "{version:?}: {name:?}"
            );
            let label = label(version);
            assert!(
                label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-'),
                "{label:?}"
            );
        }
    }

    #[test]
    fn names_containers_after_their_image() {
        for (image, name) in [
            ("nginx", "nginx"),
            ("library/nginx", "nginx"),
            ("registry:5000/team/app", "app"),
            ("registry:5000/team/app:1.2@sha256:00", "app"),
            ("team/My_App", "my-app-c4d06c"),
        ] {
            assert_eq!(container(image), name);
        }
    }

    #[test]
    fn takes_an_image_with_a_tag_as_it_is() {
        for (name, version, reference) in [
            ("nginx", "1.7.7", "nginx:1.7.7"),
            ("registry:5000/team/app", "1", "registry:5000/team/app:1"),
            ("nginx:stable", "1.7.7", "nginx:stable"),
            ("nginx@sha256:00", "1.7.7", "nginx@sha256:00"),
            ("app", "1.0.0+exp", "app:1.0.0_exp"),
        ] {
            assert_eq!(image(name, version), reference);
        }
    }
}
