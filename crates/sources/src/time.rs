//! Every way in which logs write an instant.

use countersign_model::time::Timestamp;
use jiff::civil::DateTime;

/// The instant that `text` names: RFC 3339 with 0 to 9 decimals, with an offset, or without a zone
/// (then UTC); seconds, milliseconds, microseconds or nanoseconds since 1970; `Jul 10, 2023,
/// 12:09:47 PM`; `2023-07-10 12:09:47.123 +0000`.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    rfc3339(text.as_bytes()).or_else(|| epoch(text)).or_else(|| other(text)).filter(|at| at.0 != 0)
}

/// The form most logs use, without a detour.
fn rfc3339(text: &[u8]) -> Option<Timestamp> {
    let digit = |at: usize| {
        text.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'))
    };
    let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    if !(is(4, b'-')
        && is(7, b'-')
        && (is(10, b'T') || is(10, b' '))
        && is(13, b':')
        && is(16, b':'))
    {
        return None;
    }
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    // What is left out of range goes the careful way.
    let leap_day = month == 2 && day > 28;
    if !(1..=12).contains(&month)
        || !(1..=30).contains(&day)
        || leap_day
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let (nanos, rest) = decimals(text.get(19..)?)?;
    if !(rest.is_empty() || rest == b"Z" || rest == b"z") || !(1700..2200).contains(&year) {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(Timestamp)
}

fn decimals(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(fraction) = text.strip_prefix(b".") else { return Some((0, text)) };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > 9 {
        return None;
    }
    let (digits, rest) = fraction.split_at_checked(length)?;
    let value = digits.iter().fold(0_i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Some((value * 10_i64.pow(9 - u32::try_from(length).ok()?), rest))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A number since 1970, in the unit that gives a year between 2001 and 2286 or so.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < 9 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = whole.parse().ok()?;
    let unit: i64 = match whole.len() {
        9 | 10 => 1_000_000_000,
        12 | 13 => 1_000_000,
        15 | 16 => 1000,
        18 | 19 => 1,
        _ => return None,
    };
    let nanos = value.checked_mul(unit)?;
    let fraction = fraction.get(..fraction.len().min(9))?;
    if unit != 1_000_000_000 || fraction.is_empty() {
        return Some(Timestamp(nanos));
    }
    let scale = 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    nanos.checked_add(fraction.parse::<i64>().ok()? * scale).map(Timestamp)
}

fn other(text: &str) -> Option<Timestamp> {
    let stamp = |at: jiff::Timestamp| i64::try_from(at.as_nanosecond()).ok().map(Timestamp);
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return stamp(at);
    }
    let utc = |civil: DateTime| jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().and_then(stamp);
    if let Ok(civil) = text.parse::<DateTime>() {
        return utc(civil);
    }
    // A narrow no-break space stands before AM and PM in newer exports.
    let plain = text.replace(['\u{202f}', '\u{a0}'], " ");
    const ZONED: [&str; 4] = [
        "%Y-%m-%d %H:%M:%S%.f %z",
        "%Y-%m-%d %H:%M:%S%.f %:z",
        "%d/%b/%Y:%H:%M:%S %z",
        "%a, %d %b %Y %H:%M:%S %z",
    ];
    const CIVIL: [&str; 6] = [
        "%b %d, %Y, %I:%M:%S %p",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y, %I:%M:%S%.f %p",
        "%m/%d/%Y %H:%M:%S",
        "%Y-%m-%d %H:%M:%S%.f UTC",
        "%Y%m%d%H%M%S%.f",
    ];
    for form in ZONED {
        if let Ok(at) = jiff::Timestamp::strptime(form, &plain) {
            return stamp(at);
        }
    }
    CIVIL.iter().find_map(|form| DateTime::strptime(form, &plain).ok()).and_then(utc)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_form_of_the_same_instant_is_the_same() {
        for (text, expected) in [
            ("2023-07-10T12:09:47Z", 1_688_990_987_000_000_000),
            ("2023-07-10T12:09:47", 1_688_990_987_000_000_000),
            ("2023-07-10 12:09:47.000", 1_688_990_987_000_000_000),
            ("2023-07-10T07:09:47-05:00", 1_688_990_987_000_000_000),
            ("Jul 10, 2023, 12:09:47 PM", 1_688_990_987_000_000_000),
            ("7/10/2023, 12:09:47.000 PM", 1_688_990_987_000_000_000),
            ("2023-07-10 12:09:47.000000 UTC", 1_688_990_987_000_000_000),
            ("20230710120947.000", 1_688_990_987_000_000_000),
            ("1688990987", 1_688_990_987_000_000_000),
            ("1688990987123", 1_688_990_987_123_000_000),
            ("1688990987.5", 1_688_990_987_500_000_000),
            ("2023-07-10T12:09:47.1234567Z", 1_688_990_987_123_456_700),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
            ("2023-01-31T00:00:00Z", 1_675_123_200_000_000_000),
        ] {
            assert_eq!(super::parse(text).map(|at| at.0), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2023-13-10T12:09:47Z", "12", "-", "2023-02-30T00:00:00Z"] {
            assert_eq!(super::parse(text), None, "{text}");
        }
    }
}
