//! Host names in ASCII and back (RFC 3492, <https://www.rfc-editor.org/rfc/rfc3492>), without the
//! mapping and checks of IDNA, which <https://github.com/mathiasbynens/punycode.js> leaves out too.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const BIAS_FIRST: u32 = 72;
const CODE_FIRST: u32 = 128;

/// Each label that is not ASCII, encoded. `None` if one cannot be.
pub(super) fn to_ascii(host: &str) -> Option<String> {
    map_labels(host, |label| {
        if label.is_ascii() { Some(label.to_owned()) } else { Some(format!("xn--{}", encode(label)?)) }
    })
}

/// Each encoded label, decoded. `None` if one cannot be.
pub(super) fn to_unicode(host: &str) -> Option<String> {
    map_labels(host, |label| match label.strip_prefix("xn--") {
        Some(encoded) => decode(&encoded.to_lowercase()),
        None => Some(label.to_owned()),
    })
}

fn map_labels(host: &str, map: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (name, domain) = match host.split_once('@') {
        Some((name, domain)) => (format!("{name}@"), domain),
        None => (String::new(), host),
    };
    let labels: Option<Vec<String>> =
        domain.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).map(map).collect();
    Some(name + &labels?.join("."))
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

const fn threshold(k: u32, bias: u32) -> u32 {
    if k <= bias {
        T_MIN
    } else if k >= bias + T_MAX {
        T_MAX
    } else {
        k - bias
    }
}

fn digit(value: u32) -> Option<char> {
    char::from_digit(value, BASE).map(|_| match value {
        0..26 => char::from(b'a' + u8::try_from(value).unwrap_or(0)),
        _ => char::from(b'0' + u8::try_from(value - 26).unwrap_or(0)),
    })
}

fn encode(label: &str) -> Option<String> {
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    let total = u32::try_from(label.chars().count()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut done) = (CODE_FIRST, 0u32, BIAS_FIRST, basic);
    while done < total {
        let next = label.chars().map(u32::from).filter(|&c| c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(done + 1)?)?;
        code = next;
        for c in label.chars().map(u32::from) {
            if c < code {
                delta = delta.checked_add(1)?;
            }
            if c == code {
                push_integer(&mut out, delta, bias)?;
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(out)
}

fn push_integer(out: &mut String, mut value: u32, bias: u32) -> Option<()> {
    let mut k = BASE;
    loop {
        let t = threshold(k, bias);
        if value < t {
            out.push(digit(value)?);
            return Some(());
        }
        out.push(digit(t + (value - t) % (BASE - t))?);
        value = (value - t) / (BASE - t);
        k += BASE;
    }
}

fn decode(label: &str) -> Option<String> {
    let (basic, rest) = match label.rsplit_once('-') {
        Some((basic, rest)) if !basic.is_empty() => (basic, rest),
        _ => ("", label),
    };
    if !basic.is_ascii() {
        return None;
    }
    let mut out: Vec<char> = basic.chars().collect();
    let mut digits = rest.chars();
    let (mut code, mut i, mut bias) = (CODE_FIRST, 0u32, BIAS_FIRST);
    while digits.as_str() != "" {
        let before = i;
        let (mut weight, mut k) = (1u32, BASE);
        loop {
            let value = match digits.next()? {
                c @ 'a'..='z' => u32::from(c) - u32::from('a'),
                c @ '0'..='9' => u32::from(c) - u32::from('0') + 26,
                _ => return None,
            };
            i = i.checked_add(value.checked_mul(weight)?)?;
            let t = threshold(k, bias);
            if value < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let points = u32::try_from(out.len()).ok()? + 1;
        bias = adapt(i - before, points, before == 0);
        code = code.checked_add(i / points)?;
        i %= points;
        out.insert(usize::try_from(i).ok()?, char::from_u32(code)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_rfc_and_of_quebec() {
        for (unicode, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("ville.montréal.qc.ca", "ville.xn--montral-fya.qc.ca"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
        ] {
            assert_eq!(to_ascii(unicode).as_deref(), Some(ascii));
            assert_eq!(to_unicode(ascii).as_deref(), Some(unicode));
        }
        assert_eq!(to_unicode("xn--\u{e9}"), None);
        assert_eq!(to_ascii("plain.example").as_deref(), Some("plain.example"));
    }
}
