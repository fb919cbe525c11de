//! One comparison of a range.

use crate::{Version, compare_prereleases};

use super::grammar::{Partial, Term};

/// An operator and what it compares with.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    operator: Operator,
    /// With zeros for what is missing.
    version: Version,
    given: Given,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How much of a version is given; the rest may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Major,
    Minor,
    All,
}

impl Comparison {
    /// `*`.
    pub(super) fn any() -> Self {
        Self {
            operator: Operator::Equal,
            version: Version {
                major: 0,
                minor: 0,
                patch: 0,
                prerelease: String::new(),
                metadata: String::new(),
            },
            given: Given::Nothing,
        }
    }

    /// `None` where the version is none.
    pub(super) fn new(term: &Term<'_>) -> Option<Self> {
        let Partial {
            text,
            major,
            minor,
            patch,
            prerelease,
        } = &term.partial;
        let is_any = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let (given, text) = if is_any(major) {
            (Given::Nothing, format!("0.0.0{prerelease}"))
        } else if is_any(minor) {
            (Given::Major, format!("{major}.0.0{prerelease}"))
        } else if is_any(patch) {
            (Given::Minor, format!("{major}.{minor}.0{prerelease}"))
        } else {
            (Given::All, (*text).to_owned())
        };
        Some(Self {
            operator: Operator::of(term.operator),
            version: Version::parse(&text).ok()?,
            given,
        })
    }

    pub(super) fn names_prerelease(&self) -> bool {
        !self.version.prerelease.is_empty()
    }

    /// Whether it holds of `version`. Whether prereleases are looked for at all is not asked here.
    pub(super) fn holds(&self, version: &Version) -> bool {
        match (self.operator, self.given) {
            (Operator::Equal, Given::All) => *version == self.version,
            (Operator::Equal, _) | (Operator::Tilde, _) => self.tilde(version),
            (Operator::NotEqual, _) => self.not_equal(version),
            (Operator::Greater, _) => self.greater(version),
            (Operator::Less, _) => *version < self.version,
            (Operator::GreaterEqual, _) => *version >= self.version,
            (Operator::LessEqual, _) => self.less_equal(version),
            (Operator::Caret, _) => self.caret(version),
        }
    }

    fn same_major(&self, version: &Version) -> bool {
        version.major == self.version.major
    }

    fn same_minor(&self, version: &Version) -> bool {
        version.minor == self.version.minor
    }

    /// The last number that is given may grow, but not the one before it.
    fn tilde(&self, version: &Version) -> bool {
        if *version < self.version {
            return false;
        }
        let own = &self.version;
        let zero = (own.major, own.minor, own.patch) == (0, 0, 0);
        // `~0.0.0` stands for any version, as `~*` does.
        let any = zero && matches!(self.given, Given::Nothing | Given::All);
        any || self.same_major(version) && (self.given == Given::Major || self.same_minor(version))
    }

    fn not_equal(&self, version: &Version) -> bool {
        match self.given {
            Given::Major => !self.same_major(version),
            Given::Minor if self.same_major(version) && self.same_minor(version) => {
                compare_prereleases(&version.prerelease, &self.version.prerelease).is_ne()
            }
            Given::Minor => true,
            Given::Nothing | Given::All => *version != self.version,
        }
    }

    /// What is not given may be anything: 11.1 is not greater than 11.
    fn greater(&self, version: &Version) -> bool {
        match self.given {
            Given::Major => version.major > self.version.major,
            Given::Minor => {
                (version.major, version.minor) > (self.version.major, self.version.minor)
            }
            Given::All => *version > self.version,
            Given::Nothing => *version > self.version,
        }
    }

    fn less_equal(&self, version: &Version) -> bool {
        match self.given {
            Given::All => *version <= self.version,
            Given::Major => version.major <= self.version.major,
            Given::Nothing | Given::Minor => {
                (version.major, version.minor) <= (self.version.major, self.version.minor)
            }
        }
    }

    /// The first number that is not zero must not grow.
    fn caret(&self, version: &Version) -> bool {
        if *version < self.version {
            return false;
        }
        let own = &self.version;
        if own.major > 0 || self.given == Given::Major {
            return self.same_major(version);
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.given == Given::Minor {
            return self.same_minor(version);
        }
        version.minor == 0 && version.patch == own.patch
    }
}

impl Operator {
    fn of(text: &str) -> Self {
        match text {
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" | "=>" => Self::GreaterEqual,
            "<=" | "=<" => Self::LessEqual,
            "~" | "~>" => Self::Tilde,
            "^" => Self::Caret,
            // `=`, or none.
            _ => Self::Equal,
        }
    }
}
