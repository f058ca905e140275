# What sshd would give a program, and then the better of the two shells that an image may have. Not a login shell: that would
# set aside the image's own PATH. The first word is what the client's terminal is set to, in words of stty; the second, where
# there is one, a command.
cd 2>/dev/null
if [ -t 0 ]; then
  [ -z "$1" ] || stty $1 2>/dev/null || busybox stty $1 2>/dev/null
  { SSH_TTY=$(tty 2>/dev/null || busybox tty 2>/dev/null) && export SSH_TTY; } || unset SSH_TTY
fi
[ -n "$USER" ] || { USER=$(id -un 2>/dev/null) && export USER; } || unset USER
[ -n "$LOGNAME" ] || [ -z "$USER" ] || { LOGNAME=$USER && export LOGNAME; }
shift
if [ -x /bin/bash ]; then
  SHELL=${SHELL:-/bin/bash} && export SHELL
  [ $# = 0 ] && exec /bin/bash
  exec /bin/bash -c "$1"
fi
SHELL=${SHELL:-/bin/sh} && export SHELL
[ $# = 0 ] && exec /bin/sh
exec /bin/sh -c "$1"
