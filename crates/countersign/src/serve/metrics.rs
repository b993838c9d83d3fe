//! What operators watch, in the text format of Prometheus.

use std::fmt::Write as _;

use countersign_http::Server;

/// Reads the store, so it may wait.
pub fn text(server: &Server) -> String {
    let mut text = server.counted.text();
    let store = server.app.store();
    let up = i32::from(server.app.ready().is_ok() && !store.has_stopped());
    gauge(&mut text, "countersign_ready", "Whether the node can serve.", &[("", up.into())]);
    if let Some(seen) = server.app.facts_seen() {
        let age = server.app.now().0.saturating_sub(seen.0) / 1_000_000;
        let help = "Milliseconds since this node knew that nothing is newer than its facts.";
        gauge(&mut text, "countersign_facts_age_milliseconds", help, &[("", age)]);
    }
    if let Ok(counts) = store.counts() {
        let samples: Vec<(String, i64)> = counts
            .into_iter()
            .map(|(noun, state, count)| (format!("{{noun=\"{noun}\",state=\"{state}\"}}"), count))
            .collect();
        let samples: Vec<(&str, i64)> =
            samples.iter().map(|(labels, count)| (labels.as_str(), *count)).collect();
        gauge(&mut text, "countersign_items", "Items by noun and stored state.", &samples);
    }
    if let Ok(counts) = store.outbox_counts() {
        let samples: Vec<(String, i64)> = counts
            .into_iter()
            .flat_map(|count| {
                let labels = |state: &str| format!("{{kind=\"{}\",state=\"{state}\"}}", count.kind);
                [(labels("waiting"), count.waiting), (labels("given_up"), count.given_up)]
            })
            .collect();
        let samples: Vec<(&str, i64)> =
            samples.iter().map(|(labels, count)| (labels.as_str(), *count)).collect();
        gauge(&mut text, "countersign_outbox", "Messages not sent, by kind and state.", &samples);
    }
    if let Ok(sequenced) = store.sequenced() {
        let leaves = i64::try_from(sequenced.leaves).unwrap_or(i64::MAX);
        gauge(&mut text, "countersign_ledger_leaves", "Leaves in the ledger.", &[("", leaves)]);
    }
    text
}

fn gauge(text: &mut String, name: &str, help: &str, samples: &[(&str, i64)]) {
    // Writing to a string cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}
