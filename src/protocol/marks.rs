//! The marks in an update: what texts are formatted with.

use super::update::{CONTENT, check_content, client_id, content, parents};
use super::wire::{Reader, WireError};

/// Names the marks in an update, which was checked.
pub fn marks(update: &[u8], mut each: impl FnMut(&str)) -> Result<(), WireError> {
    let mut reader = Reader::new(update);
    for _ in 0..reader.count()? {
        let count = reader.count()?;
        client_id(&mut reader)?;
        reader.var_u32()?;
        for _ in 0..count {
            match reader.byte()? {
                content::SKIP | content::GC => drop(reader.var_u32()?),
                info => {
                    parents(&mut reader, info)?;
                    if info & CONTENT == content::FORMAT {
                        each(reader.text()?);
                        reader.text()?;
                    } else {
                        check_content(&mut reader, info & CONTENT)?;
                    }
                }
            }
        }
    }
    Ok(())
}
