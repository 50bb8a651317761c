"""Help pages that belong to no command."""

from __future__ import annotations

from typing import Final

INPUT: Final = """\
Lines are typed at the prompt, piped into the program, or read from files.

AT THE PROMPT
  Tab completes commands, options, symbols, structures and their members, tasks,
  settings and files, also inside of expressions. Where nothing begins as typed,
  it offers what has the letters in their order. The up key or Ctrl-P brings back
  lines typed before, in this session or an earlier one; Ctrl-R looks for one by
  its text. Keys work as in vi; "set emacs", a line with it in
  .crashrc, the option -e emacs, or an $EDITOR that names emacs, make them work
  as in emacs.

LINES TYPED BEFORE
  h            lists them with their numbers
  r, !!        runs the last one again
  r 12, !12    runs number 12; for !12 no program may be called 12
  r text       runs the last one that begins with the text

FILES OF LINES
  < file       runs the lines of a file; such a file cannot run another
  command < file
               runs the command once for each line of the file, with that line's
               words in place of "< file". Inside parentheses only the text is
               put in.
  The option -i file runs a file before the first prompt. Lines in .crashrc, in
  the home directory and then in the current one, are run before that; neither
  may belong to somebody else or be writable by everybody.

OTHER LINES
  # or //      begins a comment
  !command     runs a shell command; ! alone starts a shell
  vi, pwd, grep, cat, more, less, echo, ls and clear need no "!"
  \\command     runs the command and not an alias of that name

A line whose first word is no command may be a name of the kernel's: a variable is
printed as "p" does, a structure or union as "struct" and "union" do, and another
type is described as "whatis" does.

From a pipe or a file the lines are repeated behind a prompt, unless -s was given.
The exit status is 0 after "exit" and 1 at the end of the input.
"""

OUTPUT: Final = """\
On a terminal, output goes through a pager: "less -E -X -R", or the command in
$CRASHPAGER. "set scroll off" (sf) and "set scroll on" (sn) turn it off and on, and
"set scroll less", "more" or "CRASHPAGER" choose one. The options -s and --no_scroll
start without.

  command | program     sends the output to a shell command, with as many further
                        pipes as wanted
  command > file        writes it to a file
  command >> file       appends it to a file
  command --json        prints the facts behind the lines instead: one JSON object a
                        line, "row" names its kind; addresses are plain numbers

Quotes and parentheses protect those marks, as in  p (a > b)  .

Messages go to the terminal, and into the file or pipe as well; "set error" changes
that. Colours are for terminals alone: what goes to a file or a pipe is plain text.
NO_COLOR in the environment turns them off.

Numbers of some commands come out as "set radix 10" (dec) and "set radix 16" (hex)
say.
"""

COPYING: Final = """\
pycrash is free software: you may change it and pass it on under the terms of the
GNU General Public License, version 3 or any later one. The file LICENSE that comes
with it has the full text, and so has https://www.gnu.org/licenses/gpl-3.0.html.
"""

WARRANTY: Final = """\
There is no warranty of any kind for pycrash, as far as the law allows. Sections 15
and 16 of the GNU General Public License say it in full; "help copying" tells where
that is.
"""

README: Final = """\
pycrash opens the memory image of a dead Linux kernel and answers the commands of the
crash utility with the same text. It reads the dump through drgn.

Good first lines:

  sys            what died, when and why
  log            the kernel's messages; the last ones tell of the crash
  bt             the stack of the task that crashed; "bt -a" for every CPU
  ps             the tasks
  set PID        makes another task the one that bt and others look at
  help COMMAND   what else a command can do
"""

TOPICS: Final = {
    "input": INPUT,
    "output": OUTPUT,
    "copying": COPYING,
    "warranty": WARRANTY,
    "README": README,
}
