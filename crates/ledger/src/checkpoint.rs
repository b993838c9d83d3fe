//! Checkpoints (C2SP tlog-checkpoint): a signed note of origin, tree size and root.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::Hash;
use crate::note::{NoteError, PublicKey, SigningKey, open};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the log, such as `example.com/access`.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("a checkpoint has a line each for origin, decimal size and base64 root")]
    Malformed,
    #[error("the checkpoint is of log `{0}`, which is not the name of the key")]
    Origin(String),
}

impl Checkpoint {
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.text())
    }

    /// What is signed: three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The checkpoint in a note, if `key` has signed it and its origin is the name of the key.
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(open(note, key)?).ok_or(CheckpointError::Malformed)?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin(checkpoint.origin));
        }
        Ok(checkpoint)
    }

    /// The text of a checkpoint's note, whoever signed it. Extension lines are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, digits, root) = (lines.next()?, lines.next()?, lines.next()?);
        let size: u64 = digits.parse().ok()?;
        // One size has one text: no plus sign, no leading zero.
        let is_canonical = size.to_string() == digits;
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        let is_whole = !origin.is_empty() && lines.all(|line| !line.is_empty());
        (is_canonical && is_whole).then(|| Self { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_round_trips_and_only_in_its_one_form() {
        let key = SigningKey::from_seed("example.com/log", [3; 32]).unwrap();
        let checkpoint =
            Checkpoint { origin: "example.com/log".into(), size: 70_000, root: [9; 32] };
        let note = checkpoint.sign(&key);
        assert_eq!(Checkpoint::open(&note, key.public()), Ok(checkpoint));
        let root = STANDARD.encode([9; 32]);
        for size in ["+1", "01", "", "-1", "18446744073709551616"] {
            let note = key.sign(&format!("example.com/log\n{size}\n{root}\n"));
            let malformed = Err(CheckpointError::Malformed);
            assert_eq!(Checkpoint::open(&note, key.public()), malformed, "{size}");
        }
        let note = key.sign(&format!("another\n1\n{root}\n"));
        let origin = Err(CheckpointError::Origin("another".into()));
        assert_eq!(Checkpoint::open(&note, key.public()), origin);
    }
}
