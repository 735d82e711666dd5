//! How fast requests may follow each other, and how long to wait after a failed one.
//!
//! Harness allows 400 "external API requests" a minute and key, and its edge sends no `Retry-After`
//! (developer.harness.io, "Rate limits", November 2026).

/// With the burst, below Harness' limit for one key.
const PER_MINUTE: u64 = 375;
/// How many may go out at once; the rest of the minute's share comes drop by drop.
const BURST: u64 = 20;
/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT_MS: u64 = 1000;
/// No wait of ours is longer.
const LONGEST_WAIT_MS: u64 = 60_000;

/// A bucket of tokens, counted in milliseconds of the time that a token needs to come.
#[derive(Debug)]
pub struct Bucket {
    full_ms: u64,
    at: u64,
}

impl Bucket {
    /// A full bucket at a moment of a clock that never goes back, in milliseconds.
    pub fn new(now: u64) -> Bucket {
        Bucket {
            full_ms: BURST * 60_000 / PER_MINUTE,
            at: now,
        }
    }

    /// Takes a token, and says how long to wait before it may be used, in milliseconds.
    pub fn take(&mut self, now: u64) -> u64 {
        let token = 60_000 / PER_MINUTE;
        let most = BURST * token;
        if now > self.at {
            self.full_ms = (self.full_ms + (now - self.at)).min(most);
            self.at = now;
        }
        // A token that is not there yet is waited for, and the moment moves on by that wait.
        let wait = token.saturating_sub(self.full_ms) + (self.at - now);
        self.full_ms = self.full_ms.max(token) - token;
        self.at = now + wait;
        wait
    }
}

/// The wait before repeat number `repeat`, from 0: twice as long each time, half of it by chance, and never shorter
/// than the server asks for. In milliseconds.
pub fn wait(repeat: u32, retry_after_ms: Option<i64>, chance: &mut Chance) -> u64 {
    let longest = FIRST_WAIT_MS << repeat.min(10);
    let longest = longest.min(LONGEST_WAIT_MS);
    let own = longest / 2 + chance.below(longest / 2 + 1);
    let asked = retry_after_ms.and_then(|it| u64::try_from(it).ok());
    own.max(asked.unwrap_or_default())
}

/// Chance for waits, not for secrets: xorshift64*.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed gives the same chances.
    pub fn new(seed: u64) -> Chance {
        Chance((seed ^ 0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Defect 31 of the Lambda: a fixed pause, whatever the limit.
    #[test]
    fn no_minute_holds_more_requests_than_harness_allows() {
        let (mut bucket, mut now, mut sent) = (Bucket::new(0), 0, Vec::new());
        for _ in 0..2000 {
            now += bucket.take(now);
            sent.push(now);
        }
        let busiest = sent.iter().map(|start| {
            sent.iter()
                .filter(|it| (*start..start + 60_000).contains(it))
                .count()
        });
        let busiest = busiest.max().unwrap_or_default() as u64;
        assert!((PER_MINUTE..=400).contains(&busiest), "{busiest}");
    }

    #[test]
    fn the_first_requests_go_out_at_once() {
        let mut bucket = Bucket::new(7);
        assert!((0..BURST).all(|_| bucket.take(7) == 0));
        assert_eq!(bucket.take(7), 160);
    }

    #[test]
    fn waits_double_up_to_a_minute_and_differ_by_chance() {
        let mut chance = Chance::new(1);
        for repeat in 0..30 {
            let longest = (1000_u64 << repeat.min(10)).min(60_000);
            let waits: Vec<u64> = (0..50).map(|_| wait(repeat, None, &mut chance)).collect();
            assert!(waits.iter().all(|it| (longest / 2..=longest).contains(it)));
            assert!(waits.iter().any(|it| *it != waits[0]));
        }
        assert_eq!(wait(0, Some(7000), &mut chance), 7000);
    }
}
