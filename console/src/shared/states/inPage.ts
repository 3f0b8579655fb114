import { createContext } from 'react'

/** InPage tells whether a page's heading stands above: a state in its place is the heading itself. */
export const InPage = createContext(false)
