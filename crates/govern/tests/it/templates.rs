//! `cases/templates/*.yaml`: answers; beside each, what is made of them or what is wrong with them.
//! `UPDATE_CASES=1` writes that.

use std::fs;
use std::path::Path;

use countersign_govern::template::{LONGEST, Refusal, SHIPPED, is_departure, refusals, shipped};
use countersign_model::id::SponsorId;
use countersign_model::register::{Exception, Sponsor};
use countersign_model::time::{Duration, End, Interval, Timestamp};
use countersign_register::{Answer, Answers, Departure, Mistake, Template, gaps, parse, write};
use proptest::prelude::*;

const BASE: &str = include_str!("../../cases/templates/base.yaml");

#[test]
fn answers_make_what_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/templates");
    let mut paths: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.retain(|path| !path.ends_with("base.yaml"));
    let mut used = Vec::new();
    let mut wrong = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let made = made(&text, &mut used);
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&golden, &made).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != made {
            wrong.push(format!("{}\n{made}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_CASES=1 rewrites\n{}", wrong.join("\n"));
    for (name, _) in SHIPPED {
        assert!(used.iter().any(|used| used == name), "no case makes anything of {name}");
    }
}

/// What is made, and what it leaves unsaid; or the mistakes.
fn made(text: &str, used: &mut Vec<String>) -> String {
    let (name, answers) = match Answers::parse("answers", text) {
        Ok(read) => read,
        Err(mistakes) => return shown(&mistakes),
    };
    let template = Template::parse(&name, shipped(&name).unwrap()).unwrap();
    let register = match template.fill(&answers) {
        Ok(register) => register,
        Err(mistakes) => return shown(&mistakes),
    };
    let yaml = write(&register);
    let files = [("base".to_owned(), BASE.to_owned()), ("made".to_owned(), yaml.clone())];
    let (whole, mistakes) = parse(&files);
    assert!(mistakes.is_empty(), "{}\n{yaml}", shown(&mistakes));
    used.push(name);
    let open = gaps(&whole);
    let base = gaps(&parse(&files[..1]).0);
    let open = open.iter().filter(|gap| !base.contains(gap)).map(|gap| format!("# {gap}\n"));
    format!("{yaml}\n{}", open.collect::<String>())
}

fn shown(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}

#[test]
fn each_shipped_template_says_what_it_is_and_asks_little() {
    for (name, text) in SHIPPED {
        let template = Template::parse(name, text).unwrap();
        assert_eq!(template.id, name);
        let must = template.questions.iter().filter(|question| !question.is_optional).count();
        assert!(must <= 11, "{name} asks {must} things");
    }
}

#[test]
fn the_documented_template_and_answers_work() {
    let text = include_str!("../../../../docs/templates.md");
    let mut blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let template = Template::parse("docs", blocks.next().unwrap()).unwrap();
    let (name, answers) = Answers::parse("docs", blocks.next().unwrap()).unwrap();
    assert_eq!(name, template.id);
    let made = write(&template.fill(&answers).unwrap());
    let expected = "\
organizations:
  - id: north
    kind: partner
    state: proposed
    sponsor: ingrid-vale
    contract: {from: 2026-03-01, until: 2028-03-01}

exceptions:
  - id: north.contract
    rule: template.contract
    subject: \"organization:north\"
    approved_by: colin-marsh
    justification: The contract runs for two years
    from: 2026-03-01
    until: 2026-12-01
";
    assert_eq!(made, expected);
}

#[test]
fn a_template_that_is_wrong_says_where_and_how() {
    let text = "template: t\ntitle: T\nabout: a\nquestions:\n  - {key: id, kind: slag, ask: The id}\n  \
                - {key: id, kind: slug, ask: The id}\n  - {key: Id!, kind: slug, ask: a}\n  - {key: x}\n\
                makes:\n  organizations:\n    - {id: \"{di}\", kind: partner, name: \"{id+9d}\", \
                via: \"{id\", sponsor: \"{}\"}\ntitel: x\n";
    let mistakes = Template::parse("t", text).unwrap_err();
    let expected = "\
t:5:5: `kind` is `slag`; did you mean `slug`?
t:6:5: `id` is asked twice; give one another key
t:7:5: `Id!` is no key; a key has small letters, digits and `_`
t:8:5: a question needs `ask`; write a text
t:8:5: a question needs `kind`; write a text
t:11:12: no question is `di`; did you mean `id`?
t:11:41: `id` is no time to reckon from; name a question of kind `time`
t:11:57: `id` is no placeholder; write `{key}` or `{key+90d}`
t:11:73: `` is no placeholder; write `{key}` or `{key+90d}`
t:12:1: a template has no key `titel`; did you mean `title`?
";
    assert_eq!(shown(&mistakes), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an answer says, it stays the value that it is asked for, and reads back as it was.
    #[test]
    fn no_answer_gets_out_of_its_place(
        name in prop_oneof![any::<String>(), "[-{}+:#\\[\\]\"'\n &*!|>%@`,?~a-z]{1,20}"],
        issuer in prop_oneof![any::<String>(), "\\{(id|from)(\\+[0-9]{1,20}d)?\\}"],
        value in prop_oneof![any::<String>(), "[-{}:#\\[\\]\"' &*a-z]{0,20}"],
    ) {
        let template = Template::parse("t", shipped("oidc-partner").unwrap()).unwrap();
        let mut answers = Answers::default();
        let given = [
            ("id", "north"),
            ("name", &name),
            ("sponsor", "sam"),
            ("issuer", &issuer),
            ("from", "2026-03-01"),
            ("until", "2027-03-01"),
        ];
        for (key, text) in given {
            answers.answers.insert(key.to_owned(), Answer::One(text.to_owned()));
        }
        if let Ok(register) = template.fill(&answers) {
            let files = [("base".to_owned(), BASE.to_owned()), ("made".to_owned(), write(&register))];
            let (whole, mistakes) = parse(&files);
            prop_assert_eq!(shown(&mistakes), "");
            prop_assert_eq!(whole.organizations.len(), 2);
            let made = &whole.organizations["north"];
            prop_assert_eq!(made.name.as_ref(), Some(&name));
            prop_assert_eq!(whole.trust_paths["north-oidc"].issuer.as_ref(), Some(&issuer));
        }
        answers.departures.push(Departure {
            subject: "organization:north".to_owned(),
            key: "name".to_owned(),
            value: Some(value),
            approved_by: name,
            justification: "why".to_owned(),
            from: "2026-03-01".to_owned(),
            until: issuer,
        });
        // Most of them are refused; none may make anything fall over.
        let _ = template.fill(&answers);
        let _ = Template::parse("t", &answers.departures[0].approved_by);
    }
}

#[test]
fn a_departure_needs_an_approver_who_works_here_a_reason_and_an_end_within_a_year() {
    let at = Timestamp::from_seconds(1_000_000);
    let year = at.plus_nanos(LONGEST.0);
    let right = Exception {
        rule: "template.revalidate_by".into(),
        subject: "trust_path:p".into(),
        approved_by: Some("olga".into()),
        justification: Some("why".into()),
        interval: Interval { from: Some(at), until: Some(End::At(year)) },
    };
    let interval = |from: Option<Timestamp>, until: Option<End>| Exception {
        interval: Interval { from, until },
        ..right.clone()
    };
    let here = Interval { from: Some(Timestamp(0)), until: Some(End::Never) };
    let here = Sponsor { employed: here, ..Sponsor::default() };
    let vague = Sponsor::default();
    let [sam, olga] = ["sam", "olga"].map(SponsorId::from);
    let later = year.plus_nanos(1);
    let before = at.plus_nanos(-Duration::from_days(1).0);
    assert!(is_departure(&right));
    for (departure, requester, approver, expected) in [
        (right.clone(), &sam, Some(&here), vec![]),
        (right.clone(), &olga, Some(&here), vec![Refusal::Requester]),
        (right.clone(), &sam, Some(&vague), vec![Refusal::NotEmployed]),
        (right.clone(), &sam, None, vec![Refusal::NotEmployed]),
        (
            Exception { approved_by: None, justification: Some(" ".into()), ..right.clone() },
            &sam,
            None,
            vec![Refusal::NoApprover, Refusal::NoJustification],
        ),
        (interval(Some(at), Some(End::At(later))), &sam, Some(&here), vec![Refusal::TooLong]),
        (interval(Some(before), Some(End::At(at))), &sam, Some(&here), vec![Refusal::Over]),
        (interval(Some(at), Some(End::Never)), &sam, Some(&here), vec![Refusal::NoEnd]),
        (interval(None, Some(End::At(year))), &sam, Some(&here), vec![Refusal::NoEnd]),
    ] {
        assert_eq!(refusals(&departure, Some(requester), approver, at), expected, "{departure:?}");
    }
}
