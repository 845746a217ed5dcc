# What `try.sh --live` does with a machine: a computer whose own system is left alone (Windows, say), started with a live Debian. It is one in an
# emulator: Debian's kernel and Debian's programs, all in memory, with two USB sticks. One has FAT, as it is bought: the program and what is sent
# lie on it. The other one is encrypted with LUKS, and the kit lies there; or it lies on the first one too, as people will have it.
#
# For each command the computer is started and turned off again.

machine_new() {
  local need
  for need in debootstrap qemu-system-x86_64:qemu-system-x86 mkfs.vfat:dosfstools mcopy:mtools cpio; do
    command -v "${need%:*}" >/dev/null || { apt-get update && apt-get install -y --no-install-recommends "${need#*:}"; } >&2
  done
  local packages=linux-image-amd64,cryptsetup-bin,e2fsprogs,kmod
  debootstrap --variant=minbase --include=$packages bookworm live >debootstrap.log 2>&1 || { tail debootstrap.log; return 1; }
  mv live/boot/vmlinuz-* kernel
  rm -rf live/boot/* live/var/cache/* live/var/lib/apt/* live/usr/share/{doc,locale,man}

  # Of the modules of the kernel those for disks, FAT and encryption.
  local modules="virtio_pci virtio_blk vfat nls_cp437 nls_ascii ext4 dm_crypt xts aesni_intel algif_skcipher" version
  version=$(ls live/lib/modules)
  mkdir kept
  for module in $modules; do
    chroot live modprobe --set-version "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | sort -u | (cd live && xargs -I{} cp --parents .{} ../kept)
  cp --parents live/lib/modules/"$version"/modules.{builtin,builtin.modinfo,order} kept/ && cp -r kept/live/* kept/ && rm -r kept/live
  rm -rf live/lib/modules/"$version"/kernel && cp -r kept/lib/modules/"$version"/kernel live/lib/modules/"$version"/
  chroot live depmod "$version"

  cat >live/init <<INIT
#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
for module in $modules; do modprobe \$module || exit; done
mkdir -p /media/stick /media/encrypted && mount /dev/vda /media/stick || exit
cd /media/stick
key() { printf 'a long key of the stick'; }
cryptsetup isLuks /dev/vdb || {
  key | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/vdb - &&
  key | cryptsetup open --key-file - /dev/vdb encrypted && mkfs.ext4 -q /dev/mapper/encrypted
}
[ -e /dev/mapper/encrypted ] || key | cryptsetup open --key-file - /dev/vdb encrypted
mount /dev/mapper/encrypted /media/encrypted
umask 077 && echo "eleven plus one is twelve" >/root/passphrase
sh ./command >./said 2>&1
echo \$? >./status
cd / && umount /media/stick /media/encrypted && sync && echo o >/proc/sysrq-trigger
sleep 60
INIT
  chmod 755 live/init
  (cd live && find . | cpio --quiet -o -H newc | gzip -1) >memory
  truncate -s 256M stick && mkfs.vfat stick >/dev/null
  truncate -s 64M encrypted
  put "$program"
}

put() {
  local file
  for file; do mcopy -o -i stick "$file" "::/$(basename "$file")"; done
}

take() { mcopy -o -i stick "::/$1" "$2"; }

hand_over() { take "$1" "$1"; }

on_machine() {
  local answer= status
  if [ "$1" = --yes ]; then answer="echo yes | " && shift; fi
  printf '%s./cstatns' "$answer" >command
  printf " '%s'" "$@" >>command
  printf '; ended=$?; cp %s/card.json %s/receipt-*.json . 2>/dev/null; exit $ended\n' "$kit" "$kit" >>command
  put command
  mdel -i stick ::/status 2>/dev/null || true
  timeout 600 qemu-system-x86_64 -accel tcg -cpu max -m 2G -nographic -net none -no-reboot -kernel kernel -initrd memory \
    -append "console=ttyS0 quiet panic=-1" -drive file=stick,format=raw,if=virtio -drive file=encrypted,format=raw,if=virtio \
    </dev/null >console 2>&1
  status=$(mtype -i stick ::/status) || { tail -n 20 console; return 1; }
  mtype -i stick ::/said
  return "$status"
}
