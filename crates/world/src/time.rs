//! Moments in milliseconds since 1970, and the ways in which log formats write them.

use jiff::Timestamp;

/// Milliseconds since 1970, UTC.
pub(crate) type Millis = i64;

pub(crate) const SECOND: Millis = 1000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn pattern(at: Millis, pattern: &str) -> String {
    timestamp(at).strftime(pattern).to_string()
}

/// `2026-11-17T09:30:00Z`, whole seconds.
pub(crate) fn seconds(at: Millis) -> String {
    pattern(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-17T09:30:00.123Z`.
pub(crate) fn millis(at: Millis) -> String {
    pattern(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// `2026-11-17T09:30:00.1230000Z`, as Azure writes it.
pub(crate) fn ticks(at: Millis) -> String {
    pattern(at, "%Y-%m-%dT%H:%M:%S.%3f0000Z")
}

/// `2026-11-17T09:30:00.123000Z`, as Kubernetes writes it.
pub(crate) fn micros(at: Millis) -> String {
    pattern(at, "%Y-%m-%dT%H:%M:%S.%3f000Z")
}

/// `2026-11-17T04:30:00.123-05:00`: the same moment, told with an offset.
pub(crate) fn eastern(at: Millis) -> String {
    pattern(at - 5 * HOUR, "%Y-%m-%dT%H:%M:%S.%3f-05:00")
}

/// `2026-11-17T09:30:00+00:00`, nginx's `$time_iso8601`.
pub(crate) fn nginx(at: Millis) -> String {
    pattern(at, "%Y-%m-%dT%H:%M:%S+00:00")
}

/// `Nov 17, 2026, 9:30:00 AM`, as AWS writes it inside responses.
pub(crate) fn english(at: Millis) -> String {
    pattern(at, "%b %-d, %Y, %-I:%M:%S %p")
}

/// `2026-11-17 09:30:00,123`, as Java loggers write it.
pub(crate) fn java(at: Millis) -> String {
    pattern(at, "%Y-%m-%d %H:%M:%S,%3f")
}

/// `20261117T0930Z`, as AWS names files.
pub(crate) fn bucket(at: Millis) -> String {
    pattern(at, "%Y%m%dT%H%MZ")
}

/// `2026-11-17`.
pub(crate) fn date(at: Millis) -> String {
    pattern(at, "%Y-%m-%d")
}

/// `2026/11/17`.
pub(crate) fn date_folders(at: Millis) -> String {
    pattern(at, "%Y/%m/%d")
}
