//! Where a page of a search ended, as a text that only this instance can read: the last that was
//! looked at may be somebody whom the application is not told of.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::search::Place;

const BYTES_MAX: usize = 4_096;

fn key(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are such a key"))
}

/// A token that opens only beside the same `bound`.
pub(super) fn seal(
    bytes: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    bound: &[u8],
    (id, name): &Place,
    limit: usize,
) -> String {
    let place = serde_json::to_vec(&(id, name, limit));
    let mut sealed = place.expect("texts and numbers can always be written");
    let (own, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(bound));
    key(bytes).seal_in_place_append_tag(own, aad, &mut sealed).expect("it is short");
    let mut token = nonce.to_vec();
    token.append(&mut sealed);
    URL_SAFE_NO_PAD.encode(token)
}

/// The place and the limit in a token; `None` if it was not given for this.
pub(super) fn open(bytes: &[u8; 32], token: &str, bound: &[u8]) -> Option<(Place, usize)> {
    if token.len() > BYTES_MAX {
        return None;
    }
    let token = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (nonce, sealed) = token.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let opened = key(bytes).open_in_place(nonce, Aad::from(bound), &mut sealed).ok()?;
    let (id, name, limit) = serde_json::from_slice(opened).ok()?;
    Some(((id, name), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_beside_what_it_was_given_for_and_nothing_else() {
        let place = ("paul".to_owned(), "paul@pi.example".to_owned());
        let token = seal(&[1; 32], [2; 12], b"question", &place, 7);
        assert!(!token.contains("paul"));
        assert_eq!(open(&[1; 32], &token, b"question"), Some((place, 7)));
        assert_eq!(open(&[1; 32], &token, b"another"), None);
        assert_eq!(open(&[3; 32], &token, b"question"), None);
        for other in ["", "!", "AAAA", &token[1..]] {
            assert_eq!(open(&[1; 32], other, b"question"), None);
        }
    }
}
