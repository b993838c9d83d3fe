//! The judge from outside.

use countersign_judge::Guardrails;

#[test]
fn the_shipped_guardrails_fit_their_schema() {
    Guardrails::with(&[]).unwrap();
}
