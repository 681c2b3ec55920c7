#!/bin/sh
# Installs forager on a machine with SysV init or BusyBox's rcS, from the
# directory that its archive unpacked into. A configuration that is there stays.
#   ./install.sh             install, or update
#   ./install.sh -remove     remove, but for the configuration and the state
#   ./install.sh -purge      remove all of it
# DESTDIR=/mnt ./install.sh prepares a root file system that is not running.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR-}
sbin=/usr/local/sbin
state=/var/lib/forager

# init_script prints where the script goes: Buildroot's rcS starts
# /etc/init.d/S??*, all others know links in rc?.d.
init_script() {
	if [ -e "$root/etc/init.d/rcS" ] && ! ls -d "$root"/etc/rc[0-6S].d >/dev/null 2>&1; then
		echo /etc/init.d/S95forager
	else
		echo /etc/init.d/forager
	fi
}

# put copies a file beside its place and then renames it, so that a power cut
# leaves the old or the new one, and a program that runs can be replaced.
put() {
	mkdir -p "$root$(dirname "$3")"
	cp "$2" "$root$3.new"
	chmod "$1" "$root$3.new"
	mv -f "$root$3.new" "$root$3"
}

# at_boot has init start the script, by whatever this machine has for it.
at_boot() {
	[ "$(init_script)" = /etc/init.d/forager ] || return 0
	if [ -z "$root" ] && command -v update-rc.d >/dev/null 2>&1; then
		update-rc.d forager defaults >/dev/null
	elif [ -z "$root" ] && command -v chkconfig >/dev/null 2>&1; then
		chkconfig --add forager
	elif [ -z "$root" ] && command -v rc-update >/dev/null 2>&1; then
		rc-update add forager default
	else
		for level in 0 1 2 3 4 5 6; do
			[ -d "$root/etc/rc$level.d" ] || continue
			case $level in
			[2345]) ln -sf ../init.d/forager "$root/etc/rc$level.d/S95forager" ;;
			*) ln -sf ../init.d/forager "$root/etc/rc$level.d/K05forager" ;;
			esac
		done
	fi
}

not_at_boot() {
	if [ -z "$root" ] && command -v update-rc.d >/dev/null 2>&1; then
		update-rc.d -f forager remove >/dev/null
	elif [ -z "$root" ] && command -v chkconfig >/dev/null 2>&1; then
		chkconfig --del forager || true
	elif [ -z "$root" ] && command -v rc-update >/dev/null 2>&1; then
		rc-update del forager default || true
	fi
	rm -f "$root"/etc/rc[0-6S].d/[SK][0-9][0-9]forager
}

install() {
	script=$(init_script)
	put 0755 forager "$sbin/forager"
	put 0755 forager.init "$script"
	mkdir -p "$root/etc/forager" "$root$state"
	chmod 0700 "$root$state"
	if [ ! -e "$root/etc/forager/forager.conf" ]; then
		put 0600 forager.conf /etc/forager/forager.conf
	fi
	at_boot
	if [ -z "$root" ] && "$script" status >/dev/null; then
		"$script" restart
	fi
	echo "forager is in $root$sbin. Say in $root/etc/forager/forager.conf where Core is, then: $script start"
}

remove() {
	script=$(init_script)
	if [ -z "$root" ] && [ -x "$script" ]; then
		"$script" stop
	fi
	not_at_boot
	rm -f "$root$script" "$root$sbin/forager"
}

case "${1-}" in
'') install ;;
-remove) remove ;;
-purge)
	remove
	rm -rf "$root/etc/forager" "$root$state"
	;;
*)
	echo "usage: install.sh [-remove | -purge]" >&2
	exit 2
	;;
esac
