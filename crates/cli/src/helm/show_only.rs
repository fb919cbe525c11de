//! `--show-only`: of what would be printed, the documents of some templates.

use anyhow::bail;

use super::glob;

/// The documents whose templates fit the patterns, in the order of the patterns, as Helm prints them.
///
/// A template is told by the first `# Source:` comment of its document, without the chart's name.
///
/// # Errors
///
/// When a pattern fits none.
pub(super) fn show_only(output: &str, patterns: &[String]) -> anyhow::Result<String> {
    let documents = split(output);
    let mut shown = String::new();
    for pattern in patterns {
        let mut missing = true;
        for document in &documents {
            if template_of(document).is_some_and(|template| glob::matches(pattern, template)) {
                missing = false;
                shown.push_str(&format!("---\n{document}\n"));
            }
        }
        if missing {
            bail!("{}", not_found(pattern, &documents));
        }
    }
    Ok(shown)
}

fn not_found(pattern: &str, documents: &[&str]) -> String {
    let mut templates: Vec<&str> = documents.iter().filter_map(|d| template_of(d)).collect();
    templates.dedup();
    let there = match templates.as_slice() {
        [] => "nothing was rendered".to_owned(),
        [first] => format!("rendered was {first}"),
        [first, .., last] => format!(
            "rendered were {}, from {first} to {last}; paths begin below the chart's folder",
            templates.len()
        ),
    };
    format!("could not find template {pattern} in chart; hint: {there}")
}

/// The documents of a stream, as Helm splits it: at each line that begins with `---`, whatever follows.
fn split(stream: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut line_start = 0;
    let stream = stream.trim_start();
    for line in stream.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            documents.push((start, line_start));
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            start = line_start + 3 + blank;
        }
        line_start += line.len();
    }
    documents.push((start, stream.len()));
    let texts = documents
        .into_iter()
        .filter_map(|(start, end)| stream.get(start..end));
    texts
        .filter(|text| !text.trim().is_empty())
        .map(str::trim_start)
        .collect()
}

/// `templates/a.yaml` of `# Source: chart/templates/a.yaml`.
fn template_of(document: &str) -> Option<&str> {
    document.split("# Source: ").skip(1).find_map(|rest| {
        let (chart, path) = rest.split_once('/')?;
        let path = path.split('\n').next().unwrap_or_default();
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const OUTPUT: &str = "---\n# Source: c/templates/a.yaml\na: 1\n---\n# Source: c/charts/s/templates/b.yaml\nb: 1\n--- \n\n---\n\
                          # Source: c/templates/a.yaml\na: 2\n\n";

    fn shown(patterns: &[&str]) -> anyhow::Result<String> {
        let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
        show_only(OUTPUT, &patterns)
    }

    #[test]
    fn documents_are_told_by_their_template() {
        insta::assert_snapshot!(shown(&["charts/*/templates/*", "templates/a.yaml"]).unwrap(), @r"
        ---
        # Source: c/charts/s/templates/b.yaml
        b: 1

        ---
        # Source: c/templates/a.yaml
        a: 1

        ---
        # Source: c/templates/a.yaml
        a: 2
        ");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let error = shown(&["a.yaml"]).unwrap_err();
        insta::assert_snapshot!(error, @"could not find template a.yaml in chart; hint: rendered were 3, from templates/a.yaml to templates/a.yaml; paths begin below the chart's folder");
        let error = show_only("\n", &["a.yaml".to_owned()]).unwrap_err();
        insta::assert_snapshot!(error, @"could not find template a.yaml in chart; hint: nothing was rendered");
    }
}
