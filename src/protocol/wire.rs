//! Reading and writing lib0's primitives: variable-length integers, byte strings, texts.
//!
//! Encoding: <https://github.com/dmonad/lib0/blob/main/encoding.js>. The reader never allocates and
//! never trusts a length: what is asked for must lie within the bytes at hand.

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A value or a length runs past the end.
    #[error("ends in the middle of a value")]
    UnexpectedEnd,
    /// An integer of more than 64 bits.
    #[error("holds an integer that is too long")]
    IntegerTooLong,
    /// A text that is not UTF-8.
    #[error("holds a text that is not UTF-8")]
    NotUtf8,
    /// A count that the bytes left cannot satisfy.
    #[error("claims {claimed} entries where only {left} bytes are left")]
    CountTooLarge {
        /// The count read.
        claimed: u64,
        /// Bytes left after it.
        left: usize,
    },
    /// A type tag that does not exist, or does not belong here.
    #[error("holds the unknown tag {0}")]
    UnknownTag(u64),
    /// Values nested deeper than allowed.
    #[error("is nested too deeply")]
    TooDeep,
    /// A document within the document. yrs never frees one that has any: the two hold each other.
    #[error("holds a subdocument, which a room does not take; a document of its own is a room of its own")]
    Subdocument,
    /// Too many clients whose ids end in the same bits.
    #[error("holds clients whose ids are too much alike")]
    Alike,
    /// More marks than can be read.
    #[error("would leave the document with more marks than can be read")]
    TooManyMarks,
    /// Something is said of a client in two places.
    #[error("says something of a client in two places")]
    Twice,
    /// A client id or clock out of range.
    #[error("holds an id or a clock that is out of range")]
    OutOfRange,
}

/// A place in a byte string, moving forward.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, WireError> {
        let (&first, rest) = self.rest.split_first().ok_or(WireError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(first)
    }

    /// An unsigned integer, seven bits a byte, lowest first.
    #[inline]
    pub fn var_u64(&mut self) -> Result<u64, WireError> {
        // Most of them are small: lengths, counts and tags.
        if let [small @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*small));
        }
        self.long_var_u64()
    }

    fn long_var_u64(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
            if shift >= 63 {
                return Err(WireError::IntegerTooLong);
            }
        }
    }

    /// An unsigned integer that must fit 32 bits.
    pub fn var_u32(&mut self) -> Result<u32, WireError> {
        u32::try_from(self.var_u64()?).map_err(|_| WireError::OutOfRange)
    }

    /// A count of entries that take at least one byte each.
    pub fn count(&mut self) -> Result<u64, WireError> {
        let claimed = self.var_u64()?;
        if claimed > self.left() as u64 {
            return Err(WireError::CountTooLarge { claimed, left: self.left() });
        }
        Ok(claimed)
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        if len > self.rest.len() {
            return Err(WireError::UnexpectedEnd);
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    /// A byte string with its length before it.
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.var_u64()?;
        self.take(usize::try_from(len).map_err(|_| WireError::UnexpectedEnd)?)
    }

    /// A text with its length in bytes before it.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::NotUtf8)
    }

    /// Goes past such a text and gives its length in UTF-16 units.
    pub fn text_len(&mut self) -> Result<usize, WireError> {
        let bytes = self.bytes()?;
        // Names are, and to see it takes less than to decode them.
        if bytes.is_ascii() {
            return Ok(bytes.len());
        }
        std::str::from_utf8(bytes).map(utf16_len).map_err(|_| WireError::NotUtf8)
    }
}

/// Appends an unsigned integer.
pub fn put_var(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a byte string with its length before it.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_var(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The most bytes that [`put_var`] writes.
pub const VAR_LEN_MAX: usize = 10;

/// How many bytes [`put_var`] writes for this value.
pub const fn var_len(value: u64) -> usize {
    if value == 0 { 1 } else { (70 - value.leading_zeros() as usize) / 7 }
}

/// How many bytes of a text are counted at once: each is two units at most.
const UTF16_CHUNK: usize = 64;

/// The length of a text in UTF-16 units, as JavaScript counts it: one for each character, and another one for
/// those of four bytes.
pub fn utf16_len(text: &str) -> usize {
    // Counted in bytes, as many of which as possible are added at once; so many cannot overflow.
    let units = |byte: u8| u8::from(byte & 0xc0 != 0x80) + u8::from(byte >= 0xf0);
    let count = |piece: &[u8]| piece.iter().fold(0u8, |sum, &byte| sum + units(byte));
    text.as_bytes().chunks(UTF16_CHUNK).map(|piece| usize::from(count(piece))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_are_those_of_javascript(text in any::<String>()) {
            prop_assert_eq!(utf16_len(&text), text.encode_utf16().count());
        }

        #[test]
        fn integers_read_back(value in 0u64..=(1 << 62)) {
            let mut out = Vec::new();
            put_var(&mut out, value);
            prop_assert_eq!(out.len(), var_len(value));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.var_u64(), Ok(value));
            prop_assert_eq!(reader.left(), 0);
        }

        #[test]
        fn reading_noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while reader.text().is_ok() && reader.left() > 0 {}
        }
    }

    #[test]
    fn lengths_past_the_end_are_refused() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0x7a]).bytes(), Err(WireError::UnexpectedEnd));
        assert!(matches!(
            Reader::new(&[5, 1]).count(),
            Err(WireError::CountTooLarge { claimed: 5, left: 1 })
        ));
        assert_eq!(Reader::new(&[0x80; 11]).var_u64(), Err(WireError::IntegerTooLong));
    }
}
