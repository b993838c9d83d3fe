//! JSON text written field by field: millions of rows need no tree in between.

use std::io::Write;

use countersign_model::assurance::Assurance;
use countersign_model::time::{End, Timestamp};

/// An object or array being written.
#[derive(Debug)]
pub struct Json<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
    close: u8,
}

impl<'o> Json<'o> {
    pub fn object(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true, close: b'}' }
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn item(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        string(self.out, value);
    }

    pub fn optional(&mut self, key: &str, value: Option<&str>) {
        self.key(key);
        match value {
            Some(value) => string(self.out, value),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        let _ = write!(self.out, "{value}");
    }

    pub fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    pub fn time(&mut self, key: &str, value: Option<Timestamp>) {
        match value {
            Some(at) => {
                self.key(key);
                self.out.push(b'"');
                write_time(self.out, at);
                self.out.push(b'"');
            }
            None => self.null(key),
        }
    }

    pub fn end_time(&mut self, key: &str, value: Option<End>) {
        match value {
            Some(End::At(at)) => self.time(key, Some(at)),
            Some(End::Never) => self.text(key, "never"),
            None => self.null(key),
        }
    }

    pub fn nested(&mut self, key: &str) -> Json<'_> {
        self.key(key);
        Json::object(self.out)
    }

    pub fn list(&mut self, key: &str) -> Json<'_> {
        self.key(key);
        self.out.push(b'[');
        Json { out: self.out, empty: true, close: b']' }
    }

    pub fn list_object(&mut self) -> Json<'_> {
        self.item();
        Json::object(self.out)
    }

    pub fn list_list(&mut self) -> Json<'_> {
        self.item();
        self.out.push(b'[');
        Json { out: self.out, empty: true, close: b']' }
    }

    pub fn list_text(&mut self, value: &str) {
        self.item();
        string(self.out, value);
    }

    pub fn assurance(&mut self, key: &str, value: &Assurance) {
        let mut object = self.nested(key);
        let levels = [
            ("ial", value.ial),
            ("aal", value.aal),
            ("fal", value.fal),
            ("workload", value.workload),
        ];
        for (name, level) in levels {
            match level {
                Some(level) => object.number(name, u64::from(level)),
                None => object.null(name),
            }
        }
        match value.phishing_resistant {
            Some(resists) => object.flag("phishing_resistant", resists),
            None => object.null("phishing_resistant"),
        }
        object.done();
    }

    pub fn done(self) {
        self.out.push(self.close);
    }
}

fn string(out: &mut Vec<u8>, value: &str) {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if value.as_bytes().iter().all(plain) {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, value);
    }
}

/// RFC 3339 in UTC, with as many decimals as the instant has.
pub fn write_time(out: &mut Vec<u8>, at: Timestamp) {
    const NANOS: i64 = 1_000_000_000;
    let (seconds, nanos) = (at.0.div_euclid(NANOS), at.0.rem_euclid(NANOS));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = *b"0000-00-00T00:00:00";
    let mut put = |at: usize, digits: usize, mut number: i64| {
        for place in (at..at + digits).rev() {
            if let Some(byte) = text.get_mut(place) {
                *byte = b'0' + (number % 10) as u8;
            }
            number /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, hour);
    put(14, 2, minute);
    put(17, 2, second);
    out.extend_from_slice(&text);
    if nanos != 0 {
        let decimals = format!(".{nanos:09}");
        out.extend_from_slice(decimals.trim_end_matches('0').as_bytes());
    }
    out.push(b'Z');
}

pub fn time_text(at: Timestamp) -> String {
    let mut out = Vec::new();
    write_time(&mut out, at);
    String::from_utf8(out).unwrap_or_default()
}

/// The civil date of a day count since 1970-01-01 in the proleptic Gregorian calendar. An i64 of
/// nanoseconds spans the years 1677 to 2262, so four digits always do.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use countersign_model::time::Timestamp;

    #[test]
    fn times_are_written_as_a_calendar_library_writes_them() {
        for nanos in [
            0,
            1_689_000_000_000_000_000,
            1_709_164_800_123_000_000,
            -1,
            i64::MAX,
            951_782_399_999_999_999,
            -9_000_000_000_000_000_000,
        ] {
            let expected = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            let ours: jiff::Timestamp = super::time_text(Timestamp(nanos)).parse().unwrap();
            assert_eq!(ours, expected);
        }
    }
}
