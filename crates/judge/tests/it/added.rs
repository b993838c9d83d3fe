//! Policies that a customer adds.

use countersign_judge::{Facts, Guardrails, judge};
use countersign_model::judgement::{Judgement, Outcome};

use crate::case::{Question, parse, questions, register};

const OWN: &str = r#"
@id("own.window") @reason("own.window") @outcome("deny") @controls("OWN-1") @text("orders are closed on that day")
forbid (principal, action, resource)
when { context.action like "orders:*" && context has resource && context.resource == "order/8" };

@id("own.overflow") @reason("own.overflow") @outcome("step_up") @text("never said")
forbid (principal, action, resource)
when { context.kind == "agent" && context.at + 9223372036854775807 > 0 };
"#;

fn ask(guardrails: &Guardrails, question: &str) -> Judgement {
    let facts = Facts::new(parse(&register()).unwrap());
    Question::parse(question).ask(|access, at| judge(guardrails, &facts, access, at))
}

#[test]
fn an_added_policy_forbids_with_its_own_reason() {
    let guardrails = Guardrails::with(&[("own".to_owned(), OWN.to_owned())]).unwrap();
    assert_eq!(ask(&guardrails, "dora").outcome, Outcome::Allow);
    let judged = ask(&guardrails, "dora resource=order/8");
    assert_eq!(judged.outcome, Outcome::Deny);
    let codes: Vec<&str> = judged.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["own.window"]);
    assert_eq!(judged.reasons[0].controls, ["OWN-1"]);
}

#[test]
fn a_policy_that_fails_denies_and_is_named() {
    let guardrails = Guardrails::with(&[("own".to_owned(), OWN.to_owned())]).unwrap();
    let judged = ask(&guardrails, "helper");
    assert_eq!(judged.outcome, Outcome::Deny);
    let codes: Vec<&str> = judged.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["policy.error"]);
    assert!(judged.reasons[0].text.contains("own.overflow"), "{}", judged.reasons[0].text);
}

#[test]
fn adding_a_policy_never_justifies_more() {
    let shipped = Guardrails::shipped();
    let added = Guardrails::with(&[("own".to_owned(), OWN.to_owned())]).unwrap();
    for name in questions() {
        for change in ["", " identity=?", " claims=?", " ip=?", " actor=?", " action=stock:write"] {
            let question = format!("{name}{change}");
            let (before, after) = (ask(&shipped, &question), ask(&added, &question));
            assert!(after.outcome >= before.outcome, "{question}");
            for reason in before.reasons {
                assert!(after.reasons.contains(&reason), "{question} lost {}", reason.code);
            }
        }
    }
}
