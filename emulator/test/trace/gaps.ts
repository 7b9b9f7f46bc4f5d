import { dirname } from 'node:path'
import type { Call } from './strace.ts'

const WRITES = /^(?:write|writev|pwrite64|pwritev|pwritev2)$/
const SYNCS = /^(?:fsync|fdatasync)$/
/** Files that carry nothing that was acknowledged: SQLite rebuilds its index of the log, and locks are of the living. */
const OF_NO_ACCOUNT = /(?:-shm|lock\.db(?:-journal)?|\.trace|emulator\.json(?:\.new)?|code-cache.*)$/

export interface Looked {
  /** Folder of the emulator. */
  readonly dir: string
  /** True where the bytes of the write must be in a file of their own. */
  readonly ownFile: boolean
  /** Tells the call that gives the answer to the socket. */
  readonly answer: (call: Call) => boolean
}

/**
 * What was not yet on disk when the answer to a write was sent, by the system calls of the process that answered.
 *
 * A file that was written must be synced by a call that began after the last write to it had ended, and that had ended before the
 * answer was given to the socket. A name that was made must be synced in its folder in the same way.
 */
export function gapsIn(calls: readonly Call[], { dir, ownFile, answer: isAnswer }: Looked): readonly string[] {
  const answer = calls.find(isAnswer)
  if (answer === undefined) return ['there is no answer in the trace']
  const before = calls.filter((call) => call.began < answer.began)
  const writes = before.filter((call) => WRITES.test(call.name) && isOurs(call.on, dir))
  const files = [...new Set(writes.map(({ on }) => on))]
  const made = before.filter(
    ({ name, args, on }) => name === 'openat' && args.includes('O_CREAT') && args.includes('O_EXCL') && isOurs(on, dir),
  )
  const synced = (path: string, after: number): boolean =>
    before.some(
      ({ name, on, began, ended, result }) =>
        SYNCS.test(name) && on === path && result === 0 && began > after && ended < answer.began,
    )
  return [
    ...(files.some((file) => file.endsWith('.db-wal')) ? [] : ['nothing was written to the log of the database']),
    ...(ownFile && made.length === 0 ? ['no file was made for the bytes'] : []),
    ...files
      .filter((file) => !synced(file, Math.max(...writes.filter(({ on }) => on === file).map(({ ended }) => ended))))
      .map((file) => `${file} was written and not synced before the answer`),
    ...made
      .filter(({ on, ended }) => !synced(dirname(on), ended))
      .map(({ on }) => `the folder of ${on} was not synced before the answer`),
  ]
}

function isOurs(path: string, dir: string): boolean {
  return path.startsWith(`${dir}/`) && !OF_NO_ACCOUNT.test(path)
}
