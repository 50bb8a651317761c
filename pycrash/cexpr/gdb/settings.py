"""gdb's set and show, as far as they change or tell how values are printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.printing import Value
from pycrash.cexpr.syntax.ast import Assign, Dollar
from pycrash.cexpr.syntax.errors import ExprError

#: print's switches: what `show` says of each. crash turns pretty and repeats back at each line.
SWITCHES = {
    "pretty": "Pretty formatting of structures is {}.",
    "symbol": "Printing of symbol names when printing pointers is {}.",
    "address": "Printing of addresses is {}.",
    "array": "Pretty formatting of arrays is {}.",
    "array-indexes": "Printing of array indexes is {}.",
    "union": "Printing of unions interior to structures is {}.",
    "null-stop": "Printing of char arrays to stop at first null char is {}.",
}
_DEFAULT_ON = ("pretty", "symbol", "address", "union")
_FIXED = {
    "height": "Number of lines gdb thinks are in a page is unlimited.",
    "width": "Number of characters gdb thinks are in a line is unlimited.",
    "language": 'The current source language is "auto; currently c".',
    "confirm": "Whether to confirm potentially dangerous operations is off.",
    "pagination": "State of pagination is on.",
    "print repeats": "Threshold for repeated print elements is 2147483647.",
}


def set_command(session: Session, arguments: str) -> Iterator[str]:
    """What `set ...` does and prints. Raises ExprError for what cannot be set on a dump."""
    word, _, rest = arguments.partition(" ")
    rest = rest.strip()
    if not arguments:
        raise ExprError("Argument required (expression to compute).")
    if word in ("var", "variable", "vari"):
        _assign(session, rest)
    elif word in ("print", "p", "pr"):
        _set_print(session, rest)
    elif word in ("output-radix", "input-radix", "radix"):
        yield from _set_radix(session, word, rest)
    elif word in ("height", "width", "confirm", "pagination", "language", "listsize", "verbose"):
        return
    else:
        _assign(session, arguments)


def define_command(session: Session, arguments: str) -> Iterator[str]:
    """What `init-if-undefined $name = value` does: it prints nothing. Raises ExprError."""
    evaluator = Evaluator(session)
    node = evaluator.parse(arguments or "$")
    if not isinstance(node, Assign) or node.op or not isinstance(node.target, Dollar):
        raise ExprError("Init-if-undefined requires an assignment expression.")
    if node.target.name not in evaluator.state.variables:
        evaluator.value(node)
    return iter(())


def _assign(session: Session, text: str) -> None:
    """Set a convenience variable; memory of a dump cannot be written."""
    if not text:
        raise ExprError("Argument required (expression to compute).")
    if re.match(r"[\w-]+\s+[^=]*\Z", text) and not text.startswith("$"):
        raise ExprError("Ambiguous or unknown set command.")
    evaluator = Evaluator(session)
    evaluator.value(evaluator.parse(text))


def _set_print(session: Session, text: str) -> None:
    name, _, value = text.partition(" ")
    value = value.strip()
    if name == "elements":
        session.settings.print_max = 0 if value in ("0", "unlimited") else _number(session, value)
        return
    found = [k for k in SWITCHES if k == name] or [k for k in SWITCHES if k.startswith(name)]
    if name == "repeats":
        return
    if len(found) != 1 or not name:
        raise ExprError(f'Undefined set print command: "{text}".  Try "help set print".')
    if value not in ("", "on", "off", "1", "0", "yes", "no", "enable", "disable"):
        raise ExprError('"on" or "off" expected.')
    on = value in ("", "on", "1", "yes", "enable")
    if found[0] == "array":
        session.settings.print_array = on
    elif found[0] == "null-stop":
        session.settings.null_stop = on
    elif found[0] != "pretty":
        session.state.settings[found[0]] = int(on)


def _number(session: Session, text: str) -> int:
    evaluator = Evaluator(session)
    if not text:
        raise ExprError('Argument required (integer to set it to, or "unlimited".).')
    found = evaluator.arith.number(evaluator.value(evaluator.parse(text)))
    if not 0 <= found < 1 << 31:
        raise ExprError(f"integer {found} out of range")
    return found


def _set_radix(session: Session, word: str, text: str) -> Iterator[str]:
    own = session.state.settings
    radix = _number(session, text) if text else 10
    shown = f"set to decimal {radix}, hex {radix:x}, octal {radix:o}."
    if word != "input-radix" and radix not in (8, 10, 16):
        raise ExprError(f"Unsupported output radix ``decimal {radix}''; output radix unchanged.")
    if radix < 2:
        raise ExprError(f"Nonsense input radix ``decimal {radix}''; input radix unchanged.")
    if word != "output-radix":
        own["input-radix"] = radix
    # crash sets the output radix it knows of again before each line.
    if word == "output-radix" and radix in (10, 16):
        session.settings.radix = radix
    what = {"output-radix": "Output radix", "input-radix": "Input radix"}
    yield f"{what.get(word, 'Input and output radices')} now {shown}\n"


def show_command(session: Session, arguments: str) -> Iterator[str]:
    """What `show ...` prints. Raises ExprError for what is not known here."""
    words = arguments.split()
    if words[:1] == ["values"]:
        yield from _values(session)
    elif words[:1] in (["convenience"], ["conv"]):
        yield from _convenience(session)
    elif words[:1] == ["print"] and len(words) == 2 and words[1] != "repeats":
        yield _show_print(session, words[1]) + "\n"
    elif words[:1] in (["output-radix"], ["input-radix"], ["radix"]):
        yield _show_radix(session, words[0]) + "\n"
    elif " ".join(words) in _FIXED:
        yield _FIXED[" ".join(words)] + "\n"
    else:
        raise ExprError(f"show {arguments}: not supported here.")


def _values(session: Session) -> Iterator[str]:
    """The last ten values of the history."""
    options = session.options()
    history = session.state.history
    for number in range(max(len(history) - 9, 1), len(history) + 1):
        yield f"${number} = {Value(session, f'${number}').text(options)}\n"


def _convenience(session: Session) -> Iterator[str]:
    options = session.options()
    for name in sorted(session.state.variables):
        yield f"${name} = {Value(session, f'${name}').text(options)}\n"


def _show_print(session: Session, name: str) -> str:
    if name == "elements":
        limit = session.settings.print_max or "unlimited"
        return f"Limit on string chars or array elements to print is {limit}."
    if name not in SWITCHES:
        raise ExprError(f'Undefined show print command: "{name}".  Try "help show print".')
    settings = session.settings
    own = {"array": settings.print_array, "null-stop": settings.null_stop, "pretty": True}
    default = own.get(name, name in _DEFAULT_ON)
    on = session.state.settings.get(name, int(default))
    return SWITCHES[name].format("on" if on else "off")


def _show_radix(session: Session, word: str) -> str:
    read = session.state.settings.get("input-radix", 10)
    if word == "output-radix":
        return f"Default output radix for printing of values is {session.settings.radix}."
    if word == "input-radix":
        return f"Default input radix for entering numbers and values is {read}."
    if read == session.settings.radix:
        return f"Input and output radices set to decimal {read}, hex {read:x}, octal {read:o}."
    out = session.settings.radix
    return (
        f"Input radix set to decimal {read}, hex {read:x}, octal {read:o}.\n"
        f"Output radix set to decimal {out}, hex {out:x}, octal {out:o}."
    )
