//! Writes classic BPF: one method for each instruction used, and labels for
//! what lies ahead. Knows nothing of what is written with it.

use libc::{
    BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JA, BPF_JEQ,
    BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_LEN, BPF_MEM, BPF_MISC, BPF_MOD, BPF_MUL, BPF_OR,
    BPF_RET, BPF_RSH, BPF_ST, BPF_STX, BPF_TAX, BPF_TXA, BPF_W, BPF_X, BPF_XOR,
};

use crate::sys::bpf::Filter;

/// A place in the code that is known later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label(usize);

/// How many bytes a load takes, the most significant first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    /// One.
    Byte,
    /// Two.
    Half,
    /// Four.
    Word,
}

impl Width {
    fn code(self) -> u32 {
        match self {
            Width::Byte => BPF_B,
            Width::Half => BPF_H,
            Width::Word => BPF_W,
        }
    }
}

/// Which part of a jump leads to a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Always,
    IfTrue,
    IfFalse,
}

/// Code under way. A and X are the machine's two registers.
#[derive(Default)]
pub(super) struct Assembler {
    code: Vec<Filter>,
    places: Vec<Option<usize>>,
    jumps: Vec<(usize, Way, Label)>,
}

impl Assembler {
    /// A label, to be placed once.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// What is written next is what `label` means.
    pub(super) fn place(&mut self, label: Label) {
        self.places[label.0] = Some(self.code.len());
    }

    /// The code with all labels resolved. A label that was never placed, lies
    /// behind its jump, or too far ahead of a condition, is a mistake of
    /// whoever wrote the code.
    pub(super) fn finish(mut self) -> Vec<Filter> {
        for (at, way, label) in self.jumps {
            let place = self.places[label.0].expect("every label is placed");
            let distance = place.checked_sub(at + 1).expect("jumps lead forward");
            let near = || u8::try_from(distance).expect("conditions lead no further than 255");
            match way {
                Way::Always => self.code[at].k = distance as u32,
                Way::IfTrue => self.code[at].jt = near(),
                Way::IfFalse => self.code[at].jf = near(),
            }
        }
        self.code
    }

    fn write(&mut self, code: u32, k: u32) {
        self.code.push(Filter {
            code: code as u16,
            jt: 0,
            jf: 0,
            k,
        });
    }

    fn write_jump(&mut self, code: u32, k: u32, way: Way, to: Label) {
        self.jumps.push((self.code.len(), way, to));
        self.write(BPF_JMP | code, k);
    }

    /// A = the datagram's length.
    pub(super) fn load_len(&mut self) {
        self.write(BPF_LD | BPF_W | BPF_LEN, 0);
    }

    /// A = what stands at `at`; beyond the end the filter answers 0.
    pub(super) fn load(&mut self, width: Width, at: u32) {
        self.write(BPF_LD | width.code() | BPF_ABS, at);
    }

    /// A = what stands at X + `at`; beyond the end the filter answers 0.
    pub(super) fn load_from_x(&mut self, width: Width, at: u32) {
        self.write(BPF_LD | width.code() | BPF_IND, at);
    }

    /// A = `number`
    pub(super) fn set(&mut self, number: u32) {
        self.write(BPF_LD | BPF_IMM, number);
    }

    /// X = `number`
    pub(super) fn set_x(&mut self, number: u32) {
        self.write(BPF_LDX | BPF_IMM, number);
    }

    /// A = memory
    pub(super) fn recall(&mut self, place: u32) {
        self.write(BPF_LD | BPF_MEM, place);
    }

    /// X = memory
    pub(super) fn recall_x(&mut self, place: u32) {
        self.write(BPF_LDX | BPF_MEM, place);
    }

    /// memory = A
    pub(super) fn store(&mut self, place: u32) {
        self.write(BPF_ST, place);
    }

    /// memory = X
    pub(super) fn store_x(&mut self, place: u32) {
        self.write(BPF_STX, place);
    }

    /// X = A
    pub(super) fn copy_to_x(&mut self) {
        self.write(BPF_MISC | BPF_TAX, 0);
    }

    /// X += 1, by way of A
    pub(super) fn step_x(&mut self) {
        self.write(BPF_MISC | BPF_TXA, 0);
        self.write(BPF_ALU | BPF_ADD | BPF_K, 1);
        self.copy_to_x();
    }

    /// A += X
    pub(super) fn add_x(&mut self) {
        self.write(BPF_ALU | BPF_ADD | BPF_X, 0);
    }

    /// A ^= X
    pub(super) fn xor_x(&mut self) {
        self.write(BPF_ALU | BPF_XOR | BPF_X, 0);
    }

    /// A |= `number`
    pub(super) fn or(&mut self, number: u32) {
        self.write(BPF_ALU | BPF_OR | BPF_K, number);
    }

    /// A &= `number`
    pub(super) fn and(&mut self, number: u32) {
        self.write(BPF_ALU | BPF_AND | BPF_K, number);
    }

    /// A >>= `bits`
    pub(super) fn shift_right(&mut self, bits: u32) {
        self.write(BPF_ALU | BPF_RSH | BPF_K, bits);
    }

    /// A *= `number`
    pub(super) fn multiply(&mut self, number: u32) {
        self.write(BPF_ALU | BPF_MUL | BPF_K, number);
    }

    /// A %= `number`, which is not 0
    pub(super) fn modulo(&mut self, number: u32) {
        self.write(BPF_ALU | BPF_MOD | BPF_K, number);
    }

    /// Goes to a label, however far.
    pub(super) fn jump(&mut self, to: Label) {
        self.write_jump(BPF_JA, 0, Way::Always, to);
    }

    /// Goes to a near label if A is these bytes.
    pub(super) fn jump_if(&mut self, bytes: &[u8], to: Label) {
        self.write_jump(BPF_JEQ, number(bytes), Way::IfTrue, to);
    }

    /// Goes to a near label if A is not these bytes.
    pub(super) fn jump_unless(&mut self, bytes: &[u8], to: Label) {
        self.jump_unless_number(number(bytes), to);
    }

    /// Goes to a near label if A is another number.
    pub(super) fn jump_unless_number(&mut self, number: u32, to: Label) {
        self.write_jump(BPF_JEQ, number, Way::IfFalse, to);
    }

    /// Goes on if A is these bytes, else to a label, however far.
    pub(super) fn go_on_if(&mut self, bytes: &[u8], otherwise: Label) {
        let next = self.label();
        self.jump_if(bytes, next);
        self.jump(otherwise);
        self.place(next);
    }

    /// Goes on if A is `least` or more, else to a label, however far.
    pub(super) fn go_on_from(&mut self, least: u32, otherwise: Label) {
        let next = self.label();
        self.write_jump(BPF_JGE, least, Way::IfTrue, next);
        self.jump(otherwise);
        self.place(next);
    }

    /// Ends with `number`.
    pub(super) fn answer(&mut self, number: u32) {
        self.write(BPF_RET | BPF_K, number);
    }

    /// Ends with A.
    pub(super) fn answer_a(&mut self) {
        self.write(BPF_RET | BPF_A, 0);
    }
}

/// Bytes as a load takes them.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_distances() {
        let mut asm = Assembler::default();
        let (near, far) = (asm.label(), asm.label());
        asm.jump_if(b"\x01\x02", near);
        asm.jump_unless(b"a", near);
        asm.jump(far);
        asm.place(near);
        asm.answer(1);
        asm.place(far);
        asm.answer_a();
        let code = asm.finish();
        let distances: Vec<_> = code.iter().map(|i| (i.jt, i.jf, i.k)).collect();
        assert_eq!(
            distances,
            [
                (2, 0, 0x0102),
                (0, 1, 0x61),
                (0, 0, 1),
                (0, 0, 1),
                (0, 0, 0)
            ]
        );
    }

    #[test]
    #[should_panic(expected = "no further than 255")]
    fn a_condition_that_leads_too_far_is_a_mistake() {
        let mut asm = Assembler::default();
        let label = asm.label();
        asm.jump_if(b"a", label);
        for _ in 0..256 {
            asm.answer_a();
        }
        asm.place(label);
        asm.finish();
    }
}
