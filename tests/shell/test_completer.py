"""A Tab that comes before the kernel may be asked."""

from __future__ import annotations

import asyncio

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from pycrash.shell.completer import SIGN, PromptCompleter
from tests.shell.fake import fake_session


def test_a_tab_waits_with_a_sign_and_then_answers() -> None:
    session = fake_session()
    session.kernel.symbols.fitting = lambda typed: typed.best(["panic_cpu"])  # type: ignore[method-assign]
    session.kernel.symbols.sort_of = lambda name: "variable"  # type: ignore[method-assign]
    ready = False
    completer = PromptCompleter(session, lambda: ready)

    async def texts(line: str) -> list[str]:
        found = completer.get_completions_async(Document(line), CompleteEvent())
        return [completion.text async for completion in found]

    async def scene() -> None:
        nonlocal ready
        # What needs no kernel is answered at once.
        assert await texts("tal") == ["tally"]
        assert completer.sign() == ""
        waiting = asyncio.create_task(texts("p panic_"))
        given_up = asyncio.create_task(texts("dis panic_"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        assert completer.sign() == SIGN
        given_up.cancel()
        ready = True
        assert await waiting == ["panic_cpu"]
        assert completer.sign() == ""

    asyncio.run(scene())
