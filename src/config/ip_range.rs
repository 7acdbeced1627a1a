//! A range of IP addresses, such as `10.0.0.0/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Addresses that share the first `prefix` bits. An address alone is the range of just itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    start: IpAddr,
    prefix: u8,
}

/// The text is no address and no address with a prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or range")]
pub struct NotAnIpRange;

impl IpRange {
    /// Whether the address lies in the range. An IPv4 address is the same in its IPv6 clothes
    /// (`::ffff:10.0.0.1`), which is how a socket for both shows it.
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(self.start, self.prefix) == bits(address.to_canonical(), self.prefix)
    }
}

/// The family and the first bits of an address; two addresses share a range if these are equal.
fn bits(address: IpAddr, prefix: u8) -> (bool, Option<u128>) {
    match address {
        IpAddr::V4(v4) => (false, v4.to_bits().checked_shr(32 - u32::from(prefix).min(32)).map(u128::from)),
        IpAddr::V6(v6) => (true, v6.to_bits().checked_shr(128 - u32::from(prefix).min(128))),
    }
}

impl FromStr for IpRange {
    type Err = NotAnIpRange;

    fn from_str(text: &str) -> Result<Self, NotAnIpRange> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let start: IpAddr = address.parse().map_err(|_| NotAnIpRange)?;
        let longest = if start.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            // Digits only: `parse` would also take `+8`.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= longest).ok_or(NotAnIpRange)?
            }
            Some(_) => return Err(NotAnIpRange),
        };
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`: `contains` compares with the IPv4 address.
        match start.to_canonical() {
            IpAddr::V4(v4) if start.is_ipv6() && prefix >= 96 => {
                Ok(Self { start: v4.into(), prefix: prefix - 96 })
            }
            _ => Ok(Self { start, prefix }),
        }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.start.is_ipv4() { 32 } else { 128 };
        if self.prefix == longest {
            return write!(f, "{}", self.start);
        }
        write!(f, "{}/{}", self.start, self.prefix)
    }
}

impl Serialize for IpRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_should() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"),
            ("10.1.2.3/8", "10.255.1.2", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.1", "11.0.0.1"),
            ("192.168.1.1", "192.168.1.1", "192.168.1.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1", "::1", "::2"),
        ] {
            let parsed: IpRange = range.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{range} {outside}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{range}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "::/129",
            "10.0.0/8",
            "localhost",
            "10.0.0.0/8 ",
        ] {
            assert_eq!(text.parse::<IpRange>(), Err(NotAnIpRange), "{text:?}");
        }
    }
}
