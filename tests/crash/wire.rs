//! What the child tells the parent, over its standard output.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::FromRawFd,
    sync::Mutex,
};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The database is about to be opened.
    Opening,
    /// A document that was found: its place in the model, version and text.
    Document { key: u32, version: u64, text: String },
    /// Everything that was found has been told; the number of writes recovered.
    Found(u64),
    /// A writer's operation of this number, and all before it, were acknowledged.
    Acknowledged { writer: u8, index: u64 },
    /// All writers have stopped, or will be stopped by the closing.
    Closing,
    /// It was closed without an error.
    Closed,
}

/// The child's end.
pub struct Reporter(Mutex<File>);

impl Reporter {
    pub fn new() -> Reporter {
        // SAFETY: nobody else in the child uses the standard output, and it stays open until the end.
        Reporter(Mutex::new(unsafe { File::from_raw_fd(1) }))
    }

    /// Has reached the pipe when this returns: the parent will read it even if the child is killed now.
    pub fn tell(&self, message: &Message) {
        let (kind, number, other, text) = match message {
            Message::Opening => (0, 0, 0, ""),
            Message::Document { key, version, text } => (1, *version, *key, text.as_str()),
            Message::Found(recovered) => (2, *recovered, 0, ""),
            Message::Acknowledged { writer, index } => (3, *index, u32::from(*writer), ""),
            Message::Closing => (4, 0, 0, ""),
            Message::Closed => (5, 0, 0, ""),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&other.to_le_bytes());
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        let mut pipe = self.0.lock().expect("no panic");
        pipe.write_all(&bytes).expect("the parent listens");
    }
}

/// Reads the next message; `None` at the end, also where a kill cut one off.
pub fn read(pipe: &mut impl Read) -> Option<Message> {
    match try_read(pipe) {
        Ok(message) => Some(message),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
        Err(error) => panic!("the child said something else: {error}"),
    }
}

fn try_read(pipe: &mut impl Read) -> io::Result<Message> {
    let mut head = [0; 17];
    pipe.read_exact(&mut head)?;
    let number = u64::from_le_bytes(head[1..9].try_into().expect("eight bytes"));
    let other = u32::from_le_bytes(head[9..13].try_into().expect("four bytes"));
    let length = u32::from_le_bytes(head[13..17].try_into().expect("four bytes"));
    let mut text = vec![0; length as usize];
    pipe.read_exact(&mut text)?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok(match head[0] {
        0 => Message::Opening,
        1 => Message::Document { key: other, version: number, text },
        2 => Message::Found(number),
        3 => Message::Acknowledged { writer: other as u8, index: number },
        4 => Message::Closing,
        5 => Message::Closed,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    })
}
