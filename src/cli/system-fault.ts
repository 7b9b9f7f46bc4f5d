import { Fault } from '../core/errors.ts'

/** What the operating system refused, in words. */
const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'may not be used: permission denied',
  EPERM: 'may not be used: not permitted',
  EROFS: 'cannot be written: the file system is read-only',
  ENOENT: 'is not there',
  ENOTDIR: 'is not there: a part of the path is a file',
  EISDIR: 'is a folder',
  EEXIST: 'is there already',
}

/**
 * The fault for what the operating system refused where a person chose the path or the port; `undefined` for
 * anything else, which is a defect.
 */
export function systemFault(thrown: unknown): Fault | undefined {
  const { code, path, port, address } = (thrown ?? {}) as Readonly<Record<string, unknown>>
  if (typeof code !== 'string') return undefined
  if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL') {
    const why = code === 'EADDRINUSE' ? 'is taken by another process' : 'is no address of this machine'
    const hint = 'Give another --listen, or end what listens there.'
    return new Fault('usage/bad-argument', `${String(address)}:${String(port)} ${why}`, { hint, cause: thrown })
  }
  if (code === 'ENOSPC') {
    return new Fault('store/full', `There is no space left for ${String(path ?? 'what is to be written')}`, {
      hint: 'Make room and run it again: it goes on where it was.',
      cause: thrown,
    })
  }
  const refusal = REFUSALS[code]
  if (refusal === undefined) return undefined
  const hint = 'Name another path, or correct this one.'
  return new Fault('usage/bad-argument', `${typeof path === 'string' ? path : 'What was named'} ${refusal}`, {
    hint,
    cause: thrown,
  })
}
