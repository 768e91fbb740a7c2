//! The filter as a program of classic BPF.

use crate::link::Filter;

/// One instruction: the `sock_filter` of the kernel's socket filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) jt: u8,
    pub(super) jf: u8,
    pub(super) k: u32,
}

// The opcodes that are used here; names and values as in the kernel's `filter.rst`.
pub(super) const LD_W_ABS: u16 = 0x20;
pub(super) const LD_H_ABS: u16 = 0x28;
pub(super) const LD_B_ABS: u16 = 0x30;
pub(super) const LD_H_IND: u16 = 0x48;
pub(super) const LD_B_IND: u16 = 0x50;
pub(super) const LDX_MSH: u16 = 0xb1;
pub(super) const JEQ: u16 = 0x15;
pub(super) const JGT: u16 = 0x25;
pub(super) const JGE: u16 = 0x35;
pub(super) const JSET: u16 = 0x45;
pub(super) const RET: u16 = 0x06;

/// What the program returns for a frame that passes: how much of it to keep.
const KEEP: u32 = 0xffff;

/// The program that admits what [`Filter::admits`] admits. A load past the end of a frame refuses
/// it, as there.
pub(super) fn compile(filter: &Filter) -> Vec<Instruction> {
    let mut code = Program::default();
    let (first, last) = (*filter.ports.start(), *filter.ports.end());
    code.load(LD_H_ABS, 12);
    code.when(JEQ, 0x8100, |code| code.ret(KEEP));
    if let Some(address) = filter.v4 {
        code.when(JEQ, 0x0800, |code| {
            code.load(LD_W_ABS, 30);
            code.unless(JEQ, address.to_bits());
            code.load(LD_H_ABS, 20);
            code.refuse_if(JSET, 0x1fff);
            code.load(LD_B_ABS, 23);
            // The length of the header, from here on in X.
            code.load(LDX_MSH, 14);
            code.when(JEQ, 6, |code| {
                code.load(LD_H_IND, 16);
                code.between(first, last);
            });
            code.unless(JEQ, 1);
            code.load(LD_B_IND, 14);
            code.any_of(&[3, 11, 12]);
        });
    }
    if let Some(address) = filter.v6 {
        code.when(JEQ, 0x86dd, |code| {
            for (word, at) in address.octets().chunks_exact(4).zip((38..).step_by(4)) {
                code.load(LD_W_ABS, at);
                let word = word.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
                code.unless(JEQ, word);
            }
            code.load(LD_B_ABS, 20);
            code.when(JEQ, 6, |code| {
                code.load(LD_H_ABS, 56);
                code.between(first, last);
            });
            code.unless(JEQ, 58);
            code.load(LD_B_ABS, 54);
            code.any_of(&[1, 2, 3, 4]);
        });
    }
    code.ret(0);
    code.0
}

#[derive(Default)]
struct Program(Vec<Instruction>);

impl Program {
    fn load(&mut self, code: u16, k: u32) {
        self.push(code, 0, 0, k);
    }

    fn ret(&mut self, k: u32) {
        self.push(RET, 0, 0, k);
    }

    /// Runs `body`, which returns in the end, if the comparison holds.
    fn when(&mut self, code: u16, k: u32, body: impl FnOnce(&mut Self)) {
        let jump = self.0.len();
        self.push(code, 0, 0, k);
        body(self);
        // Every body above is shorter than 256 instructions; a longer one would refuse frames.
        let skip = u8::try_from(self.0.len() - jump - 1).unwrap_or(u8::MAX);
        if let Some(jump) = self.0.get_mut(jump) {
            jump.jf = skip;
        }
    }

    /// Refuses the frame if the comparison does not hold.
    fn unless(&mut self, code: u16, k: u32) {
        self.push(code, 1, 0, k);
        self.ret(0);
    }

    /// Refuses the frame if the comparison holds.
    fn refuse_if(&mut self, code: u16, k: u32) {
        self.push(code, 0, 1, k);
        self.ret(0);
    }

    /// Admits `first..=last`, refuses all else.
    fn between(&mut self, first: u16, last: u16) {
        self.unless(JGE, first.into());
        self.refuse_if(JGT, last.into());
        self.ret(KEEP);
    }

    /// Admits one of `values`, refuses all else.
    fn any_of(&mut self, values: &[u32]) {
        for &value in values {
            self.when(JEQ, value, |code| code.ret(KEEP));
        }
        self.ret(0);
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        self.0.push(Instruction { code, jt, jf, k });
    }
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
