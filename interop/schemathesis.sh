#!/usr/bin/env bash
# Asks a served instance everything its OpenAPI document allows, and much that it does not, as an
# owner: no answer may be a 5xx, or anything the document does not say.
#
#   interop/schemathesis.sh [--short] [PROGRAM]
#
# Needs Python 3; installs schemathesis into interop/.venv unless `st` is there. Seeded: the same
# requests each time. Ends with 0, and says so, where there is no Python.
set -euo pipefail
cd "$(dirname "$0")/.."

examples=60 seconds=600
if [ "${1:-}" = --short ]; then examples=8 seconds=120; shift; fi
program=${1:-${CARGO_TARGET_DIR:-target}/debug/countersign}

st=$(command -v st || true)
if [ -z "$st" ]; then
  if ! command -v python3 >/dev/null; then echo "no Python: not run"; exit 0; fi
  [ -x interop/.venv/bin/st ] || {
    python3 -m venv interop/.venv && interop/.venv/bin/pip install -q 'schemathesis==4.*'
  } || { echo "schemathesis could not be installed: not run"; exit 0; }
  st=interop/.venv/bin/st
fi

folder=$(mktemp -d)
"$program" serve --data "$folder/data" --listen 127.0.0.1:0 --metrics 127.0.0.1:0 \
  --client-requests 0 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do grep -q '^Serving' "$folder/log" && break; sleep 0.1; done
address=$(sed -n 's/^Serving \(http[^;]*\);.*/\1/p' "$folder/log")
code=$(grep -o 'cs_code_[0-9a-f]*' "$folder/log")
token=$(XDG_CONFIG_HOME="$folder" "$program" sign-in --server "$address" --code "$code" >/dev/null &&
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"])' \
    "$folder/countersign/session.json")

# A register to find things in; ids that are there are asked for beside those that are not.
XDG_CONFIG_HOME="$folder" "$program" apply examples/aldgate/register --yes >/dev/null
python3 - "$address" "$token" >"$folder/schemathesis.toml" <<'PYTHON'
import json, sys, urllib.error, urllib.request
address, token = sys.argv[1:]
def get(path):
    request = urllib.request.Request(address + path, headers={"Authorization": "Bearer " + token})
    return json.load(urllib.request.urlopen(request))
for path in get("/v1/openapi.json")["paths"]:
    noun = path.split("/")[2] if path.count("/") > 1 else ""
    if "{id}" not in path:
        continue
    try:
        items = get("/v1/" + noun + "?limit=1").get("items")
    except urllib.error.HTTPError:
        items = None
    # Half of them: what does not exist is asked for as well.
    if items and len(path) % 2 == 0 and "members" not in path:
        print("[[operations]]")
        print("include-path = " + json.dumps(path))
        print("parameters = { \"path.id\" = " + json.dumps(items[0]["id"]) + " }")
PYTHON

# Left out: `sign-out`, which would end the session that asks. Not checked: that whatever a schema
# allows is accepted, since references, ids that must be the path's, and states stand in no schema.
timeout "$seconds" "$st" --config-file "$folder/schemathesis.toml" run "$address/v1/openapi.json" \
  --header "Authorization: Bearer $token" \
  --exclude-path /v1/sign-out \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,unsupported_method,allow_header_conformance,missing_required_header,negative_data_rejection,ignored_auth,use_after_free,ensure_resource_availability \
  --phases examples,coverage,fuzzing \
  --max-examples "$examples" --seed 7 --generation-database none --request-timeout 20 \
  --continue-on-failure --no-color
kill -0 "$server" || { echo "the server has ended"; exit 1; }
