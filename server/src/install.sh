#!/bin/sh
# Installs the RemoteGPU agent on this host: fetches it from the server, checks it, hands over to it.
set -eu

server="@SERVER@"
for tool in curl sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || { echo "install: $tool is needed" >&2; exit 1; }
done
previous=""
for argument in "$@"; do
  [ "$previous" = "--server" ] && server="$argument"
  previous="$argument"
done

case "$(uname -m)" in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=aarch64 ;;
  *) echo "install: there is no agent for $(uname -m)" >&2; exit 1 ;;
esac

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
name="remotegpu-agent-$arch"
curl -fsSL "$server/agent/$name" -o "$folder/$name"
curl -fsSL "$server/agent/$name.sha256" -o "$folder/$name.sha256"
(cd "$folder" && sha256sum -c "$name.sha256" >/dev/null) || { echo "install: the download is damaged" >&2; exit 1; }
chmod 755 "$folder/$name"
"$folder/$name" install "$@"
