"""x86 instructions: text by text what objdump of binutils and gdb 16 print for the bytes."""

from __future__ import annotations

import pytest

from pycrash.kernel.text.disasm.x86 import X86

ADDRESS = 0xFFFFFFFF81000000
#: Bytes, and the text; recorded from binutils.
TEXTS = [
    ("0f1efa", "nop    %edx"),
    ("0f1ac1", "nop    %ecx"),
    ("660f18c2", "nop    %dx"),
    ("55", "push   %rbp"),
    ("488d3df2ffffff", "lea    -0xe(%rip),%rdi        # 0xfffffffffffffff9"),
    ("b9010100c0", "mov    $0xc0000101,%ecx"),
    ("48c7c200000081", "mov    $0xffffffff81000000,%rdx"),
    ("48b80011223344556677", "movabs $0x7766554433221100,%rax"),
    ("4883e4f0", "and    $0xfffffffffffffff0,%rsp"),
    ("83e0f0", "and    $0xfffffff0,%eax"),
    ("6a80", "push   $0xffffffffffffff80"),
    ("0f1f440000", "nopl   0x0(%rax,%rax,1)"),
    ("662e0f1f840000000000", "cs nopw 0x0(%rax,%rax,1)"),
    ("66662e0f1f840000000000", "data16 cs nopw 0x0(%rax,%rax,1)"),
    ("6690", "xchg   %ax,%ax"),
    ("90", "nop"),
    ("f390", "pause"),
    ("8b442000", "mov    0x0(%rax,%riz,1),%eax"),
    ("48890c24", "mov    %rcx,(%rsp)"),
    ("65488b1c2580fb0100", "mov    %gs:0x1fb80,%rbx"),
    ("8b04c500000080", "mov    -0x80000000(,%rax,8),%eax"),
    ("f6401910", "testb  $0x10,0x19(%rax)"),
    ("48d1e8", "shr    $1,%rax"),
    ("48c1ea20", "shr    $0x20,%rdx"),
    ("d3e0", "shl    %cl,%eax"),
    ("48d367d0", "shlq   %cl,-0x30(%rdi)"),
    ("0fb6c0", "movzbl %al,%eax"),
    ("4863d0", "movslq %eax,%rdx"),
    ("4898", "cltq"),
    ("4899", "cqto"),
    ("f348ab", "rep stos %rax,%es:(%rdi)"),
    ("f3a4", "rep movsb %ds:(%rsi),%es:(%rdi)"),
    ("f048ff00", "lock incq (%rax)"),
    ("f0480fb10a", "lock cmpxchg %rcx,(%rdx)"),
    ("3effe0", "notrack jmp *%rax"),
    ("ff5018", "call   *0x18(%rax)"),
    ("f3c3", "repz ret"),
    ("f30f1efa", "endbr64"),
    ("0f0b", "ud2"),
    ("0fb9cc", "ud1    %esp,%ecx"),
    ("48cb", "lretq"),
    ("0f00d8", "ltr    %eax"),
    ("0f00d6", "lldt   %esi"),
    ("0f002d00000000", "verw   0x0(%rip)        # 0x7"),
    ("c80102ff", "enter  $0x201,$0xff"),
    ("2e7402", "je,pn  0x5"),
    ("def6", "fdivp  %st,%st(6)"),
    ("49", "rex.WB"),
    ("d7", "xlat   %ds:(%rbx)"),
    ("48cf", "iretq"),
    ("480f07", "sysretq"),
    ("0f01f8", "swapgs"),
    ("f30f01d9", "vmgexit"),
    ("f20f01ff", "pvalidate"),
    ("0f01c8", "monitor %rax,%ecx,%edx"),
    ("ec", "in     (%dx),%al"),
    ("e680", "out    %al,$0x80"),
    ("0f22d8", "mov    %rax,%cr3"),
    ("0f23f8", "mov    %rax,%db7"),
    ("c5fe6f06", "vmovdqu (%rsi),%ymm0"),
    ("62f17c48100424", "vmovups (%rsp),%zmm0"),
    ("d9ee", "fldz"),
    ("dd442408", "fldl   0x8(%rsp)"),
    ("db4508", "fildl  0x8(%rbp)"),
    ("06", "(bad)"),
    ("6606", "data16 (bad)"),
]


@pytest.mark.parametrize(("data", "text"), TEXTS)
def test_text(data: str, text: str) -> None:
    found = X86().decode(bytes.fromhex(data), 0)
    assert (found.text, found.data.hex()) == (text, data)


def test_a_branch_has_its_target() -> None:
    found = X86().decode(bytes.fromhex("e8fbffffff"), ADDRESS)
    assert found.text == "call   0xffffffff81000000"
    assert (found.target, found.end) == (ADDRESS, ADDRESS + 5)


def test_what_follows_is_left_alone() -> None:
    assert X86().decode(b"\x55\x53\x90", ADDRESS).data == b"\x55"
