//! Link destinations, normalized as markdown-it does it (`normalizeLink` of
//! <https://github.com/markdown-it/markdown-it/blob/master/lib/index.mjs> over
//! <https://github.com/markdown-it/mdurl>): host names in ASCII, unsafe characters percent-encoded.

use super::chars::{is_js_space, js_trim, push_percent};
use super::punycode;

/// Whether a link to this normalized destination may be made.
pub(super) fn is_allowed(url: &str) -> bool {
    let url = js_trim(url);
    let begins_with =
        |start: &str| url.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start));
    let dangerous = ["vbscript:", "javascript:", "file:", "data:"].into_iter().any(begins_with);
    !dangerous
        || ["data:image/gif;", "data:image/png;", "data:image/jpeg;", "data:image/webp;"]
            .into_iter()
            .any(begins_with)
}

/// The destination as it is kept in a document.
pub(super) fn normalize_link(url: &str) -> String {
    if is_normal(url) {
        return url.to_owned();
    }
    encode(&Parts::parse(url).with_host(punycode::to_ascii).to_string())
}

/// Whether this is one of the many destinations that normalizing leaves as they are: safe characters alone,
/// behind a plain host name if there is a host at all.
fn is_normal(url: &str) -> bool {
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
    let path = match rest {
        Some(rest) => {
            let plain =
                |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
            let host = rest.bytes().take_while(plain).count();
            if host > HOST_LABEL_LEN_MAX {
                return false;
            }
            &rest[host..]
        }
        None => url,
    };
    let has_no_host = rest.is_none() && !path.contains(':');
    (has_no_host || path.is_empty() || path.starts_with('/'))
        && !path.starts_with("//")
        && path.bytes().all(is_safe)
}

/// The text of an autolink as people read it.
pub(super) fn normalize_link_text(url: &str) -> String {
    decode(&Parts::parse(url).with_host(punycode::to_unicode).to_string())
}

/// A URL in parts; put together again they are the same URL, but for spaces around it and a few oddities
/// of hosts.
#[derive(Debug, Default)]
struct Parts<'a> {
    protocol: Option<&'a str>,
    slashes: bool,
    auth: Option<&'a str>,
    host: String,
    port: Option<&'a str>,
    rest: String,
}

const SLASHED: [&str; 5] = ["http:", "https:", "ftp:", "gopher:", "file:"];
const HOST_LEN_MAX: usize = 255;
const HOST_LABEL_LEN_MAX: usize = 63;

impl<'a> Parts<'a> {
    fn parse(url: &'a str) -> Self {
        let mut parts = Self::default();
        let mut rest = url.trim_matches(is_js_space);
        let scheme_len = rest.bytes().take_while(|byte| is_scheme(*byte)).count();
        if scheme_len > 0 && rest[scheme_len..].starts_with(':') {
            let (protocol, after) = rest.split_at(scheme_len + 1);
            parts.protocol = Some(protocol);
            rest = after;
        }
        let hostless = parts.protocol == Some("javascript:");
        if !hostless && let Some(after) = rest.strip_prefix("//") {
            parts.slashes = true;
            rest = after;
        }
        let unslashed = parts.protocol.is_some_and(|protocol| !SLASHED.contains(&protocol));
        if !hostless && (parts.slashes || unslashed) {
            parts.rest = parts.authority(rest);
        } else {
            parts.rest = rest.to_owned();
        }
        parts
    }

    /// Takes name, host and port off the beginning and gives what is left.
    fn authority(&mut self, mut rest: &'a str) -> String {
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if let Some(at) = rest[..host_end].rfind('@') {
            self.auth = Some(&rest[..at]);
            rest = &rest[at + 1..];
        }
        let mut end = rest.find(NOT_IN_HOSTS).unwrap_or(rest.len());
        if rest[..end].ends_with(':') {
            end -= 1;
        }
        let (mut host, mut after) = (&rest[..end], rest[end..].to_owned());
        let without_port = host.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Some(name) = without_port.strip_suffix(':') {
            let port = &host[without_port.len()..];
            self.port = (!port.is_empty()).then_some(port);
            host = name;
        }
        if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            self.host =
                if host.encode_utf16().count() > HOST_LEN_MAX { String::new() } else { address.to_owned() };
            return after;
        }
        let mut labels: Vec<&str> = host.split('.').collect();
        if let Some(bad) = labels.iter().position(|label| !is_host_label(label)) {
            let valid_len = labels[bad].bytes().take_while(|&byte| is_host_byte(byte)).count();
            let valid_len = valid_len.min(HOST_LABEL_LEN_MAX);
            let (valid, invalid) = labels[bad].split_at(valid_len);
            let mut outside = vec![invalid];
            outside.extend(labels.split_off(bad + 1));
            after = outside.join(".") + &after;
            labels[bad] = valid;
        }
        self.host = labels.join(".");
        if self.host.encode_utf16().count() > HOST_LEN_MAX {
            self.host.clear();
        }
        after
    }

    /// Rewrites the host where it is known to be one.
    fn with_host(mut self, rewrite: impl Fn(&str) -> Option<String>) -> Self {
        let known = self.protocol.is_none_or(|protocol| ["http:", "https:", "mailto:"].contains(&protocol));
        if known && let Some(host) = rewrite(&self.host) {
            self.host = host;
        }
        self
    }
}

impl std::fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.protocol.unwrap_or_default())?;
        f.write_str(if self.slashes { "//" } else { "" })?;
        if let Some(auth) = self.auth.filter(|auth| !auth.is_empty()) {
            write!(f, "{auth}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.rest)
    }
}

/// Characters that end a host name.
const NOT_IN_HOSTS: [char; 19] =
    ['%', '/', '?', ';', '#', '\'', '{', '}', '|', '\\', '^', '`', '<', '>', '"', ' ', '\r', '\n', '\t'];

const fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_' | b'-')
}

fn is_host_label(label: &str) -> bool {
    label.encode_utf16().count() <= HOST_LABEL_LEN_MAX
        && label.bytes().all(|byte| !byte.is_ascii() || is_host_byte(byte))
}

const fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'-'
                | b'_'
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'#'
        )
}

/// Percent-encodes all but what is safe in a URL; `%` with two hexadecimal digits after it stays.
fn encode(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let bytes = url.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let escaped = byte == b'%'
            && bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if escaped || is_safe(byte) {
            out.push(char::from(byte));
        } else {
            push_percent(&mut out, byte);
        }
    }
    out
}

/// Decodes percent-encoding, but for characters that would mean something else then.
fn decode(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let bytes = encoded_bytes(rest);
        if bytes.is_empty() {
            out.push('%');
            rest = &rest[1..];
        } else {
            push_decoded(&mut out, &bytes);
            rest = &rest[bytes.len() * 3..];
        }
    }
    out.push_str(rest);
    out
}

/// The bytes of a run of `%xx`.
fn encoded_bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(3)
        .map_while(|chunk| match chunk {
            [b'%', high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

fn push_decoded(out: &mut String, mut bytes: &[u8]) {
    while let Some((&first, after)) = bytes.split_first() {
        if first.is_ascii() {
            if b";/?:@&=+$,#%".contains(&first) {
                push_percent(out, first);
            } else {
                out.push(char::from(first));
            }
            bytes = after;
            continue;
        }
        let len = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let sequence =
            bytes.get(..len).filter(|sequence| sequence[1..].iter().all(|byte| byte & 0xc0 == 0x80));
        match sequence {
            Some(sequence) if len > 1 => {
                match std::str::from_utf8(sequence) {
                    Ok(text) => out.push_str(text),
                    // As many as it has bytes: overlong forms and surrogates are no characters.
                    Err(_) => out.extend(std::iter::repeat_n('\u{fffd}', len)),
                }
                bytes = &bytes[len..];
            }
            _ => {
                out.push('\u{fffd}');
                bytes = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_normalized() {
        for (url, expected) in [
            (
                "https://montréal.example/é?q=à b#ü",
                "https://xn--montral-fya.example/%C3%A9?q=%C3%A0%20b#%C3%BC",
            ),
            ("/a%20b%zz", "/a%20b%25zz"),
            ("  //hôte:80/x ", "//xn--hte-kna:80/x"),
            ("mailto:maire@hôte.example", "mailto:maire@xn--hte-kna.example"),
            ("skype:hôte", "skype:h%C3%B4te"),
            ("a\\b\"c", "a%5Cb%22c"),
            ("http://[::1]:8080/", "http://%5B::1%5D:8080/"),
        ] {
            assert_eq!(normalize_link(url), expected, "{url}");
        }
    }

    #[test]
    fn autolinks_are_shown_as_people_read_them() {
        assert_eq!(
            normalize_link_text("http://xn--hte-kna.example/%C3%A9%2F%ff"),
            "http://hôte.example/é%2F\u{fffd}"
        );
    }

    #[test]
    fn schemes_that_run_code_are_refused() {
        for url in ["javascript:x", " VBScript:x", "file:///x", "data:text/html,x"] {
            assert!(!is_allowed(url), "{url}");
        }
        for url in ["https://x", "data:image/png;base64,AA", "/javascript:x", ""] {
            assert!(is_allowed(url), "{url}");
        }
    }
}
