#!/usr/bin/env bash
# What somebody would write in an afternoon: no-op jobs, so many at a time, each cloned, worked on and checked in
# containers, committed and pushed. The rival of tests/bench/factory.cpp.
#   by_hand.sh CLONE_URL IMAGE WORK_FOLDER BRANCH_PREFIX JOBS AT_A_TIME AGENT CHECK...
# CLONE_URL holds the credential.
set -euo pipefail
export url=$1 image=$2 work=$3 prefix=$4
jobs=$5 at_a_time=$6
shift 6
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=bot GIT_AUTHOR_EMAIL=bot@example.org GIT_COMMITTER_NAME=bot GIT_COMMITTER_EMAIL=bot@example.org

one() {
  set -euo pipefail
  local number=$1 tree=$work/$prefix-$1 command
  shift
  git clone -q "$url" "$tree"
  for command in "$@"; do  # the agent, then the checks
    docker run --rm --network none --user "$(id -u):$(id -g)" -v "$tree:/workspace" -w /workspace "$image" sh -c "$command"
  done
  git -C "$tree" checkout -q -b "$prefix-$number"
  git -C "$tree" add -A
  git -C "$tree" commit -q -m "Job $number"
  git -C "$tree" push -q origin HEAD
}
export -f one

seq "$jobs" | xargs -P "$at_a_time" -I{} bash -c 'one "$@"' one {} "$@"
