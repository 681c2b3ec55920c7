package appid

// udpRules are tried in order, the surest marks first.
var udpRules = []rule{
	{"sip", 0, "", wordInLine(" SIP/2.0")},
	{"ssdp", 0, "M-SEARCH", nil},
	{"ssdp", 0, "NOTIFY * HTTP", nil},
	{"dtls", 0, "\x16\xfe", nil},
	{"stun", 4, "\x21\x12\xa4\x42", nil},                            // RFC 8489 section 5
	{"netbios-ns", 13, "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00", nil}, // the name "*", RFC 1002 section 4.1
	{"ipmi", 0, "\x06\x00\xff\x07", nil},                            // RMCP, IPMI 2.0 section 13.1.3
	{"rmcp", 0, "\x06\x00\xff\x06", nil},                            // ASF 2.0 section 3.2.2
	{"rpc", 4, "\x00\x00\x00\x00\x00\x00\x00\x02", nil},             // RFC 5531 section 9
	{"memcached", 4, "\x00\x01\x00\x00", printableFrom(8)},          // one datagram of one
	{"snmp", 0, "\x30", snmp},
	{"ldap", 0, "\x30", ldap}, // CLDAP
	{"kerberos", 0, "\x6a", nil},
	{"source", 0, "\xff\xff\xff\xff", nil},
	{"wireguard", 0, "\x01\x00\x00\x00", length(148)},
	{"ubiquiti", 0, "\x01\x00\x00\x00", length(4)},
	{"openvpn", 0, "\x38", func(b []byte) bool { return len(b) >= 14 }},
	{"isakmp", 0, "", isakmp},
	{"quic", 0, "", quic},
	{"ntp", 0, "", ntp},
	{"bacnet", 0, "\x81\x0a", exact(2, 2, 0)},
	{"bacnet", 0, "\x81\x0b", exact(2, 2, 0)},
	{"enip", 0, "\x63\x00\x00\x00", nil},
	{"bittorrent", 0, "d1:", nil}, // DHT, BEP 5
	{"ws-discovery", 0, "<?xml", anywhere("discovery")},
	{"ws-discovery", 0, "<s:Envelope", nil},
	{"xdmcp", 0, "\x00\x01\x00\x02\x00\x01\x00", length(7)},
	{"tftp", 0, "\x00", tftp},
	{"dns", 0, "", dnsQuestion(0)},
	{"radius", 0, "", radius},
	{"rip", 2, "\x00\x00", rip},
	{"mssql-browser", 0, "\x02", length(1)},
	{"mssql-browser", 0, "\x03", length(1)},
	{"apple-remote", 0, "\x00\x14\x00\x00", nil},
	{"l2tp", 0, "\xc8\x02", nil}, // RFC 2661 section 3.1
	{"db2", 0, "DB2GETADDR", nil},
	{"dahua-dvr", 32, `{ "method" : "DHCP`, nil},
	{"netis", 0, "AA\x00\x00AAAA", nil}, // the back door on 53413
	{"wdb", 8, "\x00\x00\x00\x02\x55\x55\x55\x55", nil},
	{"shell", 0, "", shellLine},
	{"coap", 0, "", coap},
}
