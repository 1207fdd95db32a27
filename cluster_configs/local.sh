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

# Not `ray stop`, which ends every Ray on the machine: `--block` makes each node a child of this script.
started=()
trap 'trap - EXIT; kill "${started[@]}" 2> /dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ray start --head --block --port "${address#*:}" --node-ip-address 127.0.0.1 --num-cpus 0 \
  --include-dashboard true --dashboard-host 127.0.0.1 --dashboard-port "$dashboard" > /dev/null &
started+=($!)
until ray health-check --address "$address" 2> /dev/null; do
  kill -0 "$!" 2> /dev/null || { echo "the head did not start; is port ${address#*:} or $dashboard taken?" >&2; exit 1; }
  sleep 0.2
done
for _ in $(seq "$nodes"); do
  ray start --block --address "$address" --node-ip-address 127.0.0.1 --num-cpus "$cpus" > /dev/null &
  started+=($!)
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
