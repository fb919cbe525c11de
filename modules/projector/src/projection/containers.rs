//! What of a binding is in containers: a mount, and environment variables.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::mapping::Containers;
use super::record::{Others, Record};
use super::{
    DEFAULT_ROOT, Mapping, Project, Projection, ROOT, field_ref, list, named, take_out, volume_name,
};

/// Puts it into the containers that are meant, and takes it out of the others.
pub(super) fn project(
    workload: &mut Value,
    wish: &Projection,
    mapping: &Mapping,
    before: Option<&Record>,
    record: &mut Record,
) -> Result<(), Project> {
    let mut count = 0;
    let mut meant = 0;
    let others = Record::others(workload, &wish.uid);
    let roots = others.roots();
    for (group, place) in mapping.containers.iter().enumerate() {
        for (index, container) in place.path.find_mut(workload).into_iter().enumerate() {
            count += 1;
            let name = name(container, place);
            let label = label(name.as_deref(), group, index);
            let is_meant = wish.containers.is_empty()
                || name.is_none_or(|name| wish.containers.contains(&name));
            if is_meant {
                meant += 1;
                let at = At {
                    is_root_shared: roots.contains(&label),
                    shared: others.env(&mounts(container, place)),
                    place,
                    label,
                };
                put(container, &at, wish, before, &mut record.roots)?;
            } else {
                remove(container, place, &wish.uid, before, &others);
                if record.roots.remove(&label) && !roots.contains(&label) {
                    take_out(container, &place.env, is_root);
                }
            }
        }
    }
    if count == 0 {
        let paths: Vec<&str> = mapping
            .containers
            .iter()
            .map(|place| place.text.as_str())
            .collect();
        return Err(Project::NoContainers {
            paths: paths.join(" and "),
        });
    }
    if meant == 0 {
        return Err(Project::NoneMeant {
            names: wish.containers.join(", "),
        });
    }
    Ok(())
}

/// Takes it out of all containers, but for what others have there, too.
pub(super) fn unproject(
    workload: &mut Value,
    uid: &str,
    mapping: &Mapping,
    record: &Record,
    others: &Others,
) {
    let shared = others.roots();
    let roots: BTreeSet<&String> = record.roots.difference(&shared).collect();
    for (group, place) in mapping.containers.iter().enumerate() {
        for (index, container) in place.path.find_mut(workload).into_iter().enumerate() {
            remove(container, place, uid, Some(record), others);
            let name = name(container, place);
            if roots.contains(&label(name.as_deref(), group, index)) {
                take_out(container, &place.env, is_root);
            }
        }
    }
}

fn name(container: &Value, place: &Containers) -> Option<String> {
    place
        .name
        .as_ref()?
        .find(container)
        .first()?
        .as_str()
        .map(str::to_owned)
}

/// What a container is called in records and errors.
fn label(name: Option<&str>, group: usize, index: usize) -> String {
    name.map_or_else(|| format!("#{group}.{index}"), str::to_owned)
}

/// One container.
struct At<'a> {
    place: &'a Containers,
    label: String,
    /// Whether another binding set the variable that says where bindings are.
    is_root_shared: bool,
    /// Variables of other bindings, with their Secrets.
    shared: BTreeSet<(String, String)>,
}

fn mounts(container: &Value, place: &Containers) -> Vec<Value> {
    let lists = place.mounts.find(container);
    let items = lists.into_iter().filter_map(Value::as_array).flatten();
    items.cloned().collect()
}

/// Whether a variable is another binding's, too.
fn is_shared(env: &Value, shared: &BTreeSet<(String, String)>) -> bool {
    let text = |pointer: &str| env.pointer(pointer).and_then(Value::as_str);
    let (Some(name), Some(secret)) = (text("/name"), text("/valueFrom/secretKeyRef/name")) else {
        return false;
    };
    shared.contains(&(name.to_owned(), secret.to_owned()))
}

/// The variable as a projector sets it.
fn is_root(env: &Value) -> bool {
    *env == json!({"name": ROOT, "value": DEFAULT_ROOT})
}

fn put(
    container: &mut Value,
    at: &At<'_>,
    wish: &Projection,
    before: Option<&Record>,
    roots: &mut BTreeSet<String>,
) -> Result<(), Project> {
    let At {
        place,
        label,
        is_root_shared,
        shared,
    } = at;
    let env = list(container, &place.env, "environment variables")?;
    let root = match env.iter().find(|env| named(env, ROOT)) {
        Some(set) => match set.get("value").and_then(Value::as_str) {
            Some(value) => {
                if is_root(set) && *is_root_shared {
                    roots.insert(label.clone());
                }
                value.to_owned()
            }
            None => {
                return Err(Project::Root {
                    container: label.clone(),
                });
            }
        },
        None => {
            roots.insert(label.clone());
            env.push(json!({"name": ROOT, "value": DEFAULT_ROOT}));
            DEFAULT_ROOT.to_owned()
        }
    };
    env.retain(|env| {
        !is_ours(env, &wish.uid, before)
            || is_shared(env, shared)
            || wish.env.iter().any(|wanted| named(env, &wanted.name))
    });
    for wanted in &wish.env {
        let value = variable(wish, &wanted.name, &wanted.key);
        match env.iter_mut().find(|env| named(env, &wanted.name)) {
            Some(there) if is_same(there, &value) => {}
            // Of one Secret two bindings cannot have different entries by one name; another Secret is the service's will.
            Some(there)
                if is_ours(there, &wish.uid, before)
                    && (!is_shared(there, shared) || is_of_another_secret(there, &value)) =>
            {
                *there = value;
            }
            Some(_) => {
                return Err(Project::EnvTaken {
                    container: label.clone(),
                    name: wanted.name.clone(),
                });
            }
            None => env.push(value),
        }
    }
    let path = format!("{}/{}", root.trim_end_matches('/'), wish.name);
    let volume = volume_name(&wish.uid);
    let mounts = list(container, &place.mounts, "mounts")?;
    let path_of = |mount: &Value| {
        mount
            .get("mountPath")
            .and_then(Value::as_str)
            .map(|path| path.trim_end_matches('/').to_owned())
    };
    if mounts
        .iter()
        .any(|mount| !named(mount, &volume) && path_of(mount).as_deref() == Some(path.as_str()))
    {
        return Err(Project::MountTaken {
            container: label.clone(),
            path,
        });
    }
    match mounts.iter_mut().find(|mount| named(mount, &volume)) {
        Some(Value::Object(mount)) => {
            mount.insert("mountPath".to_owned(), Value::from(path));
            mount.insert("readOnly".to_owned(), Value::Bool(true));
        }
        _ => mounts.push(json!({"name": volume, "mountPath": path, "readOnly": true})),
    }
    Ok(())
}

fn remove(
    container: &mut Value,
    place: &Containers,
    uid: &str,
    before: Option<&Record>,
    others: &Others,
) {
    let volume = volume_name(uid);
    let shared = others.env(&mounts(container, place));
    take_out(container, &place.mounts, |mount| named(mount, &volume));
    take_out(container, &place.env, |env| {
        is_ours(env, uid, before) && !is_shared(env, &shared)
    });
}

/// Whether a variable takes its value from where it shall. What the API server or a webhook adds is theirs.
fn is_same(there: &Value, wanted: &Value) -> bool {
    let from = [
        "/name",
        "/value",
        "/valueFrom/secretKeyRef/name",
        "/valueFrom/secretKeyRef/key",
        "/valueFrom/fieldRef/fieldPath",
    ];
    from.into_iter()
        .all(|pointer| there.pointer(pointer) == wanted.pointer(pointer))
}

/// Whether both are taken from Secrets, and from different ones.
fn is_of_another_secret(there: &Value, wanted: &Value) -> bool {
    let secret = |env: &Value| {
        let name = env.pointer("/valueFrom/secretKeyRef/name")?;
        name.as_str().map(str::to_owned)
    };
    secret(wanted).is_some_and(|wanted| secret(there).is_some_and(|there| there != wanted))
}

fn variable(wish: &Projection, name: &str, key: &str) -> Value {
    let is_override = match key {
        "type" => wish.kind.is_some(),
        "provider" => wish.provider.is_some(),
        _ => false,
    };
    if is_override {
        json!({"name": name, "valueFrom": {"fieldRef": field_ref(key, &wish.uid)}})
    } else {
        json!({"name": name, "valueFrom": {"secretKeyRef": {"name": wish.secret, "key": key}}})
    }
}

/// Whether a variable was put in for the binding: by its name, and by what it takes its value from.
fn is_ours(env: &Value, uid: &str, before: Option<&Record>) -> bool {
    let Some(before) = before else { return false };
    if !before.env.iter().any(|name| named(env, name)) {
        return false;
    }
    let text = |pointer: &str| env.pointer(pointer).and_then(Value::as_str);
    text("/valueFrom/secretKeyRef/name") == Some(before.secret.as_str())
        || ["type", "provider"].into_iter().any(|entry| {
            field_ref(entry, uid)
                .get("fieldPath")
                .and_then(Value::as_str)
                == text("/valueFrom/fieldRef/fieldPath")
        })
}
