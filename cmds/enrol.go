package cmds

import (
	"fmt"
	"io"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// quiet is the blank frame around a QR code in modules (ISO/IEC 18004 section
// 9.1).
const quiet = 4

// WriteEnrolment prints what an authenticator app needs: the URI, which holds
// the secret, and the same as a QR code.
func WriteEnrolment(w io.Writer, uri string) error {
	code, err := qr.Encode(uri, qr.L, qr.Auto)
	if err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n%s", uri, drawQR(code))
	return err
}

// drawQR draws two rows of modules a line, in half blocks. Light modules are
// the drawn ones, as most terminals are dark; readers take both ways.
func drawQR(code barcode.Barcode) []byte {
	size := code.Bounds().Dx()
	light := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return y < size+quiet
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r > 0
	}
	var b []byte
	for y := -quiet; y < size+quiet; y += 2 {
		for x := -quiet; x < size+quiet; x++ {
			switch top, bottom := light(x, y), light(x, y+1); {
			case top && bottom:
				b = append(b, "█"...)
			case top:
				b = append(b, "▀"...)
			case bottom:
				b = append(b, "▄"...)
			default:
				b = append(b, ' ')
			}
		}
		b = append(b, '\n')
	}
	return b
}
