//! How a grant came about, as it is kept beside its document: who asked, who approved, what is open.

use countersign_govern::approval::{Manner, Role, Standing};
use countersign_govern::bounds::Violation;
use countersign_model::id::SponsorId;
use countersign_model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::Caller;

/// Who asked, how, and who approved so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The principal.
    pub by: String,
    /// The sponsor that the requester is, if it is one of us.
    pub sponsor: Option<SponsorId>,
    pub at: Timestamp,
    pub manner: Manner,
    pub approvals: Vec<Given>,
}

/// One approval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub by: SponsorId,
    pub principal: String,
    pub role: Role,
    pub at: Timestamp,
    pub why: Option<String>,
}

impl Record {
    pub fn ordinary(caller: &Caller, at: Timestamp) -> Self {
        let sponsor = caller.sponsor.as_deref().map(Into::into);
        let (by, manner) = (caller.principal.clone(), Manner::Ordinary);
        Self { by, sponsor, at, manner, approvals: Vec::new() }
    }

    /// `None` if it was not asked for: it came as code.
    pub fn read(process: &Json) -> Option<Self> {
        let request = process["request"].as_object()?;
        let text = |key: &str| request.get(key).and_then(Json::as_str);
        let approvals = process["approvals"].as_array().map_or(&[][..], Vec::as_slice);
        let manner = match text("manner") {
            Some("break_glass") => Manner::BreakGlass,
            _ => Manner::Ordinary,
        };
        Some(Self {
            by: text("by")?.to_owned(),
            sponsor: text("sponsor").map(SponsorId::from),
            at: countersign_register::time(text("at")?)?,
            manner,
            approvals: approvals.iter().filter_map(given).collect(),
        })
    }

    pub fn write(&self, process: &mut Json) {
        let text = countersign_register::time_text;
        process["request"] =
            json!({"by": self.by, "at": text(self.at), "manner": manner(self.manner)});
        if let Some(sponsor) = &self.sponsor {
            process["request"]["sponsor"] = sponsor.as_str().into();
        }
        let approvals = self.approvals.iter().map(|given| {
            let mut one = json!({
                "by": given.by.as_str(), "principal": given.principal,
                "role": given.role.as_str(), "at": text(given.at),
            });
            if let Some(why) = &given.why {
                one["why"] = why.as_str().into();
            }
            one
        });
        process["approvals"] = approvals.collect();
    }
}

fn given(approval: &Json) -> Option<Given> {
    Some(Given {
        by: approval["by"].as_str()?.into(),
        principal: approval["principal"].as_str()?.to_owned(),
        role: Role::parse(approval["role"].as_str()?)?,
        at: countersign_register::time(approval["at"].as_str()?)?,
        why: approval["why"].as_str().map(str::to_owned),
    })
}

fn manner(manner: Manner) -> &'static str {
    match manner {
        Manner::Ordinary => "ordinary",
        Manner::BreakGlass => "break_glass",
    }
}

/// Which approvals are open, and by whom.
pub(crate) fn needed(standing: &Standing) -> Json {
    let one = |(role, who): &(Role, Result<SponsorId, countersign_govern::approval::Refusal>)| {
        match who {
            Ok(who) => json!({"role": role.as_str(), "by": who.as_str()}),
            Err(why) => {
                json!({"role": role.as_str(), "code": why.code(), "says": why.to_string()})
            }
        }
    };
    standing.needed.iter().map(one).collect()
}

/// What the register leaves open, which the sponsor decides by approving.
pub(crate) fn left_open(open: &[Violation]) -> Json {
    let one =
        |open: &Violation| json!({"code": open.code, "says": open.says, "remedy": open.remedy});
    open.iter().map(one).collect()
}
