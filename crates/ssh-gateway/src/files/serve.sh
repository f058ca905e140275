# Files for whoever comes in by SFTP where the image has no program for it. Asked line by line on standard input; answers
# on standard error, in order; the content of files alone on standard output.
LC_ALL=C; export LC_ALL
cd 2>/dev/null
for t in cat chmod chown dd ln mkdir mv readlink rm rmdir stat touch truncate; do
  command -v "$t" >/dev/null 2>&1 || eval "$t() { busybox $t \"\$@\"; }"
done
# Not every one says how many bytes it copied.
counts=
case $(dd if=/dev/null of=/dev/null 2>&1) in *bytes*) counts=1 ;; esac
f='%f %s %u %g %X %Y'
ok() { echo K >&2; }
no() { if [ ! -e "$p" ] && [ ! -L "$p" ]; then echo 'E 2' >&2; else echo "E ${1:-4}" >&2; fi; }
echo "K $PWD" >&2
while IFS= read -r o && IFS= read -r p && IFS= read -r a && IFS= read -r b; do
  case $o in
  stat) if s=$(stat -L -c "$f" "$p" 2>/dev/null); then echo "K $s" >&2; else no 3; fi ;;
  lstat) if s=$(stat -c "$f" "$p" 2>/dev/null); then echo "K $s" >&2; else no 3; fi ;;
  list)
    if (
      [ -d "$p" ] && cd "$p" 2>/dev/null || exit 1
      for n in * .[!.]* ..?*; do
        case $n in *'
'*) continue ;; esac
        s=$(stat -c "$f" "./$n" 2>/dev/null) && printf 'N %s %s\n' "$s" "$n" >&2
      done
      exit 0
    ); then ok; else no 3; fi ;;
  open)
    new=
    [ -e "$p" ] || new=1
    good=1
    case $a in
    *x*) (set -C; : > "$p") 2>/dev/null || good= ;;
    *t*) (: > "$p") 2>/dev/null || good= ;;
    *c*) (: >> "$p") 2>/dev/null || good= ;;
    esac
    case $a in *r*) [ -r "$p" ] || good= ;; esac
    case $a in *w*) [ -w "$p" ] || good= ;; esac
    [ -d "$p" ] && good=
    [ -n "$good$new" ] && [ -n "$new" ] && [ "$b" != - ] && chmod "$b" "$p" 2>/dev/null
    if [ -n "$good" ]; then ok; else no 3; fi ;;
  read)
    if [ -z "$counts" ]; then
      # Of a file whose length nobody knows, nothing: what is sent has to be as long as is said.
      s=$(stat -L -c %s "$p" 2>/dev/null) || { no 3; continue; }
      [ $((s - a)) -lt "$b" ] && b=$((s - a))
      [ "$b" -le 0 ] && { [ -r "$p" ] && echo 'K 0' >&2 || no 3; continue; }
    fi
    if { r=$(dd if="$p" bs="$b" skip="$a" count=1 iflag=skip_bytes,fullblock 2>&1 >&3 3>&-); } 3>&1; then
      if [ -n "$counts" ]; then
        b=${r##*out}
        b=${b#?}
        b=${b%% *}
      fi
      echo "K $b" >&2
    else no 3; fi ;;
  write)
    if dd bs="$b" count=1 iflag=fullblock 2>/dev/null | {
      dd of="$p" bs=65536 seek="$a" oflag=seek_bytes conv=notrunc iflag=fullblock 2>/dev/null
      s=$?
      cat >/dev/null
      exit $s
    }; then ok; else no 4; fi ;;
  mkdir) if mkdir "$p" 2>/dev/null; then [ "$a" = - ] || chmod "$a" "$p" 2>/dev/null; ok; else no 4; fi ;;
  rmdir) if rmdir "$p" 2>/dev/null; then ok; else no 4; fi ;;
  remove) if { [ -e "$p" ] || [ -L "$p" ]; } && rm -f "$p" 2>/dev/null; then ok; else no 4; fi ;;
  rename)
    if [ "$b" != over ] && { [ -e "$a" ] || [ -L "$a" ]; }; then echo 'E 4' >&2
    elif [ -d "$a" ] && [ ! -d "$p" ]; then echo 'E 4' >&2
    elif mv -f "$p" "$a" 2>/dev/null; then ok
    else no 3; fi ;;
  readlink) if s=$(readlink "$p" 2>/dev/null) && [ -n "$s" ]; then echo "K $s" >&2; else no 4; fi ;;
  symlink) if ln -s "$a" "$p" 2>/dev/null; then ok; else echo 'E 4' >&2; fi ;;
  mode) if chmod "$a" "$p" 2>/dev/null; then ok; else no 3; fi ;;
  size) if truncate -s "$a" "$p" 2>/dev/null; then ok; else no 3; fi ;;
  time) if touch -c -d "@$a" "$p" 2>/dev/null; then ok; else no 3; fi ;;
  owner) if chown "$a" "$p" 2>/dev/null; then ok; else no 3; fi ;;
  *) echo 'E 8' >&2 ;;
  esac
done
