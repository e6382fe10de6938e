package gateway

import "strings"

// outer is what stands around every answer without records.
const outer = `
success bool
page number
page.next link
page.previous link
page.current number
page.pages number
page.total number
page.limit number
`

// doneShape is what a write may answer beside the record it is about.
func doneShape() *Shape {
	return NewShape(outer + `
id code
deleted bool
status code
`)
}

func countShape() *Shape { return NewShape(outer + "count number\ntotal number\n") }

func platformShape() *Shape {
	return NewShape(outer + `
ecommerces[] code
ecommerces[].id code
ecommerces[].name text
ecommerces[].key code
ecommerces[].active bool
ecommerces[].logo url
ecommerces[].type code
`)
}

// packageShape leaves out what leads to a parcel: tracking numbers and addresses.
func packageShape() *Shape {
	return NewShape(outer + `
packages[].id code
packages[].fulfillmentOrderId code
packages[].orderId code
packages[].locationId code
packages[].status code
packages[].quantity number
packages[].weight number
packages[].weightUnit code
packages[].lengthUnit code
packages[].dimensions.length number
packages[].dimensions.width number
packages[].dimensions.height number
packages[].dimensions.weight number
packages[].units.length code
packages[].units.width code
packages[].units.height code
packages[].units.weight code
packages[].items[].id code
packages[].items[].productId code
packages[].items[].variantId code
packages[].items[].sku code
packages[].items[].quantity number
packages[].dates.createdAt date
packages[].dates.updatedAt date
packages[].dates.shippedAt date
packages[].dates.deliveredAt date
`)
}

// product is a shop's catalogue: nobody's but for what a detector finds in it.
const product = `
P.id code
P.sku code
P.upc code
P.barcode code
P.name text
P.title text
P.handle code
P.description text
P.shortDescription text
P.vendor text
P.brand text
P.productType text
P.type text
P.status code
P.status.id code
P.status.status code
P.status.active bool
P.active bool
P.visible bool
P.published bool
P.currency code
P.price number
P.comparePrice number
P.cost number
P.discount number
P.tax number
P.taxable bool
P.quantity number
P.stock number
P.inventory number
P.inventoryId code
P.manageStock bool
P.requiresShipping bool
P.digital bool
P.weight number
P.weightUnit code
P.length number
P.width number
P.height number
P.dimensions.length number
P.dimensions.width number
P.dimensions.height number
P.units.length code
P.units.width code
P.units.height code
P.units.weight code
P.categories[] text
P.categories[].id code
P.categories[].name text
P.tags[] text
P.imageUrl url
P.images[] url
P.images[].id code
P.images[].url url
P.images[].src url
P.images[].alt text
P.url url
P.options[].id code
P.options[].name text
P.options[].values[] text
P.variants[].id code
P.variants[].productId code
P.variants[].inventoryId code
P.variants[].sku code
P.variants[].upc code
P.variants[].barcode code
P.variants[].name text
P.variants[].title text
P.variants[].price number
P.variants[].comparePrice number
P.variants[].quantity number
P.variants[].stock number
P.variants[].weight number
P.variants[].length number
P.variants[].width number
P.variants[].height number
P.variants[].requiresShipping bool
P.variants[].taxable bool
P.variants[].imageUrl url
P.variants[].options[].name text
P.variants[].options[].value text
P.variants[].dates.createdAt date
P.variants[].dates.updatedAt date
P.dates.createdAt date
P.dates.updatedAt date
P.dates.publishedAt date
P.createdAt date
P.updatedAt date
`

const carrier = `
C.id code
C.name text
C.carrier text
C.service text
C.code code
C.active bool
C.type code
C.url url
C.format code
C.services[] code
C.services[].id code
C.services[].name text
C.services[].code code
C.allowed bool
C.createdAt date
C.updatedAt date
C.dates.createdAt date
C.dates.updatedAt date
`

// rate is the price of a way to send. Branches are a carrier's own addresses, and
// still no more of them leaves than a code.
const rate = `
R.carrier text
R.service text
R.serviceDescription text
R.pickUp bool
R.deliveryEstimate text
R.deliveryDate.date date
R.deliveryDate.time date
R.deliveryDate.dateDifference number
R.deliveryDate.timeUnit code
R.totalPrice number
R.currency code
R.branches[].id code
R.branches[].code code
`

// at puts the rows of a thing at the places it may stand in.
func at(rows, letter string, places ...string) string {
	out := ""
	for _, p := range places {
		for line := range strings.Lines(rows) {
			if rest, ok := strings.CutPrefix(line, letter+"."); ok {
				out += p + "." + rest
			}
		}
	}
	return out
}

func productShape() *Shape { return NewShape(outer + at(product, "P", "products[]", "product")) }

func carrierShape() *Shape {
	return NewShape(outer + at(carrier, "C", "carriers[]", "carrier", "services[]", "allowed[]"))
}

func rateShape() *Shape { return NewShape(outer + at(rate, "R", "[]", "rates[]")) }
