//! Reads the type declarations of a Go package: as much of the language as API types use, in gofmt's layout.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// The declared types of a package, by name.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// The fields of each struct that have a protobuf number, in order.
    pub(super) structs: BTreeMap<String, Vec<Field>>,
    /// Types that are another type under a new name.
    pub(super) named: BTreeMap<String, GoType>,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) number: u32,
    /// The name in JSON, empty for an embedded struct whose fields are those of its owner.
    pub(super) json: String,
    pub(super) omit_empty: bool,
    pub(super) go_type: GoType,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GoType {
    Pointer(Box<Self>),
    Slice(Box<Self>),
    /// A map, by the type of its values: keys of API types are texts.
    Map(Box<Self>),
    Named(Name),
}

/// The name of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The last two parts of the path of its package, `core.v1`.
    pub(super) package: String,
    pub(super) local: String,
}

impl Package {
    /// Reads the files of a package, but not its tests and what is generated from its types.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Self> {
        let shown = || format!("read {}", directory.display());
        let mut package = Self::default();
        for entry in fs::read_dir(directory).with_context(shown)? {
            let path = entry.with_context(shown)?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if !name.ends_with(".go") || name.ends_with("_test.go") || name.contains("generated") {
                continue;
            }
            let text =
                fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            package
                .add(&path_name(&directory.to_string_lossy()), &text)
                .with_context(|| path.display().to_string())?;
        }
        Ok(package)
    }

    /// Adds the types of one file of the package `own`.
    pub(super) fn add(&mut self, own: &str, text: &str) -> anyhow::Result<()> {
        let imports = imports(text);
        let scope = Scope {
            own,
            imports: &imports,
        };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(declaration) = line.strip_prefix("type ") else {
                continue;
            };
            let declaration = declaration.split("//").next().unwrap_or_default();
            let Some((name, definition)) = declaration.trim_end().split_once(' ') else {
                continue;
            };
            if definition == "struct {" {
                let fields = lines
                    .by_ref()
                    .take_while(|line| !line.starts_with('}'))
                    .filter_map(|line| scope.field(line).transpose())
                    .collect::<anyhow::Result<_>>()
                    .with_context(|| name.to_owned())?;
                self.structs.insert(name.to_owned(), fields);
            } else if let Some(definition) = scope.go_type(definition) {
                self.named.insert(name.to_owned(), definition);
            }
        }
        Ok(())
    }
}

/// The packages that a file imports, by the name it calls them.
fn imports(text: &str) -> BTreeMap<&str, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim().trim_start_matches("import ");
            let (name, path) = line.strip_suffix('"')?.split_once('"')?;
            let name = match name.trim() {
                "" => path.rsplit('/').next()?,
                name => name,
            };
            Some((name, path_name(path)))
        })
        .collect()
}

/// The last two parts of the path of a package, `core.v1`.
fn path_name(path: &str) -> String {
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(last), Some(before)) => format!("{before}.{last}"),
        (last, _) => last.unwrap_or_default().to_owned(),
    }
}

/// What names mean in a file.
struct Scope<'a> {
    own: &'a str,
    imports: &'a BTreeMap<&'a str, String>,
}

impl Scope<'_> {
    /// The field a line of a struct declares, when it has a number and a name in JSON.
    fn field(&self, line: &str) -> anyhow::Result<Option<Field>> {
        let line = line.trim();
        if line.starts_with("//") {
            return Ok(None);
        }
        let Some((declared, tags)) = line.split_once('`') else {
            return Ok(None);
        };
        let tags = tags.split('`').next().unwrap_or_default();
        let (Some(protobuf), Some(json)) = (tag(tags, "protobuf"), tag(tags, "json")) else {
            return Ok(None);
        };
        let number = protobuf
            .split(',')
            .nth(1)
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("no field number in the tag protobuf:\"{protobuf}\""))?;
        let mut options = json.split(',');
        let name = options.next().unwrap_or_default();
        if name == "-" {
            return Ok(None);
        }
        let go_type = declared
            .split_whitespace()
            .last()
            .and_then(|text| self.go_type(text))
            .with_context(|| format!("no type that can be read in {line:?}"))?;
        Ok(Some(Field {
            number,
            json: name.to_owned(),
            omit_empty: options.any(|option| option == "omitempty"),
            go_type,
        }))
    }

    /// Nothing where the text is not a type that an object can consist of, such as a function.
    fn go_type(&self, text: &str) -> Option<GoType> {
        if let Some(target) = text.strip_prefix('*') {
            return Some(GoType::Pointer(Box::new(self.go_type(target)?)));
        }
        if let Some(item) = text.strip_prefix("[]") {
            return Some(GoType::Slice(Box::new(self.go_type(item)?)));
        }
        if let Some(map) = text.strip_prefix("map[") {
            let (_, value) = map.split_once(']')?;
            return Some(GoType::Map(Box::new(self.go_type(value)?)));
        }
        let identifier =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        let (package, local) = match text.split_once('.') {
            Some((package, local)) => (self.imports.get(package)?.as_str(), local),
            None => (self.own, text),
        };
        identifier(local).then(|| {
            GoType::Named(Name {
                package: package.to_owned(),
                local: local.to_owned(),
            })
        })
    }
}

/// The value of one of the tags `key:"value" key:"value"`.
pub(super) fn tag<'a>(tags: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = tags.trim_start();
    loop {
        let (found, after) = rest.split_once(":\"")?;
        let (value, after) = after.split_once('"')?;
        if found == key {
            return Some(value);
        }
        rest = after.trim_start();
    }
}
