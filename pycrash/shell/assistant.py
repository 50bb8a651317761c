"""--mcp: the dump is served to an assistant in place of the prompt."""

from __future__ import annotations

from pycrash.errors import CrashError
from pycrash.files.cache import cache_folder
from pycrash.shell import start
from pycrash.shell.options import Options


def serve_tools(options: Options) -> int:
    """Open the files and serve them until the client has gone. Raises CrashError, OptionError."""
    try:
        from pycrash.mcp import guard, server, tools
    except ImportError:
        raise CrashError("--mcp needs the mcp package: pip install 'pycrash-shell[mcp]'") from None
    session = start.open_session(options)
    served = tools.Tools(session.kernel, session.settings)
    guard.hold(str(cache_folder()))
    server.serve(served)
    return 0
