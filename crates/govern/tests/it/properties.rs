//! What holds of any request, any clock and any approvals.

use countersign_govern::approval::{Approval, Asked, Manner, Requester, Role, roles, standing};
use countersign_govern::bounds::{Wanted, latest_end, violations};
use countersign_govern::ends::{Moment, What, next_look, notices};
use countersign_model::id::{EntitlementId, OrganizationId, SponsorId};
use countersign_model::lifecycle::{State, shown};
use countersign_model::register::{
    Catalog, Entitlement, Grant, Grantee, Identity, IdentityKind, Organization, OrganizationKind,
    OrganizationState, RiskTier, Sponsor, WhoMayAsk,
};
use countersign_model::time::{Duration, End, Interval, Timestamp};
use proptest::prelude::*;

fn day(number: i64) -> Timestamp {
    Timestamp(number.saturating_mul(Duration::from_days(1).0))
}

fn days(from: i64, until: i64) -> Interval {
    Interval { from: Some(day(from)), until: Some(End::At(day(until))) }
}

fn grant(from: Option<i64>, until: Option<i64>, due: Option<i64>) -> Grant {
    Grant {
        entitlement: "e".into(),
        to: Grantee::Identity("i".into()),
        sponsor: Some("s".into()),
        justification: Some("why".into()),
        interval: Interval { from: from.map(day), until: until.map(|at| End::At(day(at))) },
        revoked: None,
        suspended: Vec::new(),
        review_due: due.map(day),
        review_grace: Some(Duration::from_days(10)),
        passed_on_from: None,
        break_glass: false,
    }
}

fn entitlement(risk: Option<RiskTier>, longest: i64) -> Entitlement {
    Entitlement {
        name: None,
        catalog: Catalog::Partners,
        tenant: None,
        actions: vec!["a".into()],
        resources: None,
        business_process: None,
        owner: Some("s1".into()),
        risk,
        required: None,
        longest: Some(Duration::from_days(longest)),
        review_every: None,
        incompatible_with: Vec::new(),
        who_may_ask: Some(WhoMayAsk {
            kinds: vec![OrganizationKind::Partner],
            organizations: Vec::new(),
        }),
        approval: None,
        passed_on_depth: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However a clock jumps: nothing is told twice, all that is told holds at that instant, and
    /// once the clock is beyond the end, the end has been told and tidied.
    #[test]
    fn a_clock_that_jumps_tells_each_thing_once(
        from in prop::option::of(0..100_i64),
        until in prop::option::of(0..200_i64),
        due in prop::option::of(0..200_i64),
        clock in prop::collection::vec(-50..400_i64, 1..40),
    ) {
        let grant = grant(from, until, due);
        let mut stored = State::Active;
        let mut told: Vec<String> = Vec::new();
        for at in clock.iter().copied().chain([1_000]) {
            for notice in notices("g", &grant, stored, day(at)) {
                let is_over = notice.limit <= day(at);
                prop_assert_eq!(notice.moment == Moment::RanOut, is_over);
                if let Moment::Ahead(days) = notice.moment {
                    prop_assert!(notice.limit.0 - day(at).0 <= Duration::from_days(days).0);
                }
                if told.contains(&notice.key) {
                    continue;
                }
                told.push(notice.key.clone());
                told.extend(notice.covers);
                if notice.tidy.is_some() {
                    prop_assert_eq!(shown(&grant, stored, day(at)), State::Expired);
                    stored = State::Ended;
                }
            }
        }
        let ends = told.iter().filter(|key| key.contains("/end/") && key.ends_with("/over"));
        prop_assert_eq!(ends.count(), usize::from(until.is_some()));
        prop_assert_eq!(stored == State::Ended, until.is_some());
    }

    /// Whoever looks again only when told to misses nothing.
    #[test]
    fn nothing_is_new_before_the_next_look(
        from in prop::option::of(0..100_i64),
        until in prop::option::of(0..200_i64),
        due in prop::option::of(0..200_i64),
        at in -50..300_i64,
        later in 1..300_i64,
        waits in any::<bool>(),
    ) {
        let grant = grant(from, until, due);
        let stored = if waits { State::Requested } else { State::Active };
        let at = day(at);
        let later = at.plus_nanos(Duration::from_seconds(later * 7_200).0);
        let next = next_look(&grant, stored, at);
        let keys = |at| -> Vec<String> {
            notices("g", &grant, stored, at).into_iter().map(|notice| notice.key).collect()
        };
        if next.is_none_or(|next| later < next) {
            let known = keys(at);
            prop_assert!(keys(later).iter().all(|key| known.contains(key)), "{next:?}");
        }
        if let Some(next) = next {
            prop_assert!(at < next);
            let before = next.plus_nanos(-1);
            prop_assert_ne!(keys(next), keys(before), "nothing happens at {:?}", next);
        }
    }

    /// What is complete has been approved by as many people as must, none of them the requester, each
    /// of whom works here.
    #[test]
    fn complete_is_two_people_where_two_must(
        risk in prop::option::of(0..4_usize),
        sponsor in 0..4_usize,
        requester in 0..4_usize,
        left in prop::collection::vec(0..20_i64, 4),
        approvals in prop::collection::vec((0..4_usize, 0..2_usize, 0..12_i64), 0..8),
        glass in any::<bool>(),
    ) {
        let ids: Vec<SponsorId> = (0..4).map(|n| SponsorId::from(format!("s{n}"))).collect();
        let people: Vec<Sponsor> = left
            .iter()
            .enumerate()
            .map(|(n, left)| Sponsor {
                employed: days(-1, *left),
                successor: ids.get(n + 1).cloned(),
                ..Sponsor::default()
            })
            .collect();
        let find = |id: &SponsorId| ids.iter().position(|known| known == id).map(|n| &people[n]);
        let entitlement = entitlement(risk.map(|risk| RiskTier::ALL[risk]), 100);
        let manner = if glass { Manner::BreakGlass } else { Manner::Ordinary };
        let asked = Asked {
            entitlement: &entitlement,
            sponsor: Some(&ids[sponsor]),
            requester: Requester::Employee(&ids[requester]),
            manner,
        };
        let given: Vec<Approval<'_>> = approvals
            .iter()
            .map(|(by, role, at)| Approval { by: &ids[*by], role: Role::ALL[*role], at: day(*at) })
            .collect();
        let at = day(10);
        let standing = standing(&asked, &given, &find, at);
        let counted: Vec<&Approval<'_>> = given
            .iter()
            .enumerate()
            .filter(|(n, _)| !standing.refused.iter().any(|(refused, _)| refused == n))
            .map(|(_, approval)| approval)
            .collect();
        for approval in &counted {
            prop_assert_ne!(approval.by, &ids[requester]);
            prop_assert!(approval.at <= at);
            prop_assert_eq!(find(approval.by).unwrap().employed.contains(at), Some(true));
        }
        if let [one, other] = counted[..] {
            prop_assert!(one.by != other.by && one.role != other.role);
        }
        prop_assert!(counted.len() <= 2);
        prop_assert_eq!(
            standing.is_complete(),
            counted.len() == roles(&entitlement, manner).len()
        );
        let is_high = !matches!(entitlement.risk, Some(RiskTier::Low | RiskTier::Medium));
        prop_assert!(!standing.is_complete() || !(is_high || glass) || counted.len() == 2);
    }

    /// The end that is offered as the latest works, and nothing later does.
    #[test]
    fn the_latest_end_works_and_nothing_later_does(
        longest in 1..50_i64,
        contract in 11..80_i64,
        reseller in 11..80_i64,
        identity in 11..80_i64,
        glass in any::<bool>(),
    ) {
        let entitlement = entitlement(Some(RiskTier::Low), longest);
        let organization = |until| Organization {
            name: None,
            kind: OrganizationKind::Partner,
            via: None,
            state: Some(OrganizationState::Active),
            sponsor: None,
            contract: days(0, until),
            suspended: Vec::new(),
        };
        let (own, above) = (organization(contract), organization(reseller));
        let (own_id, above_id) = (OrganizationId::from("o"), OrganizationId::from("r"));
        let identity = Identity {
            name: None,
            organization: own_id.clone(),
            kind: IdentityKind::Human,
            owner: None,
            active: days(0, identity),
            suspended: Vec::new(),
            accounts: Vec::new(),
            networks: None,
            mandate: None,
            properties: Default::default(),
        };
        let sponsor = Sponsor { employed: days(0, 1_000), ..Sponsor::default() };
        let id = EntitlementId::from("e");
        let organizations = [(&own_id, &own), (&above_id, &above)];
        let wanted = |until: Timestamp| Wanted {
            entitlement: (&id, &entitlement),
            organizations: &organizations,
            identity: Some(&identity),
            interval: Interval { from: Some(day(10)), until: Some(End::At(until)) },
            asked_at: day(10),
            justification: Some("why"),
            sponsor: Some(&sponsor),
            held: &[],
            passed_on_from: &[],
            manner: if glass { Manner::BreakGlass } else { Manner::Ordinary },
        };
        let latest = latest_end(&wanted(day(11))).unwrap();
        let stands = |until| violations(&wanted(until), day(10));
        prop_assert_eq!(stands(latest), vec![]);
        let beyond = stands(latest.plus_nanos(1));
        prop_assert!(!beyond.is_empty());
        prop_assert_eq!(beyond.iter().filter_map(|found| found.latest).min(), Some(latest));
    }
}

#[test]
fn a_look_is_due_though_the_grant_has_ended() {
    let mut grant = grant(Some(0), Some(1), None);
    grant.break_glass = true;
    let told = notices("g", &grant, State::Ended, day(3));
    assert_eq!(told.iter().map(|notice| notice.what).collect::<Vec<_>>(), [What::Look]);
}
