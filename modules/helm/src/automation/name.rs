//! What an image is called in values, and where its registry is.

/// Host of what names no host.
const DOCKER_HUB: &str = "docker.io";

/// Other names of Docker Hub.
const DOCKER_HUB_TOO: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];

/// Host and path of an image, whose registry may be said beside its name, and is then the one that counts.
pub(super) fn address(registry: Option<&str>, name: &str) -> Result<(String, String), String> {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if is_host(host) => (Some(host), path),
        _ => (None, name),
    };
    let registry = registry
        .map(|registry| registry.trim_end_matches('/'))
        .filter(|registry| !registry.is_empty());
    // What is called a registry may have folders.
    let (host, folder) = match registry {
        None => (host, None),
        Some(registry) => match registry.split_once('/') {
            Some((host, folder)) => (Some(host), Some(folder)),
            None => (Some(registry), None),
        },
    };
    let mut path = match folder {
        Some(folder) => format!("{folder}/{path}"),
        None => path.to_owned(),
    };
    let host = match host {
        None => DOCKER_HUB,
        Some(host) if DOCKER_HUB_TOO.contains(&host) => DOCKER_HUB,
        Some(host) => host,
    };
    if host == DOCKER_HUB && !path.contains('/') {
        path.insert_str(0, "library/");
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    let known = |c: char| c.is_ascii_alphanumeric() || "._-:[]".contains(c);
    if !path.chars().all(plain) || !host.chars().all(known) || path.split('/').any(str::is_empty) {
        return Err(format!(
            "{:?} is no name of an image, expected such as registry.example.com/team/web",
            match registry {
                Some(registry) => format!("{registry}/{name}"),
                None => name.to_owned(),
            }
        ));
    }
    Ok((host.to_owned(), path))
}

/// The first part of a name is a host where it looks like one: otherwise it is a folder of Docker Hub.
fn is_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}
