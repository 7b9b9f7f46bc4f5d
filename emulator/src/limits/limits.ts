import { Refusal } from '../refusal.ts'
import { Bucket } from './bucket.ts'
import { AZURE_LIMITS, type Limit, type LimitName, type LimitSettings, WHOLE_SUBSCRIPTION } from './table.ts'

/** What tells which bucket a request draws from. */
export interface Limited {
  readonly method: string
  readonly path: string
  readonly caller: { readonly id: string }
  readonly operation: string
}

type Headers = Readonly<Record<string, string>>
type Kind = 'reads' | 'writes' | 'deletes'

const TRACKING: Readonly<Record<string, LimitName>> = {
  logBatch: 'logBatch',
  logBatchAsync: 'logBatch',
  searchRuns: 'searchRuns',
}

/** The limits in force in one process. Replaced as a whole by the control API. */
export class Limits {
  readonly #now: () => number
  #settings: LimitSettings = {}
  #buckets = new Map<string, Bucket>()

  /** @param now a clock that is never set, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Puts limits in force. Buckets start full. */
  set(settings: LimitSettings): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return
    this.#settings = settings
    this.#buckets = new Map()
  }

  /**
   * Lets a request into ARM and gives the headers that say what remains; 429 where a bucket is empty.
   *
   * Without limits the headers say what a full bucket of Azure's would.
   */
  arm({ method, path, caller }: Limited): Headers {
    const kind = kindOf(method)
    const subscription = /^\/+subscriptions\/+([^/?]+)/i.exec(path)?.[1]?.toLowerCase()
    const limit = this.#settings[kind]
    const scope = subscription === undefined ? 'tenant' : 'subscription'
    const header = (whole: string) => `x-ms-ratelimit-remaining-${scope}${whole}-${kind}`
    const all = times(limit ?? AZURE_LIMITS[kind], WHOLE_SUBSCRIPTION)
    if (limit === undefined) {
      return { [header('')]: String(AZURE_LIMITS[kind].burst - 1), [header('-global')]: String(all.burst - 1) }
    }
    const buckets = [
      this.#bucket(`${kind} ${subscription} ${caller.id}`, limit),
      this.#bucket(`${kind} ${subscription}`, all),
    ] as const
    const wait = Math.max(...buckets.map((bucket) => bucket.wait()))
    if (wait > 0) throw tooMany({ kind, subscription, caller, wait }, { [header('')]: '0' })
    const [own, whole] = buckets.map((bucket) => String(bucket.take()))
    return { [header('')]: own ?? '', [header('-global')]: whole ?? '' }
  }

  /** Lets a call of MLflow into its workspace, or says 429. */
  tracking({ path, operation }: Limited): void {
    const name = TRACKING[operation] ?? 'tracking'
    const limit = this.#settings[name]
    if (limit === undefined) return
    const workspace = /\/workspaces\/([^/]+)/i.exec(path)?.[1]?.toLowerCase() ?? ''
    const bucket = this.#bucket(`${name} ${workspace}`, limit)
    const wait = bucket.wait()
    if (wait === 0) {
      bucket.take()
      return
    }
    const message = `Too many calls of ${operation} for this workspace: try again later.`
    throw new Refusal(429, 'TooManyRequests', message, retryAfter(wait))
  }

  #bucket(key: string, limit: Limit): Bucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new Bucket(limit, this.#now)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }
}

function kindOf(method: string): Kind {
  if (method === 'GET' || method === 'HEAD') return 'reads'
  return method === 'DELETE' ? 'deletes' : 'writes'
}

function times({ burst, perSecond }: Limit, factor: number): Limit {
  return { burst: burst * factor, perSecond: perSecond * factor }
}

function retryAfter(wait: number): Headers {
  return { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) }
}

/** ARM's answer, in the words that its clients report of it. */
function tooMany(
  of: { kind: Kind; subscription: string | undefined; caller: { readonly id: string }; wait: number },
  headers: Headers,
): Refusal {
  const { kind, subscription, caller, wait } = of
  const after = retryAfter(wait)
  const scope = subscription === undefined ? 'tenant' : `subscription '${subscription}'`
  const message = `Number of '${kind.slice(0, -1)}' requests for ${scope} actor '${caller.id}' exceeded. Please try again after '${after['retry-after']}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.`
  const code = subscription === undefined ? 'TenantRequestsThrottled' : 'SubscriptionRequestsThrottled'
  return new Refusal(429, code, message, { ...after, ...headers })
}
