//! Chance as a parameter: a small generator whose every number follows from the seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// `SplitMix64`. Not for secrets: for worlds.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of the `n`th thing called `label`: the same wherever and whenever it is asked.
    pub(crate) fn of(seed: u64, label: &str, n: u64) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ seed.rotate_left(17);
        for byte in label.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut rng = Self(state ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.next()) * n as u128;
        usize::try_from(wide >> 64).expect("smaller than n, which is a usize")
    }

    /// A number in `from..=to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = usize::try_from(to.saturating_sub(from).max(0)).expect("not negative");
        from + i64::try_from(self.below(span + 1)).expect("no larger than an i64 difference")
    }

    pub(crate) fn chance(&mut self, rate: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are enough for a rate")]
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < rate
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }

    pub(crate) fn base62(&mut self, length: usize) -> String {
        self.text(BASE62, length)
    }

    pub(crate) fn base32(&mut self, length: usize) -> String {
        self.text(BASE32, length)
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.text(HEX, length)
    }

    pub(crate) fn digits(&mut self, length: usize) -> String {
        let first = self.text(b"123456789", 1);
        first + &self.text(b"0123456789", length.saturating_sub(1))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0])
    }

    pub(crate) fn base64url(&mut self, bytes: usize) -> String {
        let raw: Vec<u8> = (0..bytes).map(|_| self.next().to_le_bytes()[0]).collect();
        URL_SAFE_NO_PAD.encode(raw)
    }

    pub(crate) fn uuid(&mut self) -> String {
        let mut raw: [u8; 16] = self.bytes();
        raw[6] = raw[6] & 0x0f | 0x40;
        raw[8] = raw[8] & 0x3f | 0x80;
        uuid_text(raw)
    }
}

/// The text of a GUID from its bytes in network order.
pub(crate) fn uuid_text(raw: [u8; 16]) -> String {
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
