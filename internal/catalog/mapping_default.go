package catalog

// The statuses that default actions give an order. A source may use others.
const (
	StatusPurchased = "purchased"
	StatusPreorder  = "preordered"
	StatusCancelled = "cancelled"
	StatusShipped   = "shipped"
	StatusDelivered = "delivered"
	StatusReturned  = "returned"
	StatusExchanged = "exchanged"
)

// defaultActions are the reserved names of the web beacon, of the interactions
// SDK and of its data lake, and a few of our own at the end. Nothing writes to
// them.
var defaultActions = [...]Action{
	{Name: "View Item", Class: ClassCatalog},
	{Name: "View Item Out Of Stock", Class: ClassCatalog},
	{Name: "View Item Detail", Class: ClassCatalog},
	{Name: "Quick View Item", Class: ClassCatalog},
	{Name: "Stop Quick View Item", Class: ClassCatalog},
	{Name: "View Category", Class: ClassCatalog},
	{Name: "View Tag", Class: ClassCatalog},
	{Name: "Share", Class: ClassCatalog},
	{Name: "Review", Class: ClassCatalog},
	{Name: "Comment", Class: ClassCatalog},
	{Name: "Favorite", Class: ClassCatalog},

	{Name: "View Catalog Object", Class: ClassCatalog},
	{Name: "View Catalog Object Detail", Class: ClassCatalog},
	{Name: "Quick View Catalog Object", Class: ClassCatalog},
	{Name: "Stop Quick View Catalog Object", Class: ClassCatalog},
	{Name: "Share Catalog Object", Class: ClassCatalog},
	{Name: "Review Catalog Object", Class: ClassCatalog},
	{Name: "Comment Catalog Object", Class: ClassCatalog},
	{Name: "Favorite Catalog Object", Class: ClassCatalog},

	{Name: "Add To Cart", Class: ClassCart, Effect: AddLines},
	{Name: "Remove From Cart", Class: ClassCart, Effect: RemoveLines},
	{Name: "View Cart", Class: ClassCart, Effect: ReplaceLines},
	{Name: "Replace Cart", Class: ClassCart, Effect: ReplaceLines},
	{Name: "Update Line Item", Class: ClassCart, Effect: SetLines},
	{Name: "Update Cart", Class: ClassCart, Effect: SetLines},

	{Name: "Purchase", Class: ClassOrder, Effect: PurchaseOrder, Status: StatusPurchased},
	{Name: "Preorder", Class: ClassOrder, Effect: PurchaseOrder, Status: StatusPreorder},
	{Name: "Cancel", Class: ClassOrder, Effect: OrderStatus, Status: StatusCancelled},
	{Name: "Ship", Class: ClassOrder, Effect: OrderStatus, Status: StatusShipped},
	{Name: "Deliver", Class: ClassOrder, Effect: OrderStatus, Status: StatusDelivered},
	{Name: "Return", Class: ClassOrder, Effect: OrderStatus, Status: StatusReturned},
	{Name: "Exchange", Class: ClassOrder, Effect: OrderStatus, Status: StatusExchanged},

	{Name: "Search"},
	{Name: "Search View Results"},
	{Name: "Search Click"},
	{Name: "Click Through"},
	{Name: "View Bandit Items"},

	{Name: "Clear Cart", Class: ClassCart, Effect: ClearLines},
	{Name: "Update Order", Class: ClassOrder, Effect: UpdateOrder},
	{Name: "Refund", Class: ClassOrder, Effect: RefundOrder},
}

// defaultEvents are the commerce events of the tracking protocol, with their
// older names, and the actions they are. Nothing writes to it.
var defaultEvents = map[string]string{
	"Products Searched":              "Search",
	"Product List Viewed":            "View Category",
	"Product List Filtered":          "View Category",
	"Promotion Clicked":              "Click Through",
	"Product Clicked":                "Click Through",
	"Product Viewed":                 "View Item",
	"Product Added":                  "Add To Cart",
	"Product Removed":                "Remove From Cart",
	"Cart Viewed":                    "View Cart",
	"Checkout Started":               "View Cart",
	"Order Completed":                "Purchase",
	"Order Updated":                  "Update Order",
	"Order Refunded":                 "Refund",
	"Order Cancelled":                "Cancel",
	"Order Canceled":                 "Cancel",
	"Coupon Entered":                 "Update Cart",
	"Coupon Applied":                 "Update Cart",
	"Coupon Denied":                  "Update Cart",
	"Coupon Removed":                 "Update Cart",
	"Product Added to Wishlist":      "Favorite",
	"Wishlist Product Added to Cart": "Add To Cart",
	"Product Shared":                 "Share",
	"Cart Shared":                    "Share",
	"Product Reviewed":               "Review",

	"Viewed Product Category": "View Category",
	"Viewed Product":          "View Item",
	"Added Product":           "Add To Cart",
	"Removed Product":         "Remove From Cart",
	"Completed Order":         "Purchase",
	"Refunded Order":          "Refund",
	"Cancelled Order":         "Cancel",
}
