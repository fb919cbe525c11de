//! A folder of a commit, with symbolic links followed as a checkout of it would have them: anywhere within the repository, and
//! not out of it.

use std::sync::Arc;

use oarlock_core::artifact::FetchError;
use oarlock_core::future::BoxFuture;

use super::objects::{Kind, Objects, ReadObject};
use crate::options::Limits;
use crate::package::ignore::Rules;
use crate::package::{File, PackageError};

/// Folders within folders.
const DEPTH: usize = 64;
/// Symbolic links that lead to symbolic links, as the kernel has it.
const LINKS: usize = 40;
/// Bytes of one folder's list.
const LIST: u64 = 16 << 20;
/// Bytes of the path that a symbolic link holds.
const TARGET: u64 = 4096;
/// What stands in the place of a file that is somewhere else.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Files that a chart is not itself without.
const NEEDED: &[&str] = &[".tgz", ".yaml", ".yml", ".json", ".tpl"];

/// Why a folder cannot be read.
#[derive(Debug)]
pub(super) enum ReadTree {
    /// It is not as it should be.
    Refused(FetchError),
    /// An object of the repository of the cache is not to be had.
    Object(ReadObject),
}

impl From<ReadObject> for ReadTree {
    fn from(error: ReadObject) -> Self {
        Self::Object(error)
    }
}

/// What is at a path.
pub(super) enum Content {
    /// The files below it, ordered by path.
    Folder(Vec<File>),
    /// One file.
    File(Vec<u8>),
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    object: String,
    is: Is,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Folder,
    File,
    Link,
    Submodule,
}

/// Where something is, from the root of the repository.
type Place = Vec<String>;

/// Reads one commit.
pub(super) struct Tree<'a> {
    objects: &'a mut Objects,
    limits: &'a Limits,
    root: String,
    /// For people: the repository and the commit.
    origin: &'a str,
    rules: Rules,
    left: u64,
    /// Lists that were read: links may lead to one of them again and again.
    folders: usize,
    files: Vec<File>,
}

/// Something found.
#[derive(Clone)]
struct Node {
    object: String,
    is: Is,
    /// Where it really is.
    place: Place,
}

impl<'a> Tree<'a> {
    pub(super) fn new(
        objects: &'a mut Objects,
        limits: &'a Limits,
        commit: &str,
        origin: &'a str,
    ) -> Self {
        Self {
            objects,
            limits,
            root: format!("{commit}^{{tree}}"),
            origin,
            rules: Rules::none(),
            left: limits.unpacked,
            folders: 0,
            files: Vec::new(),
        }
    }

    /// What is at `path`, from the root of the repository.
    pub(super) async fn read(mut self, path: &str) -> Result<Content, ReadTree> {
        let place = self.place(path)?;
        let mut links = 0;
        let Some(node) = self.find(Vec::new(), &place, &mut links).await? else {
            return Err(self.missing(path));
        };
        match node.is {
            Is::File => Ok(Content::File(
                self.objects
                    .read(&node.object, Kind::Blob, self.limits.package)
                    .await
                    .map_err(|error| self.too_large(path, error))?,
            )),
            Is::Folder => {
                self.rules = self.rules_of(&node).await?;
                self.folder(node, String::new(), 0).await?;
                self.files.sort_by(|a, b| a.path.cmp(&b.path));
                Ok(Content::Folder(self.files))
            }
            Is::Submodule => Err(self.refused(&format!(
                "{path} is a submodule, which is not fetched; hint: name its own repository as the source"
            ))),
            // Links are followed before.
            Is::Link => Err(self.missing(path)),
        }
    }

    /// What the folder's `.helmignore` says.
    async fn rules_of(&mut self, folder: &Node) -> Result<Rules, ReadTree> {
        let name = [".helmignore".to_owned()];
        let found = self.find(folder.place.clone(), &name, &mut 0).await?;
        let Some(file) = found.filter(|node| node.is == Is::File) else {
            return Ok(Rules::none());
        };
        let read = self
            .objects
            .read(&file.object, Kind::Blob, self.limits.file)
            .await;
        let text = read.map_err(|error| self.too_large(&name[0], error))?;
        Rules::parse(&text).map_err(|error| self.no_package(&error))
    }

    /// A path as it is written, taken apart; it must not lead out.
    fn place(&self, path: &str) -> Result<Place, ReadTree> {
        let mut place = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if place.pop().is_none() => {
                    return Err(self.refused(&format!("path {path} leads out of the repository")));
                }
                ".." => {}
                part if part.chars().any(char::is_control) => {
                    return Err(self.refused(&format!("path {path:?} has control characters")));
                }
                part => place.push(part.to_owned()),
            }
        }
        Ok(place)
    }

    /// What is at `place`, seen from the folder `from`. `None` where nothing is.
    fn find<'f>(
        &'f mut self,
        from: Place,
        place: &'f [String],
        links: &'f mut usize,
    ) -> BoxFuture<'f, Result<Option<Node>, ReadTree>> {
        Box::pin(async move {
            let whole: Place = from.into_iter().chain(place.iter().cloned()).collect();
            let mut node = Node {
                object: self.root.clone(),
                is: Is::Folder,
                place: Vec::new(),
            };
            for (at, name) in whole.iter().enumerate() {
                if node.is != Is::Folder {
                    return Ok(None);
                }
                let entries = self.list(&node.object).await?;
                let Some(entry) = entries.into_iter().find(|entry| entry.name == *name) else {
                    return Ok(None);
                };
                if entry.is == Is::Link {
                    let Some(found) = self.follow(&node.place, &entry, links).await? else {
                        return Ok(None);
                    };
                    // What remains is looked for where the link leads.
                    return match &whole[at + 1..] {
                        [] => Ok(Some(found)),
                        rest => self.find(found.place, rest, links).await,
                    };
                }
                node.place.push(entry.name);
                node.object = entry.object;
                node.is = entry.is;
            }
            Ok(Some(node))
        })
    }

    /// Where a link in the folder `from` leads.
    async fn follow(
        &mut self,
        from: &[String],
        link: &Entry,
        links: &mut usize,
    ) -> Result<Option<Node>, ReadTree> {
        let at = [from, std::slice::from_ref(&link.name)].concat().join("/");
        *links += 1;
        if *links > LINKS {
            return Err(self.refused(&format!("{at}: too many levels of symbolic links")));
        }
        let target = self.objects.read(&link.object, Kind::Blob, TARGET).await;
        let target = target.map_err(|error| self.too_large(&at, error))?;
        let target = String::from_utf8_lossy(&target).into_owned();
        let outside = format!(
            "{at} is a symbolic link to {target}, which is outside of the repository; hint: copy what it points at into the chart"
        );
        if target.starts_with('/') {
            return Err(self.refused(&outside));
        }
        let mut place = from.to_vec();
        let mut ahead = Vec::new();
        // `..` after a name is taken where the name really is.
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." if ahead.is_empty() => {
                    if place.pop().is_none() {
                        return Err(self.refused(&outside));
                    }
                }
                ".." => {
                    let Some(node) = self.find(place, &ahead, links).await? else {
                        return Ok(None);
                    };
                    ahead.clear();
                    place = node.place;
                    if place.pop().is_none() {
                        return Err(self.refused(&outside));
                    }
                }
                part => ahead.push(part.to_owned()),
            }
        }
        self.find(place, &ahead, links).await
    }

    /// Reads the folder `node`, which is at `path` within the chart.
    fn folder(
        &mut self,
        node: Node,
        path: String,
        depth: usize,
    ) -> BoxFuture<'_, Result<(), ReadTree>> {
        Box::pin(async move {
            if depth > DEPTH {
                // The beginning of it tells which link it is.
                let begin: Vec<&str> = path.splitn(4, '/').take(3).collect();
                let begin = format!("{}/…", begin.join("/"));
                return Err(self.no_package(&PackageError::TooDeep(begin, DEPTH)));
            }
            for entry in self.list(&node.object).await? {
                let at = if path.is_empty() {
                    entry.name.clone()
                } else {
                    format!("{path}/{}", entry.name)
                };
                // A link is no folder: where it leads is looked at only when it is not left out.
                if self.rules.skips(&at, entry.is == Is::Folder) {
                    continue;
                }
                let found = if entry.is == Is::Link {
                    let mut links = 0;
                    let found = self.follow(&node.place, &entry, &mut links).await?;
                    found.ok_or_else(|| {
                        self.refused(&format!(
                            "{at} is a symbolic link to something that the repository does not have"
                        ))
                    })?
                } else {
                    let mut place = node.place.clone();
                    place.push(entry.name.clone());
                    Node {
                        object: entry.object.clone(),
                        is: entry.is,
                        place,
                    }
                };
                if entry.is == Is::Link && self.rules.skips(&at, found.is == Is::Folder) {
                    continue;
                }
                match found.is {
                    Is::Folder => self.folder(found, at, depth + 1).await?,
                    Is::File => self.file(&found.object, at).await?,
                    // A checkout without submodules has an empty folder there.
                    Is::Submodule | Is::Link => {}
                }
            }
            Ok(())
        })
    }

    async fn file(&mut self, object: &str, path: String) -> Result<(), ReadTree> {
        if self.files.len() == self.limits.files {
            return Err(self.no_package(&PackageError::TooManyFiles(self.limits.files)));
        }
        let read = self
            .objects
            .read(object, Kind::Blob, self.limits.file)
            .await;
        let content = read.map_err(|error| self.too_large(&path, error))?;
        if content.starts_with(LFS) && NEEDED.iter().any(|end| path.ends_with(end)) {
            return Err(self.refused(&format!(
                "{path} is kept by Git LFS, which is not asked; hint: commit the file itself"
            )));
        }
        let Some(left) = self.left.checked_sub(content.len() as u64) else {
            return Err(self.no_package(&PackageError::TooLarge(self.limits.unpacked)));
        };
        self.left = left;
        self.files.push(File {
            path,
            content: Arc::from(content),
        });
        Ok(())
    }

    /// The entries of a folder, in git's order.
    async fn list(&mut self, object: &str) -> Result<Vec<Entry>, ReadTree> {
        // Those on the way to the chart are lists too.
        let most = self.limits.files + DEPTH;
        if self.folders == most {
            return Err(self.no_package(&PackageError::TooManyFolders(most)));
        }
        self.folders += 1;
        let bytes = self.objects.read(object, Kind::Tree, LIST).await?;
        // Objects are named by digests of one length, in bytes.
        let digits = if self.root.len() > 60 { 32 } else { 20 };
        entries(&bytes, digits).map_err(|problem| match problem {
            Problem::Damaged => ReadTree::Object(ReadObject::Damaged(object.to_owned())),
            Problem::Name(name) => self.refused(&format!(
                "a file is called {name:?}, which no chart has; hint: rename it"
            )),
        })
    }

    fn missing(&self, path: &str) -> ReadTree {
        ReadTree::Refused(FetchError::NotFound(format!(
            "path {path} not found in {}; hint: it is counted from the root of the repository",
            self.origin
        )))
    }

    fn no_package(&self, error: &PackageError) -> ReadTree {
        ReadTree::Refused(error.at(self.origin))
    }

    fn refused(&self, problem: &str) -> ReadTree {
        ReadTree::Refused(FetchError::Invalid(format!("{}: {problem}", self.origin)))
    }

    fn too_large(&self, path: &str, error: ReadObject) -> ReadTree {
        match error {
            ReadObject::TooLarge(most) => {
                self.no_package(&PackageError::FolderFileTooLarge(path.to_owned(), most))
            }
            error => ReadTree::Object(error),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Damaged,
    /// A name that is none of a file of a chart.
    Name(String),
}

/// Reads a tree object: mode, name and digest, one after the other.
fn entries(mut bytes: &[u8], digest: usize) -> Result<Vec<Entry>, Problem> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == 0).ok_or(Problem::Damaged)?;
        let (head, rest) = (&bytes[..end], &bytes[end + 1..]);
        let object = rest.get(..digest).ok_or(Problem::Damaged)?;
        bytes = &rest[digest..];
        let space = head
            .iter()
            .position(|b| *b == b' ')
            .ok_or(Problem::Damaged)?;
        let (mode, name) = (&head[..space], &head[space + 1..]);
        let is = match mode {
            b"40000" | b"040000" => Is::Folder,
            b"120000" => Is::Link,
            b"160000" => Is::Submodule,
            mode if mode.starts_with(b"100") => Is::File,
            _ => return Err(Problem::Damaged),
        };
        let Ok(name) = str::from_utf8(name) else {
            return Err(Problem::Name(String::from_utf8_lossy(name).into_owned()));
        };
        let bad = |c: char| c == '/' || c == '\\' || c.is_control();
        if name.is_empty() || name == "." || name == ".." || name.contains(bad) {
            return Err(Problem::Name(name.to_owned()));
        }
        entries.push(Entry {
            name: name.to_owned(),
            object: object.iter().map(|b| format!("{b:02x}")).collect(),
            is,
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(list: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name) in list {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(&[0xab; 20]);
        }
        bytes
    }

    #[test]
    fn trees_are_read() {
        let list = tree(&[
            ("100755", b"run"),
            ("40000", b"templates"),
            ("120000", b"link"),
            ("160000", b"module"),
        ]);
        let is: Vec<Is> = entries(&list, 20)
            .into_iter()
            .flatten()
            .map(|entry| entry.is)
            .collect();
        assert_eq!(is, [Is::File, Is::Folder, Is::Link, Is::Submodule]);
        assert_eq!(entries(&list[..list.len() - 1], 20), Err(Problem::Damaged));
        assert_eq!(entries(&tree(&[("1", b"a")]), 20), Err(Problem::Damaged));
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in [
            b"..".as_slice(),
            b".",
            b"",
            b"a/b",
            b"a\\b",
            b"a\nb",
            b"\xff",
        ] {
            assert!(
                matches!(
                    entries(&tree(&[("100644", name)]), 20),
                    Err(Problem::Name(_))
                ),
                "{name:?}"
            );
        }
    }
}
