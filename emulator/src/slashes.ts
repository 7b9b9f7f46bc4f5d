/** The text without the slashes at its end. Reads each letter once, where `/\/+$/` may read them once for each slash. */
export function withoutLastSlashes(text: string): string {
  let end = text.length
  while (text[end - 1] === '/') end--
  return text.slice(0, end)
}

/** The text without the slashes at its start and its end. */
export function withoutOuterSlashes(text: string): string {
  return withoutLastSlashes(text.replace(/^\/+/, ''))
}
