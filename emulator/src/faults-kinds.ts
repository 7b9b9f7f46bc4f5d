/** A field of a fault: what it may hold, what it is where it is left out, what it is for. */
export type Field =
  | {
      readonly is: 'number'
      readonly least: number
      readonly most: number
      readonly whole?: boolean
      readonly otherwise?: number
      readonly means: string
    }
  | { readonly is: 'text'; readonly otherwise?: string; readonly means: string }
  | { readonly is: 'choice'; readonly of: readonly string[]; readonly otherwise?: string; readonly means: string }

interface Kind {
  /** What a client sees. */
  readonly sees: string
  /** Fields of this kind alone. One without `otherwise` must be given, unless it is `optional`. */
  readonly fields: Readonly<Record<string, Field & { readonly optional?: true }>>
  /** False for what is a state of the place and not of single requests. */
  readonly narrows?: false
}

const HOUR_MILLISECONDS = 3_600_000
const YEARS_SECONDS = 4_000_000_000
/** Farther from now than this no date has four digits of a year. */
const FAR_SECONDS = 50_000_000_000

/** Every kind of fault, with its fields: what is refused, what is applied and what is documented come from here. */
export const FAULT_KINDS = {
  down: { sees: 'connections are reset, open ones end; through ARM 503. The process lives', fields: {} },
  hang: { sees: 'connections are taken and nothing is answered; when healed they go on', fields: {} },
  slow: {
    sees: 'a request waits before it is looked at',
    fields: {
      milliseconds: { is: 'number', least: 0, most: HOUR_MILLISECONDS, means: 'how long it waits' },
    },
  },
  throttle: {
    sees: '429, from blobs 503 `ServerBusy`, and nothing is done',
    fields: {
      retryAfterSeconds: {
        is: 'number',
        least: 0,
        most: YEARS_SECONDS,
        otherwise: 5,
        means: 'what Retry-After says, however absurd',
      },
      retryAfterAs: {
        is: 'choice',
        of: ['seconds', 'date', 'absent'],
        otherwise: 'seconds',
        means: 'how it says so: a number, an HTTP date, not at all',
      },
      retryAfterText: { is: 'text', optional: true, means: 'what Retry-After says instead, to the letter' },
    },
  },
  reset: {
    sees: 'the head of the answer, a part of its body, then the connection is reset. What was asked for is done',
    fields: {
      afterBytes: {
        is: 'number',
        least: 0,
        most: 1_000_000_000,
        whole: true,
        otherwise: 64,
        means: 'bytes of the body that are sent; a shorter body is sent without its last byte',
      },
    },
  },
  'lost-answer': {
    sees: 'a write is done and durable, and its answer is lost. Only writes that succeeded are met',
    fields: {
      answer: {
        is: 'choice',
        of: ['504', 'closed'],
        otherwise: '504',
        means: 'what comes instead: a gateway’s 504, or a reset; ARM makes 503 of a reset',
      },
    },
  },
  'held-answer': {
    sees: 'a write is done and durable, and its answer is sent when the fault is healed. Only writes that succeeded are met',
    fields: {},
  },
  'stale-list': {
    sees: 'lists as they were a while ago; single things are read as they are',
    fields: {
      seconds: {
        is: 'number',
        least: 0,
        most: YEARS_SECONDS,
        otherwise: 3600,
        means: 'the view is of the moment the fault came, and is taken anew when it is older than this',
      },
    },
  },
  'duplicate-page': {
    sees: 'instead of the next page of a list, the page before once more, with its link',
    fields: {},
  },
  'lost-page-token': { sees: 'the link or token to the next page of a list is refused with 400', fields: {} },
  'wrong-etag': { sees: '412, although the ETag in `If-Match` is right, and nothing is done', fields: {} },
  'expired-token': {
    sees: '401 that calls the bearer token expired. Requests signed with a key or a SAS are not met',
    fields: {},
  },
  quota: {
    sees: 'no cores of a family: new computes and deployments of it are refused with `ClusterCoreQuotaReached`, quotas and usages say 0',
    fields: {
      family: { is: 'text', means: 'a family of machines as sizes and quotas name it, `*` for all' },
    },
    narrows: false,
  },
  clock: {
    sees: 'another time: in the Date header, in all timestamps, and in checks of tokens, SAS and signed dates',
    fields: {
      aheadSeconds: {
        is: 'number',
        least: -1_500_000_000,
        most: FAR_SECONDS,
        means: 'how far the clock of the place is ahead; behind, where it is negative',
      },
    },
    narrows: false,
  },
  'disk-full': {
    sees: 'writes are refused and nothing is done or acknowledged; reads go on',
    fields: {
      status: {
        is: 'choice',
        of: ['507', '500'],
        otherwise: '507',
        means: '507 `InsufficientStorage`, or an unexplained 500',
      },
    },
  },
} as const satisfies Readonly<Record<string, Kind>>

/** What narrows a fault to some requests of its place. All that are given must hold. */
export const NARROWINGS = {
  plane: {
    is: 'choice',
    of: ['arm', 'history', 'mlflow', 'blob', 'vault', 'discovery', 'scoring', 'signin'],
    means: 'one face of a region',
  },
  route: {
    is: 'text',
    means:
      'the operation’s name in the vendor’s spec, or method and path: `PUT **/models/*/versions/*`. `*` is any part of a name or segment, `**` any segments',
  },
  client: { is: 'text', means: 'the client of this name, as its proxy URL gives it' },
  times: { is: 'number', least: 1, most: 1_000_000, whole: true, means: 'so many requests are met, then none' },
  chance: { is: 'number', least: 0, most: 1, means: 'the share of requests that is met, drawn from `seed`' },
  seed: {
    is: 'number',
    least: 0,
    most: 4_294_967_295,
    whole: true,
    means: 'the same seed draws the same; 1 if left out',
  },
} as const satisfies Readonly<Record<string, Field>>

type Kinds = typeof FAULT_KINDS
export type FaultKind = keyof Kinds
type Value<F> = F extends { readonly is: 'number' }
  ? number
  : F extends { readonly of: readonly (infer V)[] }
    ? V
    : string
type Values<Fields> = {
  readonly [N in keyof Fields as Fields[N] extends { readonly optional: true } ? never : N]: Value<Fields[N]>
} & { readonly [N in keyof Fields as Fields[N] extends { readonly optional: true } ? N : never]?: Value<Fields[N]> }

/** Which requests of a place a fault meets. */
export interface Narrowing {
  readonly plane?: string
  readonly route?: string
  readonly client?: string
  readonly times?: number
  readonly chance?: number
  readonly seed?: number
  /** Tells a fault that is counted from an equal one that was ordered later. */
  readonly id?: string
}

/** A fault that a process applies to requests it has received: its kind, the kind's fields, and what narrows it. */
export type Fault = {
  readonly [K in FaultKind]: { readonly is: K } & Values<Kinds[K]['fields']> & Narrowing
}[FaultKind]

/** Fault of one kind. */
export type FaultOf<K extends FaultKind> = Extract<Fault, { readonly is: K }>
