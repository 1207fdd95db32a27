#!/usr/bin/env bash
# A Ray cluster of several nodes on this machine, on loopback alone, until Ctrl-C.
#
#   cluster_configs/local.sh [WORKER_NODES] [CPUS_PER_NODE]        (2 nodes of 1 CPU)
#
# The head has no CPUs, as on a real cluster, so that what it does is not mistaken for work. It runs any code that a job
# brings, so jobs need a token, even from here: $RAY_AUTH_TOKEN, or the one in `ray get-auth-token`.
set -euo pipefail
nodes=${1:-2} cpus=${2:-1}
address=127.0.0.1:${RAY_PORT:-6379} dashboard=${DASHBOARD_PORT:-8265}

export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 OMP_NUM_THREADS=1
# Seconds that `ray job stop` gives a job to stop cleanly, before it kills it. Ray's own 3 are too few.
export RAY_JOB_STOP_WAIT_TIME_S=${RAY_JOB_STOP_WAIT_TIME_S:-60}
[ -n "${RAY_AUTH_TOKEN:-}" ] || ray get-auth-token --generate > /dev/null

# Seconds for each step to come up. A busy machine may take longer than Ray's own 30 s for a node.
patience=${START_TIMEOUT_S:-240}
export RAY_raylet_start_wait_time_s=${RAY_raylet_start_wait_time_s:-$patience}

# Not `ray stop`, which ends every Ray on the machine: `--block` makes each node a child of this script.
started=()
trap 'trap - EXIT; kill "${started[@]}" 2> /dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Each node would take a third of the machine's memory for objects; images do not travel between actors, so little does.
common=(--block --node-ip-address 127.0.0.1 --object-store-memory 500000000)

# until_nodes COUNT: until so many have joined. Ends everything if a node ends instead, or after $patience s.
until_nodes() {
  python - "$address" "$1" "$patience" <<'END' &
import os, sys, threading, time, ray
address, count, patience = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
timer = threading.Timer(patience, os._exit, [1])  # wherever it waits by then
timer.daemon = True
timer.start()
while True:
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        break
    except ConnectionError:
        time.sleep(0.2)
while sum(node["Alive"] for node in ray.nodes()) < count:
    time.sleep(0.2)
END
  local waiting=$! status=0
  wait -n "$waiting" "${started[@]}" || status=$?
  if kill -0 "$waiting" 2> /dev/null; then
    kill "$waiting"
    echo "a node ended while it started; are ports ${address#*:} and $dashboard free?" >&2
  elif [ "$status" -ne 0 ]; then
    echo "node $1 (the head is 1) did not come up within $patience s (START_TIMEOUT_S)" >&2
  else
    return 0
  fi
  echo "Ray's logs: ${RAY_TMPDIR:-/tmp}/ray/session_latest/logs" >&2
  exit 1
}

ray start --head "${common[@]}" --port "${address#*:}" --num-cpus 0 \
  --include-dashboard true --dashboard-host 127.0.0.1 --dashboard-port "$dashboard" > /dev/null &
started+=($!)
until_nodes 1
# One after another: two at once may take the same name for their sockets, and one of them would crash.
for node in $(seq "$nodes"); do
  ray start "${common[@]}" --address "$address" --num-cpus "$cpus" > /dev/null &
  started+=($!)
  until_nodes $((node + 1))
done

cat <<END
Ray on loopback: a head and $nodes nodes of $cpus CPUs. In another shell:

  export RAY_API_SERVER_ADDRESS=http://127.0.0.1:$dashboard RAY_AUTH_MODE=token
  ray job submit --working-dir . -- python -m jobs.make_mask_dataset --set output=$PWD/runs/local

Ctrl-C ends all of it.
END
wait -n || true
echo "a node ended; ending the others" >&2
exit 1
