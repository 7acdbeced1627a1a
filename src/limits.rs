//! How much a client may cause: message budgets and connection counters. Time is a parameter.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{Policy, RateLimiting};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::UserId;

/// A bucket that holds `capacity` tokens and fills up at `per_second`.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    filled_at: Instant,
}

impl TokenBucket {
    /// A full bucket that refills in one second.
    pub fn per_second(rate: u64, now: Instant) -> Self {
        let rate = rate as f64;
        Self { capacity: rate, per_second: rate, tokens: rate, filled_at: now }
    }

    /// Takes that many tokens if they are there.
    pub fn take(&mut self, count: u64, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.capacity);
        self.filled_at = now;
        let count = count as f64;
        if self.tokens < count {
            return false;
        }
        self.tokens -= count;
        true
    }

    /// How much of it is used, from 0.0 to 1.0.
    pub fn used(&self) -> f64 {
        1.0 - self.tokens / self.capacity
    }
}

/// What to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Handle it at once.
    Pass,
    /// Handle it at once; the client is near its limit and should be told, once per episode.
    PassAndWarn,
    /// Handle it later, together with what else comes.
    Hold,
    /// Close the connection.
    Abuse,
}

/// A client is warned when this much of its budget is used.
const WARN_AT: f64 = 0.8;
/// An episode is over, and the next warning possible, when use has fallen to this.
const CALM_AT: f64 = 0.4;

/// Counts one connection's frames.
#[derive(Debug)]
pub struct MessageLimiter {
    policy: Policy,
    messages: TokenBucket,
    frames: TokenBucket,
    bytes: TokenBucket,
    warned: bool,
}

impl MessageLimiter {
    /// Full budgets.
    pub fn new(limits: &RateLimiting, now: Instant) -> Self {
        Self {
            policy: limits.policy,
            messages: TokenBucket::per_second(limits.messages_per_second, now),
            frames: TokenBucket::per_second(limits.frames_per_second_max, now),
            bytes: TokenBucket::per_second(limits.bytes_per_second_max, now),
            warned: false,
        }
    }

    /// Judges a frame. `counted` is false for what the message limit does not count (presence, pings);
    /// the hard budgets count everything.
    pub fn judge(&mut self, bytes: usize, counted: bool, now: Instant) -> Verdict {
        if !self.frames.take(1, now) || !self.bytes.take(bytes as u64, now) {
            return Verdict::Abuse;
        }
        if !counted {
            return Verdict::Pass;
        }
        if !self.messages.take(1, now) {
            return if self.policy == Policy::Close { Verdict::Abuse } else { Verdict::Hold };
        }
        let used = self.messages.used();
        if used <= CALM_AT {
            self.warned = false;
        }
        if used < WARN_AT || self.warned {
            return Verdict::Pass;
        }
        self.warned = true;
        Verdict::PassAndWarn
    }
}

/// Caps on connections.
#[derive(Debug, Clone)]
pub struct ConnectionCaps {
    /// From one address.
    pub per_ip: usize,
    /// Of one user.
    pub per_user: usize,
    /// Altogether.
    pub total: usize,
}

/// Counts live connections per address, per user and in all.
#[derive(Debug, Clone)]
pub struct ConnectionCounters {
    caps: ConnectionCaps,
    // A plain mutex: held for a few map operations, never across an await.
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    per_ip: HashMap<IpAddr, usize>,
    per_user: HashMap<UserId, usize>,
    total: usize,
}

/// A place among the connections; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    counts: Arc<Mutex<Counts>>,
    ip: IpAddr,
    user: UserId,
}

impl ConnectionCounters {
    /// Nobody is connected yet.
    pub fn new(caps: ConnectionCaps) -> Self {
        Self { caps, counts: Arc::default() }
    }

    /// Takes a place, or says which cap is reached.
    pub fn admit(&self, ip: IpAddr, user: &UserId) -> Result<ConnectionPermit> {
        let mut counts = lock(&self.counts);
        let of_ip = counts.per_ip.get(&ip).copied().unwrap_or(0);
        let of_user = counts.per_user.get(user).copied().unwrap_or(0);
        for (name, used, cap) in [
            ("rate_limiting.max_connections", counts.total, self.caps.total),
            ("rate_limiting.connections_per_ip", of_ip, self.caps.per_ip),
            ("rate_limiting.connections_per_user", of_user, self.caps.per_user),
        ] {
            if used >= cap {
                return Err(limit_reached(name, cap));
            }
        }
        counts.total += 1;
        *counts.per_ip.entry(ip).or_default() += 1;
        *counts.per_user.entry(user.clone()).or_default() += 1;
        Ok(ConnectionPermit { counts: Arc::clone(&self.counts), ip, user: user.clone() })
    }

    /// Connections in all.
    pub fn total(&self) -> usize {
        lock(&self.counts).total
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total = counts.total.saturating_sub(1);
        release(&mut counts.per_ip, &self.ip);
        release(&mut counts.per_user, &self.user);
    }
}

/// The refusal that names a cap.
pub fn limit_reached(limit: &str, cap: usize) -> RealtimeError {
    RealtimeError::new(Code::ConnectionLimitExceeded, format!("{limit} is reached: {cap}"))
        .with("limit", limit)
}

fn release<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> std::sync::MutexGuard<'_, Counts> {
    // Counts are whole between operations, so a panic elsewhere leaves nothing half done.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pause before the `attempt`th retry (0 = first): doubling from `first` to `longest`, with up to
/// a quarter taken off at random so that many do not retry at the same moment.
pub fn backoff(attempt: u32, first: Duration, longest: Duration, random: &mut fastrand::Rng) -> Duration {
    let pause = first.saturating_mul(2u32.saturating_pow(attempt)).min(longest);
    pause.mul_f64(1.0 - random.f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    fn limits(policy: Policy) -> RateLimiting {
        RateLimiting {
            messages_per_second: 10,
            policy,
            frames_per_second_max: 100,
            bytes_per_second_max: 1_000,
            ..Config::default().rate_limiting
        }
    }

    #[test]
    fn a_fast_typist_is_held_never_closed() {
        let start = Instant::now();
        let mut limiter = MessageLimiter::new(&limits(Policy::Merge), start);
        let mut verdicts = Vec::new();
        for i in 0..200u64 {
            let now = start + Duration::from_millis(i * 50);
            verdicts.push(limiter.judge(10, true, now));
            verdicts.push(limiter.judge(10, false, now));
        }
        assert!(!verdicts.contains(&Verdict::Abuse));
        assert!(verdicts.contains(&Verdict::Hold));
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::PassAndWarn).count(), 1);
    }

    #[test]
    fn the_eleventh_message_in_a_second_closes_under_the_old_policy() {
        let now = Instant::now();
        let mut limiter = MessageLimiter::new(&limits(Policy::Close), now);
        assert!((0..10).all(|_| limiter.judge(1, true, now) != Verdict::Abuse));
        assert_eq!(limiter.judge(1, true, now), Verdict::Abuse);
    }

    #[test]
    fn hard_budgets_count_everything() {
        let now = Instant::now();
        let mut limiter = MessageLimiter::new(&limits(Policy::Merge), now);
        assert!((0..100).all(|_| limiter.judge(1, false, now) == Verdict::Pass));
        assert_eq!(limiter.judge(1, false, now), Verdict::Abuse);
        let mut limiter = MessageLimiter::new(&limits(Policy::Merge), now);
        assert_eq!(limiter.judge(1_001, false, now), Verdict::Abuse);
    }

    #[test]
    fn each_cap_is_named() {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let counters = ConnectionCounters::new(ConnectionCaps { per_ip: 3, per_user: 2, total: 4 });
        let ann = UserId::Number(1);
        let _permits = [counters.admit(ip, &ann).unwrap(), counters.admit(ip, &ann).unwrap()];
        let error = counters.admit(ip, &ann).unwrap_err();
        assert_eq!(error.code, Code::ConnectionLimitExceeded);
        assert_eq!(error.context["limit"], "rate_limiting.connections_per_user");
        let _third = counters.admit(ip, &UserId::Number(2)).unwrap();
        let error = counters.admit(ip, &UserId::Number(3)).unwrap_err();
        assert_eq!(error.context["limit"], "rate_limiting.connections_per_ip");
    }

    proptest! {
        /// Whatever the order of coming and going, nothing is left when all have gone.
        #[test]
        fn counts_return_to_zero(steps in proptest::collection::vec((0u8..4, 0i64..4, any::<bool>()), 0..200)) {
            let counters = ConnectionCounters::new(ConnectionCaps { per_ip: 5, per_user: 3, total: 8 });
            let mut permits = Vec::new();
            for (ip, user, join) in steps {
                if join {
                    let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, ip));
                    permits.extend(counters.admit(ip, &UserId::Number(user)));
                } else if !permits.is_empty() {
                    permits.swap_remove(user as usize % permits.len());
                }
                prop_assert_eq!(counters.total(), permits.len());
            }
            permits.clear();
            let counts = lock(&counters.counts);
            prop_assert!(counts.total == 0 && counts.per_ip.is_empty() && counts.per_user.is_empty());
        }

        #[test]
        fn pauses_grow_stay_bounded_and_differ(attempt in 0u32..1_000, seed in 0u64..1_000) {
            let (first, longest) = (Duration::from_millis(50), Duration::from_secs(30));
            let mut random = fastrand::Rng::with_seed(seed);
            let pauses = [(); 3].map(|()| backoff(attempt, first, longest, &mut random));
            let whole = first.saturating_mul(2u32.saturating_pow(attempt)).min(longest);
            for pause in pauses {
                prop_assert!(pause <= whole && pause >= whole.mul_f64(0.75));
            }
            prop_assert!(pauses[0] != pauses[1] || pauses[1] != pauses[2]);
        }
    }
}
