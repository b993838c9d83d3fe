//! The policies in force, under one name for exactly these: the shipped guardrails and the company's own.

use std::collections::BTreeMap;

use countersign_judge::{ApplicationPolicies, Guardrails};
use countersign_model::id::PolicyId;
use countersign_model::register::{Policy, Register};
use countersign_register::Fault;

use crate::{App, AppError};

/// The company's own, by id.
pub(crate) type Own = BTreeMap<PolicyId, Policy>;

#[derive(Debug)]
pub(crate) struct Policies {
    pub guardrails: Guardrails,
    /// SHA-256 of their names and texts.
    pub digest: [u8; 32],
    /// The same in hexadecimal.
    pub name: String,
    /// Why the company's own could not be read: then nothing is justified.
    pub fault: Option<String>,
}

impl Policies {
    /// # Errors
    /// Everything that is wrong with the company's own.
    pub fn new(own: &Own) -> Result<Self, Vec<Fault>> {
        let fault = |message: String| Fault { pointer: "/cedar".to_owned(), message, fix: None };
        let guardrails =
            Guardrails::of(&[], own.iter()).map_err(|error| vec![fault(error.to_string())])?;
        let applications = ApplicationPolicies::new(own.iter()).map_err(|errors| {
            errors.into_iter().map(|error| fault(error.to_string())).collect::<Vec<_>>()
        })?;
        let digest = digest(&guardrails, own);
        let name = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { guardrails: guardrails.and(applications), digest, name, fault: None })
    }

    /// The same; what cannot be read, though it could when it was written, justifies nothing.
    pub fn or_none(own: &Own) -> Self {
        Self::new(own).unwrap_or_else(|faults| {
            let guardrails = Guardrails::shipped();
            let digest = digest(&guardrails, own);
            let name = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let texts: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            Self { guardrails, digest, name, fault: Some(texts.join("; ")) }
        })
    }
}

impl App {
    /// The company's own policies as they are now.
    pub(crate) fn own_policies(&self) -> Result<Own, AppError> {
        let mut register = Register::default();
        for item in self.every("policy", &countersign_store::items::Filter::default())? {
            if crate::apply::is_fact(&item.noun, &item.state) {
                let body = crate::documents::parse(&item.body)?;
                countersign_register::restore_document(&mut register, &item.noun, &body);
            }
        }
        Ok(register.policies)
    }

    /// Whether the company's own policies are good with these in the place of those of their ids.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong.
    pub(crate) fn policies_with(&self, changed: Own) -> Result<Policies, AppError> {
        let mut own = self.own_policies()?;
        own.extend(changed);
        Policies::new(&own).map_err(AppError::Invalid)
    }
}

fn digest(guardrails: &Guardrails, own: &Own) -> [u8; 32] {
    let mut all = Vec::new();
    let mut add = |part: &str| {
        // The length first, so that no two lists of texts give the same bytes.
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    };
    for (name, text) in guardrails.texts() {
        add(name);
        add(text);
    }
    for (id, policy) in own {
        let tenant = policy.tenant.as_ref().map_or("", |tenant| tenant.as_str());
        [id.as_str(), tenant, &policy.cedar, policy.schema.as_deref().unwrap_or("")]
            .into_iter()
            .for_each(&mut add);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&crate::digest(&all));
    digest
}
