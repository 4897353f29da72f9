#!/bin/sh
# Checks other people's servers: scim2-server (Python) and scimmy with scimmy-routers (Node).
#
#   run.sh HEADCOUNT FOLDER
#
# HEADCOUNT is the built binary; FOLDER gets the packages and the reports, as text and as JSON.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
headcount=$(realpath "$1")
mkdir -p "$2"
cd "$2"
token=a-token-for-a-test

python3 -m venv python
python/bin/pip install --quiet --requirement "$here/requirements.txt"
mkdir -p node
cp "$here/package.json" "$here/scimmy.mjs" node/
(cd node && npm install --silent --no-audit --no-fund)

# NAME URL COMMAND…: starts the server, checks it, stops it.
check() {
    name=$1
    url=$2
    shift 2
    "$@" >"$name.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        if curl --silent --output /dev/null "$url/ServiceProviderConfig"; then break; fi
        sleep 0.1
    done
    for form in text json; do
        option=
        [ "$form" = text ] || option=--json
        # Exit status 1 says that a MUST failed, which is a finding and no error.
        "$headcount" check --url "$url" --token "$token" $option >"$name.$form" 2>"$name.$form.log" ||
            [ $? -eq 1 ]
    done
    kill "$server"
    wait "$server" 2>/dev/null || true
    tail -n 7 "$name.text" | sed "s/^/$name: /"
}

check scim2-server http://127.0.0.1:28941 \
    python/bin/scim2-server --port 28941 --bearer-token "$token"
check scimmy http://127.0.0.1:28942/scim node node/scimmy.mjs 28942 "$token"
