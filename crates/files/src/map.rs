//! Files mapped into memory. If a mapped file becomes shorter, no signal ends the process.
//!
//! When a page is read that the file no longer has, the system sends `SIGBUS`. A handler, which is installed together
//! with the first map, replaces the page by zeros and notes that this map has lost something. Whoever used the map
//! calls [`Map::check`] afterwards, and discards what was computed if it fails. Faults at any other place go to the
//! handler that was there before. A library that maps a file and reads it in one call is watched by its thread, see
//! [`Watched::while_this_thread`]. (systemd's journal reads its files in the same way: see its `src/basic/sigbus.c`.)

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::{Deref, Range};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use memmap2::{Mmap, MmapOptions};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The most maps at one time in the process.
const MANY: usize = 8192;

/// What is watched: the addresses of one map, or all that one thread reads. A slot without addresses has the `end` 0,
/// and one without a thread has 0 for it.
struct MapSlot {
    start: AtomicUsize,
    end: AtomicUsize,
    thread: AtomicUsize,
    taken: AtomicBool,
    lost: AtomicBool,
}

static SLOTS: [MapSlot; MANY] = [const {
    MapSlot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        thread: AtomicUsize::new(0),
        taken: AtomicBool::new(false),
        lost: AtomicBool::new(false),
    }
}; MANY];

/// The number of slots at the start of the list that were ever taken.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The size of a page, and the handler that was installed before.
static BEFORE: OnceLock<(usize, SigAction)> = OnceLock::new();

/// A range of addresses, or a thread. It is watched until this value is dropped.
#[derive(Debug)]
pub struct Watched(usize);

impl Watched {
    fn new(addresses: Range<usize>) -> io::Result<Self> {
        let watched = Self::take()?;
        let slot = &SLOTS[watched.0];
        slot.start.store(addresses.start, Ordering::Release);
        slot.end.store(addresses.end, Ordering::Release);
        Ok(watched)
    }

    /// Watches every map that this thread reads while `work` runs. This is for a library that maps a file and reads it
    /// in one call: its addresses are known only afterwards, and the file may become shorter before.
    ///
    /// The second value is whether no page was lost.
    pub fn while_this_thread<T>(work: impl FnOnce() -> T) -> io::Result<(T, bool)> {
        let watched = Self::take()?;
        SLOTS[watched.0].thread.store(this_thread(), Ordering::Release);
        let done = work();
        Ok((done, watched.is_whole()))
    }

    /// A free slot, which watches nothing yet.
    fn take() -> io::Result<Self> {
        install()?;
        let free = SLOTS.iter().position(|slot| !slot.taken.swap(true, Ordering::AcqRel));
        let at = free.ok_or_else(|| io::Error::other(format!("more than {MANY} files mapped into memory")))?;
        USED.fetch_max(at + 1, Ordering::AcqRel);
        SLOTS[at].lost.store(false, Ordering::Release);
        Ok(Self(at))
    }

    /// Watches the maps of `file` that a library made. They are found in the system's list of maps; on a system without
    /// such a list there are none.
    pub fn of_file(file: &File, name: &str) -> io::Result<Vec<Self>> {
        let inode = file.metadata()?.ino().to_string();
        let maps = match File::open("/proc/self/maps") {
            Ok(maps) => maps,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for line in BufReader::new(maps).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            found.extend(addresses(&line, &inode, name).map(Self::new).transpose()?);
        }
        Ok(found)
    }

    /// Whether no page was lost.
    pub fn is_whole(&self) -> bool {
        !SLOTS[self.0].lost.load(Ordering::Acquire)
    }
}

/// The addresses in a line of `/proc/self/maps` (`START-END MODE OFFSET DEVICE INODE PATH`), if it is a line of this
/// file. The device is not compared: in an overlay file system it differs from the device of the file.
fn addresses(line: &str, inode: &str, name: &str) -> Option<Range<usize>> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let (found, path) = (words.nth(3)?, words.next()?.trim_start());
    let path = Path::new(path.strip_suffix(" (deleted)").unwrap_or(path));
    if found != inode || path.file_name()? != name {
        return None;
    }
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

impl Drop for Watched {
    fn drop(&mut self) {
        let slot = &SLOTS[self.0];
        slot.end.store(0, Ordering::Release);
        slot.start.store(0, Ordering::Release);
        slot.thread.store(0, Ordering::Release);
        slot.taken.store(false, Ordering::Release);
    }
}

/// A number that no other thread has now. It is not 0.
fn this_thread() -> usize {
    // SAFETY: it only reads, and a signal's handler may call it.
    unsafe { libc::pthread_self() as usize }
}

/// Installs the handler, once in a process.
fn install() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    // SAFETY: `sysconf` only reads.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK | SaFlags::SA_NODEFER;
    let ours = SigAction::new(SigHandler::SigAction(replace_page), flags, SigSet::empty());
    // The present handler is stored first, because ours may run as soon as it is installed.
    // SAFETY: null asks for the present action and changes nothing.
    let mut present = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: as above; `present` is written by the call.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut present) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let is_first = BEFORE.set((page.max(1) as usize, as_action(&present))).is_ok();
    if is_first {
        // SAFETY: the handler calls `mmap` and reads and writes atomic numbers, nothing that a signal may not.
        unsafe { sigaction(Signal::SIGBUS, &ours) }?;
    }
    Ok(())
}

/// Makes nix's type of an action of the system's. nix itself has no function for that.
fn as_action(action: &libc::sigaction) -> SigAction {
    let flags = SaFlags::from_bits_truncate(action.sa_flags);
    let handler = match action.sa_sigaction {
        libc::SIG_DFL => SigHandler::SigDfl,
        libc::SIG_IGN => SigHandler::SigIgn,
        // SAFETY: the system gave this address as that of a handler of the kind that the flags say.
        address if flags.contains(SaFlags::SA_SIGINFO) => unsafe {
            SigHandler::SigAction(std::mem::transmute::<
                usize,
                extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void),
            >(address))
        },
        // SAFETY: as above.
        address => unsafe { SigHandler::Handler(std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(address)) },
    };
    SigAction::new(handler, flags, SigSet::empty())
}

/// The handler. It puts a page of zeros where a watched file no longer has one.
extern "C" fn replace_page(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some((page, before)) = BEFORE.get() else { return };
    // SAFETY: the system gives a handler with `SA_SIGINFO` the fault's description; for SIGBUS it has an address.
    let address = unsafe { (*info).si_addr() } as usize;
    let slots = &SLOTS[..USED.load(Ordering::Acquire)];
    let within =
        |slot: &&MapSlot| (slot.start.load(Ordering::Acquire)..slot.end.load(Ordering::Acquire)).contains(&address);
    let thread = this_thread();
    let reads = |slot: &&MapSlot| slot.thread.load(Ordering::Acquire) == thread;
    if let Some(slot) = slots.iter().find(within).or_else(|| slots.iter().find(reads)) {
        slot.lost.store(true, Ordering::Release);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let at = (address & !(page - 1)) as *mut libc::c_void;
        // SAFETY: the page lies in a map that is watched, which is only read; zeros take the place of a page that
        // cannot be read.
        if unsafe { libc::mmap(at, *page, libc::PROT_READ, flags, -1, 0) } != libc::MAP_FAILED {
            return;
        }
    }
    match before.handler() {
        SigHandler::SigAction(before) => before(signal, info, context),
        SigHandler::Handler(before) => before(signal),
        // SAFETY: the usual action takes the handler's place, and the fault comes again as soon as this returns.
        _ => unsafe {
            libc::signal(signal, libc::SIG_DFL);
        },
    }
}

/// The bytes of a file. The system reads them when they are used. A clone is the same map.
#[derive(Clone, Debug)]
pub struct Map(Arc<Mapped>);

#[derive(Debug)]
struct Mapped {
    watched: Watched,
    map: Mmap,
}

impl Map {
    /// Maps a whole regular file.
    pub fn new(file: &File) -> io::Result<Self> {
        Self::with(&MmapOptions::new(), file)
    }

    /// Maps a whole regular file, all of which will be read. The system is asked for large pages: where it has them,
    /// mapping and unmapping takes a twentieth of the time.
    pub fn to_read_all(file: &File) -> io::Result<Self> {
        Ok(Self::new(file)?.in_large_pages())
    }

    /// Maps a part of a regular file, all of which will be read.
    pub fn part(file: &File, part: Range<u64>) -> io::Result<Self> {
        let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
        Ok(Self::with(MmapOptions::new().offset(part.start).len(length), file)?.in_large_pages())
    }

    fn in_large_pages(self) -> Self {
        // It is a wish. A system or a file system without them says so, and uses its usual pages.
        #[cfg(target_os = "linux")]
        let _ = self.0.map.advise(memmap2::Advice::HugePage);
        self
    }

    fn with(options: &MmapOptions, file: &File) -> io::Result<Self> {
        // SAFETY: a map is sound while its bytes stay the same. The files of a model, a cache or an index are written
        // beside and renamed, never changed in place, by whoever writes them; a file that becomes shorter all the same
        // shows zeros.
        let map = unsafe { options.map(file) }?;
        let start = map.as_ptr() as usize;
        Ok(Self(Arc::new(Mapped { watched: Watched::new(start..start + map.len())?, map })))
    }

    /// Checks that everything that was read from the map came from the file.
    ///
    /// # Errors
    /// The file has become shorter.
    pub fn check(&self) -> io::Result<()> {
        if self.0.watched.is_whole() { Ok(()) } else { Err(shorter()) }
    }

    /// The map itself, to advise the system how it will be used.
    pub fn inner(&self) -> &Mmap {
        &self.0.map
    }

    /// Whether there are clones.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// The error of a file that became shorter while it was read.
pub fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read")
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.map
    }
}

// SAFETY: a map's bytes stay where they are when the `Map` moves or is cloned.
unsafe impl stable_deref_trait::StableDeref for Map {}

#[cfg(test)]
mod tests;
