// Personalised before it is sent: the browser gets no script for it, and nothing
// flickers.
import Link from 'next/link'
import { visit } from '../lib/rapport'

export async function getServerSideProps(context) {
  return { props: { product: await visit(context, 'home') } }
}

export default function Home({ product }) {
  return (
    <main>
      <h1>Lamps &amp; more</h1>
      <p>For you: <strong>{product.title}</strong></p>
      {/* A prefetch would be a view that nobody had. */}
      <Link href="/lamp" prefetch={false}>Table lamp</Link>
    </main>
  )
}
