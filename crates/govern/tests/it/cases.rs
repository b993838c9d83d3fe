//! `cases/*.txt`: facts and questions with their answers. `UPDATE_CASES=1` writes the answers.

use std::fs;
use std::path::Path;

use countersign_govern::approval::{
    Approval, Asked, Manner, Requester, Role, may_approve, standing,
};
use countersign_govern::bounds::{Above, Held, Wanted, latest_end, violations};
use countersign_govern::ends::{Item, Limited, Moment, Relation, next_look, notices, plan};
use countersign_govern::succession::{
    Clock, Sponsored, Stage, departed, goes_on, may_succeed, stage,
};
use countersign_model::id::{GrantId, IdentityId, OrganizationId, SponsorId};
use countersign_model::lifecycle::{Lives, Noun, State, shown};
use countersign_model::register::{Grantee, Organization, Register, RiskTier};
use countersign_model::time::{End, Interval, Timestamp};

use crate::case::{Question, edit, parse, register, time, time_text};

#[test]
fn every_case_is_answered_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let answered = answer(&text);
        count += answered.matches("\n  ask ").count();
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, answered).unwrap();
        } else if answered != text {
            let lines = answered.lines().zip(text.lines());
            let (number, (now, then)) =
                lines.enumerate().find(|(_, (now, then))| now != then).unwrap_or_default();
            let place = format!("{}:{}", path.display(), number + 1);
            wrong.push(format!("{place}\n  written: {then}\n  is:      {now}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} questions were asked");
}

fn answer(text: &str) -> String {
    let base = register();
    let mut tree = base.clone();
    let mut answered = String::new();
    for line in text.lines().filter(|line| !line.starts_with("     ")) {
        answered.push_str(line);
        answered.push('\n');
        if let Some(question) = line.strip_prefix("  ask ") {
            let register = parse(&tree);
            for line in lines(&register, &Question::parse(question)) {
                answered.push_str(&format!("     {line}\n"));
            }
        } else if let Some(change) = line.strip_prefix("  ") {
            edit(&mut tree, change);
        } else {
            tree = base.clone();
        }
    }
    answered
}

fn lines(register: &Register, question: &Question<'_>) -> Vec<String> {
    match question.what {
        "standing" => approvals(register, question),
        "may" => may(register, question),
        "bounds" => bounds(register, question),
        "ends" => ends(register, question),
        "shown" => states(register, question),
        "cascade" => cascade(register, question),
        "stage" => stages(register, question),
        "succeed" => succeed(register, question),
        "moves" => moves(register, question),
        other => panic!("no question {other}"),
    }
}

fn or_none(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}

fn manner(question: &Question<'_>) -> Manner {
    match question.part("manner") {
        Some("break_glass") => Manner::BreakGlass,
        _ => Manner::Ordinary,
    }
}

/// `standing ENTITLEMENT sponsor=S by=WHO approvals=S/role@time,…`, or `may … new=S/role@time`.
fn with_asked<T>(
    register: &Register,
    question: &Question<'_>,
    ask: impl FnOnce(&Asked<'_>, &[Approval<'_>]) -> T,
) -> T {
    let entitlement = &register.entitlements[question.plain().next().unwrap()];
    let sponsor = question.part("sponsor").filter(|id| *id != "-").map(SponsorId::from);
    let by = question.part("by").unwrap_or("identity:dora");
    let (employee, outsider) = (SponsorId::from(by), by.strip_prefix("identity:"));
    let outsider = outsider.map(IdentityId::from);
    let requester = match &outsider {
        Some(id) => Requester::Outsider(id),
        None => Requester::Employee(&employee),
    };
    let given: Vec<(SponsorId, Role, Timestamp)> =
        question.list("approvals").into_iter().map(approval).collect();
    let given: Vec<Approval<'_>> =
        given.iter().map(|(by, role, at)| Approval { by, role: *role, at: *at }).collect();
    let manner = manner(question);
    ask(&Asked { entitlement, sponsor: sponsor.as_ref(), requester, manner }, &given)
}

fn approval(text: &str) -> (SponsorId, Role, Timestamp) {
    let (by, rest) = text.split_once('/').unwrap();
    let (role, at) = rest.split_once('@').unwrap_or((rest, "2026-02-20"));
    (SponsorId::from(by), Role::parse(role).unwrap(), time(at))
}

fn approvals(register: &Register, question: &Question<'_>) -> Vec<String> {
    with_asked(register, question, |asked, given| {
        let standing = standing(asked, given, &|id| register.sponsors.get(id), question.at());
        let refused = standing.refused.iter().map(|(number, why)| {
            format!("not counted: {} ({}) {why}", given[*number].by, why.code())
        });
        let needed = standing.needed.iter().map(|(role, who)| match who {
            Ok(who) => format!("needs {}: {who}", role.as_str()),
            Err(why) => format!("needs {}: nobody ({}) {why}", role.as_str(), why.code()),
        });
        let complete = standing.is_complete().then(|| "complete".to_owned());
        refused.chain(needed).chain(complete).collect()
    })
}

fn may(register: &Register, question: &Question<'_>) -> Vec<String> {
    let (by, role, at) = approval(question.part("new").unwrap());
    with_asked(register, question, |asked, given| {
        let new = Approval { by: &by, role, at };
        let answer = may_approve(asked, given, &new, &|id| register.sponsors.get(id));
        vec![answer.map_or_else(|why| format!("no ({}) {why}", why.code()), |()| "yes".to_owned())]
    })
}

/// `bounds ENTITLEMENT identity=I from=… until=… why=… sponsor=S passed=g-1,g-2`.
fn bounds(register: &Register, question: &Question<'_>) -> Vec<String> {
    let entitlement =
        register.entitlements.get_key_value(question.plain().next().unwrap()).unwrap();
    let identity = question.part("identity").map(|id| &register.identities[id]);
    let whose = identity.map(|identity| identity.organization.as_str());
    let whose = whose.or(question.part("organization")).unwrap_or("nobody");
    let organizations = way(register, &whose.into());
    let held: Vec<Held<'_>> = register
        .grants
        .values()
        .filter(|grant| match (&grant.to, question.part("identity")) {
            (Grantee::Identity(id), Some(own)) => id.as_str() == own,
            _ => false,
        })
        .map(|grant| Held {
            entitlement: register.entitlements.get_key_value(&grant.entitlement).unwrap(),
            grant,
        })
        .collect();
    let above: Vec<Above<'_>> = question
        .list("passed")
        .into_iter()
        .map(|id| {
            let (id, grant) = register.grants.get_key_value(&GrantId::from(id)).unwrap();
            let organization = match &grant.to {
                Grantee::Organization(id) => Some(id),
                Grantee::Identity(id) => Some(&register.identities[id].organization),
                Grantee::Group(id) => register.groups[id].organization.as_ref(),
            };
            Above { id, grant, organization }
        })
        .collect();
    let until = question.part("until").filter(|until| *until != "-");
    let wanted = Wanted {
        entitlement,
        organizations: &organizations,
        identity,
        interval: Interval {
            from: question.part("from").filter(|from| *from != "-").map(time),
            until: until.map(|until| match until {
                "never" => End::Never,
                until => End::At(time(until)),
            }),
        },
        asked_at: question.at(),
        justification: question.part("why"),
        sponsor: question.part("sponsor").and_then(|id| register.sponsors.get(id)),
        held: &held,
        passed_on_from: &above,
        manner: manner(question),
    };
    let found = violations(&wanted, question.at()).into_iter().map(|violation| {
        let latest = violation.latest.map(|at| format!(", by {}", time_text(at)));
        format!(
            "{} {}: {}; {}{}",
            violation.weight.as_str(),
            violation.code,
            violation.says,
            violation.remedy,
            latest.unwrap_or_default()
        )
    });
    let mut found = or_none(found.collect(), "nothing stands in the way");
    found.extend(latest_end(&wanted).map(|at| format!("the latest end is {}", time_text(at))));
    found
}

fn way<'r>(
    register: &'r Register,
    id: &OrganizationId,
) -> Vec<(&'r OrganizationId, &'r Organization)> {
    let mut way = Vec::new();
    let mut at = register.organizations.get_key_value(id);
    while let Some((id, organization)) = at {
        way.push((id, organization));
        at = organization.via.as_ref().and_then(|via| register.organizations.get_key_value(via));
    }
    way
}

/// Calls a macro with the item that `noun:id` names.
macro_rules! on_item {
    ($register:expr, $name:expr, $call:ident $(, $more:expr)*) => {{
        let (noun, id) = $name.split_once(':').expect("noun and id");
        match noun {
            "organization" => $call(id, &$register.organizations[id] $(, $more)*),
            "trust_path" => $call(id, &$register.trust_paths[id] $(, $more)*),
            "identity" => $call(id, &$register.identities[id] $(, $more)*),
            "credential" => $call(id, &$register.credentials[id] $(, $more)*),
            "grant" => $call(id, &$register.grants[id] $(, $more)*),
            "exception" => $call(id, &$register.exceptions[id] $(, $more)*),
            "sponsor" => $call(id, &$register.sponsors[id] $(, $more)*),
            other => panic!("{other} has no life"),
        }
    }};
}

/// `shown noun:id state=… at=t1,t2`: the state at each time, in that order.
fn states(register: &Register, question: &Question<'_>) -> Vec<String> {
    fn of<T: Lives>(_: &str, item: &T, question: &Question<'_>) -> Vec<String> {
        let stored = question.part("state").map_or(item.stated(), |s| State::parse(s).unwrap());
        let times = question.list("at").into_iter();
        times.map(|at| format!("{at} {}", shown(item, stored, time(at)))).collect()
    }
    on_item!(register, question.plain().next().unwrap(), of, question)
}

/// `ends noun:id state=… at=t1,t2`: what is told at each time, in that order.
fn ends(register: &Register, question: &Question<'_>) -> Vec<String> {
    fn of<T: Limited>(id: &str, item: &T, question: &Question<'_>) -> Vec<String> {
        let stored = question.part("state").map_or(item.stated(), |s| State::parse(s).unwrap());
        let mut lines = Vec::new();
        for at in question.list("at") {
            let next = next_look(item, stored, time(at)).map_or("never".to_owned(), time_text);
            lines.push(format!("{at}, again {next}"));
            for notice in notices(id, item, stored, time(at)) {
                let moment = match notice.moment {
                    Moment::Ahead(days) => format!("within {days} days"),
                    Moment::RanOut => "over".to_owned(),
                };
                let tell: Vec<&str> = notice.tell.iter().map(|to| to.as_str()).collect();
                let tidy = notice.tidy.map_or(String::new(), |verb| format!(", then {verb}"));
                let (what, limit) = (notice.what.as_str(), time_text(notice.limit));
                lines.push(format!("  {what} {limit} {moment}: {}{tidy}", tell.join(" ")));
                lines.push(format!("    {} covers {}", notice.key, notice.covers.len()));
            }
        }
        lines
    }
    on_item!(register, question.plain().next().unwrap(), of, question)
}

fn cascade(register: &Register, question: &Question<'_>) -> Vec<String> {
    let (noun, id) = question.plain().next().unwrap().split_once(':').unwrap();
    let root = Item::new(Noun::parse(noun).unwrap(), id);
    let plan = plan(root, &|relation, on| find(register, relation, on));
    let steps = plan.steps.into_iter().map(|step| {
        let because = step.because.map(|(relation, on)| format!(" ({relation:?} {})", on.id));
        let (noun, id) = (step.item.noun, step.item.id);
        format!("{} {noun}:{id}{}", step.verb, because.unwrap_or_default())
    });
    steps.collect()
}

fn find(register: &Register, relation: Relation, on: &Item) -> Vec<String> {
    let on_id = on.id.as_str();
    let granted = |to: &Grantee| match (to, on.noun) {
        (Grantee::Identity(id), Noun::Identity) => id.as_str() == on_id,
        (Grantee::Organization(id), Noun::Organization) => id.as_str() == on_id,
        (Grantee::Group(id), Noun::Organization) => {
            register.groups[id].organization.as_ref().is_some_and(|id| id.as_str() == on_id)
        }
        _ => false,
    };
    match relation {
        Relation::PassedOnFrom => {
            let all = register.grants.iter().filter(|(_, grant)| {
                grant.passed_on_from.as_ref().is_some_and(|id| id.as_str() == on_id)
            });
            all.map(|(id, _)| id.to_string()).collect()
        }
        Relation::GrantedTo => {
            let all = register.grants.iter().filter(|(_, grant)| granted(&grant.to));
            all.map(|(id, _)| id.to_string()).collect()
        }
        Relation::CredentialOf => {
            let all = register.credentials.iter();
            let own = all.filter(|(_, credential)| credential.identity.as_str() == on_id);
            own.map(|(id, _)| id.to_string()).collect()
        }
        Relation::IdentityOf => {
            let all = register.identities.iter();
            let own = all.filter(|(_, identity)| identity.organization.as_str() == on_id);
            own.map(|(id, _)| id.to_string()).collect()
        }
        Relation::TrustPathOf => {
            let all = register.trust_paths.iter();
            let own = all.filter(|(_, path)| path.organization.as_str() == on_id);
            own.map(|(id, _)| id.to_string()).collect()
        }
        Relation::Via => {
            let all = register.organizations.iter();
            let own = all
                .filter(|(_, known)| known.via.as_ref().is_some_and(|via| via.as_str() == on_id));
            own.map(|(id, _)| id.to_string()).collect()
        }
    }
}

/// `stage SPONSOR [left=…] at=t1,t2`.
fn stages(register: &Register, question: &Question<'_>) -> Vec<String> {
    let mut sponsor = register.sponsors[question.plain().next().unwrap()].clone();
    if let Some(left) = question.part("left") {
        sponsor = departed(&sponsor, time(left), Clock::default());
    }
    let line = |at: &str| {
        let stage = stage(&sponsor, time(at));
        let text = match stage {
            Stage::Employed => "employed".to_owned(),
            Stage::Whole { until } => format!("all until {}", time_text(until)),
            Stage::Reduced { until } => format!("reduced until {}", time_text(until)),
            Stage::Stopped => "stopped".to_owned(),
        };
        let all = RiskTier::ALL.into_iter().map(Some).chain([None]);
        let goes = all.filter(|risk| goes_on(stage, *risk));
        let goes: Vec<&str> = goes.map(|risk| risk.map_or("unknown", RiskTier::as_str)).collect();
        let state = shown(&sponsor, State::Employed, time(at));
        format!("{at} {text}; shown {state}; goes on: {}", goes.join(" "))
    };
    question.list("at").into_iter().map(line).collect()
}

fn succeed(register: &Register, question: &Question<'_>) -> Vec<String> {
    let mut who = question.plain().map(SponsorId::from);
    let (left, successor) = who.next().zip(who.next()).unwrap();
    let sponsor = &register.sponsors[&left];
    let look = |id: &SponsorId| register.sponsors.get(id);
    let answer = may_succeed((&left, sponsor), &successor, &look, question.at());
    vec![answer.map_or_else(|why| format!("no ({}) {why}", why.code()), |()| "yes".to_owned())]
}

fn moves(register: &Register, question: &Question<'_>) -> Vec<String> {
    let left = SponsorId::from(question.plain().next().unwrap());
    let at = question.at();
    let mut moved = Vec::new();
    let organizations = register.organizations.iter().filter(|(_, item)| item.moves(&left, at));
    moved.extend(organizations.map(|(id, _)| format!("organization:{id}")));
    let identities = register.identities.iter().filter(|(_, item)| item.moves(&left, at));
    moved.extend(identities.map(|(id, _)| format!("identity:{id}")));
    let entitlements = register.entitlements.iter().filter(|(_, item)| item.moves(&left, at));
    moved.extend(entitlements.map(|(id, _)| format!("entitlement:{id}")));
    let grants = register.grants.iter().filter(|(_, item)| item.moves(&left, at));
    moved.extend(grants.map(|(id, _)| format!("grant:{id}")));
    or_none(moved, "nothing")
}
