//! How many rooms there are, of all kinds: one counter, so that arrivals at the same moment cannot exceed
//! the limit together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;
use crate::limits::limit_reached;

/// The places for rooms; clones share them.
#[derive(Debug, Clone)]
pub struct RoomPlaces {
    taken: Arc<AtomicUsize>,
    rooms_max: usize,
}

/// A room's place; given back when dropped.
#[derive(Debug)]
pub struct RoomPlace(Arc<AtomicUsize>);

impl Drop for RoomPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl RoomPlaces {
    /// All are free.
    pub fn new(rooms_max: usize) -> Self {
        Self { taken: Arc::default(), rooms_max }
    }

    /// Takes one, if one is free.
    pub fn take(&self) -> Result<RoomPlace> {
        let one_more = |taken| (taken < self.rooms_max).then_some(taken + 1);
        match self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
            Ok(_) => Ok(RoomPlace(Arc::clone(&self.taken))),
            Err(_) => Err(limit_reached("rooms.max_rooms", self.rooms_max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_at_the_same_moment_get_no_more_places_than_there_are() {
        const ROUNDS: usize = 200;
        for _ in 0..ROUNDS {
            let places = RoomPlaces::new(3);
            let barrier = std::sync::Barrier::new(8);
            let taken: Vec<_> = std::thread::scope(|scope| {
                let arrive = || {
                    barrier.wait();
                    places.take().ok()
                };
                let arrivals: Vec<_> = (0..8).map(|_| scope.spawn(arrive)).collect();
                arrivals.into_iter().filter_map(|arrival| arrival.join().unwrap()).collect()
            });
            assert_eq!(taken.len(), 3);
            drop(taken);
            assert!(places.take().is_ok());
        }
    }
}
