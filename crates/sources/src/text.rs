//! A line of text, to the record in it: JSON after whatever a forwarder wrote before it, or
//! `key="value"` pairs.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The record that `text` holds, as JSON; a line of pairs that names no time has that of the record
/// around it.
pub fn held<'a>(text: &'a str, time: Option<&Value>) -> Option<Cow<'a, str>> {
    let text = text.trim();
    if text.starts_with('{') {
        return Some(Cow::Borrowed(text));
    }
    if is_pairs(text) {
        return pairs(text, time).map(Cow::Owned);
    }
    prefixed(text).map(Cow::Borrowed)
}

/// The JSON object that ends a line which a syslog or a container runtime put a header before. Any
/// other text before it could be anybody's, and so could the object.
fn prefixed(text: &str) -> Option<&str> {
    const HEADER_WORDS_MAX: usize = 12;
    let (header, object) = text.split_at_checked(text.find('{')?)?;
    let is_header = header.split_ascii_whitespace().count() <= HEADER_WORDS_MAX
        && (header.starts_with('<') || begins_with_time(header));
    (is_header && is_json(object)).then_some(object)
}

fn begins_with_time(header: &str) -> bool {
    const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let word = header.split_ascii_whitespace().next().unwrap_or("");
    MONTHS.split(' ').any(|month| month == word) || leading_time(header).is_some()
}

/// Whether a line is no record but holds one.
pub fn is_prefixed(text: &str) -> bool {
    !text.starts_with(['{', '[']) && text.ends_with('}') && prefixed(text).is_some()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether a line is a list of `key="value"` pairs, after whatever stands before the first.
pub fn is_pairs(text: &str) -> bool {
    // In JSON the quotes of such a line would be escaped, and in CSV doubled.
    text.matches("=\"").count() >= 3 && text.contains("\", ") && !is_doubled(text)
}

fn is_doubled(text: &str) -> bool {
    text.match_indices("=\"\"").any(|(at, _)| {
        text.get(at + 3..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with([',', ' ']))
    })
}

/// `… type="LOGIN", realmId="…", …` as a JSON object; what stands before the first key is left out.
pub fn pairs(text: &str, time: Option<&Value>) -> Option<String> {
    let mut record = Map::new();
    let mut rest = text;
    while let Some(at) = rest.find("=\"") {
        let (before, after) = rest.split_at_checked(at)?;
        let key = before.rsplit([' ', ',', '\t', '(']).next().unwrap_or(before);
        let after = after.get(2..)?;
        // A quote inside a value is written as `\"`.
        let end = after
            .match_indices('"')
            .find(|(at, _)| !after.get(..*at).is_some_and(|head| head.ends_with('\\')));
        let (end, _) = end?;
        let (value, more) = after.split_at_checked(end)?;
        if !key.is_empty() {
            let value = Value::String(value.replace("\\\"", "\""));
            // A value that could close its own quotes could forge what follows it.
            if record.insert(key.to_owned(), value.clone()).is_some_and(|known| known != value) {
                return None;
            }
        }
        rest = more.get(1..)?;
    }
    if record.is_empty() {
        return None;
    }
    // The time of such a line stands before the pairs, or in the record that it is the message of.
    let stamp = leading_time(text).map(Value::String).or_else(|| time.cloned());
    if let Some(stamp) = stamp {
        record.entry("@timestamp").or_insert(stamp);
    }
    Some(Value::Object(record).to_string())
}

fn leading_time(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace();
    let date = words.next()?;
    if date.contains('T') {
        return crate::time::parse(date).map(|_| date.to_owned());
    }
    let joined = format!("{date} {}", words.next()?.replace(',', "."));
    crate::time::parse(&joined).map(|_| joined)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{held, is_pairs};

    #[test]
    fn a_line_gives_the_record_in_it() {
        let time = json!("2026-01-05T10:00:00Z");
        for (line, expected) in [
            ("{\"a\":1}", Some(json!({"a": 1}))),
            (r#"<190>May 22 12:05:54 host app: {"a":{"b":"}"}}"#, Some(json!({"a": {"b": "}"}}))),
            (
                r#"type="LOGIN", realmId="r", clientId="c{""#,
                Some(
                    json!({"type": "LOGIN", "realmId": "r", "clientId": "c{", "@timestamp": time}),
                ),
            ),
            (
                r#"2026-01-05 11:00:00,250 WARN [x] (y) type="A", error="", who="b""#,
                Some(
                    json!({"type": "A", "error": "", "who": "b", "@timestamp": "2026-01-05 11:00:00.250"}),
                ),
            ),
            ("2026-01-05 11:00:00,250 INFO [x] (y) started in 15 s", None),
            ("2026-01-05T10:00:00.1Z stdout F {\"a\":1}", Some(json!({"a": 1}))),
            ("Jan  5 10:00:00 host app[7]: {not json}", None),
            ("GET /?q={\"a\":1}", None),
            ("", None),
        ] {
            let found = held(line, Some(&time))
                .map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn rows_of_csv_are_no_pairs() {
        assert!(!is_pairs(r#"1,"type=""LOGIN"", realmId=""r"", clientId=""c""""#));
    }
}
