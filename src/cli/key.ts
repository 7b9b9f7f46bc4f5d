import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../core/errors.ts'

/**
 * The key by which the processes of one protection know each other: from `HOLDFAST_KEY`, or from the file
 * `key` in the protection's folder, which is made on first use and readable by its owner alone.
 *
 * @throws Fault `usage/bad-argument` where the variable or the file is there and empty, as after a command that printed nothing
 */
export function sharedKey(dir: string): string {
  const given = process.env['HOLDFAST_KEY']
  if (given?.trim() === '') throw emptyKey()
  if (given !== undefined) return given.trim()
  const path = keyFile(dir)
  if (!existsSync(path)) makeKey(path)
  const key = readFileSync(path, 'utf8').trim()
  // Whoever signs with nothing would be believed.
  if (key === '') throw emptyFile(path)
  return key
}

/** Makes the file whole, or not at all. */
function makeKey(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const fresh = `${path}.${process.pid}`
  try {
    writeFileSync(fresh, randomBytes(32).toString('base64url'), { mode: 0o600 })
    linkSync(fresh, path)
  } catch (thrown) {
    // Another process of the protection made it in the same moment.
    if ((thrown as { code?: string }).code !== 'EEXIST') throw thrown
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Whether {@link sharedKey} would make a key, which no other process has then. */
export function lacksKey(dir: string): boolean {
  return process.env['HOLDFAST_KEY'] === undefined && !existsSync(keyFile(dir))
}

export function keyFile(dir: string): string {
  return join(dir, 'key')
}

function emptyFile(path: string): Fault {
  return new Fault('usage/bad-argument', `${path} is empty`, {
    hint: 'Put the key there that the other processes of the protection have, or remove the file, so that one is made.',
  })
}

function emptyKey(): Fault {
  return new Fault('usage/bad-argument', 'HOLDFAST_KEY is empty', {
    hint: 'Give it what stands in `.holdfast/{protection}/key` where the controller runs, or unset it to use the file beside this policy.',
  })
}
