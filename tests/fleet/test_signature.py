"""Stacks without what differs between builds, by memory and by the log."""

from __future__ import annotations

from pycrash.fleet.signature import DEEPEST, after_machinery, calls_in_log, normalised

#: As kernels write it, of 6.12 and 4.19, x86-64 and arm64.
FAULT = """\
BUG: kernel NULL pointer dereference, address: 0000000000000010
#PF: supervisor write access in kernel mode
RIP: 0010:poke.constprop.0+0x5/0x10 [badmod]
Code: 00 00
Call Trace:
 <TASK>
 ? __die_body+0x1b/0x60
 step+0x10/0x20 [badmod]
 [<ffffffff81000000>] walk.isra.3+0x1/0x2 (O)
 __x64_sys_ioctl+0x92/0xd0
 do_syscall_64+0x82/0x170
 entry_SYSCALL_64_after_hwframe+0x76/0x7e
RIP: 0033:0x47fbe9
 </TASK>
---[ end trace 0000000000000000 ]---
RIP: 0010:later+0x5/0x10
"""
PANIC = """\
Kernel panic - not syncing: Out of memory
Call trace:
 dump_backtrace+0x0/0x1a0
 dump_stack+0xd0/0x12c
 panic+0x170/0x360
 run_out+0x58/0x80
 el0_svc+0x20/0x80
Kernel Offset: disabled
 later+0x1/0x2
"""
#: What an exception interrupted is below it, and what handled it above.
SCHEDULED = """\
Call Trace:
 panic+0x1/0x2
 watchdog_timer_fn+0x1/0x2
RIP: 0010:spin_long+0x5/0x10
 loop_on+0x1/0x2
Call Trace:
 other+0x1/0x2
"""


def calls(text: str) -> list[tuple[str, str]]:
    return calls_in_log(text.splitlines())


def test_a_fault_in_the_log() -> None:
    assert calls(FAULT)[:3] == [
        ("poke.constprop.0", "badmod"),
        ("step", "badmod"),
        ("walk.isra.3", ""),
    ]
    assert normalised(calls(FAULT)) == ("poke", "step", "walk", "sys_ioctl")


def test_a_panic_in_the_log() -> None:
    assert normalised(after_machinery(calls(PANIC))) == ("run_out",)


def test_an_exception_on_the_stack_in_the_log() -> None:
    assert [name for name, _ in calls(SCHEDULED)] == ["spin_long", "loop_on"]


def test_no_report_no_calls() -> None:
    assert calls("all is well\n spurious+0x1/0x2\n") == []


def test_names_of_system_calls_and_of_beginnings_of_modules() -> None:
    for name in ("__x64_sys_read", "__se_sys_read", "__do_sys_read", "ksys_read", "SyS_read"):
        assert normalised([(name, "")]) == ("sys_read",)
    assert normalised([("__arm64_sys_read", ""), ("ksys_read", "")]) == ("sys_read",)
    for name in ("_MODULE_INIT_START_m", "_MODULE_INIT_TEXT_START_m"):
        assert normalised([(name, "m")]) == ("init of m",)


def test_entries_are_left_out_but_not_those_of_modules() -> None:
    assert normalised([("kthread", ""), ("ret_from_fork_asm", "")]) == ()
    assert normalised([("entry_point", "m")]) == ("entry_point",)


def test_a_stack_has_an_end() -> None:
    assert len(normalised((f"f{n}", "") for n in range(1000))) == DEEPEST


def test_machinery_ends_at_the_first_call_to_blame() -> None:
    deep = [("panic", ""), ("mutex_lock", ""), ("ours", ""), ("kfree", "")]
    assert after_machinery(deep) == [("ours", ""), ("kfree", "")]
    # A module's function may bear such a name.
    assert after_machinery([("panic", ""), ("kfree_it", "m")]) == [("kfree_it", "m")]
    assert after_machinery([("panic", "")]) == [("panic", "")]
