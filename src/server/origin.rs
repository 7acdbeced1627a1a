//! Where a client really comes from, and which pages may bring it here.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::ORIGIN;

use crate::config::IpRange;

/// The most hops of `X-Forwarded-For` that are looked at.
const FORWARDED_HOPS_MAX: usize = 32;

/// The client's address. What proxies say is believed only as far as they are trusted: going from the
/// nearest hop outwards, the first address that is not a trusted proxy's is the client's.
pub(super) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpRange]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    let hops = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
    for hop in hops.flat_map(|value| value.rsplit(',')).take(FORWARDED_HOPS_MAX) {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

/// Whether an address is that of a proxy in front of us.
pub(super) fn is_trusted(ip: IpAddr, trusted: &[IpRange]) -> bool {
    trusted.iter().any(|range| range.contains(ip))
}

/// Whether the page that opens the connection may do so. Programs other than browsers send no origin.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    allowed.is_empty()
        || origin
            .to_str()
            .is_ok_and(|origin| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpRange> = vec!["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, client) in [
            ("1.2.3.4", &["9.9.9.9"][..], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9"][..], "9.9.9.9"),
            ("10.0.0.1", &["6.6.6.6, 9.9.9.9, 10.0.0.2"][..], "9.9.9.9"),
            ("10.0.0.1", &["6.6.6.6", "9.9.9.9"][..], "9.9.9.9"),
            ("10.0.0.1", &["nonsense"][..], "10.0.0.1"),
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["2001:db8::1"][..], "2001:db8::1"),
        ] {
            assert_eq!(
                client_ip(ip(peer), &headers(forwarded), &trusted),
                ip(client),
                "{peer} {forwarded:?}"
            );
        }
        assert_eq!(client_ip(ip("10.0.0.1"), &headers(&["9.9.9.9"]), &[]), ip("10.0.0.1"));
    }

    #[test]
    fn origins_are_compared_with_the_list() {
        let allowed = vec!["https://town.example".to_owned()];
        let mut headers = HeaderMap::new();
        assert!(is_allowed(&headers, &allowed));
        headers.insert(ORIGIN, "https://TOWN.example".parse().unwrap());
        assert!(is_allowed(&headers, &allowed));
        headers.insert(ORIGIN, "https://evil.example".parse().unwrap());
        assert!(!is_allowed(&headers, &allowed));
        assert!(is_allowed(&headers, &[]));
    }
}
