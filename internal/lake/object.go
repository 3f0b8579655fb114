package lake

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Type is what a column's values are. The names are in the manifest.
type Type string

// The types.
const (
	Text    Type = "text"
	Integer Type = "integer"
	Number  Type = "number" // double precision
	Boolean Type = "boolean"
	Time    Type = "time"    // microseconds since 1970 UTC
	Decimal Type = "decimal" // 38 digits, 9 of them behind the point
)

// Column is a column of an object.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	// Trait is the attribute of people whose values it has; empty for a column
	// that every lake has.
	Trait string `json:"trait,omitempty"`

	few bool // there are few different values: they are written once
	own bool // an id that a person is known by
	// free is what somebody may have written about somebody else.
	free bool
}

// The scale of decimals.
const (
	decimalDigits = 38
	decimalScale  = 9
	decimalBytes  = 16
)

func (c *Column) node() parquet.Node {
	n := parquet.String()
	switch c.Type {
	case Integer:
		n = parquet.Int(64)
	case Number:
		n = parquet.Leaf(parquet.DoubleType)
	case Boolean:
		n = parquet.Leaf(parquet.BooleanType)
	case Time:
		n = parquet.Timestamp(parquet.Microsecond)
	case Decimal:
		n = parquet.Decimal(decimalScale, decimalDigits, parquet.FixedLenByteArrayType(decimalBytes))
	}
	return parquet.Optional(n)
}

// object is one kind of row, with a folder of its own.
type object struct {
	name    string
	columns []Column // in the order of their names, as files have them
	schema  *parquet.Schema
	// elements and orders are the schema as the end of a file has it.
	elements thrift.Slice[format.SchemaElement]
	orders   thrift.Slice[format.ColumnOrder]
	spare    sync.Pool // of chunks
}

func newObject(name string, columns ...Column) *object {
	o := &object{name: name, columns: slices.Clone(columns)}
	slices.SortFunc(o.columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	group := parquet.Group{}
	for i := range o.columns {
		group[o.columns[i].Name] = o.columns[i].node()
	}
	o.schema = parquet.NewSchema(name, group)
	o.elements, o.orders = elementsOf(o.schema)
	return o
}

// elementsOf takes from a file that the library writes how it describes a schema.
func elementsOf(s *parquet.Schema) (thrift.Slice[format.SchemaElement], thrift.Slice[format.ColumnOrder]) {
	var b bytes.Buffer
	err := parquet.NewGenericWriter[any](&b, s).Close()
	var f *parquet.File
	if err == nil {
		f, err = openWhole(b.Bytes())
	}
	if err != nil {
		panic(fmt.Sprintf("the schema of %s cannot be written into memory: %v", s.Name(), err))
	}
	return f.Metadata().Schema, f.Metadata().ColumnOrders
}

// at finds a column; the name is ours.
func (o *object) at(name string) int {
	i, ok := o.find(name)
	if !ok {
		panic(fmt.Sprintf("object %s has no column %s", o.name, name))
	}
	return i
}

func (o *object) find(name string) (int, bool) {
	return slices.BinarySearchFunc(o.columns, name, func(c Column, n string) int { return strings.Compare(c.Name, n) })
}

// The names of the objects.
const (
	usersName       = "users"
	baseName        = "base_events"
	catalogName     = "catalog_events"
	cartName        = "cart_events"
	cartItemName    = "cart_item_events"
	orderName       = "order_events"
	orderItemName   = "order_item_events"
	linksName       = "identity_links"
	membershipsName = "memberships"
	deliveriesName  = "deliveries"
	decisionsName   = "decisions"
)

// Names are the objects in the order in which they are shown.
func Names() []string {
	return []string{
		usersName, baseName, catalogName, cartName, cartItemName, orderName, orderItemName, linksName, membershipsName, deliveriesName, decisionsName,
	}
}

func text(name string) Column    { return Column{Name: name, Type: Text, free: true} }
func few(name string) Column     { return Column{Name: name, Type: Text, few: true} }
func own(name string) Column     { return Column{Name: name, Type: Text, own: true} }
func instant(name string) Column { return Column{Name: name, Type: Time} }
func decimal(name string) Column { return Column{Name: name, Type: Decimal} }
func integer(name string) Column { return Column{Name: name, Type: Integer} }

// position is the place in the log of what a row is of.
const position = "_position"

// eventColumns gives the columns of an event and more.
func eventColumns(more ...Column) []Column {
	return append([]Column{
		text("eventId"), instant("dateTime"), few("eventType"), few("category"), own("deviceId"), text("sessionId"), few("siteId"),
		few("interactionName"), few("sourceChannel"), few("sourceLocale"), text("sourceUrl"), text("sourceUrlReferrer"), few("sourcePageType"),
		text("emailAddress"), text("customerId"), integer(position),
	}, more...)
}

// item gives the columns of a line of a cart or an order.
func item(parent string) []Column {
	return []Column{
		text("eventId"), text(parent), text("lineItemId"), instant("dateTime"), own("deviceId"), text("catalogObjectId"), few("catalogObjectType"),
		decimal("price"), decimal("quantity"), integer(position),
	}
}

// usersColumns are those that every lake has.
func usersColumns() []Column {
	return []Column{
		own("profileId"), own("homeId"), text("emailAddress"), text("customerId"), text("sfmcContactKey"),
		{Name: "isAnonymous", Type: Boolean},
		instant("lastModified"), text("attributes"), integer(position),
	}
}

// fixed makes the objects whose columns are the same in every lake.
func fixed() map[string]*object {
	out := map[string]*object{}
	for _, o := range []*object{
		newObject(baseName, eventColumns(few("action"), text("properties"))...),
		newObject(catalogName, eventColumns(few("itemType"), text("itemId"))...),
		newObject(cartName, eventColumns(text("cartId"), few("currency"))...),
		newObject(cartItemName, item("cartEventId")...),
		newObject(orderName, eventColumns(text("orderId"), decimal("totalValue"), few("currency"))...),
		newObject(orderItemName, item("orderEventId")...),
		newObject(linksName, own("deviceId"), own("profileId"), few("identityType"), text("identityValue"),
			instant("firstSeen"), instant("lastSeen"), integer(position)),
		newObject(membershipsName, text("membershipId"), own("deviceId"), few("segment"), integer("segmentVersion"), few("change"),
			instant("dateTime"), few("cause"), text("eventId"), integer(position)),
		newObject(deliveriesName, text("deliveryId"), own("deviceId"), few("destination"), few("kind"), few("segment"), few("outcome"),
			few("reason"), integer("attempt"), integer("status"), integer("tookMicros"), instant("causedAt"), instant("dateTime"), integer(position)),
		newObject(decisionsName, text("decisionId"), own("deviceId"), few("model"), integer("modelVersion"), few("modelStatus"),
			instant("dateTime"), text("outputs"), integer(position)),
	} {
		out[o.name] = o
	}
	return out
}
