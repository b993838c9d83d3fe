//! One thing that is wrong with a register, and where.

use std::fmt;

/// More mistakes than this are counted and no longer listed: a file of another kind must not fill
/// the memory with them.
pub const MISTAKES_MAX: usize = 1000;

/// What is wrong, where, and what would work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file as it was named to [`crate::parse`].
    pub file: String,
    /// From 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// In characters, from 1; 0 if the file as a whole is meant.
    pub column: usize,
    pub message: String,
    /// What would work, if it can be said.
    pub fix: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

/// A place in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Index of the file in the order given.
    pub file: usize,
    pub line: usize,
    pub column: usize,
}

/// Collects mistakes in any order; gives them back by place, without repeats.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    found: Vec<(Place, String, Option<String>)>,
    more: usize,
}

impl Mistakes {
    pub fn push(&mut self, place: Place, message: String, fix: Option<String>) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.found.push((place, message, fix));
        }
    }

    pub fn is_any(&self) -> bool {
        !self.found.is_empty()
    }

    /// Nothing more will be listed, so nobody needs to look for what would work.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MISTAKES_MAX
    }

    pub fn into_sorted(mut self, files: &[(String, String)]) -> Vec<Mistake> {
        self.found.sort();
        self.found.dedup();
        let mut sorted: Vec<Mistake> = self
            .found
            .into_iter()
            .map(|(place, message, fix)| Mistake {
                file: files.get(place.file).map_or_else(String::new, |(name, _)| name.clone()),
                line: place.line,
                column: place.column,
                message,
                fix,
            })
            .collect();
        if self.more > 0 {
            let file = sorted.last().map_or_else(String::new, |last| last.file.clone());
            let message = format!("{} more mistakes are not listed", self.more);
            let fix = Some("mend these first and check again".to_owned());
            sorted.push(Mistake { file, line: 0, column: 0, message, fix });
        }
        sorted
    }
}
