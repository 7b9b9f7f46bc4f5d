import { objectOr } from '../fields.ts'

/** What a trial has reported of the primary metric, in the order of its reports. */
export interface Reports {
  readonly trial: string
  readonly values: readonly number[]
  /** False where the trial has ended. */
  readonly open: boolean
}

export interface Judgement {
  /** `earlyTermination` of the sweep. */
  readonly policy: unknown
  readonly maximize: boolean
}

/**
 * The open trials that a policy ends now.
 *
 * An interval is one report of the primary metric. A trial is looked at when it has made a number of
 * reports that the policy evaluates (https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters).
 */
export function hopeless(all: readonly Reports[], { policy, maximize }: Judgement): string[] {
  const fields = objectOr(policy)
  const type = String(fields['policyType'] ?? '').toLowerCase()
  const every = Math.max(1, Number(fields['evaluationInterval'] ?? 1))
  const delay = Number(fields['delayEvaluation'] ?? 0)
  const sign = maximize ? 1 : -1
  const signed = all.map((one) => ({ ...one, values: one.values.map((value) => sign * value) }))
  return signed
    .filter(({ open, values }) => open && values.length > 0 && values.length >= delay && values.length % every === 0)
    .filter((one) => {
      const others = signed.filter(({ values }) => values.length > 0)
      switch (type) {
        case 'bandit':
          return slack(one, others, {
            factor: Number(fields['slackFactor'] ?? 0),
            amount: Number(fields['slackAmount'] ?? 0),
          })
        case 'medianstopping':
          return best(one.values) < median(others.map(({ values }) => mean(values.slice(0, one.values.length))))
        case 'truncationselection':
          return truncated(one, others, Number(fields['truncationPercentage'] ?? 0))
        default:
          return false
      }
    })
    .map(({ trial }) => trial)
}

/** Worse than the best by more than the slack. Values are signed so that more is better. */
function slack(one: Reports, all: readonly Reports[], { factor, amount }: { factor: number; amount: number }): boolean {
  const top = Math.max(...all.map(({ values }) => best(values)))
  const allowed = factor > 0 ? (top >= 0 ? top / (1 + factor) : top * (1 + factor)) : top - amount
  return best(one.values) < allowed
}

/** Among the worst of those that have come as far. */
function truncated(one: Reports, all: readonly Reports[], percentage: number): boolean {
  const far = all.filter(({ values }) => values.length >= one.values.length)
  const at = (reports: Reports) => best(reports.values.slice(0, one.values.length))
  const ordered = far.toSorted((a, b) => at(a) - at(b))
  const count = Math.floor((far.length * percentage) / 100)
  return ordered.slice(0, count).some(({ trial }) => trial === one.trial)
}

function best(values: readonly number[]): number {
  return Math.max(...values)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b)
  const middle = Math.floor(ordered.length / 2)
  const [low, high] = [ordered[middle - 1] ?? 0, ordered[middle] ?? 0]
  return ordered.length % 2 === 0 ? (low + high) / 2 : high
}
