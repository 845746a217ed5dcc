#!/usr/bin/env bash
# Tries the static program as custodians use it, on a machine of their own: from the kit over share, approval and yearly check to the log.
#
#     bash tools/static/try.sh PROGRAM          a machine that has nothing else: a root directory with the program alone, without libraries,
#                                               locale, /proc, /dev, /tmp and environment
#     bash tools/static/try.sh PROGRAM --live   a computer that is started with a live Debian from a USB stick (`live.sh`); needs Debian and root
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"

linked=$(ldd "$program" 2>&1 || true)
case $linked in
  *"statically linked"* | *"not a dynamic executable"*) ;;
  *) echo "$program is not static: $linked"; exit 1 ;;
esac
echo "eleven plus one is twelve" >passphrase
chmod 600 passphrase

machine=$place/machine

machine_new() {
  mkdir "$machine"
  # A program that needs anything else does not run there.
  cp -L "$(command -v env)" "$machine/cstatns"
  if on_machine true 2>/dev/null; then echo "the machine has more than the program"; exit 1; fi
  put "$program"
  cp passphrase "$machine/passphrase"
}

put() { cp "$@" "$machine/"; }

take() { cp "$machine/$1" "$2"; }

# What she hands over lies in her kit.
hand_over() { cp "$machine/$kit/$1" "$1"; }

# Runs the program with the machine as its root directory, and an empty environment; with --yes a question is answered.
on_machine() {
  local answer=
  if [ "$1" = --yes ]; then answer=yes && shift; fi
  if [ "$(id -u)" = 0 ]; then
    env -i "$(command -v chroot)" "$machine" /cstatns "$@" <<<"$answer"
  else
    env -i "$(command -v unshare)" --user --map-root-user --root="$machine" --wd=/ /cstatns "$@" <<<"$answer"
  fi
}

# How many lives were played: nothing is written over.
life=0

# One custodian's life with the service, their kit in this directory of the machine, their passphrase in this file.
live_with() {
  local secret=$2 waiting said
  kit=$1 life=$((life + 1))
  rm -rf home shares approvals bruno chloe proposal.json
  alice() { on_machine "$@" --passphrase-file "$secret"; }
  send() { put "$@" home/ledger.jsonl home/checkpoint; }

  alice custodian new "$kit" --name alice
  hand_over card.json
  for name in bruno chloe; do "$program" custodian new $name --name $name --passphrase-file passphrase; done
  "$program" service init home --name tried --threshold 2 --shares shares --custodian card.json bruno/card.json chloe/card.json
  send shares/alice.1.share
  alice --yes custodian accept "$kit" alice.1.share --ledger ledger.jsonl
  for name in bruno chloe; do
    echo yes | "$program" custodian accept $name shares/$name.1.share --ledger home/ledger.jsonl --passphrase-file passphrase
  done
  hand_over receipt-1-held.json
  "$program" service receipt home receipt-1-held.json bruno/receipt-1-held.json chloe/receipt-1-held.json

  # She approves there, and bruno beside the home.
  mkdir approvals
  "$program" service open home population --kind statistics --proposal proposal.json --approvals approvals \
    --kit bruno --passphrase-file passphrase &
  waiting=$!
  until [ -e proposal.json ]; do sleep 0.1; kill -0 "$waiting"; done
  send proposal.json
  alice custodian approve "$kit" proposal.json --ledger ledger.jsonl --out approval-$life.json
  take approval-$life.json approvals/
  wait "$waiting"

  send
  alice custodian check "$kit" --ledger ledger.jsonl --out checked-$life.json
  take checked-$life.json checked.json
  "$program" service receipt home checked.json
  said=$(alice custodian log "$kit" --ledger ledger.jsonl --lang fr)
  case $said in *"consenti à"*) ;; *) echo "it does not speak French: $said"; exit 1 ;; esac
  "$program" auditor verify home/ledger.jsonl --service home/card.json
}

if [ "${2:-}" = --live ]; then
  # shellcheck source=tools/static/live.sh
  source "$here/live.sh"
  machine_new
  for kit in /media/encrypted/alice /media/stick/alice; do live_with $kit /root/passphrase; done
  echo "the static program works on a computer started with a live Debian, with the kit on an encrypted stick and on one with FAT"
else
  machine_new
  live_with /kit /passphrase
  echo "the static program works on a machine that has nothing else"
fi
