#!/bin/sh
# The first process of a machine that is only there for a shell in its disk: as in a chroot, nothing of the image's
# own runs, neither its init nor root's profile. Whatever usually ends a machine ends it, and so does the shell's end.
rm -f "$0"  # the host looks for it: so it knows that the shell came
PATH=/run/unikernel:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run && mkdir /run/unikernel

cat > /run/unikernel/poweroff <<'END'
#!/bin/sh
sync
mount -o remount,ro / 2>/dev/null
echo b > /proc/sysrq-trigger
exec /sbin/reboot -ff
END
chmod 755 /run/unikernel/poweroff
for name in halt reboot shutdown; do ln -s poweroff /run/unikernel/$name; done
# A busybox's shell has these commands in itself and looks for no others; it reads this when it starts.
for name in poweroff halt reboot shutdown; do echo "alias $name=/run/unikernel/$name"; done > /run/unikernel/aliases
export ENV=/run/unikernel/aliases

# $ROWS and $COLUMNS, as $TERM, come on the kernel's command line.
stty rows "$ROWS" cols "$COLUMNS" < /dev/ttyS0 2>/dev/null
unset ROWS COLUMNS
cd /root
shell=/bin/bash
[ -x $shell ] || shell=/bin/sh
setsid -c $shell -i < /dev/ttyS0 > /dev/ttyS0 2>&1
exec /run/unikernel/poweroff
