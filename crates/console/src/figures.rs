//! Figures as people read them.

/// `18412` as `18,412`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share with one decimal, such as `92.9 %`. Rounding never makes a part whole or nothing:
/// only all is `100 %`, only none is `0 %`. A share of nothing is `n/a`.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "n/a".to_owned();
    }
    if part == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    let tenths = ((part * 2000 + whole) / (whole * 2)).clamp(1, 999);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Splits `cells` into one length a part, by largest remainder, so that the lengths add up and
/// every part that is not nothing is seen (as long as there are as many cells as such parts).
pub(crate) fn apportion<const N: usize>(parts: [u64; N], cells: usize) -> [usize; N] {
    let whole: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    let mut lengths = [0; N];
    if whole == 0 {
        return lengths;
    }
    let mut remainders = [(0_u128, 0_usize); N];
    for (index, part) in parts.iter().enumerate() {
        let scaled = u128::from(*part) * cells as u128;
        lengths[index] = usize::try_from(scaled / whole).unwrap_or(cells);
        remainders[index] = (scaled % whole, index);
    }
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = cells.saturating_sub(lengths.iter().sum());
    for (_, index) in remainders.into_iter().take(left) {
        lengths[index] += 1;
    }
    for index in 0..N {
        if parts[index] > 0 && lengths[index] == 0 {
            let longest = (0..N).max_by_key(|at| (lengths[*at], N - at)).unwrap_or(index);
            if lengths[longest] > 1 {
                lengths[longest] -= 1;
                lengths[index] = 1;
            }
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let said = [0, 7, 999, 1_000, 18_412, 1_234_567, u64::MAX].map(count);
        assert_eq!(
            said,
            ["0", "7", "999", "1,000", "18,412", "1,234,567", "18,446,744,073,709,551,615"]
        );
    }

    #[test]
    fn a_part_is_never_shown_as_whole_or_as_nothing() {
        assert_eq!(percent(17_101, 18_412), "92.9 %");
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(percent(1, 1_000_000), "0.1 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(percent(0, 5), "0 %");
        assert_eq!(percent(0, 0), "n/a");
        assert_eq!(percent(u64::MAX - 1, u64::MAX), "99.9 %");
    }

    #[test]
    fn a_bar_adds_up_and_shows_the_smallest_part() {
        assert_eq!(apportion([13_910, 2_004, 1_187, 612, 699], 60), [45, 7, 4, 2, 2]);
        assert_eq!(apportion([1_000_000, 1, 0], 10), [9, 1, 0]);
        assert_eq!(apportion([0, 0], 10), [0, 0]);
    }
}
