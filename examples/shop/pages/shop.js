// What the shop does, and what it tells Rapport of it. The library stands in the
// head of the page, so window.rapport is there.
const rapport = window.rapport
const products = {
  'lamp-1': { product_id: 'lamp-1', name: 'Table lamp', category: 'lamps', price: 39 },
  'lamp-arc': { product_id: 'lamp-arc', name: 'Arc lamp', category: 'lamps', price: 149 },
  'chair-oak': { product_id: 'chair-oak', name: 'Oak chair', category: 'chairs', price: 120 },
}
const cart = JSON.parse(sessionStorage.getItem('cart') ?? '[]')
const $ = (id) => document.getElementById(id)

const consent = $('consent')
if (consent && rapport.consent() === 'pending') {
  consent.hidden = false
  consent.addEventListener('submit', (e) => {
    e.preventDefault()
    const yes = e.submitter.value === 'granted'
    rapport.consent(e.submitter.value, { analytics: yes, marketing: yes })
    consent.hidden = true
  })
}

if (document.body.dataset.page === 'product') {
  const product = products[new URLSearchParams(location.search).get('sku')] ?? products['lamp-1']
  $('name').textContent = document.title = product.name
  $('price').textContent = `€ ${product.price}`
  rapport.viewed(product)
  $('add').addEventListener('click', () => {
    cart.push({ ...product, quantity: 1 })
    sessionStorage.setItem('cart', JSON.stringify(cart))
    rapport.added({ ...product, quantity: 1 })
    location.href = '/cart.html'
  })
}

if (document.body.dataset.page === 'cart') {
  rapport.cart(cart)
  for (const line of cart) {
    const li = document.createElement('li')
    li.textContent = `${line.name}, € ${line.price}`
    $('lines').append(li)
  }
  $('order').addEventListener('submit', (e) => {
    e.preventDefault()
    const email = new FormData(e.target).get('email')
    rapport.identify(null, { email })
    rapport.ordered({ order_id: crypto.randomUUID(), total: cart.reduce((sum, l) => sum + l.price, 0), currency: 'EUR', products: cart })
    sessionStorage.removeItem('cart')
    $('order').hidden = true
    $('thanks').hidden = false
  })
}
