//! Compressed messages: permessage-deflate (RFC 7692), every message by itself.
//!
//! Source: <https://www.rfc-editor.org/rfc/rfc7692#section-7>. Without "context takeover" a message does not
//! depend on those before it: what goes to everybody is compressed once for all of them, and a connection keeps
//! no dictionary, which would be most of its memory.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Shorter payloads are sent as they are: there is little to gain, and most updates are a few bytes.
pub const DEFLATE_BYTES_MIN: usize = 1_024;

/// What every flush ends with, and what is left out on the wire (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What is put after a compressed payload: that end, and a last block that has nothing in it. If the stream does not
/// end just there, the payload was cut off.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// How much more room a result is given when it needs some.
const STEP_BYTES: usize = 16 * 1024;

thread_local! {
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Why a payload could not be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    /// It is not what a compressor gives.
    Broken,
    /// It becomes larger than it may.
    TooBig,
}

/// The payload, compressed; `None` if that does not make it smaller.
pub fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        let mut out = Vec::with_capacity(payload.len() / 2);
        loop {
            out.reserve(STEP_BYTES);
            let rest = &payload[compress.total_in() as usize..];
            compress.compress_vec(rest, &mut out, FlushCompress::Sync).ok()?;
            // With room left, all has been taken and flushed.
            if out.len() < out.capacity() {
                break;
            }
        }
        out.truncate(out.strip_suffix(&TAIL)?.len());
        (out.len() < payload.len()).then_some(out)
    })
}

/// What was compressed, if it has at most `bytes_max` bytes. No more than that is ever made.
pub fn inflate(payload: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(false);
        let mut out = Vec::new();
        let mut has_ended = false;
        for mut rest in [payload, &END] {
            loop {
                out.reserve_exact(STEP_BYTES.max(out.len()).min(bytes_max + 1 - out.len()));
                let before = decompress.total_in();
                let status = decompress
                    .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                    .map_err(|_| InflateError::Broken)?;
                let taken = (decompress.total_in() - before) as usize;
                rest = &rest[taken..];
                let is_full = out.len() == out.capacity();
                has_ended = status == Status::StreamEnd;
                if out.len() > bytes_max {
                    return Err(InflateError::TooBig);
                } else if has_ended {
                    // A block may say that it is the last one, and others may follow all the same.
                    decompress.reset(false);
                } else if taken == 0 && !is_full && !rest.is_empty() {
                    return Err(InflateError::Broken);
                }
                if rest.is_empty() && (has_ended || !is_full) {
                    break;
                }
            }
        }
        if has_ended { Ok(out) } else { Err(InflateError::Broken) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES_MAX: usize = 1 << 20;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = deflate(&vec![0; 50 << 20]).unwrap();
        assert!(bomb.len() < 1 << 20);
        assert_eq!(inflate(&bomb, BYTES_MAX), Err(InflateError::TooBig));
    }

    #[test]
    fn the_limit_is_the_last_byte_that_fits() {
        let packed = deflate(&[7; 5_000]).unwrap();
        assert_eq!(inflate(&packed, 5_000).unwrap(), [7; 5_000]);
        assert_eq!(inflate(&packed, 4_999), Err(InflateError::TooBig));
        assert_eq!(inflate(&packed, 0), Err(InflateError::TooBig));
    }

    #[test]
    fn what_no_compressor_gives_is_broken() {
        assert_eq!(inflate(&[0x07, 1, 2, 3], BYTES_MAX), Err(InflateError::Broken));
        // RFC 7692 section 7.2.3: the examples, and what is cut off of them.
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&hello, BYTES_MAX).unwrap(), b"Hello");
        assert_eq!(inflate(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], BYTES_MAX).unwrap(), b"Hello");
        assert_eq!(
            inflate(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], 9).unwrap(),
            b"Hello"
        );
        assert!(inflate(&hello[..3], BYTES_MAX).is_err());
    }

    #[test]
    fn what_gets_no_smaller_is_left_alone() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(5_000).collect();
        assert_eq!(deflate(&noise), None);
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(
            word in prop::collection::vec(any::<u8>(), 1..40),
            times in 1..20_000_usize,
        ) {
            let payload = word.repeat(times);
            if let Some(packed) = deflate(&payload) {
                prop_assert_eq!(inflate(&packed, payload.len()).unwrap(), payload);
            }
        }

        #[test]
        fn noise_is_an_error_or_within_the_limit(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(out) = inflate(&noise, 1_000) {
                prop_assert!(out.len() <= 1_000);
            }
        }
    }
}
