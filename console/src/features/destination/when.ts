import type { Document } from './queries'

type Told = NonNullable<Document['segments']>[number]

/** When is at which moves a segment is told of. */
export type When = 'both' | 'entered' | 'left'

const of = ({ on }: Told): When => (on?.length === 1 ? (on[0] ?? 'both') : 'both')

/** whenOf is what all of them have, else undefined; without any it is what was chosen for the next. */
export function whenOf(all: readonly Told[], next: When): When | undefined {
  const [first, ...others] = all.map(of)
  if (first === undefined) return next
  return others.every((o) => o === first) ? first : undefined
}

/** at is a segment that is told of at some moves. */
export const at = (key: string, when: When): Told => ({ key, ...(when === 'both' ? {} : { on: [when] }) })
