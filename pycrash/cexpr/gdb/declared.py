"""Declarations of variables as crash writes them from the type gdb's whatis gives."""

from __future__ import annotations


def declared(type_text: str, name: str) -> str:
    """The declaration of a variable or function: `struct rq runqueues;`, `void f(int);`.

    crash puts the name in front of the first bracket; where parentheses stand more than once,
    in front of the first closing one.
    """
    at = type_text.find("[")
    if at < 0:
        at = type_text.find("(")
        if at >= 0 and type_text.count("(") > 1:
            at = type_text.find(")")
    if at >= 0:
        return f"{type_text[:at]}{name}{type_text[at:]};"
    gap = "" if type_text.endswith("*") else " "
    return f"{type_text}{gap}{name};"
