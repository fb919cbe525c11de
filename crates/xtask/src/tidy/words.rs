//! Words that are not left in the checkout: unfinished code, tests switched off, traces of one machine.

use super::{Problem, Source};

struct Rule {
    /// In two parts, so that this file passes its own check.
    word: (&'static str, &'static str),
    boundary: Boundary,
    what: &'static str,
    hint: &'static str,
}

/// What must not stand beside the word for it to count.
#[derive(Clone, Copy)]
enum Boundary {
    /// Anything may.
    None,
    /// A letter, digit or underscore on either side: part of a longer word.
    Word,
    /// Something before it that makes it the end of a longer path or address.
    Root,
}

const UNFINISHED: &str = "unfinished code";
const FINISH: &str = "finish it, or return an error that says what is missing";
const REGISTRY: &str = "the address of a package registry";
const NO_REGISTRY: &str = "let the client's own configuration choose the registry";
const MACHINE: &str = "a path of one machine";
const RELATIVE: &str = "make it relative to the checkout";

const RULES: &[Rule] = &[
    Rule {
        word: ("todo", "!("),
        boundary: Boundary::Word,
        what: UNFINISHED,
        hint: FINISH,
    },
    Rule {
        word: ("unimplemented", "!("),
        boundary: Boundary::Word,
        what: UNFINISHED,
        hint: FINISH,
    },
    Rule {
        word: ("FIX", "ME"),
        boundary: Boundary::Word,
        what: UNFINISHED,
        hint: FINISH,
    },
    Rule {
        word: ("XX", "X"),
        boundary: Boundary::Word,
        what: UNFINISHED,
        hint: FINISH,
    },
    Rule {
        word: ("#[ig", "nore"),
        boundary: Boundary::None,
        what: "a test that is switched off",
        hint: "make it pass or take it out",
    },
    Rule {
        word: ("registry.npm", "js.org"),
        boundary: Boundary::None,
        what: REGISTRY,
        hint: NO_REGISTRY,
    },
    Rule {
        word: ("pythonhos", "ted.org"),
        boundary: Boundary::None,
        what: REGISTRY,
        hint: NO_REGISTRY,
    },
    Rule {
        word: ("py", "pi.org"),
        boundary: Boundary::None,
        what: REGISTRY,
        hint: NO_REGISTRY,
    },
    Rule {
        word: ("proxy.go", "lang.org"),
        boundary: Boundary::None,
        what: REGISTRY,
        hint: NO_REGISTRY,
    },
    Rule {
        word: ("index.cra", "tes.io"),
        boundary: Boundary::None,
        what: REGISTRY,
        hint: NO_REGISTRY,
    },
    Rule {
        word: ("/wor", "k/"),
        boundary: Boundary::Root,
        what: MACHINE,
        hint: RELATIVE,
    },
    Rule {
        word: ("/far", "m/"),
        boundary: Boundary::Root,
        what: MACHINE,
        hint: RELATIVE,
    },
    Rule {
        word: ("/ro", "ot/."),
        boundary: Boundary::Root,
        what: MACHINE,
        hint: RELATIVE,
    },
    Rule {
        word: ("/tm", "p/t/"),
        boundary: Boundary::Root,
        what: MACHINE,
        hint: RELATIVE,
    },
];

pub(super) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in RULES {
        let word = format!("{}{}", rule.word.0, rule.word.1);
        // Most files have none of the words: look at lines only where one is.
        if !source.text.contains(&word) {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            if occurs(line, &word, rule.boundary) {
                problems.push(Problem {
                    place: source.at(index + 1),
                    what: format!("`{word}`: {}", rule.what),
                    hint: rule.hint,
                });
            }
        }
    }
    problems
}

fn occurs(line: &str, word: &str, boundary: Boundary) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        match boundary {
            Boundary::None => true,
            Boundary::Word => {
                let ends_open = word.ends_with('(') || !after.is_some_and(is_word);
                !before.is_some_and(is_word) && ends_open
            }
            Boundary::Root => !before.is_some_and(|c| is_word(c) || "./-}])~*<>$".contains(c)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        check(&source)
            .into_iter()
            .map(|problem| format!("{}: {}", problem.place, problem.what))
            .collect()
    }

    #[test]
    fn unfinished_code_is_found_with_its_line() {
        let text = format!(
            "fn a() {{}}\nfn b() {{ {}() }}\n// {}\n",
            concat!("todo", "!"),
            concat!("FIX", "ME")
        );
        let expected = [
            format!("a.rs:2: `{}`: unfinished code", concat!("todo", "!(")),
            format!("a.rs:3: `{}`: unfinished code", concat!("FIX", "ME")),
        ];
        assert_eq!(found(&text), expected);
    }

    #[test]
    fn longer_words_are_other_words() {
        assert_eq!(
            found(concat!("XX", "XX and EX", "XXY and mytodo", "!(x)")),
            Vec::<String>::new()
        );
        assert_eq!(found(concat!("(XX", "X)")).len(), 1);
    }

    #[test]
    fn only_paths_from_the_root_name_a_machine() {
        let path = concat!("/wor", "k/");
        assert_eq!(found(&format!("cd {path}main")).len(), 1);
        assert_eq!(found(&format!("\"{path}main\"")).len(), 1);
        assert_eq!(
            found(&format!(
                "https://example.com{path} and a{path} and ${{DIR}}{path}"
            )),
            Vec::<String>::new()
        );
    }
}
