# What the examples in bash take for granted: a server at $url, a $token of
# somebody who may do what they do, and the rest as stage.py makes it.
set -euo pipefail

url=${FRAMEMILL_URL:-http://localhost:8080}
user=${FRAMEMILL_USER:-admin}
password=$FRAMEMILL_PASSWORD

stage() { python3 "${BASH_SOURCE[0]%/*}/stage.py" "$@"; }

# A refusal ends the example.
curl() { command curl -sS --fail-with-body "$@"; }
