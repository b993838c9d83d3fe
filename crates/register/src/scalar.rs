//! Times, lengths of time and networks: from text and to text.

use countersign_model::time::{Duration, End, NANOS_PER_SECOND, Timestamp};

/// `2026-11-17T09:30:00Z`, with fraction and offset if given, or `2026-11-17` for midnight UTC.
/// `None` if it is not one, or lies outside 1678 to 2261, which nanoseconds can count.
pub fn time(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits_at = |places: &[usize]| places.iter().all(|at| bytes[*at].is_ascii_digit());
    if bytes.len() < 10 || bytes.len() > 40 || !text.is_ascii() {
        return None;
    }
    if !digits_at(&[0, 1, 2, 3, 5, 6, 8, 9]) || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let instant = if bytes.len() == 10 {
        format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok()?
    } else {
        if bytes.len() < 20 || !is_time_of_day(&bytes[10..]) {
            return None;
        }
        text.parse::<jiff::Timestamp>().ok()?
    };
    i64::try_from(instant.as_nanosecond()).ok().map(Timestamp)
}

/// `T09:30:00`, an optional fraction of up to nine digits, then `Z` or `+02:00`. Narrower than
/// what the time library reads, so that the schema can say the same.
fn is_time_of_day(bytes: &[u8]) -> bool {
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let clock = bytes[0] == b'T'
        && digits(&bytes[1..3])
        && bytes[3] == b':'
        && digits(&bytes[4..6])
        && bytes[6] == b':'
        && digits(&bytes[7..9]);
    let mut rest = &bytes[9..];
    if rest.first() == Some(&b'.') {
        let fraction = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&fraction) {
            return false;
        }
        rest = &rest[1 + fraction..];
    }
    let zone = match rest {
        [b'Z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => digits(&[*a, *b, *c, *d]),
        _ => false,
    };
    clock && zone
}

/// A time or `never`.
pub(crate) fn end(text: &str) -> Option<End> {
    if text == "never" { Some(End::Never) } else { time(text).map(End::At) }
}

/// `90d`, `12h`, `30m` or `45s`.
pub fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = text.strip_suffix(unit)?;
    let whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = whole.then(|| number.parse().ok())??;
    number.checked_mul(*seconds)?.checked_mul(NANOS_PER_SECOND).map(Duration)
}

/// Largest first, so that the shortest text is written.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// The date alone at midnight, otherwise RFC 3339 in UTC.
pub fn time_text(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(time.0))
        .expect("the library counts from year -9999 to 9999, 64 bits of nanoseconds only to 2262");
    let text = instant.to_string();
    text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
}

pub(crate) fn end_text(end: End) -> String {
    match end {
        End::At(time) => time_text(time),
        End::Never => "never".to_owned(),
    }
}

/// In the largest unit that divides it. Parts of a second are dropped: the form has none.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.0 / NANOS_PER_SECOND;
    let (unit, size) =
        UNITS.iter().find(|(_, size)| seconds != 0 && seconds % size == 0).unwrap_or(&('s', 1));
    format!("{}{unit}", seconds / size)
}

/// A network as `203.0.113.0/24`; one address needs `/32` or `/128`.
pub(crate) fn is_network(text: &str) -> Result<(), String> {
    match text.parse::<ipnet::IpNet>() {
        Ok(network) if network.addr() == network.network() => Ok(()),
        Ok(network) => Err(format!("the network is `{}`", network.trunc())),
        Err(_) => match text.parse::<std::net::IpAddr>() {
            Ok(address) => Err(format!("write `{}`", ipnet::IpNet::from(address))),
            Err(_) => Err("write a network such as `203.0.113.0/24`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, duration_text, is_network, time, time_text};

    #[test]
    fn times_are_read_and_written_back() {
        for (text, expected) in [
            ("2026-11-17", Some("2026-11-17")),
            ("2026-11-17T00:00:00Z", Some("2026-11-17")),
            ("2026-11-17T09:30:00+02:00", Some("2026-11-17T07:30:00Z")),
            ("2026-11-17T09:30:00.25Z", Some("2026-11-17T09:30:00.25Z")),
            ("2026-02-30", None),
            ("2026-11-17 09:30:00Z", None),
            ("2026-11-17T09:30:00", None),
            ("2026-11-17T09:30:00Z[UTC]", None),
            ("20261117", None),
            ("0001-01-01", None),
            ("2500-01-01", None),
            ("2026-11-1é", None),
        ] {
            assert_eq!(time(text).map(time_text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lengths_are_read_and_written_back() {
        for (text, expected) in [
            ("90d", Some("90d")),
            ("24h", Some("1d")),
            ("90m", Some("90m")),
            ("0d", Some("0s")),
            ("d", None),
            ("-1d", None),
            ("+1d", None),
            ("1 d", None),
            ("99999999999d", None),
            ("", None),
            ("5é", None),
        ] {
            assert_eq!(duration(text).map(duration_text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn networks_have_no_host_part() {
        assert_eq!(is_network("203.0.113.0/24"), Ok(()));
        assert_eq!(is_network("2001:db8::/32"), Ok(()));
        assert_eq!(is_network("203.0.113.7/24"), Err("the network is `203.0.113.0/24`".to_owned()));
        assert_eq!(is_network("203.0.113.7"), Err("write `203.0.113.7/32`".to_owned()));
        assert!(is_network("everywhere").is_err());
    }
}
