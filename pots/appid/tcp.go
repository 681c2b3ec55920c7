package appid

// tcpRules are tried in order: a mark that could be taken for another's stands
// behind it. Sources: the RFCs and documents named in the rows' checks, IANA's
// service names for most of the words, and what scanners send.
var tcpRules = []rule{
	{"tls", 0, "\x16\x03", tlsRecord},
	{"sslv2", 2, "\x01", sslv2Hello},
	{"ssh", 0, "SSH-", nil},
	{"sip", 0, "", wordInLine(" SIP/2.0")},
	{"rtsp", 0, "", wordInLine(" RTSP/1.0")},
	{"http2", 0, "PRI * HTTP/2.0", nil}, // RFC 9113 section 3.4
	{"nats", 0, "CONNECT {", nil},
	{"http", 0, "", httpRequest},
	{"mglndd", 0, "MGLNDD_", nil},
	{"rdp", 0, "\x03\x00", rdpRequest},
	{"s7", 0, "\x03\x00", s7Request},
	{"tpkt", 0, "\x03\x00", tpkt},
	{"smb", 4, "\xffSMB", nil},
	{"smb", 4, "\xfeSMB", nil},
	{"netbios-ssn", 0, "\x81\x00\x00\x44", nil}, // RFC 1002 section 4.3.2
	{"telnet", 0, "\xff", telnetOption},
	{"zmtp", 0, "\xff\x00\x00\x00\x00\x00\x00\x00", nil},
	{"adb", 0, "CNXN", nil},
	{"redis", 0, "*", respArray},
	{"redis", 0, "", firstWord("info", "ping", "config", "auth", "slaveof", "replicaof", "flushall", "eval", "module")},
	{"memcached", 0, "", firstWord("stats", "version", "gets", "flush_all")},
	{"zookeeper", 0, "", firstWord("ruok", "srvr", "mntr", "conf", "cons", "envi", "dump", "stat")},
	{"stratum", 0, "{", stratum},
	{"dahua-dvr", 32, `{ "method" : "DHCP`, nil},
	{"jsonrpc", 0, "{", anywhere(`"jsonrpc"`)},
	{"json", 0, "{", jsonLike},
	{"mqtt", 0, "\x10", mqttConnect},
	{"dcerpc", 0, "\x05\x00\x0b", nil}, // bind, DCE 1.1 C706 section 12.6
	{"socks5", 0, "\x05", socks5},
	{"socks4", 0, "\x04", socks4},
	{"vnc", 0, "RFB 003.", nil}, // RFC 6143 section 7.1.1
	{"postgres", 0, "\x00\x00", postgresStart},
	{"mssql", 0, "\x12\x01", exact(2, 2, 0)},
	{"mysql", 3, "\x01", mysqlLogin},
	{"oracle", 2, "\x00\x00\x01\x00", nil},
	{"mongodb", 0, "", mongo},
	{"cassandra", 1, "\x00\x00\x00\x05\x00\x00\x00\x00", nil},
	{"neo4j", 0, "\x60\x60\xb0\x17", nil},
	{"ldap", 0, "\x30", ldap},
	{"kerberos", 0, "\x00\x00", kerberos},
	{"rpc", 8, "\x00\x00\x00\x00\x00\x00\x00\x02", rpcRecord},
	{"pptp", 2, "\x00\x01\x1a\x2b\x3c\x4d", nil}, // RFC 2637 section 2.1
	{"dns", 2, "", exact(0, 2, 2, dnsQuestion(2))},
	{"x11", 0, "l\x00\x0b\x00", nil},
	{"x11", 0, "B\x00\x00\x0b", nil},
	{"amqp", 0, "AMQP", nil},
	{"openwire", 5, "ActiveMQ", nil},
	{"kafka", 0, "\x00\x00", kafka},
	{"ibm-mq", 0, "TSH", nil},
	{"java-rmi", 0, "JRMI", nil},
	{"jdwp", 0, "JDWP-Handshake", nil},
	{"java-object", 0, "\xac\xed\x00\x05", nil},
	{"weblogic-t3", 0, "t3 ", nil},
	{"weblogic-t3", 0, "t3s ", nil},
	{"ajp", 0, "\x12\x34", nil},
	{"giop", 0, "GIOP", nil},
	{"hadoop", 0, "hrpc", nil},
	{"thrift", 0, "\x80\x01\x00\x01", nil},
	{"sap-router", 0, "ROUTER_ADM", nil},
	{"sap-router", 0, "NI_ROUTE", nil},
	{"rsync", 0, "@RSYNCD:", nil},
	{"git", 4, "git-", nil},
	{"smtp", 0, "", firstWord("ehlo", "helo", "mail")},
	{"ftp", 0, "", firstWord("user", "feat")},
	{"pop3", 0, "", firstWord("capa", "apop")},
	{"xmpp", 0, "<?xml", anywhere("<stream:")},
	{"xmpp", 0, "<stream:", nil},
	{"xml", 0, "<?xml", nil},
	{"bittorrent", 0, "\x13BitTorrent protocol", nil},
	{"modbus", 2, "\x00\x00", modbus},
	{"dnp3", 0, "\x05\x64", nil},            // IEEE 1815 section 9.2
	{"iec104", 0, "\x68\x04", nil},          // IEC 60870-5-104 section 5
	{"enip", 0, "\x65\x00\x04\x00", nil},    // register session
	{"enip", 0, "\x63\x00\x00\x00", nil},    // list identity
	{"opcua", 0, "HELF", nil},               // OPC 10000-6 section 7.1.2
	{"niagara-fox", 0, "fox a ", nil},       // Tridium
	{"dicom", 0, "\x01\x00\x00\x00", dicom}, // A-ASSOCIATE-RQ, PS3.8 section 9.3.2
	{"iscsi", 0, "\x43\x87", nil},           // login, RFC 7143 section 11.12
	{"iscsi", 0, "\x03\x87", nil},           //
	{"teamviewer", 0, "\x17\x24", nil},      //
	{"epmd", 2, "n", exact(0, 2, 2)},        // NAMES_REQ
	{"mms", 12, "MMS\x14", nil},             // Microsoft Media Server
	{"minecraft", 1, "\x00", minecraft},     //
	{"source", 0, "", sourceRcon},           // Source RCON
	{"lpd", 0, "\x01", lpd},                 // RFC 1179 section 5
	{"radmin", 0, "\x01\x00\x00\x00\x01\x00\x00\x00", nil},
	{"shell", 0, "", shellLine},
}
