//! Connections that have not joined a room yet: how many there may be, and how many from one address.
//!
//! They are bounded apart from those in rooms, because whoever opens them needs no token: without this,
//! one address that opens connections and says nothing would keep everybody else waiting.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that have not joined a room yet; more wait to be accepted.
pub(super) const ENTERING_MAX: usize = 1_024;

/// The places on the way in.
pub(super) struct Entering {
    places: Arc<Semaphore>,
    from_ip: Arc<Mutex<Counts>>,
    from_ip_max: usize,
}

// A plain mutex around it: held for a few map operations, never across an await.
type Counts = HashMap<IpAddr, usize>;

/// A place; given back when dropped.
pub(super) struct EnteringPlace {
    _place: OwnedSemaphorePermit,
    /// Where it comes from, if that counts.
    ip: Option<IpAddr>,
    from_ip: Arc<Mutex<Counts>>,
}

impl Drop for EnteringPlace {
    fn drop(&mut self) {
        let Some(ip) = self.ip else { return };
        let mut counts = self.from_ip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&ip);
            }
        }
    }
}

impl Entering {
    /// Nobody is on the way in. `from_ip_max` is for each address.
    pub(super) fn new(from_ip_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(ENTERING_MAX));
        Self { places, from_ip: Arc::default(), from_ip_max }
    }

    /// Waits for a place, whoever will take it.
    pub(super) async fn free(&self) -> io::Result<OwnedSemaphorePermit> {
        // Never closed, so a permit always comes.
        Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)
    }

    /// Gives the place to somebody; `None` if too many from this address are on the way in. A proxy, which
    /// is there for many, has no address that counts.
    pub(super) fn take(&self, place: OwnedSemaphorePermit, ip: Option<IpAddr>) -> Option<EnteringPlace> {
        if let Some(ip) = ip {
            let mut counts = self.from_ip.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(ip).or_default();
            if *count >= self.from_ip_max {
                return None;
            }
            *count += 1;
        }
        Some(EnteringPlace { _place: place, ip, from_ip: Arc::clone(&self.from_ip) })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn one_address_gets_so_many_places_and_gives_them_back() {
        let entering = Entering::new(2);
        let ip = |last| Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let take = async |ip| entering.take(entering.free().await.unwrap(), ip);
        let first = [take(ip(1)).await, take(ip(1)).await];
        assert!(first.iter().all(Option::is_some));
        assert!(take(ip(1)).await.is_none());
        assert!(take(ip(2)).await.is_some());
        assert!(take(None).await.is_some());
        drop(first);
        assert!(take(ip(1)).await.is_some());
        assert_eq!(entering.places.available_permits(), ENTERING_MAX);
        assert!(entering.from_ip.lock().unwrap().is_empty());
    }
}
