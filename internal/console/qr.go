package console

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/boombuler/barcode/qr"

	"strongroom"
)

// picture is a QR code as the path of an SVG drawing, one unit a module, with the
// quiet zone of four that readers want.
type picture struct {
	Size int
	Path template.HTMLAttr
}

const quiet = 4

// draw draws the QR code of text. A fault never repeats it.
func draw(text string) (picture, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return picture{}, strongroom.Faultf(strongroom.Internal, "qr", "the picture of the secret could not be drawn").
			Advise("type the secret into the app")
	}
	n := code.Bounds().Dx()
	var b strings.Builder
	for y := range n {
		for x := range n {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	// Digits and letters of path commands alone.
	return picture{n + 2*quiet, template.HTMLAttr(`d="` + b.String() + `"`)}, nil
}
