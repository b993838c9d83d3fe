//! The policies in force, under one name for exactly these.

use countersign_judge::Guardrails;

#[derive(Debug)]
pub(crate) struct Policies {
    pub guardrails: Guardrails,
    /// SHA-256 of their names and texts.
    pub digest: [u8; 32],
    /// The same in hexadecimal.
    pub name: String,
}

impl Policies {
    pub fn new() -> Self {
        let guardrails = Guardrails::shipped();
        let digest = digest(&guardrails);
        let name = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { guardrails, digest, name }
    }
}

fn digest(guardrails: &Guardrails) -> [u8; 32] {
    let mut all = Vec::new();
    for (name, text) in guardrails.texts() {
        for part in [name, text] {
            // The length first, so that no two lists of texts give the same bytes.
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&crate::digest(&all));
    digest
}
