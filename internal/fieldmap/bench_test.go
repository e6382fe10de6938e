package fieldmap_test

import (
	"fmt"
	"strings"
	"testing"

	"strongroom/internal/fieldmap"
)

// small is an order of about 1.2 KB, the size the product is measured with.
const small = `{"id":"6120448100001","number":"1047","name":"#1047","email":"inigo.etxegoniz@example.com",` +
	`"fulfillmentStatus":{"id":null,"status":"fulfilled","ecartapi":"fulfilled","ecartapiId":"1"},"currency":"MXN",` +
	`"totals":{"subtotal":"1149.00","total":"1268.00","tax":"158.48","discount":"0.00","shipping":"119.00"},` +
	`"status":{"id":null,"status":"any","financial":"paid","ecartapi":"paid","ecartapiId":"1"},` +
	`"customer":{"id":"7730188240151","email":"inigo.etxegoniz@example.com","firstName":"Íñigo-Baltasar",` +
	`"lastName":"Etxegoñiz Ñandubáy","phone":"+52 55 0000 6192"},"shippingAddress":{"id":"9120554411",` +
	`"firstName":"Íñigo-Baltasar","lastName":"Etxegoñiz Ñandubáy","address1":"Calle Zarzaparrilla 1184",` +
	`"address2":"Depto. 7-B","country":{"code":"MX","name":"Mexico"},"state":{"code":"CDMX","name":"Ciudad de México"},` +
	`"city":"Ciudad de México","postalCode":"06793","phone":"+52 55 0000 6192"},"items":[{"id":"15330021770101",` +
	`"productId":"8120011870","sku":"NOP-MOLC-02","name":"Molcajete de piedra 18 cm","quantity":"1","price":"899.00"}],` +
	`"dates":{"deliveredAt":"2026-11-03T16:20:11-06:00","createdAt":"2026-10-29T09:11:52-06:00",` +
	`"updatedAt":"2026-11-03T16:20:12-06:00"},"note":null}`

func giant(items int) []byte {
	var b strings.Builder
	b.WriteString(`{"success":true,"order":{"id":"1","items":[`)
	for i := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"SKU-%d","name":"Thing %d","note":"for somebody's birthday, please wrap it well","quantity":"1",`, i, i)
		b.WriteString(`"price":"12.00","requiresShipping":"true","custom":{"colour":"blue","engraving":["a","b","c"],"x":1.25}`)
		fmt.Fprintf(&b, `,"pad":"%s","id":"%d"}`, strings.Repeat("x", 400), i)
	}
	b.WriteString(`]}}`)
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	m := orders(b)
	full := read(b, "order_shopify_v2_full.json")
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"order-1.2KB", []byte(`{"success":true,"order":` + small + `}`)},
		{"order-full", full},
		{"list-50", []byte(`{"orders":[` + strings.Repeat(small+",", 49) + small + `]}`)},
		{"items-3000", giant(3000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Parse(c.body, fieldmap.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTemplate(b *testing.B) {
	m := orders(b)
	o, _ := one(b, m, small)
	tmpl := template(o)
	var dst []byte
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(o.Raw)))
		b.ReportAllocs()
		for b.Loop() {
			dst = fieldmap.AppendTemplate(dst[:0], o, func(i int) uint32 { return uint32(i) })
		}
	})
	b.Run("render", func(b *testing.B) {
		b.SetBytes(int64(len(o.Raw)))
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = fieldmap.Render(dst[:0], tmpl, fieldmap.Fill{Token: func(dst []byte, h fieldmap.Hole) []byte {
				return append(dst, "srt_01234567890123456789012345678901"...)
			}})
		}
	})
	b.Run("places", func(b *testing.B) {
		b.SetBytes(int64(len(o.Raw)))
		b.ReportAllocs()
		for b.Loop() {
			p, err := m.Places(tmpl, func(n uint32) []byte { return o.Leaves[n].Text(o.Raw) })
			if err != nil || len(p) != len(o.Leaves) {
				b.Fatal(err, len(p))
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b)
	}
}
