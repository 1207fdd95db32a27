#!/usr/bin/env bash
# One VM of a cluster: this checkout with the named extras, in ~/venv, first on the PATH. Run it again at will.
#
#   setup_node.sh CHECKOUT EXTRAS        e.g. setup_node.sh ~/higan_cam cluster,s3
set -euo pipefail
checkout=$1 extras=$2 python=${PYTHON:-python3.12}

if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  # Cloud images upgrade themselves after the first boot: wait for that lock instead of failing on it.
  sudo apt-get -o DPkg::Lock::Timeout=300 update
  sudo apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$python-venv"
fi
[ -x ~/venv/bin/python ] || "$python" -m venv ~/venv
~/venv/bin/pip install --disable-pip-version-check --quiet \
  --constraint "$checkout/cluster_configs/constraints.txt" "$checkout[$extras]"

# Ray runs its commands in interactive shells, which read .bashrc; `ray status` and the like need the mode there too.
line='export PATH="$HOME/venv/bin:$PATH" RAY_AUTH_MODE=token'
grep --quiet --line-regexp --fixed-strings "$line" ~/.bashrc 2>/dev/null || echo "$line" >> ~/.bashrc
