/** A token bucket: so many requests at once, and so many a second from then on. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

interface Row {
  /** What is limited, and for whom. */
  readonly means: string
  /** What the vendor documents; absent where it documents nothing. */
  readonly azure?: Limit
}

/**
 * Every limit that can be set.
 *
 * Those of Resource Manager are the vendor's (Azure Resource Manager, request limits and throttling); it
 * documents none for a workspace's tracking.
 */
export const LIMITS = {
  reads: {
    means: 'GET and HEAD through ARM, for one principal in one subscription, or in the tenant',
    azure: { burst: 250, perSecond: 25 },
  },
  writes: {
    means: 'PUT, POST and PATCH through ARM, for one principal in one subscription, or in the tenant',
    azure: { burst: 200, perSecond: 10 },
  },
  deletes: {
    means: 'DELETE through ARM, for one principal in one subscription, or in the tenant',
    azure: { burst: 200, perSecond: 10 },
  },
  logBatch: { means: '`log-batch` of MLflow, for one workspace' },
  searchRuns: { means: '`runs/search` of MLflow, for one workspace' },
  tracking: { means: 'every other call of MLflow, for one workspace' },
} as const satisfies Readonly<Record<string, Row>>

export type LimitName = keyof typeof LIMITS
export type LimitSettings = Readonly<Partial<Record<LimitName, Limit>>>

/** How many principals' worth a whole subscription may use, as the vendor documents. */
export const WHOLE_SUBSCRIPTION = 15

export const AZURE_LIMITS = {
  reads: LIMITS.reads.azure,
  writes: LIMITS.writes.azure,
  deletes: LIMITS.deletes.azure,
} as const satisfies LimitSettings

const MOST = 1_000_000

/**
 * Reads limits: `azure`, `none`, or an object of limits by name, where what is left out is not limited.
 *
 * @throws Error with the sentence that says what is wrong
 */
export function readLimits(given: unknown): LimitSettings {
  if (given === 'none') return {}
  if (given === 'azure') return AZURE_LIMITS
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new Error('Limits are `azure`, `none`, or an object of limits by name.')
  }
  return Object.fromEntries(Object.entries(given).map(([name, limit]) => [nameOf(name), limitOf(name, limit)]))
}

function nameOf(name: string): LimitName {
  if (Object.hasOwn(LIMITS, name)) return name as LimitName
  throw new Error(`\`${name}\` is no limit; there are ${Object.keys(LIMITS).join(', ')}.`)
}

function limitOf(name: string, given: unknown): Limit {
  const { burst, perSecond } = (typeof given === 'object' && given !== null ? given : {}) as Partial<Limit>
  if (isAmount(burst) && burst >= 1 && isAmount(perSecond)) return { burst, perSecond }
  throw new Error(`\`${name}\` needs \`burst\`, at least 1, and \`perSecond\`, more than 0 and at most ${MOST}.`)
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MOST
}
