//! Where a page ends, as a text that clients hand back and do not read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// An id as a cursor.
pub fn of_id(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1{id}"))
}

/// The id of a cursor; `None` if it is none of ours.
pub fn to_id(cursor: &str) -> Option<String> {
    if cursor.len() > 512 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix('1').map(str::to_owned)
}

/// A place in the feed as a cursor.
pub fn of_place(transaction: i64, seq: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("2{transaction}.{seq}"))
}

pub fn to_place(cursor: &str) -> Option<(i64, i64)> {
    if cursor.len() > 512 {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (transaction, seq) = text.strip_prefix('2')?.split_once('.')?;
    Some((transaction.parse().ok()?, seq.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        assert_eq!(to_id(&of_id("g-1")).as_deref(), Some("g-1"));
        assert_eq!(to_place(&of_place(7, 9)), Some((7, 9)));
        for other in ["", "!", "g-1", &of_place(1, 2), "AAAA"] {
            assert_eq!(to_id(other), None, "{other}");
        }
        assert_eq!(to_place(&of_id("g-1")), None);
    }
}
