#!/bin/sh
# Installs the RemoteGPU agent on this host: fetches it from the server, checks it, hands over to it. The join token comes
# in REMOTEGPU_JOIN_TOKEN and goes on in a file: the words of a command can be read by everybody on the host.
set -eu

main() {
  server="@SERVER@"
  for tool in curl sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || { echo "install: $tool is needed" >&2; exit 1; }
  done
  previous="" named=""
  for argument in "$@"; do
    [ "$previous" = "--server" ] && server="$argument" && named=yes
    previous="$argument"
  done
  [ -n "$named" ] || set -- --server "$server" "$@"

  case "$(uname -m)" in
    x86_64 | amd64) arch=x86_64 ;;
    aarch64 | arm64) arch=aarch64 ;;
    *) echo "install: there is no agent for $(uname -m)" >&2; exit 1 ;;
  esac

  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  name="remotegpu-agent-$arch"
  if [ -n "${REMOTEGPU_JOIN_TOKEN:-}" ]; then
    (umask 077 && printf '%s' "$REMOTEGPU_JOIN_TOKEN" >"$folder/join-token")
    unset REMOTEGPU_JOIN_TOKEN
    set -- --join-token-file "$folder/join-token" "$@"
  fi
  curl -fsSL "$server/agent/$name" -o "$folder/$name"
  curl -fsSL "$server/agent/$name.sha256" -o "$folder/$name.sha256"
  (cd "$folder" && sha256sum -c "$name.sha256" >/dev/null) || { echo "install: the download is damaged" >&2; exit 1; }
  chmod 755 "$folder/$name"
  # A service is root's; sudo asks on the terminal, not on the pipe that this script came through.
  if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null 2>&1; then
    sudo "$folder/$name" install "$@" </dev/null
  else
    "$folder/$name" install "$@" </dev/null
  fi
}

# Last, so that a download that was cut off does nothing.
main "$@"
