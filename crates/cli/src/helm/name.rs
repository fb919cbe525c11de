//! Name of the release and reference of the chart, from the words of the command line.

use anyhow::bail;

/// What a release is called where nobody says.
const DEFAULT: &str = "release-name";

/// How a release gets its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// As it is.
    Given(String),
    /// By a template, `--name-template`.
    Template(String),
}

/// `[NAME] CHART`.
///
/// # Errors
///
/// When there are more words, or two ways to a name.
pub(super) fn name_and_chart(
    words: Vec<String>,
    generate: bool,
    template: Option<String>,
) -> anyhow::Result<(Name, String)> {
    let template = template.filter(|template| !template.is_empty());
    let mut words = words.into_iter();
    match (words.next(), words.next()) {
        (Some(name), Some(chart)) => {
            let more: Vec<String> = words.collect();
            if !more.is_empty() {
                bail!(
                    "expected at most two arguments, unexpected arguments: {}",
                    more.join(", ")
                );
            }
            if generate {
                bail!("cannot set --generate-name and also specify a name");
            }
            if template.is_some() {
                bail!("cannot set --name-template and also specify a name");
            }
            Ok((Name::Given(name), chart))
        }
        // `--generate-name` changes nothing: `helm template` has a name for all releases.
        (Some(chart), None) => Ok((
            template.map_or_else(|| Name::Given(DEFAULT.to_owned()), Name::Template),
            chart,
        )),
        (None, _) => bail!("\"helm template\" requires at least 1 argument"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn of(
        words: &[&str],
        generate: bool,
        template: Option<&str>,
    ) -> anyhow::Result<(Name, String)> {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        name_and_chart(words, generate, template.map(str::to_owned))
    }

    #[test]
    fn names() {
        let given = |name: &str| (Name::Given(name.to_owned()), "c".to_owned());
        assert_eq!(of(&["c"], false, None).unwrap(), given(DEFAULT));
        assert_eq!(of(&["c"], true, None).unwrap(), given(DEFAULT));
        assert_eq!(of(&["c"], false, Some("")).unwrap(), given(DEFAULT));
        assert_eq!(of(&["n", "c"], false, None).unwrap(), given("n"));
        assert_eq!(
            of(&["c"], true, Some("x")).unwrap(),
            (Name::Template("x".to_owned()), "c".to_owned())
        );
    }

    #[test]
    fn one_way_to_a_name_is_enough() {
        let wrong = [
            of(&["a", "b", "c", "d"], false, None),
            of(&["a", "b"], true, None),
            of(&["a", "b"], false, Some("x")),
            of(&[], false, None),
        ];
        let texts: Vec<String> = wrong.map(|w| w.unwrap_err().to_string()).into();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        expected at most two arguments, unexpected arguments: c, d
        cannot set --generate-name and also specify a name
        cannot set --name-template and also specify a name
        "helm template" requires at least 1 argument
        "#);
    }
}
