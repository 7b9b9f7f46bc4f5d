import type { Fault } from '../../faults.ts'
import type { LinkFault } from '../links.ts'
import { Misuse } from './control-call.ts'

/**
 * A fault as the control API takes it.
 *
 * `at` is a region, `signin` or `arm`. `plane` narrows a fault of a region to `arm`, `history`, `mlflow`
 * or `blob`. A `cut` stands between two names of regions or clients; `*` is everybody else.
 */
export type OrderedFault =
  | { readonly is: 'down' | 'hang'; readonly at: string; readonly plane?: string }
  | { readonly is: 'slow'; readonly at: string; readonly plane?: string; readonly milliseconds: number }
  | { readonly is: 'throttle'; readonly at: string; readonly plane?: string; readonly retryAfterSeconds: number }
  | { readonly is: 'cut'; readonly between: readonly [string, string] }

/** Services of the front that faults can name beside the regions. */
export const GLOBAL_PLACES = ['signin', 'arm'] as const

/** Reads a list of faults, or says which one is wrong and why. */
export function readFaults(body: unknown, regions: readonly string[]): readonly OrderedFault[] {
  const list = Array.isArray(body) ? body : (body as { faults?: unknown } | undefined)?.faults
  if (!Array.isArray(list)) throw new Misuse(400, 'The body must be a list of faults, or an object with `faults`.')
  return list.map((one: unknown, index) => readFault(one, regions, `Fault ${index}`))
}

function readFault(value: unknown, regions: readonly string[], subject: string): OrderedFault {
  if (typeof value !== 'object' || value === null) throw new Misuse(400, `${subject} is not an object.`)
  const fault = value as Record<string, unknown>
  const is = fault['is']
  if (is === 'cut') return { is, between: pair(fault['between'], subject) }
  const at = fault['at']
  if (typeof at !== 'string' || !(regions.includes(at) || GLOBAL_PLACES.some((place) => place === at))) {
    const known = [...regions, ...GLOBAL_PLACES].join(', ')
    throw new Misuse(400, `${subject}: \`at\` is ${JSON.stringify(at)} and must be one of ${known}.`)
  }
  const plane = fault['plane']
  if (plane !== undefined && typeof plane !== 'string') throw new Misuse(400, `${subject}: \`plane\` is not a text.`)
  const where = { at, ...(plane === undefined || plane === 'all' ? {} : { plane }) }
  if (is === 'down' || is === 'hang') return { is, ...where }
  if (is === 'slow') return { is, ...where, milliseconds: amount(fault, 'milliseconds', subject) }
  if (is === 'throttle') return { is, ...where, retryAfterSeconds: amount(fault, 'retryAfterSeconds', subject) }
  throw new Misuse(
    400,
    `${subject}: \`is\` is ${JSON.stringify(is)} and must be one of down, hang, slow, throttle, cut.`,
  )
}

function pair(value: unknown, subject: string): readonly [string, string] {
  const [one, other] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
  if (typeof one === 'string' && typeof other === 'string') return [one, other]
  throw new Misuse(400, `${subject}: \`between\` must be a list of two names.`)
}

function amount(fault: Readonly<Record<string, unknown>>, field: string, subject: string): number {
  const value = fault[field]
  if (typeof value === 'number' && value >= 0 && value <= 3_600_000) return value
  throw new Misuse(400, `${subject}: \`${field}\` is ${JSON.stringify(value)} and must be a number from 0 to 3600000.`)
}

/** What the network must do about the faults. */
export function linkFaults(faults: readonly OrderedFault[]): readonly LinkFault[] {
  return faults.flatMap((fault): LinkFault[] => {
    if (fault.is === 'cut') return [fault]
    const ofConnections = (fault.is === 'down' || fault.is === 'hang') && !narrowed(fault)
    return ofConnections ? [{ is: fault.is, at: fault.at }] : []
  })
}

/** What the process at a place must do about the faults. */
export function requestFaults(faults: readonly OrderedFault[], at: string): readonly Fault[] {
  return faults.flatMap((fault): Fault[] => {
    if (fault.is === 'cut' || fault.at !== at) return []
    // The front has one list for its own planes, and each of them is a place.
    const plane = GLOBAL_PLACES.find((place) => place === at) ?? fault.plane
    const where = plane === undefined ? {} : { plane }
    if (fault.is === 'slow') return [{ is: 'slow', ...where, milliseconds: fault.milliseconds }]
    if (fault.is === 'throttle') return [{ is: 'throttle', ...where, retryAfterSeconds: fault.retryAfterSeconds }]
    return plane !== undefined && narrowed(fault) ? [{ is: fault.is, plane }] : []
  })
}

/** Sign-in and ARM are one plane each, so naming it narrows nothing. */
function narrowed(fault: { readonly at: string; readonly plane?: string }): boolean {
  return fault.plane !== undefined && fault.plane !== fault.at
}
