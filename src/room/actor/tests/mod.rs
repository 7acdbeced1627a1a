//! Rooms as tasks: loading, living, saving, ending, with a host and a disk that do as they are told.

mod elsewhere;
mod failing;
mod harness;
mod life;
mod loading;
mod saving;
mod shutdown;
mod slow_readers;
mod wall_clock;

use std::time::Duration;

use self::harness::{Client, HOST_TIMEOUT, Harness, doubled, room, seeded_words};
use super::*;
use crate::store::memory::{Call, Fault};

const MINUTE: Duration = Duration::from_secs(60);
