"""Memory as lines of hexadecimal words, with what they are as characters at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

#: Bytes on a line.
LINE = 16


def hex_lines(
    data: bytes,
    address: int,
    size: int,
    order: str,
    name: Callable[[int], str] | None = None,
) -> Iterator[str]:
    """Lines of up to 16 bytes in words of `size` bytes of the byte order "<" or ">".

    With `name`, a word it gives a text for is shown by that and the characters are left out.
    """
    per_line = LINE // size
    width = per_line * (2 * size + 1)
    for start in range(0, len(data), LINE):
        part = data[start : start + LINE]
        words = [
            int.from_bytes(part[at : at + size], "little" if order == "<" else "big")
            for at in range(0, len(part), size)
        ]
        if name is None:
            text = "".join(f"{word:0{2 * size}x} " for word in words)
            letters = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in part)
            yield f"{address + start:16x}:  {text:{width}}  {letters}"
        else:
            texts = ((name(word), word) for word in words)
            text = "".join(f"{n:<16} " if n else f"{w:0{2 * size}x} " for n, w in texts)
            yield f"{address + start:16x}:  {text}"
