//! The program that takes answers in the driver.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use super::assembler::Register::{R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10};
use super::assembler::Size::{U8, U16, U32, U64};
use super::assembler::{Assembler, Do, If, Instruction, Label, Register};

// Helpers of the kernel, by number.
const KTIME_GET_NS: i32 = 5;
const ADJUST_TAIL: i32 = 65;
const RINGBUF_RESERVE: i32 = 131;
const RINGBUF_SUBMIT: i32 = 132;
const LOAD_BYTES: i32 = 189;
/// The receiver looks by itself; waking it for each answer would cost more than the answer.
const NO_WAKEUP: i32 = 1;

const DROP: i32 = 1;
const PASS: i32 = 2;
const TRANSMIT: i32 = 3;

/// A record in the ring: nanoseconds of the monotonic clock, the length, and the frame.
pub(super) const RECORD: usize = FRAME_AT + MAX_FRAME;
pub(super) const LEN_AT: usize = 8;
pub(super) const FRAME_AT: usize = 16;
/// Longer frames go the long way. No answer to a SYN is as long.
pub(super) const MAX_FRAME: usize = 128;

/// The headers without options: 14 of Ethernet, 20 of IPv4, 20 of TCP.
const HEADERS: i32 = 54;

/// Takes TCP to `address` and `ports` into the ring `map` and answers a SYN-ACK with an RST where
/// it came from. Everything else goes on to the kernel, and so does what finds no room.
///
/// Only plain IPv4 is taken: no options in its header, no fragments, no VLAN tag. The rest is rare,
/// and the packet socket has it.
pub(super) fn compile(
    map: i32,
    address: Ipv4Addr,
    ports: &RangeInclusive<u16>,
) -> Vec<Instruction> {
    let mut code = Assembler::default();
    let (pass, drop) = (code.label(), code.label());
    is_answer(&mut code, address, ports, pass);
    keep(&mut code, map, pass);
    // SYN and ACK, but neither FIN nor RST: what a kernel would reset.
    code.load(R1, U8, R7, 47);
    code.arithmetic(Do::And, R1, 0x17);
    code.jump_if(If::NotEqual, R1, 0x12, drop);
    turn_into_reset(&mut code);
    code.place(drop);
    code.exit(DROP);
    code.place(pass);
    code.exit(PASS);
    code.finish()
}

/// Leaves the context in R6, the frame in R7 and its length in R9.
fn is_answer(code: &mut Assembler, address: Ipv4Addr, ports: &RangeInclusive<u16>, no: Label) {
    code.arithmetic_with(Do::Move, R6, R1);
    code.load(R7, U32, R6, 0);
    code.load(R8, U32, R6, 4);
    code.arithmetic_with(Do::Move, R1, R7);
    code.arithmetic(Do::Add, R1, HEADERS);
    code.jump_if_greater(R1, R8, no);
    let is = |code: &mut Assembler, size, at, wanted| {
        code.load(R1, size, R7, at);
        code.jump_if(If::NotEqual, R1, wanted, no);
    };
    is(code, U16, 12, half([8, 0]));
    is(code, U8, 14, 0x45);
    is(code, U8, 23, 6);
    is(code, U32, 30, u32::from_ne_bytes(address.octets()));
    code.load(R1, U16, R7, 20);
    code.arithmetic(Do::And, R1, half([0x3f, 0xff]) as i32);
    code.jump_if(If::NotEqual, R1, 0, no);
    code.load(R1, U16, R7, 36);
    code.swap_16(R1);
    code.jump_if(If::Less, R1, (*ports.start()).into(), no);
    code.jump_if(If::Greater, R1, (*ports.end()).into(), no);
    code.arithmetic_with(Do::Move, R9, R8);
    code.arithmetic_with(Do::Subtract, R9, R7);
    // So that the kernel's proof sees that it is not negative.
    code.low_32(R9);
    code.jump_if(If::Greater, R9, MAX_FRAME as u32, no);
    code.jump_if(If::Less, R9, HEADERS as u32, no);
}

/// Puts the frame into the ring.
fn keep(code: &mut Assembler, map: i32, no_room: Label) {
    code.call(KTIME_GET_NS);
    code.store(U64, R10, -8, R0);
    code.load_map(R1, map);
    code.arithmetic(Do::Move, R2, RECORD as i32);
    code.arithmetic(Do::Move, R3, 0);
    code.call(RINGBUF_RESERVE);
    let there = code.label();
    code.jump_if_pointer(R0, there);
    code.jump(no_room);
    code.place(there);
    code.arithmetic_with(Do::Move, R8, R0);
    code.load(R1, U64, R10, -8);
    code.store(U64, R8, 0, R1);
    code.store(U64, R8, LEN_AT as i16, R9);
    code.arithmetic_with(Do::Move, R1, R6);
    code.arithmetic(Do::Move, R2, 0);
    code.arithmetic_with(Do::Move, R3, R8);
    code.arithmetic(Do::Add, R3, FRAME_AT as i32);
    code.arithmetic_with(Do::Move, R4, R9);
    code.call(LOAD_BYTES);
    code.arithmetic_with(Do::Move, R1, R8);
    code.arithmetic(Do::Move, R2, NO_WAKEUP);
    code.call(RINGBUF_SUBMIT);
}

/// Turns the SYN-ACK into the RST that answers it (RFC 9293, section 3.5.2) and sends it back.
fn turn_into_reset(code: &mut Assembler) {
    // Who sent it gets it back.
    code.load(R1, U32, R7, 0);
    code.load(R2, U16, R7, 4);
    code.load(R3, U32, R7, 6);
    code.load(R4, U16, R7, 10);
    code.store(U32, R7, 0, R3);
    code.store(U16, R7, 4, R4);
    code.store(U32, R7, 6, R1);
    code.store(U16, R7, 10, R2);
    // R5: the sum of the addresses, which both checksums are over.
    code.load(R1, U32, R7, 26);
    code.load(R5, U32, R7, 30);
    code.store(U32, R7, 26, R5);
    code.store(U32, R7, 30, R1);
    code.arithmetic_with(Do::Add, R5, R1);

    // The header of IPv4, 40 bytes in all.
    let (first, second, third) = ([0x45, 0, 0, 40], [0, 0, 0x40, 0], [64, 6]);
    code.store_constant(U32, R7, 14, u32::from_ne_bytes(first));
    code.store_constant(U32, R7, 18, u32::from_ne_bytes(second));
    code.store_constant(U16, R7, 22, half(third));
    code.arithmetic_with(Do::Move, R1, R5);
    let fixed = [[0x45, 0], [0, 40], [0x40, 0], third].map(half);
    code.arithmetic(Do::Add, R1, fixed.iter().sum::<u32>() as i32);
    fold(code, R1);
    code.store(U16, R7, 24, R1);

    // The header of TCP: the number that they expect next, and RST.
    code.load(R1, U16, R7, 34);
    code.load(R2, U16, R7, 36);
    code.load(R3, U32, R7, 42);
    code.store(U16, R7, 34, R2);
    code.store(U16, R7, 36, R1);
    code.store(U32, R7, 38, R3);
    code.store_constant(U32, R7, 42, 0);
    code.store_constant(U32, R7, 46, u32::from_ne_bytes([0x50, 0x04, 0, 0]));
    code.store_constant(U16, R7, 52, 0);
    for part in [R1, R2, R3] {
        code.arithmetic_with(Do::Add, R5, part);
    }
    // The protocol and the length of the pseudo-header, and the word with the flags.
    let fixed = [[0, 6], [0, 20], [0x50, 0x04]].map(half);
    code.arithmetic(Do::Add, R5, fixed.iter().sum::<u32>() as i32);
    fold(code, R5);
    code.store(U16, R7, 50, R5);

    // Options and padding are cut off.
    let send = code.label();
    code.jump_if(If::Equal, R9, HEADERS as u32, send);
    code.arithmetic_with(Do::Move, R1, R6);
    code.arithmetic(Do::Move, R2, HEADERS);
    code.arithmetic_with(Do::Subtract, R2, R9);
    code.call(ADJUST_TAIL);
    code.place(send);
    code.exit(TRANSMIT);
}

/// Folds a sum of words of any width into an Internet checksum (RFC 1071). Destroys R4.
fn fold(code: &mut Assembler, sum: Register) {
    let mut once = |bits: i32| {
        code.arithmetic_with(Do::Move, R4, sum);
        code.arithmetic(Do::ShiftRight, R4, bits);
        match bits {
            32 => code.low_32(sum),
            _ => code.arithmetic(Do::And, sum, 0xffff),
        }
        code.arithmetic_with(Do::Add, sum, R4);
    };
    // Each leaves at most one more bit than its width; the last leaves none.
    for bits in [32, 16, 16, 16] {
        once(bits);
    }
    code.arithmetic(Do::Xor, sum, 0xffff);
}

/// Two bytes as they are loaded from a frame.
fn half(bytes: [u8; 2]) -> u32 {
    u16::from_ne_bytes(bytes).into()
}
