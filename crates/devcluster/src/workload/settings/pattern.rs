//! Which containers a rule is about.

use std::collections::BTreeMap;

/// A choice of containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every container.
    Any,
    /// Containers whose image contains this text; with `*` (any text) or `?` (any character) the whole image must match.
    Image(String),
    /// All containers of pods that carry these labels.
    Labels(BTreeMap<String, String>),
}

impl Pattern {
    /// Containers by image.
    #[must_use]
    pub fn image(image: impl Into<String>) -> Self {
        Self::Image(image.into())
    }

    /// Pods by labels.
    pub fn labels<K: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let labels = labels
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        Self::Labels(labels.collect())
    }

    /// Whether a container of this image in a pod of these labels is meant.
    pub(super) fn matches(&self, image: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
        match self {
            Self::Any => true,
            Self::Image(pattern) if pattern.contains(['*', '?']) => glob(pattern, image),
            Self::Image(text) => image.contains(text.as_str()),
            Self::Labels(wanted) => wanted
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value)),
        }
    }
}

/// Whether the pattern covers the whole text. Linear in practice: only the last `*` is ever taken back.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
