//! A child process and what it says.

use std::{
    env, io,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{
    child::{ORDERS, Orders},
    model::{State, WRITERS},
    wire::{self, Message},
};

/// A child that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The calls before which [`Process::start_to_die`] can kill.
const CALLS: &str = "fsync,fdatasync,rename,renameat2,link,linkat,unlink,fallocate,ftruncate";

pub struct Process {
    child: Child,
    messages: Receiver<Message>,
}

impl Process {
    pub fn start(orders: &Orders) -> Process {
        Process::spawn(Command::new(env::current_exe().expect("this file")), orders)
    }

    /// Starts a child that `strace` kills before a thread's `number`-th call that changes or syncs files.
    pub fn start_to_die(orders: &Orders, number: u64) -> Process {
        let mut command = Command::new("strace");
        let inject = format!("inject={CALLS}:signal=SIGKILL:when={number}");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={CALLS}"), "-e", &inject]);
        command.arg(env::current_exe().expect("this file"));
        Process::spawn(command, orders)
    }

    /// Why [`Process::start_to_die`] does not work here, if it does not.
    pub fn cannot_die() -> Option<String> {
        let outcome: io::Result<ExitStatus> = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"])
            .stderr(Stdio::null())
            .status();
        match outcome {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("strace may not trace here ({status})")),
            Err(error) => Some(format!("there is no strace ({error})")),
        }
    }

    fn spawn(mut command: Command, orders: &Orders) -> Process {
        let command = command.env(ORDERS, orders.text()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut pipe = io::BufReader::with_capacity(1 << 20, child.stdout.take().expect("piped"));
        let (tell, messages) = mpsc::channel();
        thread::spawn(move || {
            while let Some(message) = wire::read(&mut pipe) {
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        Process { child, messages }
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("kills");
    }

    /// Waits for its end. An error: a thread of it panicked.
    pub fn wait(&mut self) -> Result<ExitStatus, String> {
        let status = self.child.wait().expect("waits");
        if status.code() == Some(101) {
            return Err("a thread of the child panicked; see above".to_owned());
        }
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a failure; otherwise it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child has said so far.
#[derive(Default)]
pub struct Heard {
    pub found: State,
    pub recovered: Option<u64>,
    /// Number of records acknowledged, by writer.
    pub acknowledged: [u64; WRITERS.len()],
    pub closing: bool,
    pub closed: bool,
}

impl Heard {
    fn note(&mut self, message: Message) {
        match message {
            Message::Document { key, version, text } => self.found.insert(key, text, version),
            Message::Found(recovered) => self.recovered = Some(recovered),
            Message::Acknowledged { writer, index } => {
                let acknowledged = &mut self.acknowledged[usize::from(writer)];
                *acknowledged = (*acknowledged).max(index + 1);
            }
            Message::Closing => self.closing = true,
            Message::Closed => self.closed = true,
            Message::Opening => {}
        }
    }

    fn listen_while(
        &mut self,
        process: &mut Process,
        mut more: impl FnMut(&Message) -> bool,
    ) -> Result<(), String> {
        loop {
            match process.messages.recv_timeout(PATIENCE) {
                Ok(message) => {
                    let more = more(&message);
                    self.note(message);
                    if !more {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err("the child hangs".to_owned()),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = process.child.wait().expect("waits");
                    return Err(format!("the child ended by itself: {status}; see above"));
                }
            }
        }
    }

    pub fn listen_until(&mut self, process: &mut Process, last: &Message) -> Result<(), String> {
        self.listen_while(process, |message| message != last)
    }

    pub fn listen_until_found(&mut self, process: &mut Process) -> Result<(), String> {
        self.listen_while(process, |message| !matches!(message, Message::Found(_)))
    }

    /// Listens until the child has ended.
    pub fn listen_to_the_end(&mut self, process: &mut Process) -> Result<(), String> {
        loop {
            match process.messages.recv_timeout(PATIENCE) {
                Ok(message) => self.note(message),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => return Err("the child hangs".to_owned()),
            }
        }
    }
}
