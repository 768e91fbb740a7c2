//! Programs for the kernel's virtual machine, instruction by instruction (RFC 9669).

/// One instruction: opcode, registers (destination low, source high), offset, constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    constant: i32,
}

/// A register. `R0` is what functions return, `R1`–`R5` their arguments, which they destroy.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    /// The top of the stack; cannot be written.
    R10,
}

/// The size of a load or a store: its bits in the opcode.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Size {
    U32 = 0x00,
    U16 = 0x08,
    U8 = 0x10,
    U64 = 0x18,
}

/// A comparison of unsigned numbers: its bits in the opcode.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum If {
    Equal = 0x10,
    Greater = 0x20,
    NotEqual = 0x50,
    Less = 0xa0,
}

/// Arithmetic: its bits in the opcode.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Do {
    Add = 0x00,
    Subtract = 0x10,
    And = 0x50,
    ShiftRight = 0x70,
    Xor = 0xa0,
    Move = 0xb0,
}

/// A place to jump to, which may come later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

const LOAD: u8 = 0x61;
const STORE: u8 = 0x63;
const STORE_CONSTANT: u8 = 0x62;
const LOAD_WIDE: u8 = 0x18;
const MAP_DESCRIPTOR: u8 = 1;
const ARITHMETIC: u8 = 0x07;
const ARITHMETIC_32: u8 = 0x04;
const JUMP: u8 = 0x05;
const JUMP_32: u8 = 0x06;
const FROM_REGISTER: u8 = 0x08;
const TO_BIG_ENDIAN: u8 = 0xdc;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// Writes a program.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<Instruction>,
    labels: Vec<Option<usize>>,
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Jumps to `label` lead here.
    pub(super) fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.code.len());
        }
    }

    pub(super) fn load(&mut self, to: Register, size: Size, from: Register, offset: i16) {
        self.push(LOAD | size as u8, to, from, offset, 0);
    }

    pub(super) fn store(&mut self, size: Size, to: Register, offset: i16, from: Register) {
        self.push(STORE | size as u8, to, from, offset, 0);
    }

    pub(super) fn store_constant(&mut self, size: Size, to: Register, offset: i16, value: u32) {
        self.push(
            STORE_CONSTANT | size as u8,
            to,
            Register::R0,
            offset,
            value as i32,
        );
    }

    /// With a constant, which is widened with its sign.
    pub(super) fn arithmetic(&mut self, what: Do, on: Register, value: i32) {
        self.push(ARITHMETIC | what as u8, on, Register::R0, 0, value);
    }

    pub(super) fn arithmetic_with(&mut self, what: Do, on: Register, with: Register) {
        self.push(ARITHMETIC | FROM_REGISTER | what as u8, on, with, 0, 0);
    }

    /// Clears the high 32 bits.
    pub(super) fn low_32(&mut self, register: Register) {
        let code = ARITHMETIC_32 | FROM_REGISTER | Do::Move as u8;
        self.push(code, register, register, 0, 0);
    }

    /// From the order of the network to ours, or back: the last 16 bits, the rest zero.
    pub(super) fn swap_16(&mut self, register: Register) {
        self.push(TO_BIG_ENDIAN, register, Register::R0, 0, 16);
    }

    /// Compares the low 32 bits.
    pub(super) fn jump_if(&mut self, what: If, left: Register, right: u32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(JUMP_32 | what as u8, left, Register::R0, 0, right as i32);
    }

    pub(super) fn jump_if_greater(&mut self, left: Register, right: Register, to: Label) {
        self.jumps.push((self.code.len(), to));
        let code = JUMP | FROM_REGISTER | If::Greater as u8;
        self.push(code, left, right, 0, 0);
    }

    /// Jumps if the pointer is one: how the kernel's proof learns that it is not null.
    pub(super) fn jump_if_pointer(&mut self, pointer: Register, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(JUMP | If::NotEqual as u8, pointer, Register::R0, 0, 0);
    }

    pub(super) fn jump(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(JUMP, Register::R0, Register::R0, 0, 0);
    }

    /// The map with this descriptor.
    pub(super) fn load_map(&mut self, to: Register, descriptor: i32) {
        let registers = to as u8 | MAP_DESCRIPTOR << 4;
        self.code.push(Instruction {
            code: LOAD_WIDE,
            registers,
            offset: 0,
            constant: descriptor,
        });
        self.code.push(Instruction::default());
    }

    /// Calls a helper of the kernel, by its number.
    pub(super) fn call(&mut self, helper: i32) {
        self.push(CALL, Register::R0, Register::R0, 0, helper);
    }

    pub(super) fn exit(&mut self, value: i32) {
        self.arithmetic(Do::Move, Register::R0, value);
        self.push(EXIT, Register::R0, Register::R0, 0, 0);
    }

    /// The program. A jump to a label that was never placed leads nowhere, and the kernel refuses
    /// the program.
    pub(super) fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in self.jumps {
            let place = self.labels.get(label.0).copied().flatten();
            let distance = place.and_then(|place| i16::try_from(place as i64 - at as i64 - 1).ok());
            if let Some(jump) = self.code.get_mut(at) {
                jump.offset = distance.unwrap_or(i16::MIN);
            }
        }
        self.code
    }

    fn push(&mut self, code: u8, to: Register, from: Register, offset: i16, constant: i32) {
        self.code.push(Instruction {
            code,
            registers: to as u8 | (from as u8) << 4,
            offset,
            constant,
        });
    }
}
