//! Reads the fields of an object: strictly, or passing over what does not fit and remembering its name.

use std::fmt;

use serde_json::{Map, Value};

use super::answer::instant;

/// An object that is being read.
pub(super) struct Fields {
    map: Map<String, Value>,
    odd: Vec<String>,
}

/// What does not fit. Never tells a value: it may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit(String);

impl Misfit {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fields {
    pub(super) const fn new(map: Map<String, Value>) -> Self {
        Self {
            map,
            odd: Vec::new(),
        }
    }

    /// A string that something depends on.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Misfit> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Misfit::new(format!("{name} is not a string"))),
        }
    }

    /// A string that has to be there and to say something.
    pub(super) fn required(&mut self, name: &str) -> Result<String, Misfit> {
        match self.text(name)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => Err(Misfit::new(format!("{name} is empty"))),
            None => Err(Misfit::new(format!("{name} is missing"))),
        }
    }

    /// An object that something depends on.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Misfit> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Misfit::new(format!("{name} is not an object"))),
        }
    }

    /// A list that something depends on.
    pub(super) fn array(&mut self, name: &str) -> Result<Vec<Value>, Misfit> {
        match self.take(name) {
            None => Err(Misfit::new(format!("{name} is missing"))),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Misfit::new(format!("{name} is not a list"))),
        }
    }

    /// A string that is only shown.
    pub(super) fn shown(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.pass_over(name),
        }
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.pass_over(name),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        let value = self.take(name)?;
        // Some brokers write numbers with a fraction of zero.
        let whole = value.as_u64().or_else(|| {
            let number = value.as_f64()?;
            // Exact below 2^53, and nobody counts further.
            (number.fract() == 0.0 && (0.0..9.0e15).contains(&number)).then_some(number as u64)
        });
        whole.or_else(|| self.pass_over(name))
    }

    /// A moment: milliseconds since 1970.
    pub(super) fn moment(&mut self, name: &str) -> Option<u64> {
        let text = self.shown(name)?;
        instant(&text).or_else(|| self.pass_over(name))
    }

    /// An object that is read further.
    pub(super) fn part(&mut self, name: &str) -> Option<Self> {
        match self.take(name)? {
            Value::Object(map) => Some(Self::new(map)),
            _ => self.pass_over(name),
        }
    }

    /// An object that is taken as it is.
    pub(super) fn map(&mut self, name: &str) -> Map<String, Value> {
        self.part(name).map(Self::into_map).unwrap_or_default()
    }

    /// All that was not taken.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.map
    }

    /// A list that is taken as it is.
    pub(super) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.take(name) {
            Some(Value::Array(list)) => list,
            None => Vec::new(),
            Some(_) => self.pass_over(name).unwrap_or_default(),
        }
    }

    /// A list of strings.
    pub(super) fn strings(&mut self, name: &str) -> Vec<String> {
        let mut read = Vec::new();
        for value in self.list(name) {
            match value {
                Value::String(text) => read.push(text),
                _ => {
                    self.pass_over::<()>(name);
                }
            }
        }
        read
    }

    /// A copy of what is at the end of a path; none where the path or what is there is not.
    pub(super) fn look(&self, path: &[&str]) -> Option<Value> {
        let (first, rest) = path.split_first()?;
        let found = rest
            .iter()
            .try_fold(self.map.get(*first)?, |at, name| at.get(name))?;
        (!found.is_null()).then(|| found.clone())
    }

    /// Remembers that something did not fit.
    pub(super) fn pass_over<T>(&mut self, name: &str) -> Option<T> {
        if !self.odd.iter().any(|odd| odd == name) {
            self.odd.push(name.to_owned());
        }
        None
    }

    /// Takes over what a part passed over.
    pub(super) fn adopt(&mut self, name: &str, part: Self) {
        self.odd
            .extend(part.odd.into_iter().map(|odd| format!("{name}.{odd}")));
    }

    /// What did not fit so far.
    pub(super) fn odd(&mut self) -> Vec<String> {
        std::mem::take(&mut self.odd)
    }

    /// `null` is as good as nothing.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }
}
