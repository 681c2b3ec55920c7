# A stand-in for what OpenWrt's /lib/functions.sh and /lib/config/uci.sh give
# init scripts, for tests only. A file of UCI is itself a list of calls of
# config, option and list, quoted as the shell quotes: that is how the real one
# loads it, from uci's export.

config_load() {
	CONFIG_SECTIONS=
	config_count=0
	[ -e "$UCI/$1" ] || return 1
	. "$UCI/$1"
}

config() {
	config_count=$((config_count + 1))
	CONFIG_SECTION=${2:-cfg$config_count}
	CONFIG_SECTIONS="$CONFIG_SECTIONS $CONFIG_SECTION"
	config_set "$CONFIG_SECTION" TYPE "$1"
}

option() { config_set "$CONFIG_SECTION" "$1" "$2"; }

list() {
	local n
	config_get n "$CONFIG_SECTION" "$1_LENGTH" 0
	n=$((n + 1))
	config_set "$CONFIG_SECTION" "$1_ITEM$n" "$2"
	config_set "$CONFIG_SECTION" "$1_LENGTH" "$n"
	local all
	config_get all "$CONFIG_SECTION" "$1"
	config_set "$CONFIG_SECTION" "$1" "${all:+$all }$2"
}

config_set() { eval "CONFIG_$1_$2=\$3"; }

config_get() { eval "$1=\${CONFIG_$2_$3:-\$4}"; }

config_get_bool() {
	config_get "$@"
	case "$(eval "echo \"\$$1\"")" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$4" ;;
	esac
}

config_foreach() {
	local call="$1" type="$2" section of
	shift 2
	for section in $CONFIG_SECTIONS; do
		config_get of "$section" TYPE
		[ "$of" != "$type" ] || "$call" "$section" "$@"
	done
}

config_list_foreach() {
	local section="$1" name="$2" call="$3" n=1 length value
	shift 3
	config_get length "$section" "${name}_LENGTH" 0
	while [ "$n" -le "$length" ]; do
		config_get value "$section" "${name}_ITEM$n"
		"$call" "$value" "$@"
		n=$((n + 1))
	done
}
