/** readCsv reads CSV as RFC 4180 has it: what stands in quotes may hold commas, quotes and lines. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[++i]
      else if (c === '"') quoted = false
      else cell += c
    } else if (c === '"') quoted = true
    else if (c === ',') {
      row.push(cell)
      cell = ''
    } else if (c === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')])
      row = []
      cell = ''
    } else cell += c
  }
  if (cell || row.length > 0) rows.push([...row, cell])
  return rows
}

/** recordsOf gives the rows below the header by its names. */
export function recordsOf<K extends string>(text: string): Record<K, string>[] {
  const [header = [], ...rows] = readCsv(text)
  return rows.map((r) => Object.fromEntries(header.map((name, i) => [name, r[i] ?? ''])) as Record<K, string>)
}
