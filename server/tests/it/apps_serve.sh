#!/bin/sh
# One request of HTTP, answered with what it was, and some more; started by nc for each connection.
IFS= read -r line
line=${line%?}
head= length=0 key= chunks=
while IFS= read -r field; do
  field=${field%?}
  [ -z "$field" ] && break
  head="$head$field
"
  name=$(echo "${field%%:*}" | busybox tr A-Z a-z) value=${field#*: }
  [ "$name" = content-length ] && length=$value
  [ "$name" = sec-websocket-key ] && key=$value
  [ "$name" = transfer-encoding ] && chunks=1
done
# What is not read is answered with a reset, which takes the answer with it.
while [ -n "$chunks" ] && IFS= read -r field; do
  [ "${field%?}" = 0 ] && IFS= read -r field && break
done
path=${line#* } path=${path%% *}
begin() { printf 'HTTP/1.1 %s\r\nConnection: close\r\n' "$1"; }
case $path in
/socket)
  accept=$(printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' "$key" | busybox sha1sum | busybox cut -c1-40 | busybox xxd -r -p | busybox base64)
  printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n' "$accept"
  printf '\201\005hello'
  exec busybox cat ;;
/ticks)
  begin '200 OK'; printf 'Content-Type: text/event-stream\r\n\r\n'
  n=0
  while [ $n -lt 600 ]; do printf 'data: %s\n\n' $n; n=$((n + 1)); busybox sleep 1; done ;;
/cookies)
  begin '200 OK'
  printf 'Set-Cookie: a=b; Domain=localhost; Path=/\r\nSet-Cookie: remotegpu_session=evil\r\nSet-Cookie: REMOTEGPU-app=evil\r\n'
  printf 'Clear-Site-Data: "cookies"\r\nContent-Length: 0\r\n\r\n' ;;
/hidden)
  begin '200 OK'; printf 'Set-Cookie: sid=1; HttpOnly; Path=/\r\nContent-Length: 0\r\n\r\n' ;;
/away)
  begin '302 Found'; printf 'Location: http://localhost:8888/lab\r\nContent-Length: 0\r\n\r\n' ;;
/upload)
  got=$(busybox head -c "$length" | busybox sha1sum | busybox cut -c1-40)
  begin '200 OK'; printf 'Content-Length: 41\r\n\r\n%s\n' "$got" ;;
/nonsense)
  printf 'SSH-2.0-OpenSSH_9.2p1\r\n' ;;
*)
  begin '200 OK'; printf 'Content-Type: text/plain\r\n\r\n%s\n%s' "$line" "$head" ;;
esac
