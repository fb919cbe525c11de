//! Label selectors in kubectl's syntax.

use serde_json::Value;

pub(super) fn matches(selector: &str, object: &Value) -> bool {
    let label = |key: &str| {
        object
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(key)?.as_str())
    };
    requirements(selector).all(|requirement| {
        if let Some((key, values)) = set(requirement, " notin ") {
            return label(key).is_none_or(|value| !values.contains(&value));
        }
        if let Some((key, values)) = set(requirement, " in ") {
            return label(key).is_some_and(|value| values.contains(&value));
        }
        if let Some((key, value)) = requirement.split_once("!=") {
            return label(key.trim()) != Some(value.trim());
        }
        if let Some((key, value)) = requirement
            .split_once("==")
            .or_else(|| requirement.split_once('='))
        {
            return label(key.trim()) == Some(value.trim());
        }
        match requirement.strip_prefix('!') {
            Some(key) => label(key.trim()).is_none(),
            None => label(requirement).is_some(),
        }
    })
}

fn requirements(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    selector
        .split(move |character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            character == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|requirement| !requirement.is_empty())
}

fn set<'a>(requirement: &'a str, operator: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (key, values) = requirement.split_once(operator)?;
    let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some((key.trim(), values.split(',').map(str::trim).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::matches;

    #[test]
    fn reads_kubectls_syntax() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "a"}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier in (a, b)", true),
            ("app=web,tier notin (a,b)", false),
            ("app!=web", false),
            ("app", true),
            ("!app", false),
            ("!other,other!=x", true),
        ] {
            assert_eq!(matches(selector, &object), expected, "{selector}");
        }
    }
}
