import Link from 'next/link'
import { visit } from '../lib/rapport'

export async function getServerSideProps(context) {
  return { props: { product: await visit(context, 'lamp', { product_id: 'lamp-table', category: 'lamps' }) } }
}

export default function Lamp() {
  return (
    <main>
      <h1>Table lamp</h1>
      <Link href="/" prefetch={false}>Lamps &amp; more</Link>
    </main>
  )
}
