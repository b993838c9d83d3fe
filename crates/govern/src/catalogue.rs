//! Every finding this product can make, with its severity, what to do, and the controls it breaks.
//!
//! Control ids are those of OWASP NHI Top 10 (2025), NIST CSF 2.0 and NIST AI RMF 1.0; their titles
//! are in `catalogue.json`.

use countersign_model::finding::Severity;

/// What is the same for all findings with one code.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub code: &'static str,
    pub severity: Severity,
    /// What is the case; the subject is put before it.
    pub says: &'static str,
    pub remedy: &'static str,
    pub controls: &'static [&'static str],
}

/// The control catalogues as data: lists of `{id, title}` by framework.
pub const CONTROLS: &str = include_str!("../catalogue.json");

pub const USE_WITHOUT_GRANT: Kind = Kind {
    code: "use.without_grant",
    severity: Severity::High,
    says: "did privileged things that no grant covers",
    remedy: "End the access, or have its sponsor grant it with an end.",
    controls: &["NHI5:2025", "PR.AA-05", "GV.SC-07"],
};
pub const USE_UNREGISTERED: Kind = Kind {
    code: "use.unregistered",
    severity: Severity::High,
    says: "did privileged things and is not in the register",
    remedy: "Find out whose account it is and register it, or close it.",
    controls: &["ID.AM-03", "PR.AA-01"],
};
pub const USE_AFTER_EXPIRY: Kind = Kind {
    code: "use.after_expiry",
    severity: Severity::High,
    says: "used access after its end",
    remedy: "Remove the access where it still works; renew the grant only if it is still needed.",
    controls: &["NHI1:2025", "PR.AA-05"],
};
pub const USE_AFTER_REVOCATION: Kind = Kind {
    code: "use.after_revocation",
    severity: Severity::Critical,
    says: "used access after it was revoked",
    remedy: "Find where the revocation did not reach, end it there, and look at what was done.",
    controls: &["NHI1:2025", "PR.AA-05", "RS.MI-01"],
};
pub const USE_BELOW_ASSURANCE: Kind = Kind {
    code: "use.below_assurance",
    severity: Severity::High,
    says: "used an entitlement with less assurance than it requires",
    remedy: "Require the stronger authentication on this trust path, or accept it by an exception.",
    controls: &["NHI4:2025", "PR.AA-03"],
};
pub const SPONSOR_GONE: Kind = Kind {
    code: "sponsor.gone",
    severity: Severity::High,
    says: "has no sponsor who still works here",
    remedy: "Name a successor who reviews it, or end it.",
    controls: &["NHI1:2025", "GV.RR-02"],
};
pub const CREDENTIAL_OVER_AGE: Kind = Kind {
    code: "credential.over_age",
    severity: Severity::Medium,
    says: "is older than its rotation limit",
    remedy: "Rotate it, and let the old one overlap for a day.",
    controls: &["NHI7:2025", "PR.AA-01"],
};
pub const CREDENTIAL_NEVER_ROTATED: Kind = Kind {
    code: "credential.never_rotated",
    severity: Severity::Medium,
    says: "has a rotation limit and was never rotated",
    remedy: "Rotate it and record when.",
    controls: &["NHI7:2025"],
};
pub const NHI_NO_OWNER: Kind = Kind {
    code: "nhi.no_owner",
    severity: Severity::High,
    says: "is a machine identity for which nobody answers",
    remedy: "Name an owner, or end it.",
    controls: &["NHI1:2025", "GV.RR-02", "ID.AM-08"],
};
pub const NHI_USED_BY_PERSON: Kind = Kind {
    code: "nhi.used_by_person",
    severity: Severity::High,
    says: "is a machine identity and was used interactively",
    remedy: "Give the person their own access and rotate the machine's credential.",
    controls: &["NHI10:2025", "PR.AA-05"],
};
pub const NHI_SEVERAL_CONSUMERS: Kind = Kind {
    code: "nhi.several_consumers",
    severity: Severity::Medium,
    says: "was used from several places",
    remedy: "Give each consumer its own credential, and register the networks it is used from.",
    controls: &["NHI9:2025"],
};
pub const NHI_TWO_ENVIRONMENTS: Kind = Kind {
    code: "nhi.two_environments",
    severity: Severity::Medium,
    says: "is used in more than one environment",
    remedy: "Use a separate identity in each environment.",
    controls: &["NHI8:2025"],
};
pub const SHARED_NO_ACTOR: Kind = Kind {
    code: "shared.no_actor",
    severity: Severity::High,
    says: "is shared, and who acted behind it is not known",
    remedy: "Log a request id or the person's token on both sides, or give each person an account.",
    controls: &["NHI9:2025", "PR.AA-01", "DE.CM-03"],
};
pub const CREDENTIAL_NO_ACTOR: Kind = Kind {
    code: "credential.no_actor",
    severity: Severity::Medium,
    says: "has a long-lived credential, and who acted with it is not known",
    remedy: "Replace it by sessions of named people, or register the one consumer that holds it.",
    controls: &["NHI7:2025", "NHI9:2025", "DE.CM-03"],
};
pub const ACTOR_AMBIGUOUS: Kind = Kind {
    code: "actor.ambiguous",
    severity: Severity::Medium,
    says: "acted in records that fit several people equally well",
    remedy: "Have the source log a key that is unique to the session, or collect the log that does.",
    controls: &["PR.AA-01", "DE.CM-03"],
};
pub const AGENT_OUTSIDE_MANDATE: Kind = Kind {
    code: "agent.outside_mandate",
    severity: Severity::Critical,
    says: "is an agent and did what its mandate does not allow",
    remedy: "Stop the agent, look at what it did, then widen the mandate or fix the agent.",
    controls: &["NHI5:2025", "GOVERN 1.7", "PR.AA-05"],
};
pub const OFF_NETWORK: Kind = Kind {
    code: "nhi.off_network",
    severity: Severity::High,
    says: "was used from outside the networks it is registered for",
    remedy: "Treat its credential as stolen until the place is explained; then register it.",
    controls: &["NHI2:2025", "DE.CM-03"],
};
pub const CREDENTIAL_OFF_INSTANCE: Kind = Kind {
    code: "credential.off_instance",
    severity: Severity::Critical,
    says: "is a machine's credential and was used from somewhere else",
    remedy: "Treat it as stolen: end its sessions and look at what was done.",
    controls: &["NHI2:2025", "DE.CM-03"],
};
pub const SOURCE_SILENT: Kind = Kind {
    code: "source.silent",
    severity: Severity::High,
    says: "is registered to log and no record of it was seen",
    remedy: "Turn the log on, or collect it; until then nothing is known of what happens there.",
    controls: &["DE.CM-03", "PR.PS-04"],
};
pub const FEED_MISSING: Kind = Kind {
    code: "feed.missing",
    severity: Severity::Medium,
    says: "would close gaps in attribution if they were collected",
    remedy: "Collect them.",
    controls: &["DE.AE-03", "PR.PS-04"],
};
pub const GRANT_NEVER_USED: Kind = Kind {
    code: "grant.never_used",
    severity: Severity::Low,
    says: "is standing access that nobody used in this time",
    remedy: "Put it before its sponsor: reduce it or end it.",
    controls: &["NHI5:2025", "PR.AA-05"],
};
pub const PROCESS_UNEQUAL_ASSURANCE: Kind = Kind {
    code: "process.unequal_assurance",
    severity: Severity::Medium,
    says: "is reached with unequal assurance",
    remedy: "Raise the weakest way in, or accept it by an exception with an end.",
    controls: &["NHI4:2025", "PR.AA-03"],
};

pub const REVIEW_OVERDUE: Kind = Kind {
    code: "review.overdue",
    severity: Severity::Medium,
    says: "used access whose review was overdue beyond its grace",
    remedy: "Put it before its sponsor now: keep, reduce or end it.",
    controls: &["NHI5:2025", "PR.AA-05"],
};
pub const INCOMPATIBLE: Kind = Kind {
    code: "incompatible.entitlements",
    severity: Severity::High,
    says: "used one of two entitlements that must not come together",
    remedy: "End one of the two grants.",
    controls: &["PR.AA-05"],
};
pub const POLICY_ERROR: Kind = Kind {
    code: "policy.error",
    severity: Severity::Critical,
    says: "did things that could not be judged, because a policy failed to evaluate",
    remedy: "Mend the policy that the reason names, and trace again.",
    controls: &["PR.AA-05"],
};

pub const ACCESS_BREAK_GLASS: Kind = Kind {
    code: "access.break_glass",
    severity: Severity::High,
    says: "was taken by break-glass, without approval before",
    remedy: "Two people look at what was done with it and say whether it was right.",
    controls: &["PR.AA-05", "RS.MI-01"],
};

pub const ALL: [&Kind; 27] = [
    &USE_WITHOUT_GRANT,
    &USE_UNREGISTERED,
    &USE_AFTER_EXPIRY,
    &USE_AFTER_REVOCATION,
    &USE_BELOW_ASSURANCE,
    &SPONSOR_GONE,
    &CREDENTIAL_OVER_AGE,
    &CREDENTIAL_NEVER_ROTATED,
    &NHI_NO_OWNER,
    &NHI_USED_BY_PERSON,
    &NHI_SEVERAL_CONSUMERS,
    &NHI_TWO_ENVIRONMENTS,
    &SHARED_NO_ACTOR,
    &CREDENTIAL_NO_ACTOR,
    &ACTOR_AMBIGUOUS,
    &AGENT_OUTSIDE_MANDATE,
    &OFF_NETWORK,
    &CREDENTIAL_OFF_INSTANCE,
    &SOURCE_SILENT,
    &FEED_MISSING,
    &GRANT_NEVER_USED,
    &PROCESS_UNEQUAL_ASSURANCE,
    &USE_UNKNOWN,
    &REVIEW_OVERDUE,
    &INCOMPATIBLE,
    &POLICY_ERROR,
    &ACCESS_BREAK_GLASS,
];

pub const USE_UNKNOWN: Kind = Kind {
    code: "use.unknown",
    severity: Severity::Low,
    says: "did privileged things whose justification cannot be told from the register",
    remedy: "Add what the reasons name to the register.",
    controls: &["GV.OC-02", "ID.AM-08"],
};

/// Which finding a judgement's reason is evidence of. Reasons that only say that a fact is missing
/// go to [`USE_UNKNOWN`].
pub fn of_reason(code: &str) -> Option<&'static Kind> {
    Some(match code {
        "identity.unknown" => &USE_UNREGISTERED,
        "grant.none" | "grant.not_started" => &USE_WITHOUT_GRANT,
        "grant.expired"
        | "identity.ended"
        | "organization.contract_ended"
        | "credential.expired"
        | "trust_path.ended"
        | "organization.ended"
        | "organization.proposed" => &USE_AFTER_EXPIRY,
        "grant.revoked"
        | "credential.revoked"
        | "organization.suspended"
        | "identity.suspended"
        | "grant.suspended" => &USE_AFTER_REVOCATION,
        "trust_path.lapsed" => &USE_BELOW_ASSURANCE,
        "review.overdue" => &REVIEW_OVERDUE,
        "incompatible.entitlements" => &INCOMPATIBLE,
        "policy.error" => &POLICY_ERROR,
        code if code.starts_with("reseller.") || code.starts_with("through.") => &USE_WITHOUT_GRANT,
        code if code.starts_with("assurance.") => &USE_BELOW_ASSURANCE,
        code if code.starts_with("sponsor.") => &SPONSOR_GONE,
        "credential.over_age" => &CREDENTIAL_OVER_AGE,
        "nhi.no_owner" => &NHI_NO_OWNER,
        "nhi.used_by_person" => &NHI_USED_BY_PERSON,
        "nhi.off_network" => &OFF_NETWORK,
        "shared.no_actor" => &SHARED_NO_ACTOR,
        code if code.starts_with("agent.") => &AGENT_OUTSIDE_MANDATE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_control_of_a_finding_is_in_the_catalogue() {
        let catalogue: serde_json::Value = serde_json::from_str(super::CONTROLS).unwrap();
        let ids: Vec<&str> = catalogue
            .as_object()
            .unwrap()
            .values()
            .flat_map(|list| list.as_array().unwrap())
            .map(|control| control["id"].as_str().unwrap())
            .collect();
        for kind in super::ALL {
            for control in kind.controls {
                assert!(ids.contains(control), "{control} of {}", kind.code);
            }
        }
    }
}
