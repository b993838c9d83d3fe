//! As much of `Cargo.toml` as the rules need: sections, and the names in them.

/// A line of a dependency section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency<'a> {
    pub name: &'a str,
    pub kind: Kind,
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In what is shipped: ordinary and build dependencies, of any target.
    Shipped,
    Dev,
    /// The list in the root's `[workspace.dependencies]`.
    Workspace,
}

pub fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut kind = None;
    for (line, text) in manifest.lines().enumerate() {
        let text = text.trim();
        if let Some(section) = text.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            kind = kind_of(section);
            // `[dependencies.name]` is a section of one.
            if kind.is_none()
                && let Some((section, name)) = section.rsplit_once('.')
                && let Some(kind) = kind_of(section)
            {
                found.push(Dependency { name, kind, line });
            }
        } else if let Some(kind) = kind
            && let Some((name, _)) = text.split_once(['.', '=', ' '])
            && !text.starts_with('#')
        {
            found.push(Dependency { name: name.trim_matches('"'), kind, line });
        }
    }
    found
}

/// Whether the manifest says `[lints] workspace = true`.
pub fn takes_workspace_lints(manifest: &str) -> bool {
    let lines: Vec<&str> =
        manifest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"])
}

fn kind_of(section: &str) -> Option<Kind> {
    let last = section.rsplit('.').next()?;
    match last {
        "dependencies" if section == "workspace.dependencies" => Some(Kind::Workspace),
        "dependencies" | "build-dependencies" => Some(Kind::Shipped),
        "dev-dependencies" => Some(Kind::Dev),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        let manifest = "[dependencies]\na.workspace = true\nb = \"1\"\n# c = \"1\"\n\n\
                        [dependencies.d]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\n\
                        e = { version = \"1\" }\n[dev-dependencies]\nf.workspace = true\n[features]\ng = []\n";
        let read: Vec<_> =
            dependencies(manifest).iter().map(|found| (found.name, found.kind)).collect();
        let shipped = ["a", "b", "d", "e"].map(|name| (name, Kind::Shipped));
        assert_eq!(read[..4], shipped);
        assert_eq!(read[4..], [("f", Kind::Dev)]);
    }
}
