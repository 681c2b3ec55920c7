module forager

go 1.26.0

require (
	github.com/boombuler/barcode v1.0.1-0.20190219062509-6c824513bacc
	github.com/go-json-experiment/json v1.27.2
	github.com/peterbourgon/ff/v3 v3.4.0
	github.com/pquerna/otp v1.5.0
	github.com/tinylib/msgp v1.6.5
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)

require github.com/philhofer/fwd v1.2.0 // indirect
