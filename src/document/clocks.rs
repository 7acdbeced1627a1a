//! How far a document has come with each Yjs client.

use std::collections::HashMap;

use yrs::ReadTxn;

use crate::protocol::update::Run;

/// The most clients whose ids may end in the same 16 bits. yrs takes ids for their own hashes, and would look for
/// each among all that are alike. Ids are chosen at random: of a million, forty may be.
const ALIKE_MAX: u32 = 64;

/// The clock up to which all structs of a client are there, by client: the document's state vector, at hand
/// without being gathered from every client there ever was, for each update anew.
#[derive(Debug, Default)]
pub(super) struct Clocks(HashMap<u64, u32>);

impl Clocks {
    /// Reads them from the document, after something whose outcome cannot be told from outside.
    pub(super) fn read(&mut self, txn: &impl ReadTxn) {
        self.0 = txn.state_vector().iter().map(|(client, clock)| (client.get(), *clock)).collect();
    }

    /// These structs are in the document now.
    pub(super) fn advance(&mut self, run: Run) {
        let clock = self.0.entry(run.client).or_default();
        *clock = run.end.max(*clock);
    }

    /// Whether anything of a client is there.
    pub(super) fn knows(&self, client: u64) -> bool {
        self.0.contains_key(&client)
    }

    /// Whether, with these that are new, too many are alike.
    pub(super) fn would_be_alike(&self, new: &[u64]) -> bool {
        let end = |client: u64| client & 0xffff;
        let mut alike: HashMap<u64, u32> = HashMap::new();
        new.iter().for_each(|client| *alike.entry(end(*client)).or_default() += 1);
        for client in self.0.keys() {
            if let Some(count) = alike.get_mut(&end(*client)) {
                *count += 1;
            }
        }
        alike.values().any(|count| *count > ALIKE_MAX)
    }

    /// Whether the struct at a client's clock is there.
    pub(super) fn has(&self, client: u64, clock: u32) -> bool {
        self.0.get(&client).is_some_and(|end| *end > clock)
    }

    /// Whether structs can be taken without leaving a gap before them.
    pub(super) fn lead_up_to(&self, run: Run) -> bool {
        run.start.checked_sub(1).is_none_or(|before| self.has(run.client, before))
    }
}
