import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The key by which the processes of one protection know each other: from `HOLDFAST_KEY`, or from the file
 * `key` in the protection's folder, which is made on first use and readable by its owner alone.
 */
export function sharedKey(dir: string): string {
  const given = process.env['HOLDFAST_KEY']
  if (given !== undefined && given !== '') return given
  const path = join(dir, 'key')
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true })
    try {
      writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
    } catch (thrown) {
      // Another process of the protection made it in the same moment.
      if ((thrown as { code?: string }).code !== 'EEXIST') throw thrown
    }
  }
  return readFileSync(path, 'utf8').trim()
}
