//! Each story, alone, with one fault at a time: what it says is knowable.

use serde_json::Value;

use crate::company::{Company, KeyKeeping, MachineKind};
use crate::feed::Feed;
use crate::plan::{Faults, Plan};
use crate::rng::Rng;
use crate::stage::Stage;
use crate::stories::{agents, console, directory, federated, github, keys, machines, okta, portal};
use crate::time::{DAY, MINUTE};

/// People 0 to 5 come by Okta, 6 to 11 by Keycloak, 12 to 17 by Entra.
const BY_OKTA: usize = 0;
const BY_KEYCLOAK: usize = 6;
const BY_ENTRA: usize = 12;

fn plan(faults: Faults) -> Plan {
    Plan { faults, ..Plan::new(1, 1_000) }
}

/// Plays a scene on the second day and gives back its truth and its records.
fn scene(plan: &Plan, play: impl FnOnce(&mut Stage<'_>)) -> (Vec<Value>, Vec<(Feed, String)>) {
    scene_at(plan, plan.start + DAY, play)
}

fn scene_at(
    plan: &Plan,
    at: i64,
    play: impl FnOnce(&mut Stage<'_>),
) -> (Vec<Value>, Vec<(Feed, String)>) {
    let company = Company::new(plan);
    let mut stage = Stage::new(plan, &company, Rng::of(3, "test", 0), (at, 12), "test");
    play(&mut stage);
    let truths = stage.truths.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    (truths, stage.records.into_iter().map(|(feed, _, body)| (feed, body)).collect())
}

/// (holder grade, actor grade, gap) of every action, without repeats.
fn best(truths: &[Value]) -> Vec<(String, String, String)> {
    let mut all: Vec<_> = truths
        .iter()
        .map(|truth| {
            let text = |name: &str| truth["best"][name].as_str().unwrap_or("-").to_owned();
            (text("holder_grade"), text("actor_grade"), text("gap"))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn only(holder: &str, actor: &str, gap: &str) -> Vec<(String, String, String)> {
    vec![(holder.to_owned(), actor.to_owned(), gap.to_owned())]
}

/// A company that forgot one feed and has no other fault.
fn without(feed: Feed) -> Plan {
    let faults = Faults { missing_feeds: 0.12, ..Faults::none() };
    (0..)
        .map(|seed| Plan { seed, ..plan(faults) })
        .find(|plan| {
            let company = Company::new(plan);
            Feed::ALL.into_iter().all(|other| company.collects(other) == (other != feed))
        })
        .unwrap()
}

#[test]
fn a_federated_login_is_composite_and_exact_with_the_assertion() {
    let plan = plan(Faults::none());
    let mut grades = Vec::new();
    for seed in 0..12 {
        let plan = Plan { seed, ..plan.clone() };
        let (truths, _) = scene(&plan, |stage| {
            stage.rng = Rng::of(seed, "seed", 0);
            federated::play(stage, BY_OKTA, false);
        });
        grades.extend(best(&truths));
    }
    grades.sort();
    grades.dedup();
    assert_eq!(grades, [only("composite", "composite", "-"), only("exact", "exact", "-")].concat());
}

#[test]
fn a_desk_used_by_two_within_the_window_is_ambiguous() {
    let (truths, records) = scene(&plan(Faults { twins: 1.0, ..Faults::none() }), |stage| {
        federated::play(stage, BY_OKTA, true)
    });
    assert_eq!(best(&truths), only("unattributed", "unattributed", "ambiguous"));
    assert!(truths.iter().all(|truth| truth["best"]["candidates"] == 2));
    let logins =
        records.iter().filter(|(_, body)| body.contains("user.authentication.sso")).count();
    assert_eq!(logins, 2);
    let (truths, _) = scene(&plan(Faults::none()), |stage| federated::play(stage, BY_OKTA, true));
    assert_eq!(best(&truths), only("composite", "composite", "-"));
}

#[test]
fn without_the_providers_log_the_subject_is_declared_and_a_desk_is_nobody() {
    let plan = without(Feed::OktaMain);
    let (truths, records) = scene(&plan, |stage| federated::play(stage, BY_OKTA, true));
    assert_eq!(best(&truths), only("unattributed", "unattributed", "issuance_not_collected"));
    assert!(records.iter().all(|(feed, _)| *feed != Feed::OktaMain));
    let plan = without(Feed::KcPartners);
    let (truths, _) = scene(&plan, |stage| federated::play(stage, BY_KEYCLOAK, false));
    assert_eq!(best(&truths), only("declared", "declared", "-"));
}

#[test]
fn without_the_first_account_no_key_leads_back() {
    let plan = without(Feed::AwsHub);
    for n in 0..8 {
        let (truths, _) = scene(&plan, |stage| {
            stage.rng = Rng::of(n, "chain", 0);
            federated::play(stage, BY_KEYCLOAK, false);
        });
        for truth in truths.iter().filter(|truth| {
            truth["holder"]["identity"].as_str().is_some_and(|id| !id.starts_with("machine"))
        }) {
            assert_eq!(truth["best"]["gap"], "issuance_not_collected");
            assert_ne!(truth["tenant"], "aws-hub");
        }
    }
}

#[test]
fn a_console_session_is_composite_two_in_a_second_are_ambiguous_an_early_one_has_no_login() {
    let calm = plan(Faults::none());
    let (truths, _) = scene(&calm, |stage| console::play(stage, 2));
    assert!(best(&truths).contains(&only("composite", "composite", "-")[0]));
    let (truths, records) =
        scene(&plan(Faults { twins: 1.0, ..Faults::none() }), |stage| console::play(stage, 2));
    assert_eq!(best(&truths), only("declared", "unattributed", "ambiguous"));
    let times: Vec<String> = records
        .iter()
        .filter(|(_, body)| body.contains("ConsoleLogin"))
        .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["eventTime"].to_string())
        .collect();
    assert!(times.len() == 2 && times[0] == times[1], "{times:?}");
    let (truths, records) = scene_at(&calm, calm.start + MINUTE, |stage| console::play(stage, 2));
    assert_eq!(best(&truths), only("declared", "unattributed", "before_coverage_start"));
    assert!(records.iter().all(|(_, body)| !body.contains("ConsoleLogin")));
}

#[test]
fn what_is_known_of_a_long_lived_key_is_what_the_register_says() {
    let plan = plan(Faults { shared_keys: 0.6, expired: 0.5, ..Faults::none() });
    let company = Company::new(&plan);
    for (keeping, expected) in [
        (KeyKeeping::Personal, only("declared", "declared", "-")),
        (KeyKeeping::Revoked, only("declared", "declared", "-")),
        (KeyKeeping::Shared, only("declared", "unattributed", "shared_credential")),
        (KeyKeeping::Unsaid, only("declared", "unattributed", "shared_credential")),
        (KeyKeeping::Unregistered, only("declared", "unattributed", "shared_credential")),
    ] {
        let key = (0..500).find(|i| company.key(*i).keeping == keeping).unwrap();
        let (truths, _) = scene(&plan, |stage| keys::play(stage, key));
        assert_eq!(best(&truths), expected, "{keeping:?}");
        let in_other_hands = truths.iter().any(|truth| truth["actor"] != truth["holder"]);
        let personal = matches!(keeping, KeyKeeping::Personal | KeyKeeping::Revoked);
        assert_eq!(in_other_hands, !personal, "{keeping:?}");
    }
}

#[test]
fn a_key_made_in_the_window_belongs_to_whom_it_was_made_for() {
    for n in 0..6 {
        let (truths, records) = scene(&plan(Faults::none()), |stage| {
            stage.rng = Rng::of(n, "maker", 0);
            keys::fresh(stage, 4);
        });
        let by_admin = records.iter().any(|(_, body)| body.contains("admin-ann"));
        let holder = if by_admin { "declared" } else { "composite" };
        assert_eq!(best(&truths), only(holder, "unattributed", "shared_credential"));
        let company = Company::new(&plan(Faults::none()));
        assert!(truths.iter().all(|truth| truth["holder"]["identity"] == company.person(4).id));
    }
}

#[test]
fn machines_are_exact_or_as_sure_as_their_token() {
    let plan = plan(Faults::none());
    let company = Company::new(&plan);
    for (kind, grade) in [
        (MachineKind::Ec2, "exact"),
        (MachineKind::Lambda, "exact"),
        (MachineKind::EntraApp, "exact"),
        (MachineKind::ServiceAccount, "exact"),
        (MachineKind::KeycloakClient, "composite"),
    ] {
        let machine = (0..5).find(|i| company.machine(*i).kind == kind).unwrap();
        let (truths, _) = scene(&plan, |stage| machines::play(stage, machine));
        assert!(best(&truths).contains(&only(grade, grade, "-")[0]), "{kind:?}");
    }
    let lost = Faults { lost: 1.0, ..Faults::none() };
    let (truths, _) =
        scene(&Plan { faults: lost, ..plan.clone() }, |stage| machines::play(stage, 0));
    assert_eq!(best(&truths), only("unattributed", "unattributed", "issuance_not_collected"));
    let (truths, _) = scene_at(&plan, plan.start, |stage| machines::play(stage, 0));
    assert_eq!(best(&truths), only("unattributed", "unattributed", "before_coverage_start"));
}

#[test]
fn a_guest_is_exact_by_token_id_in_any_encoding() {
    let plan = plan(Faults { encodings: 1.0, ..Faults::none() });
    let (truths, _) = scene(&plan, |stage| directory::guest(stage, BY_ENTRA));
    assert!(truths.iter().any(|truth| truth["best"]["actor_grade"] == "exact"));
    let missing = without(Feed::EntraSignin);
    let (truths, _) = scene(&missing, |stage| directory::guest(stage, BY_ENTRA));
    assert!(best(&truths).contains(&only("declared", "unattributed", "issuance_not_collected")[0]));
}

#[test]
fn a_portal_that_passes_its_request_id_shows_the_person() {
    let calm = plan(Faults::none());
    let (truths, _) = scene(&calm, |stage| portal::traced(stage, 1));
    assert_eq!(best(&truths), only("declared", "composite", "-"));
    assert!(truths.iter().all(|truth| truth["holder"]["identity"] == "svc-claims-portal"));
    let (truths, _) = scene(&without(Feed::PortalTraced), |stage| portal::traced(stage, 1));
    assert_eq!(best(&truths), only("declared", "unattributed", "issuance_not_collected"));
}

#[test]
fn behind_a_blind_portal_one_person_is_inferred_and_several_are_ambiguous() {
    let mut seen = Vec::new();
    for n in 0..12 {
        let (truths, _) = scene(&plan(Faults::none()), |stage| {
            stage.rng = Rng::of(n, "visitors", 0);
            portal::blind(stage, 1);
        });
        for truth in &truths {
            let n = truth["best"]["candidates"].as_u64().unwrap();
            match truth["best"]["gap"].as_str() {
                Some("ambiguous") => assert!(n > 1),
                None => {
                    assert_eq!((truth["best"]["actor_grade"].as_str(), n), (Some("inferred"), 1))
                }
                Some(other) => assert_eq!(other, "shared_account"),
            }
        }
        seen.extend(best(&truths));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn an_agent_acts_and_the_person_it_acts_for_is_the_root() {
    let (truths, _) = scene(&plan(Faults::none()), |stage| agents::exchange(stage, BY_KEYCLOAK));
    let company = Company::new(&plan(Faults::none()));
    for truth in truths.iter().filter(|truth| truth["tenant"] != "kubernetes") {
        assert_eq!(truth["actor"]["identity"], "agent-1");
        assert_eq!(truth["holder"]["identity"], company.person(BY_KEYCLOAK).id);
        assert_eq!(truth["best"]["actor_grade"], "composite");
    }
}

#[test]
fn who_impersonates_acts_and_the_victim_holds() {
    let calm = plan(Faults::none());
    let company = Company::new(&calm);
    let (truths, _) = scene(&calm, |stage| okta::impersonate(stage, BY_OKTA, BY_OKTA + 1));
    assert_eq!(best(&truths), only("exact", "exact", "-"));
    for truth in &truths {
        assert_eq!(truth["actor"]["identity"], company.person(BY_OKTA).id);
        assert_eq!(truth["holder"]["identity"], company.person(BY_OKTA + 1).id);
    }
    let (truths, _) =
        scene(&calm, |stage| agents::impersonate(stage, BY_KEYCLOAK, BY_KEYCLOAK + 1));
    for truth in truths.iter().filter(|truth| truth["tenant"] != "kubernetes") {
        assert_eq!(truth["actor"]["identity"], company.person(BY_KEYCLOAK).id);
        assert_eq!(truth["holder"]["identity"], company.person(BY_KEYCLOAK + 1).id);
    }
}

#[test]
fn a_sentinel_is_no_session_and_a_struck_out_record_names_nobody() {
    let (truths, _) = scene(&plan(Faults { sentinels: 1.0, ..Faults::none() }), |stage| {
        okta::play(stage, BY_OKTA)
    });
    assert_eq!(best(&truths), only("declared", "declared", "-"));
    let (truths, records) = scene(&plan(Faults { redaction: 1.0, ..Faults::none() }), |stage| {
        github::play(stage, BY_KEYCLOAK)
    });
    assert_eq!(best(&truths), only("unattributed", "unattributed", "redacted_at_source"));
    let company = Company::new(&plan(Faults::none()));
    assert!(records.iter().all(|(_, body)| !body.contains(&company.person(BY_KEYCLOAK).github)));
}

#[test]
fn a_thief_is_nobody_and_the_victim_still_holds() {
    let (truths, _) =
        scene(&plan(Faults { stolen: 1.0, ..Faults::none() }), |stage| machines::play(stage, 0));
    let thefts: Vec<_> = truths.iter().filter(|truth| truth["stolen"] == true).collect();
    assert!(!thefts.is_empty());
    for theft in thefts {
        assert!(theft["actor"].is_null());
        assert_eq!(theft["holder"]["identity"], "machine-0");
        assert_eq!(theft["best"]["holder_grade"], "exact");
    }
}

#[test]
fn the_root_account_hides_whoever_uses_it() {
    let (truths, _) = scene(&plan(Faults::none()), |stage| console::root(stage, 3));
    assert_eq!(best(&truths), only("declared", "unattributed", "shared_root"));
    assert!(truths.iter().all(|truth| truth["holder"]["identity"].is_null()));
}
