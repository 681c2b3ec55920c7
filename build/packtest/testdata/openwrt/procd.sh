# A stand-in for OpenWrt's /lib/functions/procd.sh and jshn.sh, for tests only:
# it writes down what it is called with, words apart by the byte 0x1f.

record() {
	local word sep=
	for word; do
		printf '%s%s' "$sep" "$word"
		sep=$(printf '\037')
	done >>"$RECORD"
	echo >>"$RECORD"
}

for name in procd_open_instance procd_close_instance procd_set_param procd_append_param \
	procd_add_jail procd_add_jail_mount procd_add_jail_mount_rw \
	procd_add_reload_trigger procd_add_reload_interface_trigger procd_set_config_changed \
	json_add_array json_close_array json_add_object json_close_object json_add_string; do
	eval "$name() { record $name \"\$@\"; }"
done

logger() { echo "logger $*" >&2; }
