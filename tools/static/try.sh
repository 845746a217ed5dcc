#!/usr/bin/env bash
# Tries the static program as custodians use it, on a machine that has nothing else: a root directory with the program alone, without libraries,
# locale, /proc, /dev, /tmp and environment.
#
#     bash tools/static/try.sh PROGRAM
set -euo pipefail
program=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
machine=$place/machine
mkdir "$machine"
cd "$place"

linked=$(ldd "$program" 2>&1 || true)
case $linked in
  *"statically linked"* | *"not a dynamic executable"*) ;;
  *) echo "$program is not static: $linked"; exit 1 ;;
esac

# Runs a command with the machine as its root directory, and an empty environment.
on_machine() {
  if [ "$(id -u)" = 0 ]; then
    env -i "$(command -v chroot)" "$machine" "$@"
  else
    env -i "$(command -v unshare)" --user --map-root-user --root="$machine" --wd=/ "$@"
  fi
}
alice() { on_machine /cstatns "$@" --passphrase-file /passphrase; }

# A program that needs anything else does not run there.
cp -L "$(command -v env)" "$machine/env"
if on_machine /env true 2>/dev/null; then echo "the machine has more than the program"; exit 1; fi
rm "$machine/env"

cp "$program" "$machine/cstatns"
echo "eleven plus one is twelve" | tee passphrase >"$machine/passphrase"
chmod 600 passphrase "$machine/passphrase"

alice custodian new /kit --name alice
for name in bruno chloe; do "$program" custodian new $name --name $name --passphrase-file passphrase; done
"$program" service init home --name tried --threshold 2 --shares shares \
  --custodian "$machine/kit/card.json" bruno/card.json chloe/card.json

# What travels to her machine.
send() { cp "$@" home/ledger.jsonl home/checkpoint "$machine/"; }
send shares/alice.1.share
echo yes | alice custodian accept /kit /alice.1.share --ledger /ledger.jsonl
for name in bruno chloe; do
  echo yes | "$program" custodian accept $name shares/$name.1.share --ledger home/ledger.jsonl --passphrase-file passphrase
done
"$program" service receipt home "$machine/kit/receipt-1-held.json" bruno/receipt-1-held.json chloe/receipt-1-held.json

# She approves there, and bruno beside the home.
mkdir approvals
"$program" service open home population --kind statistics --proposal proposal.json --approvals approvals \
  --kit bruno --passphrase-file passphrase &
waiting=$!
until [ -e proposal.json ]; do sleep 0.1; kill -0 "$waiting"; done
send proposal.json
alice custodian approve /kit /proposal.json --ledger /ledger.jsonl --out /approval.json
cp "$machine/approval.json" approvals/
wait "$waiting"

send
alice custodian check /kit --ledger /ledger.jsonl --out /checked.json
"$program" service receipt home "$machine/checked.json"
said=$(alice custodian log /kit --ledger /ledger.jsonl --lang fr)
case $said in *"consenti à"*) ;; *) echo "it does not speak French: $said"; exit 1 ;; esac
"$program" auditor verify home/ledger.jsonl --service home/card.json
echo "the static program works on a machine that has nothing else"
