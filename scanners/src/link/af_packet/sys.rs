//! The system calls of packet(7), and the only unsafe code of the crate.
//!
//! What it gives out is safe: [`PacketSocket`] owns its descriptor, [`Headers`] never outlives the
//! batch it points into, and a [`Block`] of the [`Ring`] is borrowed until it goes back to the
//! kernel.
#![allow(unsafe_code)]

use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::ops::Range;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{c_int, c_uint, socklen_t};

use super::program::Instruction;
use crate::link::Batch;

/// Every protocol, in host order.
pub(super) const ALL: u16 = libc::ETH_P_ALL as u16;

/// A packet socket that does not block.
pub(super) struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Receives nothing until it is bound to a protocol.
    pub(super) fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Binds to an interface, and to a protocol: 0 receives nothing.
    pub(super) fn bind(&self, interface: u32, protocol: u16) -> io::Result<()> {
        // SAFETY: all-zero is a value of this struct of integers.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = c_int::try_from(interface).map_err(io::Error::other)?;
        let len = size_of::<libc::sockaddr_ll>() as socklen_t;
        // SAFETY: the address lives for the call and is `len` long.
        check(unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), len) })?;
        Ok(())
    }

    /// Hands frames to the driver without a queue in between, where the kernel can.
    pub(super) fn bypass_queue(&self) -> io::Result<()> {
        self.set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1)
    }

    /// Does not hand our own frames back to us.
    pub(super) fn ignore_outgoing(&self) -> io::Result<()> {
        self.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1)
    }

    /// Makes room for `bytes` of frames that wait for the driver; less where that is not allowed.
    pub(super) fn send_buffer(&self, bytes: c_int) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &bytes)
            .or_else(|_| self.set(libc::SOL_SOCKET, libc::SO_SNDBUF, &bytes))
    }

    /// Receives only what `program` lets pass. At most 4,096 instructions.
    pub(super) fn attach(&self, program: &[Instruction]) -> io::Result<()> {
        let mut code: Vec<libc::sock_filter> = program
            .iter()
            .map(|&Instruction { code, jt, jf, k }| libc::sock_filter { code, jt, jf, k })
            .collect();
        let program = libc::sock_fprog {
            len: u16::try_from(code.len()).map_err(io::Error::other)?,
            filter: code.as_mut_ptr(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// What the kernel counted since the last call: frames that passed, and those of them that
    /// found no room.
    pub(super) fn statistics(&self) -> io::Result<(u32, u32)> {
        let mut found = libc::tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut found)?;
        Ok((found.tp_packets, found.tp_drops))
    }

    /// Waits until there is something to receive. `false` when there is nothing after `timeout`,
    /// which is rounded up to milliseconds.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let ms = timeout.as_nanos().div_ceil(1_000_000);
        let ms = c_int::try_from(ms).unwrap_or(c_int::MAX);
        // SAFETY: one pollfd, which lives for the call.
        match check(unsafe { libc::poll(&raw mut poll, 1, ms) }) {
            Ok(0) => Ok(false),
            Ok(_) if poll.revents & (libc::POLLERR | libc::POLLHUP) != 0 => Err(self.take_error()),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Receives one frame into `buffer`, cut to its length. `None` when there is none.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: the kernel writes at most `buffer.len()` bytes into it.
        let got = unsafe {
            libc::recv(
                self.0.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
            )
        };
        match usize::try_from(got) {
            Ok(len) => Ok(Some(len)),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Sends the frames of `range` in one call, at most as many as `headers` holds. Returns how
    /// many of them the kernel took.
    pub(super) fn send_batch(
        &self,
        headers: &mut Headers,
        batch: &Batch,
        range: Range<usize>,
    ) -> io::Result<usize> {
        let count = range.len().min(headers.messages.len());
        for (index, vector) in range.zip(&mut headers.vectors) {
            let frame = batch.slot(index);
            vector.iov_base = frame.as_ptr().cast_mut().cast();
            vector.iov_len = frame.len();
        }
        // The pointers of `messages` are set anew, so that `Headers` may move between calls.
        for (message, vector) in headers.messages.iter_mut().zip(&mut headers.vectors) {
            message.msg_hdr.msg_iov = vector;
        }
        // SAFETY: the first `count` messages point to vectors, and these to frames, that live for
        // the call; the kernel only reads the frames.
        let sent = check(unsafe {
            libc::sendmmsg(
                self.0.as_raw_fd(),
                headers.messages.as_mut_ptr(),
                count as c_uint,
                0,
            )
        })?;
        Ok(sent as usize)
    }

    fn take_error(&self) -> io::Error {
        let mut error: c_int = 0;
        match self.get(libc::SOL_SOCKET, libc::SO_ERROR, &mut error) {
            Ok(()) => io::Error::from_raw_os_error(error),
            Err(failed) => failed,
        }
    }

    /// `T` must be what the option is read as: integers alone.
    fn get<T: Copy>(&self, level: c_int, name: c_int, value: &mut T) -> io::Result<()> {
        let mut len = size_of::<T>() as socklen_t;
        // SAFETY: the kernel writes at most `len` bytes of integers, and both live for the call.
        check(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                level,
                name,
                ptr::from_mut(value).cast(),
                &raw mut len,
            )
        })?;
        Ok(())
    }

    fn set<T>(&self, level: c_int, name: c_int, value: &T) -> io::Result<()> {
        let len = size_of::<T>() as socklen_t;
        // SAFETY: the kernel reads `len` bytes of `value`, and what it points to, during the call.
        check(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                name,
                ptr::from_ref(value).cast(),
                len,
            )
        })?;
        Ok(())
    }
}

/// Room for the headers of one `sendmmsg`, made once. Its pointers are set by
/// [`PacketSocket::send_batch`] and followed in that call only.
pub(super) struct Headers {
    vectors: Box<[libc::iovec]>,
    messages: Box<[libc::mmsghdr]>,
}

// SAFETY: the pointers inside mean nothing between calls.
unsafe impl Send for Headers {}

impl Headers {
    pub(super) fn new(count: usize) -> Self {
        // SAFETY: all-zero is a value of both structs: null pointers of length 0.
        let (vector, message) = unsafe { (zeroed::<libc::iovec>(), zeroed::<libc::mmsghdr>()) };
        let mut messages = vec![message; count].into_boxed_slice();
        for message in &mut messages {
            message.msg_hdr.msg_iovlen = 1;
        }
        Self {
            vectors: vec![vector; count].into(),
            messages,
        }
    }
}

/// The length of the descriptor at the start of a block, and where its status word is.
const DESCRIPTOR: usize = size_of::<libc::tpacket_block_desc>();
const STATUS: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

/// A TPACKET_V3 receive ring, mapped.
pub(super) struct Ring {
    base: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
    current: usize,
}

// SAFETY: the mapping is owned, and what the kernel shares in it is read by atomics or after them.
unsafe impl Send for Ring {}

impl Ring {
    /// Bytes in a block. A block is handed over when it is full or `RETIRE_MS` old.
    const BLOCK: usize = 1 << 18;
    const RETIRE_MS: u32 = 8;

    /// Gives `socket`, which is not yet bound, a ring of about `bytes`, at least one block.
    pub(super) fn new(socket: &PacketSocket, bytes: usize) -> io::Result<Self> {
        let blocks = (bytes / Self::BLOCK).max(1);
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let frame = 2048;
        let request = libc::tpacket_req3 {
            tp_block_size: Self::BLOCK as c_uint,
            tp_block_nr: c_uint::try_from(blocks).map_err(io::Error::other)?,
            tp_frame_size: frame,
            tp_frame_nr: c_uint::try_from(blocks * Self::BLOCK).map_err(io::Error::other)? / frame,
            tp_retire_blk_tov: Self::RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        // SAFETY: a new mapping of the ring that was just made, of its very length.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                blocks * Self::BLOCK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.0.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at null"))?;
        Ok(Self {
            base,
            block_bytes: Self::BLOCK,
            blocks,
            current: 0,
        })
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// The next block that the kernel has handed over, if it has.
    pub(super) fn next_block(&mut self) -> Option<Block<'_>> {
        let at = self.current * self.block_bytes;
        // SAFETY: `current < blocks`, so the block lies inside the mapping; blocks are aligned to
        // pages, and the status is shared with the kernel as a word that both treat as atomic.
        let (start, status) = unsafe {
            let start = self.base.add(at);
            let status = start.add(STATUS);
            (start, AtomicU32::from_ptr(status.cast().as_ptr()))
        };
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        self.current = (self.current + 1) % self.blocks;
        // SAFETY: the kernel leaves the block alone until the status is given back, which `Block`
        // does when it is dropped, and its frames borrow it. The status lies before the slice.
        let (header, bytes) = unsafe {
            let header = start.add(offset_of!(libc::tpacket_block_desc, hdr));
            let frames = start.add(DESCRIPTOR).as_ptr();
            (
                header.cast::<libc::tpacket_hdr_v1>().read(),
                std::slice::from_raw_parts(frames, self.block_bytes - DESCRIPTOR),
            )
        };
        Some(Block {
            count: header.num_pkts,
            first: header.offset_to_first_pkt,
            bytes,
            status,
        })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: our own mapping; no block of it is borrowed any more. It can only fail for an
        // address that is no mapping.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.blocks * self.block_bytes) };
    }
}

/// Frames that came together. Goes back to the kernel when it is dropped.
pub(super) struct Block<'a> {
    count: u32,
    /// Where the first frame is, from the start of the block.
    first: u32,
    /// What follows the descriptor of the block.
    bytes: &'a [u8],
    status: &'a AtomicU32,
}

/// A frame in a block.
pub(super) struct Frame<'a> {
    /// When it came, in nanoseconds since 1970 by the system's clock.
    pub(super) nanos: u64,
    pub(super) vlan: Option<u16>,
    pub(super) checksum_ready: bool,
    pub(super) bytes: &'a [u8],
}

impl Block<'_> {
    /// The frames, in the order in which they came. Ends early where an offset of the kernel's
    /// leads out of the block, which none does.
    pub(super) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut at = (self.first as usize).saturating_sub(DESCRIPTOR);
        (0..self.count).map_while(move |_| {
            let header = self.header(at)?;
            let start = at + usize::from(header.tp_mac);
            let bytes = self.bytes.get(start..start + header.tp_snaplen as usize)?;
            at += header.tp_next_offset as usize;
            let tagged = header.tp_status & libc::TP_STATUS_VLAN_VALID != 0;
            Some(Frame {
                nanos: u64::from(header.tp_sec) * 1_000_000_000 + u64::from(header.tp_nsec),
                vlan: tagged.then_some(header.hv1.tp_vlan_tci as u16),
                checksum_ready: header.tp_status & libc::TP_STATUS_CSUMNOTREADY == 0,
                bytes,
            })
        })
    }

    fn header(&self, at: usize) -> Option<libc::tpacket3_hdr> {
        let end = at.checked_add(size_of::<libc::tpacket3_hdr>())?;
        let bytes = self.bytes.get(at..end)?;
        // SAFETY: there are enough bytes, and the struct is made of integers alone.
        Some(unsafe { bytes.as_ptr().cast::<libc::tpacket3_hdr>().read_unaligned() })
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    match result {
        0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
