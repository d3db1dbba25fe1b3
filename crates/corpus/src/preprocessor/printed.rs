//! What a command prints, until it has ended.
//!
//! A command can leave others running that hold its output open. They are not waited for. Text and messages are read on
//! one thread, whichever comes: a command that waits for a reader of its messages would print no more text.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::bounded::LARGEST;

/// The most bytes of a command's messages that are shown.
const MOST_WORDS: usize = 512;

/// How many milliseconds without output are enough, if the command has ended.
const SILENCE: u16 = 100;

/// How long the output of others is read after the command has ended, if there is no such silence.
const LONGEST: Duration = Duration::from_secs(1);

/// What a command printed, and how it ended.
pub(super) struct Printed {
    /// The text; `None` if it is longer than a record may be.
    pub(super) text: Option<Vec<u8>>,
    /// The start of its messages.
    pub(super) words: Vec<u8>,
    pub(super) status: ExitStatus,
}

/// Reads what a command prints that was started with pipes for its output.
pub(super) fn read(mut child: Child) -> io::Result<Printed> {
    let (mut text, mut words) = (Vec::new(), Vec::new());
    let outcome = read_into(&mut text, &mut words, &mut child);
    let fits = text.len() <= LARGEST;
    if outcome.is_err() || !fits {
        // It may still be printing, and nobody reads it any more.
        let _ = child.kill();
    }
    let status = child.wait()?;
    outcome.map(|()| Printed { text: fits.then_some(text), words, status })
}

/// Reads until both pipes have no writer any more, the text is too long, or the command has ended and is silent.
fn read_into(text: &mut Vec<u8>, words: &mut Vec<u8>, child: &mut Child) -> io::Result<()> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut buffer, mut ended) = (vec![0; 64 << 10], None);
    while (stdout.is_some() || stderr.is_some()) && text.len() <= LARGEST {
        let has_ended = ended.is_some();
        let [has_text, has_words] = ready(stdout.as_ref(), stderr.as_ref())?;
        if has_text {
            let read = next(&mut stdout, &mut buffer)?;
            text.extend_from_slice(&buffer[..read]);
        }
        if has_words {
            let read = next(&mut stderr, &mut buffer)?;
            words.extend(buffer[..read].iter().take(MOST_WORDS - words.len()));
        }
        let is_silent = !has_text && !has_words;
        if has_ended && (is_silent || ended.is_some_and(|since: Instant| since.elapsed() > LONGEST)) {
            break;
        }
        if !has_ended && child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
    }
    Ok(())
}

/// Waits a while until one of the pipes can be read, or has no writer any more.
fn ready(stdout: Option<&impl AsFd>, stderr: Option<&impl AsFd>) -> io::Result<[bool; 2]> {
    let mut pipes: Vec<_> = [stdout.map(AsFd::as_fd), stderr.map(AsFd::as_fd)]
        .into_iter()
        .flatten()
        .map(|pipe| PollFd::new(pipe, PollFlags::POLLIN))
        .collect();
    loop {
        match poll(&mut pipes, PollTimeout::from(SILENCE)) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(_) => break,
        }
    }
    let mut ready = pipes.iter().map(|pipe| pipe.any().unwrap_or(true));
    let mut is_ready = |is_open: bool| is_open && ready.next().unwrap_or(false);
    Ok([is_ready(stdout.is_some()), is_ready(stderr.is_some())])
}

/// Reads what there is in a pipe, and closes it at its end.
fn next(pipe: &mut Option<impl Read>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(open) = pipe else { return Ok(0) };
    let read = match open.read(buffer) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
        read => read?,
    };
    if read == 0 {
        *pipe = None;
    }
    Ok(read)
}
