/** The URL without the signature that opens it. */
export function publicUrl(url: string): string {
  const mark = url.indexOf('?')
  if (mark < 0) return url
  const query = new URLSearchParams(url.slice(mark))
  query.delete('sig')
  return `${url.slice(0, mark)}${query.size === 0 ? '' : `?${query}`}`
}
