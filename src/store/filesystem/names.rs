//! Room ids as file names: no two rooms share one, on any file system.
//!
//! Lower-case letters, digits, `-` and `_` stand for themselves, every other byte is `%` and two lower-case
//! hex digits; upper case is encoded too because some file systems do not tell it from lower case. A name
//! that would be too long ends in `~` and a hash, and `~` stands in no other name.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::ids::RoomId;

/// The longest encoded name that is used as it is, in bytes. A file adds up to 61 bytes to it, and file
/// systems allow 255.
const NAME_BYTES_MAX: usize = 120;

/// What is left of a longer name before the hash, for people, in bytes.
const PREFIX_BYTES: usize = 40;

/// The name of a room's folder, and the beginning of its files' names.
pub(super) fn safe_name(room: &RoomId) -> String {
    let mut name = String::with_capacity(room.as_str().len());
    for byte in room.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    if name.len() > NAME_BYTES_MAX {
        name.truncate(PREFIX_BYTES);
        let _ = write!(name, "~{:x}", Sha256::digest(room.as_str()));
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_readable_and_safe() {
        let name = |id: &str| safe_name(&RoomId::new("records", id).unwrap());
        assert_eq!(name("bylaw-12_a"), "records%3abylaw-12_a");
        assert_eq!(name("A.b é"), "records%3a%41%2eb%20%c3%a9");
        assert_ne!(name(&"x".repeat(255)), name(&"x".repeat(256)));
        assert!(name(&"x".repeat(256)).starts_with("records%3axxx"));
    }

    proptest! {
        #[test]
        fn no_two_rooms_share_a_name_even_where_case_does_not_count(
            ids in proptest::collection::vec("[aA%2~.:\u{e9}-]{1,6}|[aA~]{80,90}", 1..20)
        ) {
            let mut seen = HashMap::new();
            for room in ids.iter().filter_map(|id| RoomId::new("records", id).ok()) {
                let name = safe_name(&room);
                prop_assert!(name.len() <= NAME_BYTES_MAX && !name.contains(['/', '\\', '.']));
                let other = seen.insert(name.to_lowercase(), room.clone());
                prop_assert!(other.is_none_or(|other| other == room));
            }
        }
    }
}
