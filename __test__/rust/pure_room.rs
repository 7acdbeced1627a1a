//! A room without sockets, for tests in other languages: messages on stdin, what follows on stdout.
//!
//! A message is its length, an operation, a client's number, and data; all numbers have four bytes,
//! lowest first, the operation has one:
//!
//! - `0`: the client joins; the data is the frame that it sent first, if it did
//! - `1`: the client leaves
//! - `2`: frames of the client, each behind its length
//! - `3`: the room is lost and restored from its log; everybody has to join again
//! - `4`: the room is lost for good
//!
//! Each message is answered with the number of frames to be sent, then for each the client, the length
//! and the frame. That a frame was refused is told to its client as a frame of the type 99, with the reason.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use bytes::{Buf, Bytes};
use civicpress_realtime::document::Document;
use civicpress_realtime::host::User;
use civicpress_realtime::ids::{ClientId, RoomId, UserId};
use civicpress_realtime::protocol::frame::Frame;
use civicpress_realtime::protocol::{awareness, sync};
use civicpress_realtime::room::state::{AckMode, Acknowledgement, Effect, Member, RoomState};

/// The type of the frames that tell of refused ones.
const REFUSED: u8 = 99;

struct Room {
    id: RoomId,
    state: RoomState,
    log: Vec<Bytes>,
    /// Who is here.
    clients: Vec<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let id = RoomId::new("records", "pure")?;
    let state = RoomState::new(id.clone(), Document::new());
    let mut room = Room { id, state, log: Vec::new(), clients: Vec::new() };
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(message) = read_message(&mut input)? {
        let frames = room.take(message)?;
        let mut answer = (frames.len() as u32).to_le_bytes().to_vec();
        for (client, frame) in frames {
            let payload = frame.payload();
            answer.extend(client.to_le_bytes());
            answer.extend((payload.len() as u32).to_le_bytes());
            answer.extend(payload);
        }
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

/// `None` at the end of the input.
fn read_message(input: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut len = [0; 4];
    match input.read_exact(&mut len) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let mut message = vec![0; u32::from_le_bytes(len) as usize];
    input.read_exact(&mut message)?;
    Ok(Some(message.into()))
}

impl Room {
    fn take(&mut self, mut message: Bytes) -> Result<Vec<(u32, Frame)>, Box<dyn Error>> {
        let operation = message.try_get_u8()?;
        let number = message.try_get_u32_le()?;
        let client = ClientId::new(u64::from(number));
        let effects = match operation {
            0 => {
                self.clients.push(number);
                let first = (!message.is_empty()).then_some(message);
                self.state.join(client, member(number), first, Instant::now())
            }
            1 => {
                self.clients.retain(|other| *other != number);
                self.state.leave(client)
            }
            2 => {
                let mut frames = Vec::new();
                while !message.is_empty() {
                    let len = message.try_get_u32_le()? as usize;
                    frames.push(message.split_to(len));
                }
                self.state.receive(client, frames, Instant::now())
            }
            3 => {
                self.clients.clear();
                self.state = RoomState::new(self.id.clone(), Document::restore(None, &self.log)?);
                Vec::new()
            }
            4 => {
                self.clients.clear();
                self.log.clear();
                self.state = RoomState::new(self.id.clone(), Document::new());
                Vec::new()
            }
            other => return Err(format!("there is no operation {other}").into()),
        };
        self.frames(effects)
    }

    fn frames(&mut self, effects: Vec<Effect>) -> Result<Vec<(u32, Frame)>, Box<dyn Error>> {
        let mut frames = Vec::new();
        for effect in effects {
            let (frame, to): (Frame, Box<dyn Fn(ClientId) -> bool>) = match effect {
                Effect::Send(client, frame) => (frame, Box::new(move |to| to == client)),
                Effect::Change { update, author, frame } => {
                    self.log.push(update);
                    (frame, Box::new(move |to| to != author))
                }
                Effect::Presence(presence) => {
                    let states = awareness::encode(std::iter::once(&presence));
                    (sync::awareness(&states), Box::new(|_| true))
                }
                Effect::Acknowledge(client, Acknowledgement::Echo(frame)) => {
                    (frame, Box::new(move |to| to == client))
                }
                Effect::Acknowledge(_, Acknowledgement::Saved) => continue,
                Effect::Full { .. } => return Err("nothing bounds this document".into()),
                Effect::ApplyFailed(client, problem) => {
                    (Frame::binary(&[&[REFUSED], problem.as_bytes()]), Box::new(move |to| to == client))
                }
                Effect::Fail { problem, .. } => return Err(problem.into()),
            };
            let receivers = self.clients.iter().filter(|number| to(ClientId::new(u64::from(**number))));
            frames.extend(receivers.map(|number| (*number, frame.clone())));
        }
        Ok(frames)
    }
}

/// Every other client hears its own updates again, as newer stock clients ask for.
fn member(number: u32) -> Member {
    Member {
        speaks_json: false,
        user: User { id: UserId::Number(i64::from(number)), name: None },
        read_only: false,
        reads_text: false,
        ack: if number.is_multiple_of(2) { AckMode::Echo } else { AckMode::None },
    }
}
