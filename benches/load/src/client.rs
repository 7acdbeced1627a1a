//! Many connections in one thread around `epoll`: what one core can take, so that the server is the limit.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::wire::{Dialect, Said, Speech};

const READ_BYTES: usize = 512 * 1024;

/// What the socket of a client may hold that does not read.
const SLOW_SOCKET_BYTES: libc::c_int = 64 * 1024;

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The URL's path; `{room}` stands for the room.
    pub path: String,
    /// How it is spoken to.
    pub dialect: Dialect,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    /// How it speaks.
    pub speech: Speech,
    /// What it says as soon as it may.
    greeting: Vec<u8>,
    is_open: bool,
    /// Closed by the server.
    pub is_closed: bool,
    /// Reads nothing for now.
    is_paused: bool,
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

/// All connections.
pub struct Crowd {
    server: Server,
    poll: Poll,
    events: Events,
    /// The connections, in the order in which they were opened.
    pub clients: Vec<Client>,
    buffer: Vec<u8>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(server: Server) -> Self {
        let poll = Poll::new().expect("epoll");
        Self {
            server,
            poll,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            buffer: vec![0; READ_BYTES],
        }
    }

    /// Opens a connection; what it says first is sent once the server has agreed.
    pub fn open(&mut self, room: &str, state_vector: &[u8]) -> usize {
        let speech = Speech::new(self.server.dialect, room);
        let mut stream = TcpStream::connect(self.server.address).expect("a socket");
        let _ = stream.set_nodelay(true);
        let number = self.clients.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest).expect("epoll");
        let path = self.server.path.replace("{room}", room);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer user-{number}\r\n\r\n",
            self.server.address
        );
        let mut greeting = speech.login().unwrap_or_default();
        greeting.extend(speech.step1(state_vector));
        self.clients.push(Client {
            stream,
            speech,
            greeting,
            is_open: false,
            is_closed: false,
            is_paused: false,
            unread: Vec::new(),
            unsent: request.into_bytes(),
        });
        number
    }

    /// Sends, as far as the socket takes it; the rest follows.
    pub fn send(&mut self, number: usize, bytes: &[u8]) {
        let client = &mut self.clients[number];
        client.unsent.extend_from_slice(bytes);
        client.flush();
    }

    /// Hangs up.
    pub fn close(&mut self, number: usize) {
        let client = &mut self.clients[number];
        client.is_closed = true;
        let _ = self.poll.registry().deregister(&mut client.stream);
        let _ = client.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Stops reading. What its socket may hold for it is made small, so that the rest is the server's to keep.
    pub fn pause(&mut self, number: usize) {
        let client = &mut self.clients[number];
        client.is_paused = true;
        let bytes: libc::c_int = SLOW_SOCKET_BYTES;
        // SAFETY: the socket is open, and the value is an int of the size that is given.
        let outcome = unsafe {
            libc::setsockopt(
                client.stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw const bytes).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert_eq!(outcome, 0, "SO_RCVBUF");
    }

    /// Reads again, from what has come meanwhile on.
    pub fn resume(&mut self, number: usize, heard: &mut impl FnMut(usize, Said<'_>)) {
        self.clients[number].is_paused = false;
        self.clients[number].read(number, &mut self.buffer, heard);
    }

    /// Waits for something to happen, reads all there is, and says what was heard by whom.
    pub fn turn(&mut self, wait: Duration, heard: &mut impl FnMut(usize, Said<'_>)) {
        if let Err(error) = self.poll.poll(&mut self.events, Some(wait)) {
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "epoll: {error}");
            return;
        }
        for event in &self.events {
            let number = event.token().0;
            let client = &mut self.clients[number];
            if event.is_writable() {
                client.flush();
            }
            if event.is_readable() && !client.is_paused {
                client.read(number, &mut self.buffer, heard);
            }
        }
    }
}

impl Client {
    fn flush(&mut self) {
        while !self.unsent.is_empty() && !self.is_closed {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.is_closed = true,
            }
        }
    }

    fn read(&mut self, number: usize, buffer: &mut [u8], heard: &mut impl FnMut(usize, Said<'_>)) {
        while !self.is_closed {
            match self.stream.read(buffer) {
                Ok(0) => self.is_closed = true,
                Ok(count) if self.unread.is_empty() => {
                    let used = self.take(number, &buffer[..count], heard);
                    self.unread.extend_from_slice(&buffer[used..count]);
                }
                Ok(count) => {
                    let mut bytes = std::mem::take(&mut self.unread);
                    bytes.extend_from_slice(&buffer[..count]);
                    let used = self.take(number, &bytes, heard);
                    bytes.drain(..used);
                    self.unread = bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.is_closed = true,
            }
        }
    }

    /// Takes whole frames; how many bytes they were.
    fn take(&mut self, number: usize, bytes: &[u8], heard: &mut impl FnMut(usize, Said<'_>)) -> usize {
        let mut at = 0;
        if !self.is_open {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
            assert!(bytes.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&bytes[..end]));
            self.is_open = true;
            at = end + 4;
            let greeting = std::mem::take(&mut self.greeting);
            self.unsent.extend_from_slice(&greeting);
            self.flush();
        }
        loop {
            let rest = &bytes[at..];
            let [first, short, ..] = rest else { return at };
            let (header, len) = match short {
                126 if rest.len() >= 4 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
                127 if rest.len() >= 10 => {
                    (10, u64::from_be_bytes(rest[2..10].try_into().expect("eight bytes")) as usize)
                }
                126 | 127 => return at,
                short => (2, usize::from(*short)),
            };
            let Some(payload) = rest.get(header..header + len) else { return at };
            match first & 0xf {
                2 => heard(number, self.speech.read(payload)),
                8 => self.is_closed = true,
                9 => {
                    let mut pong = vec![0x8a, 0x80 | len as u8, 0, 0, 0, 0];
                    pong.extend_from_slice(payload);
                    self.unsent.extend_from_slice(&pong);
                    self.flush();
                }
                _ => {}
            }
            at += header + len;
        }
    }
}
