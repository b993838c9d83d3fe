//! When something that was not delivered is tried again.

const SECOND: i64 = 1_000_000;
const FIRST_WAIT: i64 = 5 * SECOND;
const WAIT_MAX: i64 = 8 * 3_600 * SECOND;
/// Of what a receiver asks for itself.
const ASKED_MAX: i64 = 24 * 3_600 * SECOND;
/// Microseconds from the making of a message until nobody tries it any more.
pub const GIVE_UP_AFTER: i64 = 3 * 24 * 3_600 * SECOND;

/// When a message made at `made` is tried again that failed at `now` (microseconds) after `tries`
/// tries before this one: each wait is twice the one before, up to eight hours, and between three
/// and five quarters of that by `jitter` in `[0, 1)`, so that not all come back at once. `asked` is
/// what the receiver asked for, in seconds. `None`: it is given up.
pub fn next_try(made: i64, now: i64, tries: i64, jitter: f64, asked: Option<i64>) -> Option<i64> {
    let doublings = u32::try_from(tries.clamp(0, 20)).unwrap_or(20);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(WAIT_MAX);
    let part = (jitter.clamp(0.0, 1.0) * 1_000.0) as i64;
    let wait = wait * 3 / 4 + wait / 2 * part / 1_000;
    let asked = asked.unwrap_or(0).clamp(0, ASKED_MAX / SECOND) * SECOND;
    let next = now.saturating_add(wait.max(asked));
    (next.saturating_sub(made) < GIVE_UP_AFTER).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_after_three_days() {
        let (mut now, mut tries, mut waits) = (0, 0, Vec::new());
        while let Some(next) = next_try(0, now, tries, 0.5, None) {
            waits.push((next - now) / SECOND);
            (now, tries) = (next, tries + 1);
        }
        let hours = 8 * 3_600;
        assert_eq!(waits[..5], [5, 10, 20, 40, 80]);
        assert!(waits.iter().all(|wait| *wait <= hours));
        assert!((15..30).contains(&waits.len()), "{}", waits.len());
        assert!(now > GIVE_UP_AFTER - hours * SECOND && now < GIVE_UP_AFTER);
    }

    #[test]
    fn jitter_spreads_and_a_receiver_may_ask_for_more() {
        let wait = |jitter, asked| next_try(0, 0, 0, jitter, asked).unwrap();
        assert_eq!(wait(0.0, None), 3_750_000);
        assert!(wait(0.999, None) < 6_250_000);
        assert_eq!(wait(0.5, Some(120)), 120 * SECOND);
        assert_eq!(wait(0.5, Some(i64::MAX)), ASKED_MAX);
        assert_eq!(next_try(i64::MIN, i64::MAX, i64::MAX, f64::NAN, Some(-1)), None);
    }
}
