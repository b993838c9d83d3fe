//! The repository in memory: every path, and the text of the files that rules read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Files with these endings are text that we wrote.
const TEXT: [&str; 11] =
    ["rs", "toml", "md", "sh", "py", "css", "html", "yaml", "yml", "cedar", "just"];
/// Not ours, or not written by a person.
const NOT_READ: [&str; 5] = ["target", ".git", "node_modules", ".venv", ".schemathesis"];
/// Larger files are data.
const TEXT_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Default)]
pub struct Tree {
    /// By path from the root, with `/`; `None` for files whose text no rule reads, and for folders.
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path =
                    if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                let kind = entry.file_type()?;
                if kind.is_dir() && !NOT_READ.contains(&name.as_str()) {
                    tree.files.insert(path.clone(), None);
                    folders.push(path);
                } else if kind.is_file() {
                    let is_text = is_text(&path) && entry.metadata()?.len() <= TEXT_BYTES_MAX;
                    let text = if is_text { fs::read_to_string(entry.path()).ok() } else { None };
                    tree.files.insert(path, text);
                }
            }
        }
        Ok(tree)
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path.trim_end_matches('/'))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Path and text of all text files, by path.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Path and text of the Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// The names of the folders in `crates`.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.texts().filter_map(|(path, _)| {
            path.strip_prefix("crates/")?
                .strip_suffix("/Cargo.toml")
                .filter(|room| !room.contains('/'))
        })
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let text = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self { files: files.iter().map(text).collect() }
    }
}

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path == ".ci/run"
        || name == "justfile"
        || name.rsplit_once('.').is_some_and(|(_, ending)| TEXT.contains(&ending))
}
