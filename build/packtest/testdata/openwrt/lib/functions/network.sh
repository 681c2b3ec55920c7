# A stand-in for OpenWrt's /lib/functions/network.sh, for tests only: a network
# is up when there is a file of its name in $NETWORKS, with its IPv4 addresses.

network_flush_cache() { :; }
network_is_up() { [ -e "$NETWORKS/$1" ]; }
network_get_ipaddrs() {
	[ -s "$NETWORKS/$2" ] || {
		unset "$1"
		return 1
	}
	eval "$1=\$(cat \"\$NETWORKS/\$2\")"
}
