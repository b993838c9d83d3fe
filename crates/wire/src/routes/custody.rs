//! Proofs, the ledger's files, holds, erasures, the ledger's key.

use super::Method::{Get, Post};
use super::{HOLD, Kind, Method, Route, plural};

fn route(
    method: Method,
    path: &str,
    kind: Kind,
    (noun, verb): (&'static str, &'static str),
    is_open: bool,
    summary: &str,
) -> Route {
    let (path, summary) = (path.to_owned(), summary.to_owned());
    Route { method, path, kind, noun, verb, is_open, summary }
}

pub(super) fn fixed() -> Vec<Route> {
    vec![
        route(
            Get,
            "/v1/changes/{id}/proof",
            Kind::Proof,
            ("change", "read"),
            false,
            "Proof that an act is in the ledger, for `countersign verify`.",
        ),
        route(Get, "/v1/holds", Kind::List, (HOLD, "list"), false, "Every legal hold, by id."),
        route(Get, "/v1/holds/{id}", Kind::Read, (HOLD, "read"), false, "One legal hold."),
        route(
            Post,
            "/v1/holds/{id}/release",
            Kind::Release,
            (HOLD, "release"),
            false,
            "Release a legal hold; it takes two people.",
        ),
        route(
            Post,
            "/v1/holds/{id}/keep",
            Kind::KeepHold,
            (HOLD, "release"),
            false,
            "Keep a legal hold that somebody asked to release.",
        ),
        route(
            Post,
            "/v1/ledger/rotate-key",
            Kind::RotateKey,
            ("ledger", "rotate"),
            false,
            "Let another key sign the ledger; it takes two people.",
        ),
        route(
            Get,
            "/ledger/{*file}",
            Kind::Ledger,
            ("ledger", "read"),
            true,
            "Checkpoint, hashes and public keys of the ledger (C2SP tlog-tiles).",
        ),
        route(
            Get,
            "/ledger/tile/entries/{*file}",
            Kind::Ledger,
            ("ledger", "export"),
            false,
            "Entries of the ledger (C2SP tlog-tiles).",
        ),
    ]
}

pub(super) fn of_noun(noun: &'static str) -> Vec<Route> {
    let one = format!("/v1/{}/{{id}}", plural(noun));
    let mut routes = Vec::new();
    if ["identity", "sponsor"].contains(&noun) {
        let (path, erase) = (format!("{one}/erase"), (noun, "erase"));
        routes.push(route(Post, &path, Kind::Erase, erase, false, "Erase what is personal."));
    }
    if ["identity", "sponsor", "organization"].contains(&noun) {
        let (path, hold) = (format!("{one}/hold"), (noun, "hold"));
        let summary = "Keep it whatever is ordered to be erased.";
        routes.push(route(Post, &path, Kind::Hold, hold, false, summary));
    }
    routes
}
