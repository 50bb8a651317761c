"""Batch sessions whose output crash and pycrash must share, byte for byte.

Each runs in an empty folder holding `files`; $HOME is its folder `home`. Relative paths keep
machine paths out of what is recorded. None depends on what a dump holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Batch:
    """One run of the program: its options, what it reads from standard input, files beside it."""

    name: str
    stdin: str
    options: tuple[str, ...] = ("-s",)
    files: dict[str, str] = field(default_factory=dict)


SESSIONS = [
    Batch("empty-input", ""),
    Batch("blank-lines", "\n\n   \n\t\n"),
    Batch("comments", "# one\n// two\n#three\n  # four\n//five six\n"),
    Batch("exit", "exit\npwd\n"),
    Batch("q", "q\necho not reached\n"),
    Batch("quit-alias", "quit\necho not reached\n"),
    Batch("Q", "Q\necho not reached\n"),
    Batch("last-line-without-newline", "echo one\necho two"),
    Batch("unknown-word", "bogus\nbogus with words\n"),
    Batch("unknown-word-into-file", "bogus > out\n!cat out\nbogus >> out\n!cat out\n"),
    Batch("unknown-word-into-pipe", "bogus | cat\nbogus | sed s/b/B/\n"),
    Batch(
        "shell-lines",
        "!echo hi\n! echo hi\n|echo ho\n  ! echo in\n!echo a; echo b\n!false\n"
        "!echo a | tr a b\n!echo x > made\n!cat made\n",
    ),
    Batch("shell-error-stream", "!echo out; echo err >&2\n!sh -c 'exit 3'\n"),
    Batch("shell-reads-on", "!read x; echo got $x\nthis line\nalias sf\n"),
    Batch("shell-in-words", "echo a!cat\n"),
    Batch(
        "external",
        'echo one two\necho "one  two" three\necho   spaced   out\npwd > where\n'
        '!test -s where && echo yes\nls\ncat "a b"\necho $HOME > /dev/null\n'
        "grep x data\nless data\ncat data | wc -l\necho a;echo b\n",
        files={"data": "x\ny\n", "a b": "spaced\n"},
    ),
    Batch(
        "pipes",
        "alias | head -2\nalias | cat | wc -l\nalias|wc -l\nalias |wc -l\nalias | grep sf\n"
        "alias | grep 'px\\|pd'\n"
        "alias | grep -c builtin | cat\n",
    ),
    Batch("pipe-marks", "alias |\nalias | \nalias | cat |\nalias !\nalias ! wc -l\n|\n!\n"),
    Batch(
        "redirects",
        "alias > out\n!wc -l < out\nalias >> out\n!wc -l < out\nalias >out\n!wc -l < out\n"
        "alias>out2\n!wc -l < out2\nalias >> new\n!wc -l < new\nalias sf > out\n!cat out\n",
    ),
    Batch(
        "redirect-marks",
        "alias >\nalias > \nalias >>\nalias >> \nalias > /nonexistent/x\nalias >> /nonexistent/x\n"
        "> out\n>> out\nls\n",
    ),
    Batch("redirect-name-with-spaces", "alias sf > a b\nls\n!cat 'a b'\n"),
    Batch("arrow", "alias a->b\nls\n"),
    Batch("quotes-hold-marks", "echo \"a > b\"\necho 'a | b'\necho (a > b)\nls\n"),
    Batch("backslash", "\\alias sf\n\\bogus\n\\\n\\ alias sf\n"),
    Batch("no-such-option", "alias -z\nps -z\nrepeat -z\nrepeat\n"),
    Batch(
        "alias-new",
        "alias a1 alias sf\na1\nalias a1\nalias a1 alias sn\na1\nalias\n"
        'alias a1 ""\na1\nalias a1\nalias a1 ""\n',
    ),
    Batch(
        "alias-refused",
        "alias ps log\nalias a1 bogus\nalias a1 a2\nalias nothere\nalias clear2 clear\nalias c2\n"
        "alias sf alias\nalias sf\nalias\n",
    ),
    Batch(
        "alias-with-marks",
        'alias count "alias | wc -l"\ncount\nalias count\nalias keep "alias sf > kept"\nkeep\n'
        '!cat kept\nalias two "alias sf" sn\ntwo\n',
    ),
    Batch(
        "alias-with-rest", "alias a1 alias\na1 sf\na1   sf\na1 sf | wc -l\na1 sf > out\n!cat out\n"
    ),
    Batch("alias-of-alias", "alias a1 alias\nalias a2 a1\na2 sf\nalias a2 quit\n"),
    Batch("alias-overrides", "alias sf alias\nsf sn\nalias hex alias px\nhex\n"),
    Batch("alias-many-words", "alias a1 alias   px\nalias a1\na1\n"),
    Batch(
        "input-file",
        "< cmds\n!echo after\n< cmds2\n",
        files={
            "cmds": "alias sf\n\n# comment\n// slashes\n  !echo spaced\n!echo two\n",
            "cmds2": "!echo no newline",
        },
    ),
    Batch(
        "input-file-redirects",
        "< cmds\n!echo after\n",
        options=("-s",),
        files={"cmds": "alias | wc -l\necho two > out\n!cat out\nbogus\n"},
    ),
    Batch(
        "input-file-marks", "<cmds\n<\n< \n< nothere\n< cmds extra\n", files={"cmds": "!echo in\n"}
    ),
    Batch("input-folder", "< .\n"),
    Batch(
        "input-nested",
        "< outer\n!echo after\n",
        files={"outer": "!echo o1\n< inner\n!echo o2\n<inner\n!echo o3\n", "inner": "!echo in\n"},
    ),
    Batch(
        "input-errors",
        "< cmds\n!echo after\n",
        files={"cmds": "bogus\n!echo 1\nalias -z\n!echo 2\nrepeat\n!echo 3\n!false\n!echo 4\n"},
    ),
    Batch(
        "input-redirect-failure",
        "< cmds\n!echo after\n",
        files={"cmds": "!echo 1\nalias > /nonexistent/x\n!echo 2\n"},
    ),
    Batch(
        "input-pipe-to-nowhere",
        "< cmds\n!echo after\n",
        files={"cmds": "!echo 1\nalias | cat |\n!echo 2\n"},
    ),
    Batch("input-exit", "< cmds\n!echo not reached\n", files={"cmds": "!echo 1\nq\n!echo 2\n"}),
    Batch(
        "input-into-file",
        "< cmds > out\n!cat out\n",
        files={"cmds": "alias sf\nalias sn > inner\nbogus\nalias px\n"},
    ),
    Batch("input-script", "< script\n", files={"script": "#!/bin/sh\n!echo x\n"}),
    Batch(
        "argument-file",
        "alias < args\nalias <args\necho < args\nalias < nothere\nalias < empty\nalias <\n",
        files={"args": "sf\n# comment\n\n  sn  \nbogus\npx\n", "empty": ""},
    ),
    Batch(
        "argument-file-words",
        "alias < args\nalias a1\nalias px < one\nalias < one two\nalias < args < one\n",
        files={"args": "a1 alias sf\na2 alias sn\n", "one": "px\n"},
    ),
    Batch(
        "argument-file-output",
        "alias < args > out\n!cat out\nalias < args | wc -l\n",
        files={"args": "sf\nsn\n"},
    ),
    Batch(
        "argument-file-escaped",
        "\\alias < args\n",
        files={"args": "sf\nsn\n"},
    ),
    Batch(
        "data-words",
        "list_head\natomic_t\npid_t\nenum pid_type\nint\nlist_head.next\nunsigned\nrun\n"
        "symbol-file x\n",
    ),
    Batch("special-in-stream", "*list_head\n* list_head\n<cmds\n", files={"cmds": "alias sf\n"}),
    Batch(
        "special-in-file",
        "< cmds\n",
        files={"cmds": "*list_head\n <cmds\n<cmds\n  *list_head\n*list_head.next\n"},
    ),
    Batch("repeat-unknown", "repeat bogus\nrepeat -1 bogus\nrepeat -\n"),
    Batch("help-unknown", "help nothing-of-this-name\n"),
    Batch(
        "options-i",
        "echo from stdin\n",
        options=("-s", "-i", "cmds"),
        files={"cmds": "!echo from file\nbogus\nalias -z\n!echo 2\n"},
    ),
    Batch(
        "options-joined",
        "alias pd\n",
        options=("-si", "cmds", "--no_scroll", "--no_crash"),
        files={"cmds": "alias px\n", ".crashrc": "alias sf\n"},
    ),
    Batch("options-i-missing", "echo from stdin\n", options=("-s", "-i", "nothere")),
    Batch(
        "options-i-exit",
        "echo not reached\n",
        options=("-s", "-i", "cmds"),
        files={"cmds": "echo 1\nexit\n"},
    ),
    Batch(
        "rc-files",
        "echo from stdin\nalias\n",
        options=("-s", "-i", "cmds"),
        files={
            "home/.crashrc": "alias h1 alias sf\n!echo from home\nset scroll off\nalias both px\n",
            ".crashrc": "# local\nalias l1 alias sf\n!echo from here\nalias both alias sn\nbogus\n",
            "cmds": "!echo from cmds\nalias f1 alias sf\nboth\n",
        },
    ),
    Batch(
        "rc-none",
        "echo from stdin\nalias\n",
        options=("-s", "--no_crashrc"),
        files={"home/.crashrc": "echo from home\n", ".crashrc": "echo from here\n"},
    ),
    Batch("words-quotes", 'echo "a" "b c"d e\necho ""\necho a "" b\n"echo" x\necho "open end\n'),
    Batch("words-brackets", "echo (a b) c\necho (a (b  c) d)e f\necho (open  end\n(echo x)\n"),
    Batch("words-tabs", "echo\ta\t b\n\techo x\n"),
    Batch(
        "set-error-redirect",
        "set error redirect\nbogus > out\n!cat out\nbogus\nset error default\n"
        "bogus > out\n!cat out\n",
    ),
    Batch(
        "set-error-file",
        "set error errs\nbogus\nbogus > out\n!cat out\n!cat errs\nset error default\nbogus\n",
    ),
    Batch(
        "loud",
        "!echo a\nbogus\n# c\n// d\n\n   \n  alias sf\nalias sf | cat\nalias sf > out\n!cat out\n",
        options=(),
    ),
    Batch("loud-no-newline", "!echo a\nalias sf", options=()),
    Batch(
        "loud-escapes",
        "\\alias sf\n\\bogus\nalias sf >> out\nbogus > out2\n!cat out out2\n"
        "alias |\nalias < args\n",
        options=(),
        files={"args": "px\n-\n\npd\n"},
    ),
    Batch("loud-exit", "!echo a\nq\n", options=()),
    Batch(
        "loud-input-file",
        "< cmds\n!echo after\n< cmds > out\n!cat out\n",
        options=(),
        files={
            "cmds": "alias sf\n\n# c\n// d\n!echo shell\n  alias sn > inner\nbogus\nalias px |cat\n"
        },
    ),
    Batch(
        "loud-options-i",
        "alias sn\n",
        options=("-i", "cmds"),
        files={
            "cmds": "alias sf\nalias px",
            "home/.crashrc": "alias pd\n",
            ".crashrc": "alias dec\nrepeat\nalias hex\n",
        },
    ),
    Batch("loud-argument-file", "alias < args\n", options=(), files={"args": "sf\nsn\n"}),
    Batch("minimal", "alias\nps\nbogus\nrepeat\nexit\n", options=("-s", "--minimal")),
]
