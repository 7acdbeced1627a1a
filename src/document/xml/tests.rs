use yrs::XmlFragment;

use super::*;

const CLIENT: u64 = 7;
