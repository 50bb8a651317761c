"""The table of rules, one class of crash (or two stages of one) a file.

Of two that match the same line, the earlier one counts.
"""

from __future__ import annotations

from pycrash.triage.rule import Rule
from pycrash.triage.rules.atomic import ATOMIC
from pycrash.triage.rules.bad_pointer import BAD_POINTER
from pycrash.triage.rules.bug import BUG
from pycrash.triage.rules.deadlock import DEADLOCK
from pycrash.triage.rules.divide_error import DIVIDE_ERROR
from pycrash.triage.rules.double_fault import DOUBLE_FAULT
from pycrash.triage.rules.file_system import FILE_SYSTEM
from pycrash.triage.rules.freed_memory import FREED_MEMORY
from pycrash.triage.rules.hard_lockup import HARD_LOCKUP, HARD_LOCKUP_SEEN
from pycrash.triage.rules.hung_task import HUNG_TASK, HUNG_TASK_SEEN
from pycrash.triage.rules.in_interrupt import IN_INTERRUPT
from pycrash.triage.rules.init_killed import INIT_KILLED
from pycrash.triage.rules.invalid_opcode import INVALID_OPCODE
from pycrash.triage.rules.limits import OOPS_LIMIT
from pycrash.triage.rules.list_corruption import LIST_CORRUPTION
from pycrash.triage.rules.lock_debug import LOCK_DEBUG
from pycrash.triage.rules.machine_check import MACHINE_CHECK, MACHINE_CHECK_SEEN
from pycrash.triage.rules.memory_error import MEMORY_ERROR
from pycrash.triage.rules.nmi import NMI
from pycrash.triage.rules.null_pointer import NULL_POINTER
from pycrash.triage.rules.out_of_memory import OUT_OF_MEMORY, OUT_OF_MEMORY_SEEN
from pycrash.triage.rules.page_state import PAGE_STATE
from pycrash.triage.rules.panic import PANIC
from pycrash.triage.rules.panic_on_taint import PANIC_ON_TAINT
from pycrash.triage.rules.panic_on_warn import PANIC_ON_WARN
from pycrash.triage.rules.protection_fault import PROTECTION_FAULT
from pycrash.triage.rules.rcu_stall import RCU_STALL, RCU_STALL_SEEN
from pycrash.triage.rules.root_file_system import ROOT_FILE_SYSTEM
from pycrash.triage.rules.slab_corruption import SLAB_BUG, SLAB_CORRUPTION
from pycrash.triage.rules.soft_lockup import SOFT_LOCKUP, SOFT_LOCKUP_SEEN
from pycrash.triage.rules.stack_overflow import STACK_OVERFLOW
from pycrash.triage.rules.stack_smash import STACK_SMASH
from pycrash.triage.rules.sysrq import SYSRQ
from pycrash.triage.rules.trap import TRAP
from pycrash.triage.rules.usercopy import USERCOPY
from pycrash.triage.rules.warning import WARNING
from pycrash.triage.rules.workqueue_lockup import WORKQUEUE_LOCKUP

RULES: tuple[Rule, ...] = (
    SYSRQ,
    MEMORY_ERROR,
    SLAB_BUG,
    SLAB_CORRUPTION,
    LIST_CORRUPTION,
    USERCOPY,
    FREED_MEMORY,
    STACK_OVERFLOW,
    STACK_SMASH,
    NULL_POINTER,
    BAD_POINTER,
    PROTECTION_FAULT,
    BUG,
    INVALID_OPCODE,
    DIVIDE_ERROR,
    DOUBLE_FAULT,
    TRAP,
    INIT_KILLED,
    OUT_OF_MEMORY,
    OUT_OF_MEMORY_SEEN,
    DEADLOCK,
    HUNG_TASK,
    HUNG_TASK_SEEN,
    SOFT_LOCKUP,
    SOFT_LOCKUP_SEEN,
    HARD_LOCKUP,
    HARD_LOCKUP_SEEN,
    RCU_STALL,
    RCU_STALL_SEEN,
    WORKQUEUE_LOCKUP,
    MACHINE_CHECK,
    MACHINE_CHECK_SEEN,
    NMI,
    ROOT_FILE_SYSTEM,
    FILE_SYSTEM,
    OOPS_LIMIT,
    PANIC_ON_TAINT,
    PANIC_ON_WARN,
    IN_INTERRUPT,
    PANIC,
    LOCK_DEBUG,
    ATOMIC,
    PAGE_STATE,
    WARNING,
)
