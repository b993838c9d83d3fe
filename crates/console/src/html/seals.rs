//! Seals, drawn once a page as symbols and used by reference.

use maud::{Markup, PreEscaped, html};

use crate::view::Seal;

const SPRITE: &str = include_str!("../../assets/seals.svg");

/// What size a seal is drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// 28 px, in a strip.
    Large,
    /// 18 px, beside a word.
    Small,
}

pub(super) fn sprite() -> Markup {
    PreEscaped(SPRITE.to_owned())
}

pub(super) fn mark() -> Markup {
    html! { svg.seal.m aria-hidden="true" { use href="#seal-mark" {} } }
}

/// The seal alone; the word beside it is the caller's, so it is hidden from readers.
pub(super) fn seal(seal: Seal, size: Size) -> Markup {
    let class = match size {
        Size::Large => format!("seal is-{}", seal.as_str()),
        Size::Small => format!("seal s is-{}", seal.as_str()),
    };
    html! { svg class=(class) aria-hidden="true" { use href={ "#seal-" (seal.as_str()) } {} } }
}
