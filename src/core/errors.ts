/**
 * Every way Holdfast can fail, by code.
 *
 * A code is a promise: it never changes meaning and is never used again for another. `docs/errors.md`
 * has a heading for each, and a test compares the two.
 */
export const FAULTS = {
  'usage/bad-argument': { retry: 'after-fix', exit: 2 },
  'policy/invalid': { retry: 'after-fix', exit: 3 },
  'policy/missing': { retry: 'after-fix', exit: 3 },
  'plan/cycle': { retry: 'never', exit: 20 },
  'plan/dangling-reference': { retry: 'after-fix', exit: 20 },
  'plan/conflict': { retry: 'after-fix', exit: 20 },
  'plan/unknown-kind': { retry: 'after-fix', exit: 20 },
  'plan/quarantined': { retry: 'after-fix', exit: 20 },
  'observe/incomplete': { retry: 'later', exit: 21 },
  'observe/not-json': { retry: 'after-fix', exit: 21 },
  'sync/brake': { retry: 'after-fix', exit: 22 },
  'sync/conflict': { retry: 'after-fix', exit: 24 },
  'sync/loss': { retry: 'after-fix', exit: 23 },
  'sync/drift': { retry: 'after-fix', exit: 25 },
  'azure/denied': { retry: 'after-fix', exit: 30 },
  'azure/signin': { retry: 'later', exit: 30 },
  'azure/refused': { retry: 'after-fix', exit: 32 },
  'azure/throttled': { retry: 'later', exit: 31 },
  'azure/unreachable': { retry: 'later', exit: 31 },
  'azure/changed': { retry: 'later', exit: 31 },
  'azure/not-emulator': { retry: 'never', exit: 33 },
  'blob/changed': { retry: 'later', exit: 34 },
  'blob/damaged': { retry: 'later', exit: 34 },
  'run/fenced': { retry: 'never', exit: 40 },
  'run/defect': { retry: 'never', exit: 43 },
  'run/interrupted': { retry: 'later', exit: 130 },
  'run/held': { retry: 'later', exit: 41 },
  'store/damaged': { retry: 'never', exit: 42 },
  'store/full': { retry: 'after-fix', exit: 43 },
  'failover/refused': { retry: 'after-fix', exit: 50 },
  'local/not-running': { retry: 'after-fix', exit: 60 },
  'local/running': { retry: 'after-fix', exit: 60 },
} as const satisfies Record<string, { retry: Retry; exit: number }>

/** `later`: wait and ask again. `after-fix`: a person must change something. `never`: asking again cannot help. */
export type Retry = 'later' | 'after-fix' | 'never'

export type FaultCode = keyof typeof FAULTS

export type Facts = Readonly<Record<string, string | number | boolean>>

/**
 * The only error class that Holdfast throws.
 *
 * It crosses the journal as plain JSON and comes back as another object, so it is matched by
 * {@link Fault.code} and never with `instanceof`.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly facts: Facts
  /** The one next act, as an order. */
  readonly hint: string | undefined

  constructor(code: FaultCode, message: string, more: { facts?: Facts; hint?: string; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.facts = more.facts ?? {}
    this.hint = more.hint
  }

  get retry(): Retry {
    return FAULTS[this.code].retry
  }
}

export function isFault(thrown: unknown, ...codes: readonly FaultCode[]): thrown is Fault {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  if (typeof code !== 'string' || !(code in FAULTS)) return false
  return codes.length === 0 || codes.includes(code as FaultCode)
}

/** What was thrown, as a fault: what is none is a defect of Holdfast, told with the place where it arose. */
export function faultOf(thrown: unknown): Fault {
  if (isFault(thrown)) return thrown
  if (!(thrown instanceof Error)) return new Fault('run/defect', String(thrown), { cause: thrown })
  const place = /\n\s+(at .+)/.exec(thrown.stack ?? '')?.[1]
  const message = place === undefined ? thrown.message : `${thrown.message} (${place})`
  return new Fault('run/defect', message, { hint: 'Report it with the record of the journal.', cause: thrown })
}
