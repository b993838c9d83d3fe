//! JSON text written field by field: millions of rows need no tree in between.

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

    #[inline]
    fn key(&mut self, key: &str) {
        self.item();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline]
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

    /// Nothing if there is no value.
    pub fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, &value);
    }

    pub fn time(&mut self, key: &str, at: Timestamp) {
        self.key(key);
        self.out.push(b'"');
        write_time(self.out, at);
        self.out.push(b'"');
    }

    /// Nothing if it is not known.
    pub fn end_time(&mut self, key: &str, value: Option<End>) {
        match value {
            Some(End::At(at)) => self.time(key, at),
            Some(End::Never) => self.text(key, "never"),
            None => {}
        }
    }

    /// A value that is JSON already.
    pub fn ready(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(value);
    }

    pub fn nested(&mut self, key: &str) -> Json<'_> {
        self.key(key);
        Json::object(self.out)
    }

    /// A list with an element for each item; nothing if there is none.
    pub fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Json<'_>, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        self.key(key);
        self.out.push(b'[');
        let mut list = Json { out: self.out, empty: true, close: b']' };
        for item in items {
            write(&mut list, item);
        }
        list.done();
    }

    pub fn texts<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) {
        self.list(key, texts, |list, text| list.list_text(text));
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

    /// The levels that are known.
    pub fn assurance(&mut self, key: &str, value: &Assurance) {
        let mut object = self.nested(key);
        let levels = [
            ("ial", value.ial),
            ("aal", value.aal),
            ("fal", value.fal),
            ("workload", value.workload),
        ];
        for (name, level) in levels {
            if let Some(level) = level {
                object.number(name, u64::from(level));
            }
        }
        if let Some(resists) = value.phishing_resistant {
            object.flag("phishing_resistant", resists);
        }
        object.done();
    }

    pub fn done(self) {
        self.out.push(self.close);
    }
}

fn string(out: &mut Vec<u8>, value: &str) {
    if is_plain(value.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, value);
    }
}

/// Whether nothing has to be escaped. All bytes of a block are compared at once; the last block
/// overlaps the one before it.
fn is_plain(text: &[u8]) -> bool {
    fn is_block_plain<const N: usize>(block: &[u8; N]) -> bool {
        block
            .iter()
            .fold(true, |plain, byte| plain & (*byte >= 0x20) & (*byte != b'"') & (*byte != b'\\'))
    }
    match (text.last_chunk::<16>(), text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(last), ..) => {
            text.as_chunks::<16>().0.iter().all(is_block_plain) && is_block_plain(last)
        }
        (None, Some(first), Some(last)) => is_block_plain(first) && is_block_plain(last),
        _ => text.iter().all(|byte| is_block_plain(&[*byte])),
    }
}

/// RFC 3339 in UTC, with as many decimals as the instant has.
pub fn write_time(out: &mut Vec<u8>, at: Timestamp) {
    const NANOS: i64 = 1_000_000_000;
    const WHOLE_SECONDS: usize = "0000-00-00T00:00:00".len();
    let (seconds, nanos) = (at.0.div_euclid(NANOS), at.0.rem_euclid(NANOS));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = *b"0000-00-00T00:00:00.000000000";
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
    put(20, 9, nanos);
    let mut text = text.as_slice();
    while let Some(shorter) = text.strip_suffix(b"0").filter(|_| text.len() > WHOLE_SECONDS) {
        text = shorter;
    }
    out.extend_from_slice(text.strip_suffix(b".").unwrap_or(text));
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
    fn text_is_escaped_wherever_it_has_to_be() {
        for length in 0..40 {
            let plain = "å".repeat(length / 2) + "a";
            let mut texts = vec![plain.clone()];
            for odd in ['"', '\\', '\n', '\u{1f}'] {
                for (at, _) in plain.char_indices() {
                    texts.push(format!("{}{odd}{}", &plain[..at], &plain[at..]));
                }
            }
            for text in texts {
                let mut out = Vec::new();
                super::string(&mut out, &text);
                assert_eq!(out, serde_json::to_vec(&text).unwrap());
            }
        }
    }

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
