//! Updates with gaps: what can be taken of them now.

use super::update::{check_item, client_id, content};
use super::wire::{Reader, WireError, put_var};

/// An update without the structs that come after a gap: those of a client whose clock does not follow on
/// what is there. `None` if there is no gap.
///
/// yrs would take such structs and note the gap, yet leave them out of every state and every change that
/// it encodes from then on. `has` says whether the document has the struct at a client's clock.
pub fn without_gaps(update: &[u8], has: impl Fn(u64, u32) -> bool) -> Result<Option<Vec<u8>>, WireError> {
    let mut reader = Reader::new(update);
    let mut kept = Vec::new();
    let mut has_gap = false;
    for _ in 0..reader.count()? {
        let (run, is_cut) = contiguous_run(update, &mut reader, &has)?;
        has_gap |= is_cut;
        kept.extend((run.structs > 0).then_some(run));
    }
    if !has_gap {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(update.len());
    put_var(&mut out, kept.len() as u64);
    for run in kept {
        put_var(&mut out, run.structs);
        put_var(&mut out, run.client);
        put_var(&mut out, u64::from(run.clock));
        out.extend_from_slice(run.bytes);
    }
    out.extend_from_slice(reader.take(reader.left())?);
    Ok(Some(out))
}

/// The structs of one client up to the first gap.
struct KeptRun<'a> {
    client: u64,
    clock: u32,
    structs: u64,
    bytes: &'a [u8],
}

fn contiguous_run<'a>(
    update: &'a [u8],
    reader: &mut Reader<'a>,
    has: impl Fn(u64, u32) -> bool,
) -> Result<(KeptRun<'a>, bool), WireError> {
    let count = reader.count()?;
    let client = client_id(reader)?;
    let first = reader.var_u32()?;
    let follows = |clock: u32| clock.checked_sub(1).is_none_or(|before| has(client, before));
    let start = update.len() - reader.left();
    let (mut clock, mut end, mut structs) = (first, start, 0);
    let mut is_cut = !follows(first);
    for _ in 0..count {
        let info = reader.byte()?;
        let len = match info {
            content::SKIP | content::GC => reader.var_u32()?,
            _ => check_item(reader, info, (client, clock))?,
        };
        clock = clock.checked_add(len).ok_or(WireError::OutOfRange)?;
        is_cut |= info == content::SKIP && !follows(clock);
        if !is_cut {
            structs += 1;
            end = update.len() - reader.left();
        }
    }
    Ok((KeptRun { client, clock: first, structs, bytes: &update[start..end] }, is_cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::update::{Shape, check_update};

    #[test]
    fn what_follows_on_a_gap_is_cut_and_the_rest_stays_as_it_is() {
        // Client 7: a string at clock 5. Client 3: a string, a gap of two, a string. Then a deletion.
        let mut update = vec![2, 1, 7, 5, 4, 1, 1, b't', 1, b'a'];
        update.extend([3, 3, 0, 4, 1, 1, b't', 1, b'b', 10, 2, 4, 1, 1, b't', 1, b'c']);
        let deletions = [1, 3, 1, 0, 1];
        update.extend(deletions);
        check_update(&update).unwrap();
        assert_eq!(without_gaps(&update, |_, _| true), Ok(None));
        let has_nothing = without_gaps(&update, |_, _| false).unwrap().unwrap();
        assert_eq!(has_nothing, [&[1, 1, 3, 0, 4, 1, 1, b't', 1, b'b'][..], &deletions].concat());
        let has_the_skipped =
            without_gaps(&update, |client, clock| (client, clock) == (3, 2)).unwrap().unwrap();
        assert_eq!(
            check_update(&has_the_skipped).unwrap(),
            Shape { structs: 2, deletions: 1, ..Shape::default() }
        );
        assert_eq!(without_gaps(&[0, 0], |_, _| false), Ok(None));
    }
}
