//! Which WebSocket extensions are agreed on: permessage-deflate (RFC 7692 section 7.1), if it is configured.

use hyper::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

/// Every message is compressed by itself, in both directions.
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The same to a client that asks for the largest window, which is the only one there is.
const AGREED_WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                             server_max_window_bits=15";

/// The most offers that are looked at.
const OFFERS_MAX: usize = 16;

/// The answer to the first offer that can be taken.
pub(super) fn agree(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).take(OFFERS_MAX).find_map(answer)
}

fn answer(offer: &str) -> Option<&'static str> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return None;
    }
    let mut seen = Vec::new();
    let mut agreed = AGREED;
    for parameter in parts {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start().trim_matches('"'))),
            None => (parameter, None),
        };
        // One that is given twice, or that nobody knows, makes the offer one that must be declined.
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => {}
            ("client_max_window_bits", Some(bits)) if is_window(bits) => {}
            ("server_max_window_bits", Some("15")) => agreed = AGREED_WINDOW,
            _ => return None,
        }
    }
    Some(agreed)
}

fn is_window(bits: &str) -> bool {
    !bits.starts_with('0') && bits.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn offers_are_taken_or_declined_as_a_whole() {
        for (offers, agreed) in [
            (&["permessage-deflate"][..], Some(AGREED)),
            (&["permessage-deflate; client_max_window_bits"], Some(AGREED)),
            (&["permessage-deflate;client_max_window_bits = \"10\""], Some(AGREED)),
            (&["permessage-deflate; server_max_window_bits=15"], Some(AGREED_WINDOW)),
            (&["permessage-deflate; server_max_window_bits=10"], None),
            (&["permessage-deflate; server_max_window_bits=10, permessage-deflate"], Some(AGREED)),
            (&["x-other", "permessage-deflate; server_no_context_takeover"], Some(AGREED)),
            (&["permessage-deflate; client_max_window_bits; client_max_window_bits"], None),
            (&["permessage-deflate; client_max_window_bits=16"], None),
            (&["permessage-deflate; client_no_context_takeover=1"], None),
            (&["permessage-deflate; level=9"], None),
            (&["permessage-bzip2"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for offer in offers {
                headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
            }
            assert_eq!(agree(&headers), agreed, "{offers:?}");
        }
    }
}
