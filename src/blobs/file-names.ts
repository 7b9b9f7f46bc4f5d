/** A name's path ends in this; no encoded segment does. */
export const ENTRY = '#'

/** File systems take 255 bytes a name; temporary names add to it. */
const LONGEST = 180
/** Ends a piece that goes on in the next segment. `encodeURIComponent` never gives a `%` at the end. */
const GOES_ON = '%'

/**
 * Where a blob's entry lies below the folder: its name as data, so that no name, however hostile, leaves the
 * folder, meets another's or is a folder where another is a file.
 */
export function pathOfName(name: string): string {
  return `${name.split('/').flatMap(piecesOf).join('/')}${ENTRY}`
}

/** The inverse of {@link pathOfName}. */
export function nameOfPath(path: string): string {
  const segments: string[] = []
  let held = ''
  for (const piece of path.slice(0, -ENTRY.length).split('/')) {
    if (piece !== GOES_ON && piece.endsWith(GOES_ON)) held += piece.slice(0, -1)
    else {
      segments.push(piece === GOES_ON ? held : decodeURIComponent(held + piece))
      held = ''
    }
  }
  return segments.join('/')
}

/** The folder that holds every name with this prefix, as narrow as it can be told. */
export function folderOfPrefix(prefix: string): string {
  return prefix
    .slice(0, prefix.lastIndexOf('/') + 1)
    .split('/')
    .slice(0, -1)
    .flatMap(piecesOf)
    .join('/')
}

function piecesOf(segment: string): string[] {
  if (segment === '') return [GOES_ON]
  const encoded = encodeURIComponent(segment.toWellFormed()).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'))
  const pieces: string[] = []
  for (let at = 0; at < encoded.length; at += LONGEST) {
    const isLast = at + LONGEST >= encoded.length
    pieces.push(encoded.slice(at, at + LONGEST) + (isLast ? '' : GOES_ON))
  }
  return pieces
}
