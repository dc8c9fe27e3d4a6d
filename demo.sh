#!/usr/bin/env sh
# The main job on simulated frames, from nothing to two compared runs. Usage: sh demo.sh [PORT]
set -eu
data=data/demo
[ -d "$data" ] || cytolapse simulate "$data" --preset demo

run_id() { tee -a /dev/stderr | sed -n 's/^run_id: //p' | tail -n 1; }
launch() { mlflow run . --env-manager local --experiment-name sim-demo -P data="$data" "$@" | run_id; }

unet=$(launch -e unet -P preset=quick)
classical=$(launch -e classical)
[ -n "$unet" ] && [ -n "$classical" ] || { echo "a run is missing in the store: see the messages above" >&2; exit 1; }
cytolapse evaluate "$unet" --data "$data"
cytolapse evaluate "$classical" --data "$data"
cytolapse promote "$unet" "$classical"

echo
echo "Compare the two runs:  make dashboard    ->  http://127.0.0.1:${1:-8501}"
