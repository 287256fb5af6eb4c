//! The mapped file: pages of it that may be written to, grown step by step. The only place here that touches them.
//!
//! NOTE: a write to a page that the disk has no room for is SIGBUS, so room is reserved before a page is touched.

use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::counters::{AsyncCounters, Counters};
use crate::heap::records::Extra;
use crate::heap::tallies::{Lines, Tally};

/// By how much the file grows.
const STEP: usize = 256 << 10;
/// How much of it stays in memory whatever the kernel would rather have there; see [`Arena::keep_in_memory`].
const MOST_KEPT: usize = 8 << 20;

/// Made of atomics alone.
///
/// # Safety
/// Any bytes are a value of it, and all of it may change at any time.
pub(super) unsafe trait AnyBytes: 'static {}

// SAFETY: atomic integers and nothing else.
unsafe impl AnyBytes for Counters {}
// SAFETY: as above.
unsafe impl AnyBytes for AsyncCounters {}
// SAFETY: as above.
unsafe impl AnyBytes for Tally {}
// SAFETY: an array of tallies.
unsafe impl AnyBytes for Lines {}
// SAFETY: as tallies.
unsafe impl AnyBytes for Extra {}

/// See the module. Lives for ever: what is in it is pointed to from everywhere.
#[derive(Debug)]
pub(super) struct Arena {
    base: NonNull<u8>,
    /// What is mapped, and the size that the file may grow to.
    cap: usize,
    /// Up to where pages may be touched. Grows under the journal's lock.
    reserved: AtomicUsize,
    /// The number of the error for which the file grows no more; 0 without one.
    error: AtomicI32,
    /// The descriptor, whose lock says that the process lives.
    file: i32,
    /// In a forked child: nothing is added any more.
    is_closed: AtomicBool,
}

// SAFETY: the mapping lives for ever; all that is handed out are slices of atomics.
unsafe impl Send for Arena {}
// SAFETY: as above; what is written otherwise is not handed out yet, and written by one thread, under the journal's lock.
unsafe impl Sync for Arena {}

impl Arena {
    /// Maps an empty file, and keeps it open.
    pub(super) fn new(file: File, cap: usize) -> io::Result<Self> {
        let cap = cap.next_multiple_of(STEP);
        let file = file.into_raw_fd();
        // SAFETY: a new mapping at an address of the kernel's choice; pages beyond the file's end are not touched.
        let base = unsafe {
            libc::mmap(ptr::null_mut(), cap, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, file, 0)
        };
        let base = NonNull::new(base.cast()).filter(|_| base != libc::MAP_FAILED);
        let Some(base) = base else {
            let error = io::Error::last_os_error();
            // SAFETY: opened above, used by nobody else.
            unsafe { libc::close(file) };
            return Err(error);
        };
        let arena = Self {
            base,
            cap,
            reserved: AtomicUsize::new(0),
            error: AtomicI32::new(0),
            file,
            is_closed: AtomicBool::new(false),
        };
        if arena.reserve(STEP) {
            return Ok(arena);
        }
        let error = io::Error::from_raw_os_error(arena.error());
        // SAFETY: nothing was handed out of the mapping.
        unsafe {
            libc::munmap(base.as_ptr().cast(), cap);
            libc::close(file);
        }
        Err(error)
    }

    pub(super) fn cap(&self) -> usize {
        self.cap
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Acquire)
    }

    /// The number of the error for which the file grows no more; 0 without one.
    pub(super) fn error(&self) -> i32 {
        self.error.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Makes pages up to `end` ready, if there is room. One caller at a time.
    pub(super) fn reserve(&self, end: usize) -> bool {
        let from = self.reserved();
        if end <= from {
            return true;
        }
        let end = end.next_multiple_of(STEP);
        if end > self.cap || self.error() != 0 || self.is_closed() {
            return false;
        }
        match grow(self.file, from, end - from).and_then(|()| self.populate(from, end - from)) {
            Ok(()) => {
                self.keep_in_memory(from, end - from);
                self.reserved.store(end, Ordering::Release);
                true
            }
            Err(error) => {
                self.error.store(error.raw_os_error().unwrap_or(libc::EIO), Ordering::Relaxed);
                false
            }
        }
    }

    /// Has the kernel make the pages writable now, which tells of an error in place of SIGBUS, and takes the faults.
    fn populate(&self, from: usize, length: usize) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            /// Since Linux 5.14.
            const MADV_POPULATE_WRITE: libc::c_int = 23;
            // SAFETY: within the mapping, as whoever extends it has made sure.
            let pages = unsafe { self.base.as_ptr().add(from) };
            // SAFETY: pages of our mapping, whose content this does not change.
            let result = unsafe { libc::madvise(pages.cast(), length, MADV_POPULATE_WRITE) };
            let error = io::Error::last_os_error();
            if result != 0 && matches!(error.raw_os_error(), Some(libc::EFAULT | libc::ENOMEM | libc::ENOSPC))
            {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
        }
        let _ = (from, length);
        Ok(())
    }

    /// Has the kernel leave the pages in memory. At the limit of a cgroup it takes those of files first, and what threads count on
    /// would come from the disk again and again: a service was not killed for up to 100 seconds, and hardly ran. Up to
    /// [`MOST_KEPT`], and to half of what the process may keep so, which is not all ours; what does not work is left.
    fn keep_in_memory(&self, from: usize, length: usize) {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: into a variable of ours.
        let failed = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
        // A number of another size from system to system; without a limit it is larger than any that matters here.
        let half = usize::try_from(limit.rlim_cur).map_or(usize::MAX, |most| most / 2);
        if failed != 0 || from + length > half.min(MOST_KEPT) {
            return;
        }
        // SAFETY: within the mapping, as whoever extends it has made sure.
        let pages = unsafe { self.base.as_ptr().add(from) };
        // SAFETY: pages of our mapping, whose content this does not change.
        let _ = unsafe { libc::mlock(pages.cast(), length) };
    }

    /// In a child that was forked: from now on the pages are the child's own, and the file and its lock the parent's alone.
    ///
    /// NOTE: runs in a handler of `fork`: system calls and atomics only.
    pub(super) fn close_in_child(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        // SAFETY: in place of our own mapping, of the same file: what is pointed to stays where it is. The descriptor is
        // used by nobody else.
        unsafe {
            libc::mmap(self.base.as_ptr().cast(), self.reserved(), protection, flags, self.file, 0);
            libc::close(self.file);
        }
    }

    /// The address of so many bytes, if pages may be touched there.
    fn at(&self, offset: usize, length: usize) -> Option<*mut u8> {
        let end = offset.checked_add(length)?;
        if end > self.reserved() || !offset.is_multiple_of(8) {
            return None;
        }
        // SAFETY: within the mapping.
        Some(unsafe { self.base.as_ptr().add(offset) })
    }

    /// Words of eight bytes.
    pub(super) fn words(&self, offset: usize, count: usize) -> Option<&'static [AtomicU64]> {
        let at = self.at(offset, count.checked_mul(8)?)?;
        // SAFETY: mapped for ever, aligned, and any bytes are atomics.
        Some(unsafe { std::slice::from_raw_parts(at.cast(), count) })
    }

    /// Words of four bytes.
    pub(super) fn half_words(&self, offset: usize, count: usize) -> Option<&'static [AtomicU32]> {
        let at = self.at(offset, count.checked_mul(4)?)?;
        // SAFETY: as above.
        Some(unsafe { std::slice::from_raw_parts(at.cast(), count) })
    }

    /// Counters of some kind. The bytes are zero.
    pub(super) fn slice<T: AnyBytes>(&self, offset: usize, count: usize) -> Option<&'static [T]> {
        let at = self.at(offset, count.checked_mul(size_of::<T>())?)?.cast::<T>();
        // SAFETY: mapped for ever, aligned, and any bytes are a `T`.
        at.is_aligned().then(|| unsafe { std::slice::from_raw_parts(at, count) })
    }

    /// Writes bytes where nobody in this process reads.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(at) = self.at(offset, bytes.len()) else { return false };
        // SAFETY: `at` is good for so many bytes, of which no reference to anything but atomics was handed out.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) };
        true
    }

    /// Where in the file an address is.
    pub(super) fn offset_of(&self, address: usize) -> Option<usize> {
        address.checked_sub(self.base.addr().get()).filter(|offset| *offset < self.cap)
    }
}

/// Makes the file longer by that much, with room on the disk for it.
fn grow(file: i32, from: usize, length: usize) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    loop {
        // SAFETY: changes a file of ours.
        if unsafe { libc::fallocate(file, 0, from as libc::off_t, length as libc::off_t) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // A file system that cannot: what is written has room as well.
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => break,
            _ => return Err(error),
        }
    }
    let zeros = [0u8; 4096];
    let (mut at, end) = (from, from + length);
    while at < end {
        let count = zeros.len().min(end - at);
        // SAFETY: so many bytes of a live buffer, to a file of ours.
        let written = unsafe { libc::pwrite(file, zeros.as_ptr().cast(), count, at as libc::off_t) };
        match usize::try_from(written) {
            Ok(0) => return Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Ok(written) => at += written,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}
