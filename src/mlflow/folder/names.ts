import { createHash } from 'node:crypto'

/** File systems take 255 bytes a name; what is added for a file that is being written comes on top. */
const LONGEST = 160
const SCHEME = 'holdfast-folder:'

/**
 * The name under which a thing stands on the disk: its own as far as that is harmless. No name, however hostile,
 * leaves its folder, hides, or is that of a file of ours: those begin with `~`, which is escaped.
 */
export function fileName(name: string): string {
  const escaped = encodeURIComponent(name.toWellFormed())
    .replaceAll('~', '%7E')
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
  if (escaped === '') return '~empty'
  if (escaped.length <= LONGEST) return escaped
  // A cut never leaves half an escape, so that what is left can be read.
  return `${escaped.slice(0, LONGEST - 34).replace(/%[0-9A-F]?$/, '')}~${digestOf(name).slice(0, 32)}`
}

/** The place of files of a thing in the folder, as runs and models name it: the same wherever the folder is. */
export function rootOf(...segments: readonly string[]): string {
  return `${SCHEME}/${segments.join('/')}`
}

/** The path below the folder that such a place means, or `undefined` for any other text. */
export function pathOfRoot(root: string): string | undefined {
  if (!root.startsWith(`${SCHEME}/`)) return undefined
  const path = root.slice(SCHEME.length + 1)
  return path.split('/').every((segment) => segment !== '' && !segment.startsWith('.')) ? path : undefined
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
