import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder, and all above it that are not there, so that a power cut cannot take them away again.
 *
 * The name of a file or folder is data of the folder that holds it: fsync of a file does not keep its name.
 */
export function makeDurableFolder(dir: string): void {
  const first = mkdirSync(dir, { recursive: true })
  if (first === undefined) return
  for (let made = dir; made.length >= first.length; made = dirname(made)) syncFolder(dirname(made))
}

function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
