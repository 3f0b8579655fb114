/** download hands a file to whoever looks at the page. */
export function download(of: Blob, name: string): void {
  const address = URL.createObjectURL(of)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
