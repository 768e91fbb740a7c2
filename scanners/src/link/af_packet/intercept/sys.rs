//! The system calls of bpf(2): a ring, a program, and its place in the driver. Unsafe code, like
//! its sibling's.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::assembler::Instruction;

const MAP_CREATE: i32 = 0;
const PROG_LOAD: i32 = 5;
const LINK_CREATE: i32 = 28;
const MAP_TYPE_RINGBUF: u32 = 27;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
/// Where in the kernel the program runs.
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

/// A record of the ring is being written, or was given up.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
const HEADER: usize = 8;

/// The start of `union bpf_attr` for each command; the kernel takes the rest for zero.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// A ring that programs of the kernel write and this process reads.
pub(super) struct Ring {
    map: OwnedFd,
    /// One page: how far we have read.
    consumer: NonNull<u8>,
    /// One page: how far they have written. Then the data, mapped twice in a row, so that no record
    /// is broken at the end.
    producer: NonNull<u8>,
    page: usize,
    bytes: usize,
}

// SAFETY: the mappings are owned, and their shared words are read and written as atomics.
unsafe impl Send for Ring {}

impl Ring {
    /// `bytes` is rounded up to a power of two, and to a page.
    pub(super) fn new(bytes: usize) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(io::Error::other)?;
        let bytes = bytes.max(page).next_power_of_two();
        let create = MapCreate {
            map_type: MAP_TYPE_RINGBUF,
            key_size: 0,
            value_size: 0,
            max_entries: u32::try_from(bytes).map_err(io::Error::other)?,
        };
        let map = bpf(MAP_CREATE, &create)?;
        let write = libc::PROT_READ | libc::PROT_WRITE;
        let consumer = map_pages(&map, page, write, 0)?;
        let producer = map_pages(&map, page + 2 * bytes, libc::PROT_READ, page);
        let producer = producer.inspect_err(|_| {
            // SAFETY: mapped a moment ago, and used by nobody.
            unsafe { libc::munmap(consumer.as_ptr().cast(), page) };
        })?;
        Ok(Self {
            map,
            consumer,
            producer,
            page,
            bytes,
        })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.map.as_raw_fd()
    }

    /// Hands the records that are there to `each`, at most one round of the ring. Returns how many.
    pub(super) fn drain(&mut self, mut each: impl FnMut(&[u8])) -> usize {
        // SAFETY: both words are at the start of their pages, which stay mapped as long as `self`.
        let (consumed, produced) = unsafe {
            (
                AtomicU64::from_ptr(self.consumer.as_ptr().cast()),
                AtomicU64::from_ptr(self.producer.as_ptr().cast()),
            )
        };
        let end = produced.load(Ordering::Acquire);
        let start = consumed.load(Ordering::Relaxed);
        let (mut at, mut count) = (start, 0);
        while at < end {
            let offset = at as usize & (self.bytes - 1);
            // SAFETY: `offset` is less than `bytes`, and records are aligned to eight bytes, so the
            // header lies in the mapping; the kernel writes its first word atomically.
            let (record, header) = unsafe {
                let record = self.producer.add(self.page + offset);
                (record, AtomicU32::from_ptr(record.as_ptr().cast()))
            };
            let header = header.load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let len = (header & !DISCARDED) as usize;
            if len > self.bytes {
                break;
            }
            if header & DISCARDED == 0 {
                // SAFETY: the record is complete, and at most `bytes` long, so it ends inside of
                // the second mapping; the kernel does not write there until it is given back.
                each(unsafe { std::slice::from_raw_parts(record.add(HEADER).as_ptr(), len) });
                count += 1;
            }
            at += (len + HEADER).next_multiple_of(8) as u64;
        }
        if at > start {
            consumed.store(at, Ordering::Release);
        }
        count
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: our own mappings, of which nothing is borrowed any more.
        unsafe {
            libc::munmap(self.consumer.as_ptr().cast(), self.page);
            libc::munmap(self.producer.as_ptr().cast(), self.page + 2 * self.bytes);
        }
    }
}

/// A program in the driver of an interface. It goes when this is dropped, or the process ends.
pub(super) struct Attached(#[expect(dead_code, reason = "only kept")] OwnedFd);

/// Loads `program` and attaches it to `interface`: in the driver itself, or before the kernel's own
/// network code.
pub(super) fn attach(
    program: &[Instruction],
    interface: u32,
    native: bool,
) -> io::Result<Attached> {
    let mut name = [0; 16];
    name[..6].copy_from_slice(b"sortie");
    let load = ProgLoad {
        prog_type: PROG_TYPE_XDP,
        insn_cnt: u32::try_from(program.len()).map_err(io::Error::other)?,
        insns: program.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: name,
        prog_ifindex: 0,
        expected_attach_type: ATTACH_XDP,
    };
    let program = bpf(PROG_LOAD, &load)?;
    let link = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_ifindex: interface,
        attach_type: ATTACH_XDP,
        flags: if native { NATIVE } else { GENERIC },
    };
    // The link holds the program; its own descriptor may go.
    Ok(Attached(bpf(LINK_CREATE, &link)?))
}

/// Nanoseconds of the clock that programs of the kernel read.
pub(super) fn monotonic_nanos() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// All of the commands here return a descriptor.
fn bpf<T>(command: i32, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes, and what they point to, during the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    match RawFd::try_from(fd) {
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn map_pages(fd: &OwnedFd, len: usize, access: i32, offset: usize) -> io::Result<NonNull<u8>> {
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: a new mapping; the kernel checks its length and access.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            access,
            libc::MAP_SHARED,
            fd.as_raw_fd(),
            offset,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at null"))
}
